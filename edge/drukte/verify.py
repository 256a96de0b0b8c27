"""`drukte verify`: are the installed files those of the package?

The package carries SHA-256 of each of its files. That notices damage and careless hands. Whoever is root can change the
list as well: so its own hash is printed, to be held against the one of the release, and `--package` compares with a
package file from elsewhere instead.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click

import drukte

SUMS: Final = "SHA256SUMS"
_OURS: Final = ("__pycache__", "zz-picamera2.pth", SUMS)
"""Made at installation, not part of the package: compiled code, the way to the system's picamera2."""


class Difference(NamedTuple):
    """One file that is not as packaged."""

    path: str
    what: str


def release() -> Path | None:
    """Folder of the running version, if it came out of a package."""
    for folder in Path(drukte.__file__).resolve().parents:
        if (folder / SUMS).is_file():
            return folder
    return None


def differences(folder: Path, sums: str, root: Path = Path("/")) -> Iterator[Difference]:
    """What differs between the files of a version and its list of hashes.

    Args:
        folder: the running version; after a rollback it is not where the package put it.
        sums: lines `HASH  /path` or `link:TARGET  /path`.
        root: where paths start.
    """
    expected = {path: digest for digest, path in (row.split("  ", 1) for row in sums.splitlines() if row)}
    home = next((p for p in expected if p.startswith("/opt/drukte/releases/")), "")
    packaged = "/".join(home.split("/")[:5])
    moved = folder != root / packaged.lstrip("/")
    listed = set()
    for path, digest in sorted(expected.items()):
        inside = path.startswith(f"{packaged}/")
        if moved and not inside:
            continue  # shared files are the newer package's
        place = folder / path.removeprefix(f"{packaged}/") if inside else root / path.lstrip("/")
        listed.add(place)
        if wrong := _wrong(place, digest):
            yield Difference(path, wrong)
    for place in sorted(folder.rglob("*")):
        if place not in listed and not place.is_dir() and not any(part in _OURS for part in place.parts):
            yield Difference(str(place), "is not in the package")


def _wrong(place: Path, digest: str) -> str | None:
    try:
        if digest.startswith("link:"):
            return None if str(place.readlink()) == digest[5:] else "points elsewhere"
        return None if hashlib.sha256(place.read_bytes()).hexdigest() == digest else "was changed"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def sums_of(package: Path) -> str:
    """The list of hashes inside a package file, made of its files rather than believed. Raises ClickException."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(["dpkg-deb", "-x", package, scratch], capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{package} cannot be unpacked: {done.stderr.strip()}")
        rows = []
        for path in sorted(Path(scratch).rglob("*")):
            where = f"/{path.relative_to(scratch)}"
            if path.name == SUMS:
                continue
            if path.is_symlink():
                rows.append(f"link:{path.readlink()}  {where}")
            elif path.is_file():
                rows.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {where}")
        return "\n".join(rows)


@click.command()
@click.option("--package", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Compare with this .deb.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON instead.")
def verify(package: Path | None, as_json: bool) -> None:
    """Compare the installed files with the hashes in the package. Exit status 1 when one differs."""
    folder = release()
    if folder is None:
        raise click.ClickException("this drukte did not come out of a Debian package: nothing to hold it against")
    own = (folder / SUMS).read_text(encoding="utf-8")
    sums = own if package is None else sums_of(package)
    found = list(differences(folder, sums))
    digest = hashlib.sha256(own.encode()).hexdigest()
    if as_json:
        click.echo(json.dumps({"version": folder.name, "sums": digest, "differences": [d._asdict() for d in found]}))
    else:
        for difference in found:
            click.echo(f"{difference.path} {difference.what}")
        word = "as packaged" if not found else f"{len(found)} differences"
        click.echo(f"drukte {folder.name}: {word}; SHA-256 of its list of hashes: {digest}")
    sys.exit(1 if found else 0)
