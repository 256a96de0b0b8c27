"""The people of one frame, followed: what the tracker hands to zones and lines."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from drukte.sense.people import Floats

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Mode(IntEnum):
    """How people were counted."""

    TRACKS = 0
    DETECTIONS = 1


@dataclass(slots=True)
class Tracks:
    """The people of one frame. Rows of all arrays belong together; a person keeps its slot for life.

    Attributes:
        ids: (n,) throw-away numbers, from 1; never reused within a run.
        slots: (n,) small indices, reused after death: where others keep what they know about a person.
        xy: (n, 2) position, m.
        cov: (n, 2, 2) its covariance, m2.
        velocity: (n, 2) m/s.
        confirmed: (n,) whether the track is counted as a person.
        seen: (n,) whether this frame had a detection of it.
        leapt: (n,) whether it was lost, and is found in this frame without knowing how it came there.
        scores: (n,) score of the last detection.
        kinds: (n,) WALKER or RIDER.
        born: (n,) time of the first detection, s.
        last_seen: (n,) time of the last detection, s.
        source: (n,) row of the positions given to `update`; -1 if unseen.
        mode: whether tracks or plain detections were counted.
    """

    ids: NDArray[np.int64]
    slots: Rows
    xy: Floats
    cov: Floats
    velocity: Floats
    confirmed: Mask
    seen: Mask
    leapt: Mask
    scores: Floats
    kinds: NDArray[np.uint8]
    born: Floats
    last_seen: Floats
    source: Rows
    mode: Mode = Mode.TRACKS

    def __len__(self) -> int:
        return len(self.ids)
