"""How well the device serves: how complete the last day is, how good, and how soon brokers had its windows.

It is about the device: no number of people goes in.
"""

import itertools
import math
from array import array
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from drukte.report.formats.native import Observation, seconds

DAY: Final = 86_400
"""What is told is about the last so many seconds."""
_HOUR: Final = 3600
_PATIENCE: Final = 2.0
"""A window that is late by less than this many windows is not missing yet."""


def _forget(hours: MutableMapping[int, Any], now: float) -> None:
    for hour in [hour for hour in hours if (hour + 1) * _HOUR <= now - DAY]:
        del hours[hour]


@dataclass(slots=True)
class _Seen:
    """Sums over the windows that ended in one hour."""

    observed: float = 0.0  # s
    windows: int = 0
    good: int = 0
    first: int = 1 << 62  # start of the earliest window, s since 1970


class Completeness:
    """How much of the last day was observed, and how much of it is of good quality.

    Args:
        zones: number of zones.
    """

    def __init__(self, zones: int) -> None:
        self._zones = zones
        self._hours: dict[int, _Seen] = {}
        self._end = 0
        self._span = 0

    def take(self, observations: Iterable[Observation]) -> None:
        """Take in windows of one product."""
        for o in observations:
            start, end = seconds(o.from_), seconds(o.to)
            seen = self._hours.setdefault(end // _HOUR, _Seen())
            seen.observed += o.observed * (end - start)
            seen.windows += 1
            seen.good += o.quality.grade == "good"
            seen.first = min(seen.first, start)
            if end > self._end:
                self._end, self._span = end, end - start

    def told(self, now: float) -> tuple[float | None, float | None]:
        """Part of the last day (or since the first window) that was observed; part of the windows of good quality.

        Args:
            now: wall clock, s since 1970.
        """
        _forget(self._hours, now)
        windows = sum(seen.windows for seen in self._hours.values())
        if not windows:
            return None, None
        until = self._end if now - self._end < _PATIENCE * self._span else now
        expected = self._zones * (until - min(seen.first for seen in self._hours.values()))
        observed = sum(seen.observed for seen in self._hours.values()) / max(expected, 1)
        return min(1.0, observed), sum(seen.good for seen in self._hours.values()) / windows


class Pace:
    """How long after its end a window was confirmed by one broker, over the last day."""

    def __init__(self) -> None:
        self._hours: dict[int, array[float]] = {}
        self._told: tuple[float | None, float | None] = None, None
        self._changed = False

    def confirmed(self, end: float, now: float, windows: int = 1) -> None:
        """A broker has windows.

        Args:
            end: when they ended, s since 1970.
            now: wall clock, s since 1970.
            windows: how many.
        """
        _forget(self._hours, now)
        self._hours.setdefault(int(now) // _HOUR, array("f")).extend([max(0.0, now - end)] * windows)
        self._changed = True

    def told(self) -> tuple[float | None, float | None]:
        """The delay that half of the windows did not exceed, and the one that 95 % did not, s; None without windows."""
        if self._changed:
            delays = sorted(itertools.chain(*self._hours.values()))
            self._told = tuple(round(delays[math.ceil(part * len(delays)) - 1], 1) for part in (0.5, 0.95))  # type: ignore[assignment]
            self._changed = False
        return self._told
