"""Who sits on a bicycle, scooter or motorcycle, by the detector's own classes.

One frame says that a person and a vehicle are in one place; whether the person rides it or pushes it is left to the
track's pace (`track.py`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.people import BICYCLE, MOTORCYCLE, PERSON, Detections

Mask = NDArray[np.bool_]

VEHICLE_SCORE: Final = 0.25
"""Vehicles scored lower than this are not believed."""
OVER: Final = 0.5
"""Part of the narrower of the two widths over which person and vehicle must lie above each other."""
SEATED: Final = 0.3
"""Part of the vehicle's area that its rider's box covers at least."""
RISES: Final = 0.25
"""Part of their own height by which a rider rises above the vehicle at least."""


def split(found: Detections) -> tuple[Detections, Mask]:
    """The persons among the detections, and an (n,) mask of those on a vehicle. A vehicle has one rider at most."""
    people = found.select(found.kinds == PERSON)
    riding = np.zeros(len(people), bool)
    vehicles = found.select(((found.kinds == BICYCLE) | (found.kinds == MOTORCYCLE)) & (found.scores >= VEHICLE_SCORE))
    if not len(people) or not len(vehicles):
        return people, riding
    p, v = people.boxes[:, None].astype(np.float64), vehicles.boxes[None].astype(np.float64)
    across = np.minimum(p[..., 2], v[..., 2]) - np.maximum(p[..., 0], v[..., 0])
    down = np.minimum(p[..., 3], v[..., 3]) - np.maximum(p[..., 1], v[..., 1])
    wide_p, wide_v = p[..., 2] - p[..., 0], v[..., 2] - v[..., 0]
    tall_p, tall_v = p[..., 3] - p[..., 1], v[..., 3] - v[..., 1]
    share = np.maximum(across, 0) * np.maximum(down, 0) / np.maximum(wide_v * tall_v, 1e-9)
    fits = (across > OVER * np.minimum(wide_p, wide_v)) & (share > SEATED) & (v[..., 1] - p[..., 1] > RISES * tall_p)
    share = np.where(fits, share, 0.0)
    best = share.argmax(axis=0)
    riding[best[share[best, np.arange(len(vehicles))] > 0]] = True
    return people, riding
