"""From the lock file to the installed packages of another Python: which wheels, checked by hash, laid out as a venv."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from target import Target

LEFT_OUT = frozenset({"setuptools"})
"""Pinned for building only."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A package of the lock file with the hashes of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def line(self) -> str:
        """As pip reads it."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{digest}" for digest in self.hashes)])


def pins(lock: str, target: Target) -> list[Pin]:
    """The packages of a lock file that a target needs. The markers are read for the target, not for this Python."""
    there = {
        **default_environment(),
        "python_version": target.python,
        "python_full_version": f"{target.python}.0",
        "platform_machine": target.machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return sorted(_pins(lock, there), key=lambda pin: pin.name)


def _pins(lock: str, there: Mapping[str, str]) -> Iterator[Pin]:
    for block in re.split(r"\n(?=[A-Za-z])", lock):
        text = block.replace("\\\n", " ")
        first = next((row.strip() for row in text.splitlines() if row.strip() and not row.startswith("#")), None)
        if first is None:
            continue
        requirement = Requirement(first.split(" --hash")[0].strip())
        if requirement.name in LEFT_OUT or (requirement.marker and not requirement.marker.evaluate(dict(there))):
            continue
        (exact,) = requirement.specifier
        yield Pin(requirement.name, exact.version, tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", text)))


def fetch(pinned: list[Pin], target: Target, folder: Path) -> None:
    """Have the wheels in a folder: what lies there with the right hash is not fetched again."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "lock.txt"
    lock.write_text("".join(f"{pin.line}\n" for pin in pinned))
    done = subprocess.run([*_pip("download", target), "--no-index", "--find-links", folder, "-d", folder, "-r", lock],
                          capture_output=True, check=False)  # fmt: skip
    if done.returncode:
        subprocess.run([*_pip("download", target), "-d", folder, "-r", lock], check=True)


def install(pinned: list[Pin], own: Path, target: Target, wheels: Path, site_packages: Path) -> None:
    """Unpack the wheels and drukte's own into a `site-packages`; no program of theirs is installed or run."""
    lock = wheels / "lock.txt"
    lock.write_text("".join(f"{pin.line}\n" for pin in pinned))
    flags = ["--no-index", "--find-links", wheels, "--target", site_packages, "--no-compile"]
    subprocess.run([*_pip("install", target), *flags, "-r", lock], check=True)
    bare = [flag for flag in _pip("install", target) if flag != "--require-hashes"]
    subprocess.run([*bare, *flags, "--upgrade", own], check=True)
    shutil.rmtree(site_packages / "bin", ignore_errors=True)
    for record in site_packages.glob("*.dist-info/RECORD"):
        (record.parent / "direct_url.json").unlink(missing_ok=True)
        rows = [
            row for row in record.read_text().splitlines() if not re.match(r"(\.\./)*bin/|.*direct_url\.json,", row)
        ]
        record.write_text("".join(f"{row}\n" for row in sorted(rows)))
    for unused in ("numpy", "scipy", "onnx", "ml_dtypes"):  # their own tests: a tenth of the whole
        for folder in [*(site_packages / unused).rglob("tests"), *(site_packages / unused).glob("**/backend/test")]:
            shutil.rmtree(folder, ignore_errors=True)


def own_wheel(root: Path, work: Path) -> Path:
    """drukte itself as a wheel, made of the files that git knows, so that nothing else can slip in."""
    source = work / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "edge", "tools", "pyproject.toml", "README.md", "LICENSE"],
        cwd=root, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name in listed.decode().split("\0"):
        if name and (root / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "-w", work, source], check=True)
    (made,) = work.glob("drukte-*.whl")
    return made


def _pip(verb: str, target: Target) -> list[str | Path]:
    command: list[str | Path] = [sys.executable, "-m", "pip", verb, "-q", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--implementation=cp", f"--python-version={target.python}"]
    return [*command, *(f"--platform={tag}" for tag in target.platforms)]
