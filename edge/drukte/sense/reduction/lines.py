"""Counting lines: who walked over a directed segment, and which way.

A person is on a side of a line once they are more than a margin beyond it, and a crossing is a change of side whose
path met the segment. Standing on the line, swaying over it, turning back before the margin, walking along it or
around its end changes nothing. Only seen positions are judged: who is lost before the line and found behind it is
counted once, when found. Who is found further away than can be told how they got there (`Tracks.leapt`) has crossed if
it is a step or two and they walk that way; else they may be somebody else. A crossing by a track that is not counted
yet waits until it is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.config.zones import CountingLine
from drukte.sense.people import RIDER, Floats
from drukte.sense.tracking.tracks import Tracks

DOUBT: Final = 2.0
"""The margin is at least this many standard deviations of the person's position across the line."""
MAX_MARGIN: Final = 1.0
"""The margin grows no further than this with uncertainty, m."""
LEAP: Final = 2.0
"""A leap over the line up to this long is a crossing, m: who is lost for a second and walks on is found that far."""
ONWARD: Final = 0.4
"""If they walk in its direction at least so fast, m/s."""


@dataclass(slots=True)
class Flow:
    """Crossings of one line in one frame.

    Attributes:
        entered: walkers that crossed from left to right, looking from `from` to `to`.
        left: walkers that crossed from right to left.
        riders_entered: the same for riders.
        riders_left: the same for riders.
    """

    entered: int = 0
    left: int = 0
    riders_entered: int = 0
    riders_left: int = 0


class LineCounter:
    """Counts crossings of one line.

    Args:
        line: the segment.
        margin: distance in metres that somebody must be beyond the line.
    """

    def __init__(self, line: CountingLine, margin: float = 0.3) -> None:
        start, end = np.asarray(line.from_, float), np.asarray(line.to, float)
        self._start = start
        self._length = float(np.hypot(*(end - start)))
        self._along: Floats = (end - start) / self._length
        self._right: Floats = np.array([self._along[1], -self._along[0]])
        self._margin = margin
        self._reserve(64)

    def _reserve(self, capacity: int) -> None:
        self._owner = np.zeros(capacity, np.int64)
        self._side = np.zeros(capacity, np.int8)  # -1 left, 1 right, 0 not known yet
        self._across = np.zeros(capacity)  # where they last were on a known side
        self._position = np.zeros(capacity)
        self._speed = np.zeros(capacity)  # at which they walked to the right then
        self._waiting: NDArray[np.int64] = np.zeros((capacity, 2), np.int64)

    def _grow(self, capacity: int) -> None:
        names = ("_owner", "_side", "_across", "_position", "_speed", "_waiting")
        old = [getattr(self, name) for name in names]
        self._reserve(capacity)
        for name, before in zip(names, old, strict=True):
            getattr(self, name)[: len(before)] = before

    def update(self, tracks: Tracks) -> Flow:
        """Crossings that this frame completes."""
        slots = tracks.slots
        if not len(slots):
            return Flow()
        if (top := int(slots.max())) >= len(self._owner):
            self._grow(2 * (top + 1))
        new = self._owner[slots] != tracks.ids
        fresh = slots[new]
        self._owner[fresh] = tracks.ids[new]
        self._side[fresh] = 0
        self._waiting[fresh] = 0

        to = tracks.xy - self._start
        across, position = to @ self._right, to @ self._along
        (x, y), cov = self._right, tracks.cov
        sigma = np.sqrt(x * x * cov[:, 0, 0] + 2 * x * y * cov[:, 0, 1] + y * y * cov[:, 1, 1])
        margin = np.minimum(np.maximum(DOUBT * sigma, self._margin), max(self._margin, MAX_MARGIN))
        side = np.where(np.abs(across) > margin, np.sign(across), 0).astype(np.int8)
        sure = tracks.seen & (side != 0)
        before = self._side[slots]
        speed = tracks.velocity @ self._right
        onward = np.minimum(speed * side, self._speed[slots] * side) > ONWARD
        leap = np.hypot(across - self._across[slots], position - self._position[slots])
        lost = tracks.leapt & ~(onward & (leap <= LEAP))
        flipped = sure & ~lost & (before != 0) & (side != before)
        if flipped.any():
            at = slots[flipped]
            share = np.abs(self._across[at]) / (np.abs(self._across[at]) + np.abs(across[flipped]))
            met = self._position[at] + share * (position[flipped] - self._position[at])
            through = (met >= 0) & (met <= self._length)
            self._waiting[at[through], (side[flipped][through] < 0).astype(np.intp)] += 1
        self._side[slots[lost]] = 0
        known = slots[sure]
        self._side[known] = side[sure]
        self._across[known] = across[sure]
        self._position[known] = position[sure]
        self._speed[known] = speed[sure]

        ready = slots[tracks.confirmed]
        riding = tracks.kinds[tracks.confirmed] == RIDER
        count = self._waiting[ready]
        self._waiting[ready] = 0
        walkers, riders = count[~riding].sum(0), count[riding].sum(0)
        return Flow(int(walkers[0]), int(walkers[1]), int(riders[0]), int(riders[1]))
