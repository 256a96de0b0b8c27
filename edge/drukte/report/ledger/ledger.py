"""The ledger: what this device was for, with which settings, and who did what to it. Append-only and hash-chained.

Each line is a JSON object with a number, a time, an act, its details, the hash of the line before and its own hash:
SHA-256 over the line before and everything in this one. Changing, removing, inserting or swapping a line breaks the
chain at that place. Cutting off the end leaves a sound chain, so the number and hash of the last line are also kept
beside it, and published retained: whoever can write here can forge both files, but not the hash that the broker and
everybody who looked has already seen.
"""

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ACTS: Final = (
    "begin",  # the first line
    "software",  # another version runs
    "purpose",  # purpose, controller, legal ground, contact or end date changed
    "settings",  # other keys of the site file changed
    "signature",  # a signed site file was put in place
    "refused",  # a site file may not be used: not right, or not signed
    "model",  # another model file
    "calibration",  # the ground section changed, or a calibration was made
    "plate",  # a calibration picture of the empty place was looked at
    "validation",  # a validation order was accepted, ended or deleted
    "audit",  # an audit was run
    "act",  # something else that a program of this device wrote down
    "command",  # a signed command was obeyed
    "clock",  # the device's clock was set
    "noise",  # a day with disclosure policy noise is over: what each zone spent of its budget
    "repair",  # the end of this file was damaged by a power cut and was taken off
)
START: Final = "0" * 64
MAX_LINE: Final = 64 * 1024


