"""What a sensor's frame comes to, for the loop and for measuring accuracy."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drukte.sense.people import Floats
from drukte.sense.reduction.counts import ZoneCounts


@dataclass(slots=True)
class Seen:
    """The people behind one frame's numbers, for measuring accuracy. Never leaves the process.

    Attributes:
        xy: (n, 2) places, m.
        draw: what makes boxes of places.
        inside: one (n,) mask per zone.
        ids: (n,) throw-away numbers of their tracks, for measuring how well people are followed.
    """

    xy: Floats
    draw: Callable[[Floats], Floats]
    inside: list[NDArray[np.bool_]] = field(default_factory=list)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def boxes(self) -> Floats:
        """(n, 4) boxes, px, of bodies of usual height that stand there; NaN where the camera's pose is unknown."""
        return self.draw(self.xy)


@dataclass(slots=True)
class FrameResult:
    """One frame, reduced. `at`: its time, s. `state`, `calibration` and `mode` as in the door's record.

    A frame that shows nothing, of a sensor that is covered, in the dark or frozen, has no `zones`: nobody being there
    and nobody to be seen are two things.
    """

    at: float
    zones: list[ZoneCounts]
    state: int
    calibration: int
    mode: int
    seen: Seen


def no_boxes(xy: Floats) -> Floats:
    """(n, 4) NaN: people before a radar have none."""
    return np.full((len(xy), 4), np.nan)
