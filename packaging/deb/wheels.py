"""From the lock file to the installed packages of another Python: which wheels, checked by hash, laid out as a venv."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
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
    """Have the wheels in a folder; those that lie there with the right hash are not fetched again."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.whl")}
    missing = [pin for pin in pinned if not there & set(pin.hashes)]
    if missing:
        lock = folder / "lock.txt"
        lock.write_text("".join(f"{pin.line}\n" for pin in missing))
        subprocess.run([*_download(target), "-d", folder, "-r", lock], check=True)


def install(pinned: list[Pin], own: Path, wheels: Path, site_packages: Path) -> None:
    """Unpack the pinned wheels of a folder, each checked by hash, and drukte's own; none of their code is run.

    Raises SystemExit when a pinned wheel is missing or another.
    """
    by_hash = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(wheels.glob("*.whl"))}
    for pin in pinned:
        right = [by_hash[digest] for digest in pin.hashes if digest in by_hash]
        if len(right) != 1:
            raise SystemExit(f"{wheels}: {len(right)} wheels of {pin.name} {pin.version} with a pinned hash, not one")
        _unpack(right[0], site_packages)
    _unpack(own, site_packages)
    for unused in ("numpy", "scipy", "onnx", "ml_dtypes"):  # their own tests: a tenth of the whole
        for folder in [*(site_packages / unused).rglob("tests"), *(site_packages / unused).glob("backend/test")]:
            shutil.rmtree(folder, ignore_errors=True)


def _unpack(wheel: Path, site_packages: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site_packages)
    for data in site_packages.glob("*.data"):
        for kind in ("purelib", "platlib"):
            if (data / kind).is_dir():
                shutil.copytree(data / kind, site_packages, dirs_exist_ok=True)
        shutil.rmtree(data)  # programs and headers are left out


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


def _download(target: Target) -> list[str | Path]:
    command: list[str | Path] = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--implementation=cp", f"--python-version={target.python}"]
    return [*command, *(f"--platform={tag}" for tag in target.platforms)]
