"""The folder of one order: files that the sampler may write, made beforehand so that a full disk shows at once."""

import ctypes
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drukte.order import Order, OrderError

STATE: Final = Path("/var/lib/drukte-sample")
ORDER: Final = "order.json"
INVENTORY: Final = "inventory.json"
RECEIPT: Final = "receipt.json"
SUFFIX: Final = ".age"
MOST_FILE: Final = 1024 * 1024
"""Bytes reserved for a picture: enough for 1280 x 720, see `container.plain_size`; larger ones are compressed more."""
_KEEP_SIZE: Final = 1  # FALLOC_FL_KEEP_SIZE


class FolderError(Exception):
    """The folder cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A file for one picture, still empty."""

    index: int
    path: Path


def prepare(state: Path, order: Order, indices: Iterator[int] | list[int], size: int) -> list[Slot]:
    """Make the order's folder and an empty file with reserved room for every picture that was not kept yet.

    Args:
        state: folder of all orders.
        order: the order.
        indices: numbers of the pictures that may still come.
        size: bytes to reserve for each.

    Raises:
        FolderError: no room, or the folder cannot be written.
        OrderError: this order has been carried out and its pictures were deleted.
    """
    place = state / order.id
    if (place / RECEIPT).exists():
        raise OrderError(f"order {order.id} has been carried out and its pictures were deleted; make a new order")
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (place / ORDER).exists():
            write_whole(place / ORDER, order.dump())
        slots = []
        for index in indices:
            path = place / f"{index:04d}{SUFFIX}"
            if path.exists() and path.stat().st_size:
                continue
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _reserve(fd, size)
            finally:
                os.close(fd)
            slots.append(Slot(index, path))
        sync(place)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            remove_empty(place)
            raise FolderError(
                f"{place}: no room for {order.pictures} files of {size >> 10} KiB; free space or ask fewer pictures"
            ) from None
        raise FolderError(f"{place}: cannot be written ({error.strerror}); check owner and mode") from None
    return slots


def kept(place: Path) -> list[Path]:
    """Files that hold something, in order."""
    return sorted(p for p in place.glob(f"*{SUFFIX}") if p.stat().st_size)


def remove_empty(place: Path) -> int:
    """Remove files in which nothing was kept. Returns how many."""
    empty = [p for p in place.glob(f"*{SUFFIX}") if not p.stat().st_size]
    for path in empty:
        path.unlink(missing_ok=True)
    return len(empty)


def hashes(place: Path) -> dict[str, str]:
    """SHA-256 of every kept file, by name."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in kept(place)}


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after a power cut it is there as a whole or not at all. Raises OSError."""
    part = path.with_name(path.name + ".part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(place: Path) -> None:
    """Bring a folder's entries to the disk."""
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _reserve(fd: int, size: int) -> None:
    """Reserve room without changing the file's length, where the file system can; else see that there is some."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    if libc.fallocate(fd, _KEEP_SIZE, 0, size) == 0:
        return
    code = ctypes.get_errno()
    if code != errno.EOPNOTSUPP:
        raise OSError(code, os.strerror(code))
    free = os.fstatvfs(fd)
    if free.f_bavail * free.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
