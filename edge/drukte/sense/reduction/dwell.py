"""How long people stay in a zone, as a histogram of coarse classes and never per person."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.people import Floats

Rows = NDArray[np.intp]

CLASSES: Final = np.array([60.0, 300.0, 900.0])
"""Upper ends of the classes but the last, s: under 1, 1 to 5, 5 to 15, over 15 minutes."""
PAUSE: Final = 10.0
"""Stepping out, or being lost, for up to this long does not end a stay, s."""
SAME_SPOT: Final = 1.0
"""Who stood still and was lost is taken for whoever is found within this distance within `PAUSE`, m."""
STANDING: Final = 0.5
"""Below this speed somebody stands, m/s. The stays of walkers are not handed on: a doorway would chain them."""


class Stays:
    """The running stays of one zone, by track slot. `capacity` grows with `grow`."""

    def __init__(self, capacity: int) -> None:
        self._start: Floats = np.full(capacity, np.nan)
        self._out: Floats = np.full(capacity, np.nan)  # since when they are out, while a stay is paused
        self._lost: list[tuple[float, float, float, float]] = []  # start, end, x, y
        self._ended = np.zeros(len(CLASSES) + 1, np.int64)

    def grow(self, capacity: int) -> None:
        """Room for `capacity` slots."""
        more = np.full(capacity - len(self._start), np.nan)
        self._start = np.concatenate([self._start, more])
        self._out = np.concatenate([self._out, more])

    def enter(self, slots: Rows, t: float | Floats) -> None:
        """People came in over the edge; `t` is when, s."""
        paused = np.isfinite(self._start[slots])
        self._start[slots] = np.where(paused, self._start[slots], t)
        self._out[slots] = np.nan

    def find(self, slots: Rows, xy: Floats, since: Floats) -> None:
        """People were found at `xy` (n, 2) inside the zone at `since` (n,) s: new ones, or lost ones."""
        self.enter(slots, since)
        for slot, place, found in zip(slots, xy, since, strict=True) if self._lost else ():
            lost = np.array(self._lost)
            distance = np.hypot(lost[:, 2] - place[0], lost[:, 3] - place[1])
            distance[(found - lost[:, 1] > PAUSE) | (found < lost[:, 1])] = np.inf
            if distance[best := int(distance.argmin())] < SAME_SPOT:
                self._start[slot] = self._lost.pop(best)[0]
                if not self._lost:
                    break

    def leave(self, slots: Rows, t: float) -> None:
        """People went out over the edge at `t` s; the stay ends unless they come back soon."""
        self._out[slots] = t

    def lose(self, slots: Rows, xy: Floats, speed: Floats, last_seen: Floats) -> None:
        """Tracks ended: outside after `leave`, or at `xy` (n, 2) inside, last seen at `last_seen` (n,) s."""
        running = np.isfinite(self._start[slots])
        slots, xy, speed, last_seen = slots[running], xy[running], speed[running], last_seen[running]
        out = np.isfinite(self._out[slots])
        ends = np.where(out, self._out[slots], last_seen)
        wait = ~out & (speed < STANDING)
        self._lost += zip(self._start[slots[wait]].tolist(), ends[wait].tolist(), *xy[wait].T.tolist(), strict=True)
        self._finish(self._start[slots[~wait]], ends[~wait])
        self._start[slots] = self._out[slots] = np.nan

    def take(self, t: float) -> NDArray[np.int64]:
        """Stays that ended since the last call, by class; `t` is the time now, s."""
        over = np.flatnonzero(t - self._out > PAUSE)
        if len(over):
            self._finish(self._start[over], self._out[over])
            self._start[over] = self._out[over] = np.nan
        if self._lost:
            # A lost person's track has lived on for some time before it was given up: the pause begins there.
            gone = [stay for stay in self._lost if t - stay[1] > 2 * PAUSE]
            if gone:
                self._lost = [stay for stay in self._lost if t - stay[1] <= 2 * PAUSE]
                starts, ends, _, _ = np.array(gone).T
                self._finish(starts, ends)
        ended, self._ended = self._ended, np.zeros_like(self._ended)
        return ended

    def _finish(self, starts: Floats, ends: Floats) -> None:
        classes = np.searchsorted(CLASSES, ends - starts, side="right")
        self._ended += np.bincount(classes, minlength=len(self._ended))
