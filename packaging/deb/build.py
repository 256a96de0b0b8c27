"""Make the Debian packages: `make deb`. The same tree and the same tag give the same bytes.

One package for each suite, since a virtual environment belongs to one Python: Debian 12 has 3.11, Debian 13 has 3.13.
Wheels are pinned and checked by hash; nothing is compiled here, so the packages for arm64 are made on any machine.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Final

import manuals
import sbom
import wheels
from target import MACHINES, PYTHONS, Target

from drukte import __version__
from drukte.models.manifest import known
from drukte.models.pull import pull

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
REVISION: Final = os.environ.get("DEB_REVISION", "1")
MAINTAINER: Final = os.environ.get("DEB_MAINTAINER", "The drukte project <packages@localhost>")
ABOUT: Final = """\
people counting that lets no picture out
Counts people in camera or radar frames on the device itself and publishes
nothing but protected numbers over MQTT. A sealed process sees frames and has
no network and no file to write; another publishes and never sees a frame."""
UNITS: Final = ROOT / "packaging" / "systemd"


def main() -> None:
    """Make the packages that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", action="append", choices=sorted(PYTHONS), help="default: all")
    parser.add_argument("--arch", action="append", choices=sorted(MACHINES), help="default: amd64")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "wheels", help="kept between runs")
    parser.add_argument("--level", default="6", help="of xz; 0 is quick")
    chosen = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct"))
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    os.umask(0o022)
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="drukte-deb-") as scratch:
        work = Path(scratch)
        own = wheels.own_wheel(ROOT, work)
        made = [_model_package(work / "model", chosen.out, epoch, chosen.level)]
        for suite in chosen.suite or sorted(PYTHONS):
            for arch in chosen.arch or ["amd64"]:
                target = Target(suite, arch)
                made.append(_package(target, own, work / str(target), chosen.wheels, chosen.out, epoch, chosen.level))
    for path in made:
        sys.stdout.write(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def _package(target: Target, own: Path, tree: Path, cache: Path, out: Path, epoch: int, level: str) -> Path:
    version = f"{__version__}-{REVISION}~{target.mark}"
    sys.stderr.write(f"== drukte {version} for {target.arch}\n")
    release = tree / "opt/drukte/releases" / version
    site_packages = release / f"lib/python{target.python}/site-packages"
    pinned = wheels.pins((ROOT / "requirements/device.txt").read_text(), target)
    wheels.fetch(pinned, target, cache / str(target))
    wheels.install(pinned, own, cache / str(target), site_packages)
    _environment(release, target)
    _system_files(tree, release, target, epoch)
    _documents(tree, site_packages, pinned, version, epoch)
    _sums(tree, release)
    control = f"""\
        Package: drukte
        Version: {version}
        Architecture: {target.arch}
        Maintainer: {MAINTAINER}
        Section: net
        Priority: optional
        Depends: python3 (>= {target.python}), python3 (<< {_next(target.python)}), libc6 (>= 2.34), libstdc++6, \
systemd (>= 252), ca-certificates
        Recommends: drukte-model
        Suggests: python3-picamera2, mosquitto, systemd-timesyncd | chrony
        """
    scripts = {name: (HERE / "scripts" / name).read_text().replace("@VERSION@", version)
               for name in ("preinst", "postinst", "prerm", "postrm")}  # fmt: skip
    triggers = "interest-noawait /usr/lib/python3/dist-packages/picamera2\n"
    return _pack(tree, "drukte", version, target.arch, control, out, epoch, level, {**scripts, "triggers": triggers})


def _model_package(tree: Path, out: Path, epoch: int, level: str) -> Path:
    """The person detector, in every size of the manifest, for machines that fetch nothing from elsewhere."""
    folder = tree / "usr/share/drukte/models"
    os.environ["DRUKTE_MODELS"] = str(folder)
    for name, entry in sorted(known().items()):
        for size in sorted(map(str, entry.sizes)):
            pull(name, size)
    _text(tree / "usr/share/doc/drukte-model/copyright", _model_copyright())
    shutil.copyfile(ROOT / "models/README.md", tree / "usr/share/doc/drukte-model/README.md")
    version = f"{__version__}-{REVISION}"
    control = f"""\
        Package: drukte-model
        Version: {version}
        Architecture: all
        Maintainer: {MAINTAINER}
        Section: net
        Priority: optional
        Enhances: drukte
        """
    about = "person detector for drukte\nThe YOLOX-Nano network, in the input sizes of drukte's manifest."
    return _pack(tree, "drukte-model", version, "all", control, out, epoch, level, {}, about)


def _model_copyright() -> str:
    rows = [f"{name}: {entry.attribution}\nOrigin: {entry.origin}\n" for name, entry in sorted(known().items())]
    return "\n".join([*rows, "On Debian systems the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.\n"])


def _environment(release: Path, target: Target) -> None:
    """What makes a folder of packages a virtual environment; its programs name it by the way `current`."""
    home = Path("/opt/drukte/current")
    _text(release / "pyvenv.cfg", f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {target.python}\n")
    (release / "bin").mkdir()
    (release / "bin/python3").symlink_to(f"/usr/bin/python{target.python}")
    starter = f"#!{home}/bin/python3 -I\nfrom drukte.cli import main\n\nmain()\n"
    _text(release / "bin/drukte", starter, 0o755)


def _system_files(tree: Path, release: Path, target: Target, epoch: int) -> None:
    from drukte.cli import drukte

    units = tree / "usr/lib/systemd/system"
    for unit in sorted(UNITS.iterdir()):
        if unit.suffix in (".service", ".socket", ".timer", ".path"):
            _copy(unit, units / unit.name)
    if target.suite != "bookworm":  # systemd 254 and newer waits longer after every failure
        back_off = "[Service]\nRestartSteps=6\nRestartMaxDelaySec=60\n"
        for name in ("drukte-sense", "drukte-report"):
            _text(units / f"{name}.service.d/10-back-off.conf", back_off)
    shutil.copytree(units, release / "units")
    for name in ("after-upgrade", "rollback"):
        _copy(HERE / "scripts" / name, tree / "usr/lib/drukte" / name, 0o755)
    _copy(UNITS / "radar.conf", tree / "usr/share/drukte/radar.conf")
    _copy(ROOT / "packaging/udev/60-drukte.rules", tree / "usr/lib/udev/rules.d/60-drukte.rules")
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/drukte").symlink_to("/opt/drukte/current/bin/drukte")
    for name, page in sorted(manuals.manual_pages(drukte, "drukte", __version__, epoch).items()):
        manuals.packed(page, tree / f"usr/share/man/man1/{name}.gz")
    for where, script in manuals.completions(drukte, "drukte").items():
        _text(tree / "usr/share" / where, script)
    for folder, mode in (
        ("etc/drukte", 0o755),
        ("etc/drukte/credentials", 0o700),
        ("var/lib/drukte/models", 0o755),
        ("var/lib/drukte-acts", 0o755),
    ):
        (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / folder).chmod(mode)


def _documents(tree: Path, site_packages: Path, pinned: list[wheels.Pin], version: str, epoch: int) -> None:
    doc = tree / "usr/share/doc/drukte"
    for path in sorted([*(ROOT / "docs").glob("*.md"), ROOT / "SECURITY.md"]):
        _copy(path, doc / path.name)
    for path in sorted((ROOT / "firmware_config/sites").glob("*.yaml")):
        _copy(path, doc / "examples/sites" / path.name)
    _copy(ROOT / "firmware_config/generic.yaml", doc / "examples/generic.yaml")
    _copy(ROOT / "LICENSE", doc / "copyright")
    manuals.packed((ROOT / "CHANGELOG.md").read_text(), doc / "changelog.gz")
    models = {name: (entry.licence, entry.release_sha256) for name, entry in known().items()}
    _text(doc / "sbom.cdx.json", sbom.bill(site_packages, pinned, models, version, epoch))
    _text(doc / "licences.md", sbom.licences(site_packages))


def _sums(tree: Path, release: Path) -> None:
    """SHA-256 of every file of the package, for `drukte verify`."""
    rows = []
    for path in sorted(tree.rglob("*")):
        where = path.relative_to(tree)
        if path.is_symlink():
            rows.append(f"link:{path.readlink()}  /{where}\n")
        elif path.is_file():
            rows.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  /{where}\n")
    (release / "SHA256SUMS").write_text("".join(rows))


def _pack(
    tree: Path, name: str, version: str, arch: str, control: str, out: Path, epoch: int, level: str,
    extra: dict[str, str], about: str = ABOUT,
) -> Path:  # fmt: skip
    debian = tree / "DEBIAN"
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
    digests = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(tree)}\n"
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    debian.mkdir()
    first, *rest = about.splitlines()
    long = "".join(f" {row}\n" for row in rest)
    (debian / "control").write_text(
        f"{textwrap.dedent(control).strip()}\nInstalled-Size: {size}\nDescription: {first}\n{long}"
    )
    (debian / "md5sums").write_text("".join(digests))
    for script, text in extra.items():
        _text(debian / script, text, 0o644 if script == "triggers" else 0o755)
    for path in sorted(tree.rglob("*")):
        if not path.is_symlink() and path.is_file():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    os.utime(tree, (epoch, epoch))
    made = out / f"{name}_{version}_{arch}.deb"
    command = ["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", f"-z{level}", "--build", tree, made]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return made


def _copy(source: Path, to: Path, mode: int = 0o644) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    to.chmod(mode)


def _text(to: Path, text: str, mode: int = 0o644) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text, encoding="utf-8")
    to.chmod(mode)


def _next(python: str) -> str:
    major, minor = python.split(".")
    return f"{major}.{int(minor) + 1}"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
