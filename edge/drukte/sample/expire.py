"""Deletes samples on time, whatever the clock, the power or the disk do.

A sample goes when the first of these says so: the wall clock; the latest time ever seen plus the time the device has
run since, so that a clock set back does not keep anything longer; or the hours the device has run since the order's
start, when they reach the order's whole life. A clock that jumps ahead deletes too early: that is the safe side.
Everything can be repeated after a power cut, and files go before anything is written, so that a full disk is no excuse.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from drukte.order import Order, OrderError, instant_text, parse_order
from drukte.sample.acts import note
from drukte.sample.folder import INVENTORY, ORDER, RECEIPT, SUFFIX, hashes, kept, remove_empty, sync, write_whole
from drukte.sample.plan import span_seconds

CLOCK: Final = "clock.json"
_WIDTH: Final = 256
"""Bytes of the clock file: rewritten in place, in one block, so that it needs no room on a full disk."""


@dataclass(frozen=True, slots=True)
class Now:
    """What the clocks say.

    Attributes:
        wall: seconds since 1970, as far as the device knows.
        up: seconds since the device was switched on, sleep included.
        boot: name of this run of the device.
    """

    wall: float
    up: float
    boot: str


def read_clocks() -> Now:
    """The clocks of this device."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Now(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot)


@dataclass(slots=True)
class Watch:
    """The latest time ever seen, and how long the device has run with this order's pictures."""

    latest: float
    ran: float
    boot: str
    up: float

    def advance(self, now: Now, started: bool) -> None:
        """Take in what the clocks say; `started`: pictures may exist."""
        passed = max(0.0, now.up - self.up) if now.boot == self.boot else now.up
        self.latest = max(now.wall, self.latest + passed)
        self.ran += passed if started else 0.0
        self.boot, self.up = now.boot, now.up


def read_watch(place: Path, now: Now) -> Watch:
    """The stored watch, or a new one when there is none or it cannot be read."""
    try:
        values = json.loads((place / CLOCK).read_text(encoding="ascii"))
        return Watch(float(values["latest"]), float(values["ran"]), str(values["boot"]), float(values["up"]))
    except (OSError, ValueError, KeyError, TypeError):
        newest = max((p.stat().st_mtime for p in kept(place)), default=0.0)
        return Watch(max(now.wall, newest), 0.0, now.boot, now.up)


def store_watch(place: Path, watch: Watch) -> bool:
    """Write the watch over its old values. Returns whether that worked."""
    values = {"latest": watch.latest, "ran": watch.ran, "boot": watch.boot, "up": watch.up}
    try:
        fd = os.open(place / CLOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, json.dumps(values).ljust(_WIDTH).encode("ascii"), 0)
            os.fdatasync(fd)
        finally:
            os.close(fd)
    except OSError:
        return False
    return True


def tidy(state: Path, now: Now) -> list[str]:
    """Look at every order's folder and delete what is due. Returns one line for each folder that was changed.

    A folder whose order cannot be read is deleted: nobody could say how long it may stay.
    """
    said = []
    if not state.is_dir():
        return []
    for place in sorted(p for p in state.iterdir() if p.is_dir()):
        order = _order(place)
        watch = read_watch(place, now)
        started = order is None or watch.latest >= order.starts.timestamp() or bool(kept(place))
        watch.advance(now, started)
        reason = due(order, watch)
        if reason is None:
            store_watch(place, watch)
        elif _holds_something(place):
            said.append(f"{place.name}: {delete(state, place, reason, watch.latest)} files deleted, {reason}")
    return said


def due(order: Order | None, watch: Watch) -> str | None:
    """Why a folder is due for deletion, None while it is not."""
    if order is None:
        return "its order cannot be read"
    if watch.latest >= order.deletes.timestamp():
        return f"the order said to delete by {order.delete_by}"
    if watch.ran >= span_seconds(order):
        return "the device has run as long as the order allows, whatever its clock says"
    return None


def finish(state: Path, place: Path, now: Now) -> int:
    """After sampling: remove unused files and write down what there is. Returns the number of pictures kept."""
    remove_empty(place)
    found = hashes(place)
    order = _order(place)
    inventory = _json({"order": place.name, "files": found})
    with suppress(OSError):
        write_whole(place / INVENTORY, inventory)
    planned = order.pictures if order else None
    digest = hashlib.sha256(inventory).hexdigest()
    note(state, "validation_stopped", place.name, now.wall, pictures=len(found), planned=planned, inventory=digest)
    return len(found)


def delete(state: Path, place: Path, reason: str, at: float, **more: Any) -> int:
    """Delete the pictures of one order on the device now; the receipt stays. Returns how many files went.

    Args:
        state: folder of all orders.
        place: that of the order.
        reason: why, for the receipt and the ledger.
        at: seconds since 1970.
        more: what else the receipt says.
    """
    inventory = _inventory(place)
    files = [p for p in place.iterdir() if p.name not in (INVENTORY, RECEIPT, ORDER)]
    pictures = sum(1 for p in files if p.suffix == SUFFIX)
    shred(files)
    sync(place)
    left = sum(1 for p in place.glob(f"*{SUFFIX}"))
    receipt = _json(receipt_of(place.name, reason, at, inventory, left) | {"place": "device", **more})
    with suppress(OSError):
        write_whole(place / RECEIPT, receipt)
    digest = hashlib.sha256(receipt).hexdigest()
    note(state, "validation_deleted", place.name, at, files=len(inventory), left=left, reason=reason, receipt=digest)
    return pictures


def shred(files: Iterable[Path]) -> None:
    """Delete files, shortened first: should an entry survive a power cut, it leads to nothing."""
    for path in files:
        with suppress(OSError):
            os.truncate(path, 0)
        path.unlink(missing_ok=True)


def receipt_of(order: str, reason: str, at: float, files: dict[str, str], left: int) -> dict[str, Any]:
    """What a receipt says of a deletion: the SHA-256 of every file that went, by name, and how many are left."""
    return {
        "order": order,
        "deleted_at": round(at),
        "deleted_at_utc": instant_text(datetime.fromtimestamp(at, UTC)),
        "reason": reason,
        "files": files,
        "left": left,
    }


def _inventory(place: Path) -> dict[str, str]:
    """What there was: as written down after sampling, and what lies there now."""
    try:
        known = json.loads((place / INVENTORY).read_text(encoding="ascii"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        known = {}
    try:
        return {**known, **hashes(place)}
    except OSError:
        return dict(known)


def _holds_something(place: Path) -> bool:
    return not (place / RECEIPT).exists() or any(place.glob(f"*{SUFFIX}"))


def _order(place: Path) -> Order | None:
    try:
        return parse_order((place / ORDER).read_bytes())
    except (OSError, OrderError):
        return None


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2) + "\n").encode("ascii")
