"""The moments at which an order lets a picture be kept: drawn by chance, the same for everybody who has the order."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drukte.order import Order, OrderError
from drukte.sample.sun import light

APART: Final = 1.0
"""Shortest time between two moments, s."""
CLASSES: Final = ((0.5, "expected 0"), (5.0, "expected 1-4"), (15.0, "expected 5-14"), (float("inf"), "expected 15+"))
"""Upper ends of the classes of expected count, and their names."""
_TRIES: Final = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture to be kept.

    Attributes:
        index: its number in the order, from 0, in order of time.
        at: seconds since 1970.
        stratum: what it was drawn from.
    """

    index: int
    at: float
    stratum: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """All moments of an order, and the share of its time that each stratum covers."""

    moments: tuple[Moment, ...]
    shares: dict[str, float]


def sampling(order: Order) -> Sampling:
    """Draw the order's moments.

    The n-th random number is the first 8 bytes of SHA-256(chance + n as 8 bytes, big endian), over 2^64. A moment is a
    number's share of the seconds of its stratum, in order of time.

    Raises:
        OrderError: the plan's hours hold no time, or not enough for so many pictures.
    """
    pieces = _pieces(order)
    if not pieces:
        raise OrderError("the order's span holds none of the hours of its plan; widen `hours` or the span")
    seconds = {name: sum(end - start for start, end in spans) for name, spans in pieces.items()}
    whole = sum(seconds.values())
    if whole < 2 * APART * order.pictures:
        raise OrderError(f"{order.pictures} pictures do not fit into {whole:.0f} s; ask fewer or a longer span")
    numbers = _numbers(order.chance)
    drawn: list[tuple[float, str]] = []
    for name, count in _allocation(order.pictures, seconds).items():
        spans = pieces[name]
        ends = list(accumulate(end - start for start, end in spans))
        mine: list[float] = []
        for _ in range(_TRIES * count):
            if len(mine) == count:
                break
            place = next(numbers) * ends[-1]
            i = min(bisect_right(ends, place), len(spans) - 1)
            at = round(spans[i][1] - (ends[i] - place), 3)
            if all(abs(at - other) >= APART for other in mine):
                mine.append(at)
        drawn += [(at, name) for at in mine]
    moments = tuple(Moment(i, at, name) for i, (at, name) in enumerate(sorted(drawn)))
    return Sampling(moments, {name: s / whole for name, s in seconds.items()})


def _pieces(order: Order) -> dict[str, list[tuple[float, float]]]:
    """Spans of each stratum, seconds since 1970. A block of the plan belongs to one stratum, that of its middle."""
    plan = order.plan
    try:
        zone = ZoneInfo(plan.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise OrderError(
            f"plan.time_zone: '{plan.time_zone}' is not a time zone; write it as Europe/Amsterdam"
        ) from None
    start, end = order.starts.timestamp(), order.ends.timestamp()
    pieces: dict[str, list[tuple[float, float]]] = {}
    at = start // plan.block * plan.block
    while at < end:
        low, high = max(at, start), min(at + plan.block, end)
        local = datetime.fromtimestamp((low + high) / 2, UTC).astimezone(zone)
        if plan.hours[0] <= local.hour < plan.hours[1]:
            pieces.setdefault(stratum_of(order, local), []).append((low, high))
        at += plan.block
    return pieces


def stratum_of(order: Order, local: datetime) -> str:
    """The stratum of a local time."""
    plan = order.plan
    match plan.kind:
        case "hour":
            return f"hour {local.hour:02d}"
        case "light":
            return light(local, plan.latitude or 0.0, plan.longitude or 0.0)
        case "expected":
            number = (plan.expected or [0.0] * 24)[local.hour]
            return next(name for end, name in CLASSES if number < end)
        case _:
            return "all"


def _allocation(pictures: int, seconds: dict[str, float]) -> dict[str, int]:
    """As many pictures for every stratum, the odd ones for the longest; never more than a stratum has room for."""
    left = dict(seconds)
    counts = dict.fromkeys(seconds, 0)
    for _ in range(pictures):
        name = min(left, key=lambda k: (counts[k], -seconds[k], k))
        counts[name] += 1
        if (counts[name] + 1) * 2 * APART > seconds[name]:
            del left[name]
            if not left:
                break
    return counts


def _numbers(chance: bytes) -> Iterator[float]:
    n = 0
    while True:
        yield int.from_bytes(hashlib.sha256(chance + n.to_bytes(8, "big")).digest()[:8], "big") / 2**64
        n += 1


def span_seconds(order: Order) -> float:
    """Longest that an order may keep anything, s."""
    return (order.deletes - order.starts) / timedelta(seconds=1)
