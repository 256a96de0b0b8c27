"""Acts of programs other than the open room, on their way into the ledger: one JSON line each.

Whoever takes a validation sample or makes a calibration cannot write the ledger, which belongs to the open room. They
append to a file of their own in one folder, and the open room takes every line over exactly once.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path("/var/lib/drukte-acts")
MAX_LINE: Final = 4096
MAX_FILE: Final = 4 * 1024 * 1024


class Act(NamedTuple):
    """One line of one program's file.

    Attributes:
        source: the file's name and the start of the hash of its first line, so that a file begun anew is another one.
        line: number of the line in it, from 0.
        content: what was written; `act` says what was done.
    """

    source: str
    line: int
    content: dict[str, Any]


def folder() -> Path:
    """Where the files lie: `DRUKTE_ACTS`, else the device's own folder."""
    return Path(os.environ.get("DRUKTE_ACTS") or FOLDER)


def append(path: Path, content: dict[str, Any]) -> bool:
    """Add a line and bring it to the disk. Returns whether that worked: a full disk must not stop what is done."""
    line = json.dumps(content, sort_keys=True).encode() + b"\n"
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                line = b"\n" + line  # half a line, as a power cut leaves it
            os.write(fd, line)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        return False
    return True


def read_file(path: Path) -> Iterator[Act]:
    """The whole lines of a file, oldest first; what is no act is passed over, but counted as a line."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE)
    except OSError:
        return
    lines = data.split(b"\n")[:-1]
    if not lines:
        return
    source = f"{path.stem}-{hashlib.sha256(lines[0]).hexdigest()[:12]}"
    for number, line in enumerate(lines):
        if len(line) > MAX_LINE:
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict) and isinstance(content.get("act"), str):
            yield Act(source, number, content)
