"""The end of a sample: deletion that can be shown, from the order over the inventory to every receipt."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage

from drukte.order import Order, OrderError, parse_order
from drukte.sample.expire import delete, receipt_of, shred
from drukte.sample.folder import INVENTORY, ORDER, RECEIPT, SUFFIX, hashes, sync, write_whole


class ClosingError(Exception):
    """Why nothing was deleted, or why the proof fails; says what to do."""


def read_order(path: Path) -> Order:
    """An order's file. Raises ClosingError."""
    try:
        return parse_order(path.read_bytes())
    except OSError as error:
        raise ClosingError(f"{path}: cannot be read ({error.strerror})") from None
    except OrderError as error:
        raise ClosingError(f"{path}: {error}") from None


def read_inventory(path: Path, order: Order) -> dict[str, str]:
    """SHA-256 of every picture that the device kept, by name. Raises ClosingError."""
    try:
        data = json.loads(path.read_bytes())
        files = {str(k): str(v) for k, v in data["files"].items()}
        of = data["order"]
    except OSError as error:
        raise ClosingError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ClosingError(f"{path}: is not an inventory; it is made by the device after sampling") from None
    if of != order.id:
        raise ClosingError(f"{path}: is of order {of}, not of {order.id}")
    return files


def close_folder(
    folder: Path,
    by: str,
    receipts: Sequence[Path] = (),
    report: Path | None = None,
    early: bool = False,
    device: bool = False,
) -> dict[str, Any]:
    """Delete the pictures in a folder, on the device or a copy, and write `receipt.json` there.

    Args:
        folder: holds the order, the inventory and the pictures.
        by: who closes.
        receipts: of copies that were closed before; their hashes go into this receipt.
        report: the report's report.json, whose hash goes into the receipt.
        early: also when the order still runs.
        device: this is the device's own folder, not a copy: the deletion goes into its ledger.

    Returns:
        The receipt.

    Raises:
        ClosingError: nothing was deleted; or something is left, with the receipt written all the same.
    """
    order = read_order(folder / ORDER)
    if (folder / RECEIPT).exists() and not any(folder.glob(f"*{SUFFIX}")):
        raise ClosingError(f"{folder}: was closed before; {RECEIPT} says when")
    now = time.time()
    if now < order.ends.timestamp() and not early:
        raise ClosingError(
            f"order {order.id} runs until {order.end}. To end it now, stop drukte-sample.service on the device and "
            f"give "
            "--early"
        )
    more: dict[str, Any] = {"by": by}
    if receipts:
        more["copies"] = {f"{r.parent.name}/{r.name}": _digest_of_receipt(r, order) for r in receipts}
    if report is not None:
        more["report"] = _digest(report)
    inventory = folder / INVENTORY
    listed = read_inventory(inventory, order) if inventory.exists() else None
    here = hashes(folder)
    more["differs_from_inventory"] = (
        None if listed is None else sorted(n for n in here.keys() | listed.keys() if here.get(n) != listed.get(n))
    )
    reason = f"closed by {by}"
    if device:
        delete(folder.parent, folder, reason, now, **more)
    else:
        shred([*folder.glob(f"*{SUFFIX}"), *folder.glob(f"*{SUFFIX}.part")])
        sync(folder)
        left = len(list(folder.glob(f"*{SUFFIX}")))
        receipt = receipt_of(order.id, reason, now, here, left) | {"place": "copy", **more}
        write_whole(folder / RECEIPT, (json.dumps(receipt, sort_keys=True, indent=2) + "\n").encode("ascii"))
    try:
        written: dict[str, Any] = json.loads((folder / RECEIPT).read_bytes())
    except OSError:
        raise ClosingError(
            f"{folder}: everything was deleted, but the receipt could not be written; free disk space and close again"
        ) from None
    if written["left"]:
        raise ClosingError(f"{folder}: {written['left']} files could not be deleted; check owner and mode")
    return written


def destroy_key(path: Path, order: Order) -> str:
    """Overwrite and delete a recipient's private key. Returns the recipient's name.

    Raises:
        ClosingError: it is not a key of the order's recipients; nothing was deleted.
    """
    try:
        data = path.read_bytes()
        public = str(pyrage.x25519.Identity.from_str(data.decode().strip().splitlines()[-1]).to_public())
    except OSError as error:
        raise ClosingError(f"{path}: cannot be read ({error.strerror})") from None
    except (pyrage.IdentityError, UnicodeDecodeError, IndexError):
        raise ClosingError(f"{path}: is not a private key of a recipient") from None
    name = next((r.name for r in order.recipients if r.key == public), None)
    if name is None:
        raise ClosingError(f"{path}: opens nothing of order {order.id}; it is kept")
    with path.open("r+b") as file:
        file.write(bytes(len(data)))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync(path.parent)
    return name


@dataclass(frozen=True, slots=True)
class Link:
    """One step of the proof: what was looked at, and whether it holds."""

    holds: bool
    words: str


def prove(order: Order, inventory_file: Path, receipts: Sequence[Path]) -> list[Link]:
    """Follow every picture from the order over the device's inventory to each receipt.

    Raises:
        ClosingError: a file cannot be read.
    """
    files = read_inventory(inventory_file, order)
    links = [
        Link(True, f"order {order.id}: {order.pictures} pictures ordered, to be deleted by {order.delete_by}"),
        Link(
            len(files) <= order.pictures,
            f"inventory {_digest(inventory_file)[:16]}: {len(files)} pictures kept by the device",
        ),
    ]
    of_device = False
    for path in receipts:
        receipt = _receipt(path, order)
        gone = receipt["files"]
        lacking = sorted(name for name, digest in files.items() if gone.get(name) != digest)
        extra = sorted(gone.keys() - files.keys())
        device = receipt.get("place") == "device"
        of_device |= device
        words = (
            f"receipt {path}: {'device' if device else 'copy'}, {len(gone)} files deleted {receipt['deleted_at_utc']}"
        )
        if receipt["left"]:
            words += f", {receipt['left']} LEFT"
        if lacking and device:
            words += f"; not accounted for: {', '.join(lacking[:5])}"
        if extra:
            words += f"; not in the inventory: {', '.join(extra[:5])}"
        late = receipt["deleted_at"] > order.deletes.timestamp()
        if late:
            words += "; AFTER the order's date"
        # A copy may hold less than the device kept, but nothing else.
        wrong = any(files.get(name) not in (None, digest) for name, digest in gone.items())
        links.append(Link(not (receipt["left"] or extra or wrong or late or (device and lacking)), words))
    if not of_device:
        links.append(Link(False, "no receipt of the device itself: fetch receipt.json from its folder of this order"))
    return links


def _receipt(path: Path, order: Order) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        known = {"order", "files", "left", "deleted_at", "deleted_at_utc"} <= data.keys()
    except OSError as error:
        raise ClosingError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, AttributeError):
        known = False
    if not known:
        raise ClosingError(f"{path}: is not a receipt of a deletion")
    if data["order"] != order.id:
        raise ClosingError(f"{path}: is a receipt of order {data['order']}, not of {order.id}")
    return data


def _digest_of_receipt(path: Path, order: Order) -> str:
    _receipt(path, order)
    return _digest(path)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ClosingError(f"{path}: cannot be read ({error.strerror})") from None