class LedgerError(Exception):
    """The ledger cannot be written or does not hold; says where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    n: int
    at: str
    act: str
    details: Mapping[str, Any]
    before: str
    hash: str

    @classmethod
    def make(cls, n: int, at: str, act: str, details: Mapping[str, Any], before: str) -> "Entry":
        """An entry with its hash."""
        return cls(n, at, act, details, before, _hash(n, at, act, details, before))

    def line(self) -> bytes:
        """As it stands in the file."""
        content = {"n": self.n, "at": self.at, "act": self.act, "details": self.details}
        return _canonical(content | {"before": self.before, "hash": self.hash}) + b"\n"


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _hash(n: int, at: str, act: str, details: Mapping[str, Any], before: str) -> str:
    content = _canonical({"n": n, "at": at, "act": act, "details": details, "before": before})
    return hashlib.sha256(content).hexdigest()


def read(path: Path) -> Iterator[Entry]:
    """Every line of a ledger, checked as it is read.

    Raises:
        LedgerError: names the first line that does not hold, and why.
    """
    before, n = START, 0
    try:
        file = path.open("rb")
    except OSError as error:
        raise LedgerError(f"ledger {path}: cannot be read ({error.strerror})") from None
    with file:
        while line := file.readline(MAX_LINE):
            where = f"ledger {path}, line {n + 1}"
            if not line.endswith(b"\n"):
                raise LedgerError(f"{where}: is cut off")
            try:
                entry = Entry(**json.loads(line))
                exact = entry.line() == line
                right = _hash(entry.n, entry.at, entry.act, entry.details, entry.before)
            except (ValueError, TypeError, RecursionError):
                raise LedgerError(f"{where}: is not a ledger line") from None
            if entry.hash != right or not exact:
                raise LedgerError(f"{where}: was changed, its hash does not match")
            if entry.before != before or entry.n != n:
                raise LedgerError(f"{where}: does not follow the line before it; lines were removed, added or swapped")
            yield entry
            before, n = entry.hash, n + 1


def verify(path: Path, known: str | None = None) -> Entry | None:
    """Check a whole ledger; returns its last entry, None if it is empty.

    Args:
        path: the ledger.
        known: a head hash seen earlier, for example the one retained at the broker: it must stand in the chain.

    Raises:
        LedgerError: a line does not hold, lines are missing at the end, or `known` is not among them.
    """
    last, found = None, known is None
    for entry in read(path):
        last, found = entry, found or entry.hash == known
    if not found:
        raise LedgerError(
            f"ledger {path}: the hash {known} that was seen earlier is not in it; it was rewritten or cut"
        )
    head = _head_file(path)
    if not head.exists():
        if last is not None:
            raise LedgerError(f"ledger {path}: {head.name} beside it is missing, so lost lines could not be noticed")
        return None
    n, _, expected = head.read_text(encoding="utf-8", errors="replace").strip().partition(" ")
    if not n.isdecimal():
        raise LedgerError(f"ledger {path}: {head.name} beside it is damaged, so lost lines could not be noticed")
    have = (str(last.n), last.hash) if last else ("-1", START)
    if (n, expected) != have:
        raise LedgerError(
            f"ledger {path}: was cut off or exchanged: {head.name} beside it knows of {int(n) + 1} lines, "
            f"here are {int(have[0]) + 1}"
        )
    return last


class Ledger:
    """Writes to a ledger. Several programs may; each line is written whole and kept on the disk before it counts."""

    def __init__(self, path: Path) -> None:
        """Open or begin a ledger. What a power cut left half-written at its end is taken off and said so.

        Raises:
            LedgerError: it cannot be written, or a line before the last does not hold.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked() as fd:
                cut = self._mend(fd)
                self.head = self._last()
                if self.head is None:
                    self._write(fd, "begin", {})
                if cut:
                    self._write(fd, "repair", {"bytes": cut})
        except OSError as error:
            raise LedgerError(f"ledger {path}: cannot be written ({error.strerror})") from None

    def record(self, act: str, **details: Any) -> Entry:
        """Add a line.

        Raises:
            LedgerError: it could not be written.
            ValueError: not one of `ACTS`.
        """
        if act not in ACTS:
            raise ValueError(f"{act} is not an act of the ledger")
        try:
            with self._locked() as fd:
                self._mend(fd)
                self.head = self._last()
                return self._write(fd, act, details)
        except OSError as error:
            raise LedgerError(f"ledger {self.path}: cannot be written ({error.strerror})") from None

    def latest(self, act: str) -> Entry | None:
        """The last line with this act."""
        found = None
        for entry in read(self.path):
            found = entry if entry.act == act else found
        return found

    @contextmanager
    def _locked(self) -> Iterator[int]:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)

    def _mend(self, fd: int) -> int:
        """Take off an unfinished last line; returns its length."""
        size = os.fstat(fd).st_size
        tail = os.pread(fd, MAX_LINE, max(0, size - MAX_LINE))
        if not tail or tail.endswith(b"\n"):
            return 0
        unfinished = len(tail) - (tail.rfind(b"\n") + 1)
        os.ftruncate(fd, size - unfinished)
        return unfinished

    def _last(self) -> Entry | None:
        """The last entry. The head beside it may be one line behind when the power went between the two."""
        last: Entry | None = None
        for entry in read(self.path):
            last = entry
        allowed = {("-1", START)} if last is None else {(str(last.n), last.hash), (str(last.n - 1), last.before)}
        head = _head_file(self.path)
        kept = tuple(head.read_text().split()) if head.exists() else ("-1", START)
        if kept not in allowed:
            raise LedgerError(f"ledger {self.path}: its end is not the one that was written last ({' '.join(kept)})")
        return last

    def _write(self, fd: int, act: str, details: Mapping[str, Any]) -> Entry:
        n, before = (self.head.n + 1, self.head.hash) if self.head else (0, START)
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        entry = Entry.make(n, at, act, json.loads(_canonical(details)), before)
        size = os.lseek(fd, 0, os.SEEK_END)
        try:
            if os.write(fd, line := entry.line()) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(fd)
            _replace(_head_file(self.path), f"{entry.n} {entry.hash}\n")
        except OSError:
            os.ftruncate(fd, size)  # a full disk: the line or its head did not fit, so neither counts
            raise
        self.head = entry
        return entry


def _head_file(path: Path) -> Path:
    return path.with_suffix(".head")


def _replace(path: Path, text: str) -> None:
    """Put a file in place in one step, and on the disk."""
    new = path.with_suffix(".new")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
