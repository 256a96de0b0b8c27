"""Who sits on a bicycle, scooter or motorcycle: by the detector's own classes, and by pace.

A picture says that a person and a vehicle are in one place; whether somebody rides it or pushes it is said by the pace.
Kick scooters are no class of the detector: who goes much faster than people run for long is a rider without one.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.detect.nms import suppress
from drukte.sense.people import PERSON, RIDER, WALKER, Detections
from drukte.sense.tracking.tracks import Mode, Tracks

Mask = NDArray[np.bool_]

VEHICLE: Final = 0.25
"""Vehicles scored lower than this are not believed."""
TWICE: Final = 0.5
"""Intersection over union above which two boxes are one vehicle."""
OVER: Final = 0.5
"""Part of the narrower of the two widths over which person and vehicle must lie above each other."""
SEATED: Final = 0.3
"""Part of the vehicle's area that its rider's box covers at least."""
RISES: Final = 0.25
"""Part of their own height by which a rider rises above the vehicle at least."""

RIDING: Final = 2.2
"""Pace above which somebody with a vehicle rides it, m/s: who pushes one walks, hardly over 1.8."""
FAST: Final = 4.5
"""Pace above which somebody is a rider even if no vehicle is seen, m/s: 16 km/h. Joggers run at 2.5 to 3.5."""
FAST_FOR: Final = 0.8
"""For how long, s: a box that jumps once is fast for a moment."""


def riding(people: Detections, vehicles: Detections) -> Mask:
    """(n,) mask of people who are on a vehicle. A vehicle has one rider at most.

    Args:
        people: one box for each.
        vehicles: the detector's boxes of bicycles and motorcycles, several for each.
    """
    out = np.zeros(len(people), bool)
    vehicles = vehicles.select((vehicles.kinds != PERSON) & (vehicles.scores >= VEHICLE))
    if not len(people) or not len(vehicles):
        return out
    # A moped is a bicycle to the detector one moment and a motorcycle the next.
    one = np.zeros(len(vehicles), np.uint8)
    vehicles = vehicles.select(suppress(vehicles.boxes, vehicles.scores, one, TWICE))
    p, v = people.boxes[:, None].astype(np.float64), vehicles.boxes[None].astype(np.float64)
    across = np.minimum(p[..., 2], v[..., 2]) - np.maximum(p[..., 0], v[..., 0])
    down = np.minimum(p[..., 3], v[..., 3]) - np.maximum(p[..., 1], v[..., 1])
    wide_p, wide_v = p[..., 2] - p[..., 0], v[..., 2] - v[..., 0]
    tall_p, tall_v = p[..., 3] - p[..., 1], v[..., 3] - v[..., 1]
    share = np.maximum(across, 0) * np.maximum(down, 0) / np.maximum(wide_v * tall_v, 1e-9)
    fits = (across > OVER * np.minimum(wide_p, wide_v)) & (share > SEATED) & (v[..., 1] - p[..., 1] > RISES * tall_p)
    share = np.where(fits, share, 0.0)
    best = share.argmax(axis=0)
    out[best[share[best, np.arange(len(vehicles))] > 0]] = True
    return out


class Pace:
    """Decides for each track, from its pace, whether it rides.

    Who rode is a rider for as long as a vehicle is seen, also when waiting, or the pace is one of riding.
    """

    def __init__(self) -> None:
        self._reserve(64)

    def _reserve(self, capacity: int) -> None:
        self._owner = np.zeros(capacity, np.int64)
        self._rode = np.zeros(capacity, bool)
        self._fast = np.zeros(capacity, bool)
        self._since = np.full(capacity, np.nan)  # since when they have been fast

    def judge(self, tracks: Tracks, t: float) -> Tracks:
        """The same tracks with their kinds as they count.

        Args:
            tracks: of a frame at `t` s; their kinds say who is with a vehicle.
        """
        slots = tracks.slots
        if tracks.mode is Mode.DETECTIONS or not len(slots):
            return tracks
        if (top := int(slots.max())) >= len(self._owner):
            self._grow(2 * (top + 1))
        new = slots[self._owner[slots] != tracks.ids]
        self._owner[slots] = tracks.ids
        self._rode[new] = self._fast[new] = False
        self._since[new] = np.nan
        pace = np.hypot(tracks.velocity[:, 0], tracks.velocity[:, 1])
        fast = (pace > FAST) & tracks.seen
        since = np.where(fast, np.fmin(self._since[slots], t), np.where(tracks.seen, np.nan, self._since[slots]))
        self._since[slots] = since
        with np.errstate(invalid="ignore"):
            self._fast[slots] |= t - since >= FAST_FOR
        vehicle = tracks.kinds == RIDER
        self._rode[slots] = (self._rode[slots] & (vehicle | (pace > RIDING))) | (vehicle & (pace > RIDING))
        rides = self._rode[slots] | self._fast[slots]
        return replace(tracks, kinds=np.where(rides, RIDER, WALKER).astype(np.uint8))

    def _grow(self, capacity: int) -> None:
        old = {name: getattr(self, name) for name in ("_owner", "_rode", "_fast", "_since")}
        self._reserve(capacity)
        for name, before in old.items():
            getattr(self, name)[: len(before)] = before
