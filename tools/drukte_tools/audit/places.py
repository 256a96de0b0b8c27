"""Where a piece of a frame could have been left behind: files, shared memory, swap, the system's journal."""

import contextlib
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from drukte_tools.audit.needles import Needles, disguises, in_stream

ALWAYS: Final = (Path("/dev/shm"), Path("/dev/mqueue"), Path("/run/drukte"), Path("/var/lib/drukte-report"))  # noqa: S108
"""Folders that are searched whole."""
TEMPORARY: Final = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108
"""Folders of which only what was changed during the audit is searched: others keep their things there too."""
MOST: Final = 4 << 30
"""Bytes of one file, swap area or journal that are searched at most."""


@dataclass
class Place:
    """One place: how much of it was searched, what was found, and why it was not searched where it was not."""

    name: str
    files: int = 0
    read: int = 0
    found: dict[str, int] = field(default_factory=dict)
    not_searched: str = ""


def folder(path: Path, wanted: Needles, since: float = 0.0) -> Place:
    """Search the files under a folder that were changed after `since`, seconds since 1970."""
    place = Place(str(path))
    if not path.is_dir():
        place.not_searched = "absent"
        return place
    forms = disguises(wanted)
    # os.walk passes over folders that vanish meanwhile
    for file in (Path(root, name) for root, _, names in os.walk(path) for name in names):
        with contextlib.suppress(OSError):
            state = file.lstat()
            if not stat.S_ISREG(state.st_mode) or state.st_mtime < since:
                continue
            with file.open("rb", buffering=0) as stream:
                hits, read = in_stream(stream, forms, MOST)
            place.files += 1
            place.read += read
            if hits:
                place.found[str(file)] = hits
    return place


def device(path: Path, wanted: Needles) -> Place:
    """Search a swap area, device or file, as it lies there."""
    place = Place(str(path))
    try:
        with path.open("rb", buffering=0) as stream:
            hits, place.read = in_stream(stream, wanted, MOST)
    except OSError as error:
        place.not_searched = str(error.strerror)
        return place
    place.files = 1
    if hits:
        place.found[str(path)] = hits
    return place


def swap(wanted: Needles, table: Path = Path("/proc/swaps")) -> list[Place]:
    """Search every swap area in use, compressed memory (zram) too."""
    try:
        areas = [line.split()[0] for line in table.read_text().splitlines()[1:]]
    except OSError:
        return [Place("swap", not_searched=f"{table} cannot be read")]
    return [device(Path(area), wanted) for area in areas]


def journal(wanted: Needles, since: datetime, program: str = "journalctl") -> Place:
    """Search what the system's journal took in since then, in its own words: on disk it may be compressed."""
    place = Place("journal")
    if not any(Path(p, "log/journal").is_dir() for p in ("/var", "/run")) or shutil.which(program) is None:
        place.not_searched = "absent"
        return place
    command = [program, "--output=export", "--no-pager", f"--since=@{int(since.timestamp())}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reading:
        assert reading.stdout is not None  # noqa: S101 - a pipe was asked for
        hits, place.read = in_stream(reading.stdout, disguises(wanted), MOST)
    if reading.returncode:
        place.not_searched = f"{program} ended with status {reading.returncode}"
    elif hits:
        place.found["journal"] = hits
    return place


def everywhere(own: Iterable[Path], wanted: Needles, since: datetime) -> list[Place]:
    """Search all places; `own` are the folders of the programs under audit."""
    places = [folder(path, wanted) for path in (*own, *ALWAYS)]
    places += [folder(path, wanted, since.timestamp()) for path in TEMPORARY]
    return [*places, *swap(wanted), journal(wanted, since)]


def planted(wanted: Needles, since: datetime) -> list[str]:
    """Put a piece into every shared folder in turn; returns those in which it was not found."""
    missed = []
    piece = bytes(100) + list(wanted.values())[-1]
    for path in (ALWAYS[0], *TEMPORARY):
        if not path.is_dir():
            continue
        file = path / f"drukte-audit-{secrets.token_hex(4)}"
        try:
            file.write_bytes(piece)
            if str(file) not in folder(path, wanted, since.timestamp()).found:
                missed.append(str(path))
        except OSError as error:
            missed.append(f"{path} ({error.strerror})")
        finally:
            with contextlib.suppress(OSError):
                file.unlink()
    return missed
