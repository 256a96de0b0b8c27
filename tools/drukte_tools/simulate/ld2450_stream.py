"""Encode targets as the 30-byte reports of an HLK-LD2450 or RD-03D: the exact inverse of `radar_ld2450`."""

import struct
from collections.abc import Iterable

from drukte.sense.sources.radar_ld2450 import HEAD, SLOTS, TAIL

GATE_MM = 360
_LIMIT = 0x7FFF


def report(targets: Iterable[tuple[float, float, float] | None], gate_mm: int = GATE_MM, zero: int = 0) -> bytes:
    """Encode up to three slots.

    Args:
        targets: for each slot x (m), y (m) and radial speed (m/s, positive when receding), or None when
            empty;
            missing slots are empty.
        gate_mm: the module's range gate, reported with every target.
        zero: the word for the value 0, which may be 0x0000 or 0x8000; both are read as 0.

    Raises:
        ValueError: more targets than slots.
    """
    slots = list(targets)
    if len(slots) > SLOTS:
        raise ValueError(f"an LD2450 report has {SLOTS} slots, not {len(slots)}")
    body = b"".join(b"\0" * 8 if slot is None else _slot(*slot, gate_mm, zero) for slot in slots)
    return HEAD + body.ljust(8 * SLOTS, b"\0") + TAIL


def _slot(x: float, y: float, speed: float, gate_mm: int, zero: int) -> bytes:
    return struct.pack("<4H", *(_word(value, zero) for value in (x * 1e3, y * 1e3, speed * 1e2)), gate_mm)


def _word(value: float, zero: int) -> int:
    size = min(abs(round(value)), _LIMIT)
    if size == 0:
        return zero
    return size | 0x8000 if value > 0 else size
