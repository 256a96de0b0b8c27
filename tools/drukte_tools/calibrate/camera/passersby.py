"""People on their way through the picture: their boxes put together, and those left out that show no whole body."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from drukte.sense.geometry.lens import Floats
from drukte.sense.people import Floats as Boxes
from drukte_tools.calibrate.camera.points import PointsError
from drukte_tools.calibrate.page.watch import Sight
from drukte_tools.validate.truth.recorded import TruthError, read_truth

GAP: Final = 1.5
"""How long somebody may be lost and still be the same, s."""
SAME: Final = 0.25
"""Least overlap of a box with where the last one must have gone."""
EDGE: Final = 3.0
"""A box that ends this near to the picture's edge is cut by it, px."""
TOUCH: Final = 0.1
"""Part of a box that another may cover before the body counts as hidden."""
WIDE: Final = 0.75
"""Width of a box as a part of its height above which it is no single body that walks."""


@dataclass(slots=True, repr=False)
class Way:
    """One person's boxes.

    Attributes:
        times: s.
        boxes: px, continuous, the picture spans (0, 0) to (width, height).
        whole: which of them show the whole body.
    """

    times: list[float] = field(default_factory=list)
    boxes: list[Floats] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)

    def ahead(self, time: float) -> Floats:
        """The box that is to be expected at `time`."""
        last = self.boxes[-1]
        if len(self.boxes) < 3 or self.times[-1] <= self.times[-3]:
            return last
        speed = (last - self.boxes[-3]) / (self.times[-1] - self.times[-3])
        return last + speed * min(time - self.times[-1], GAP)


def ways(sights: Iterable[Sight], picture: tuple[int, int]) -> list[Way]:
    """Everybody's way, in order of appearance.

    Args:
        sights: the people of each frame, in order of time.
        picture: (width, height), px.
    """
    done: list[Way] = []
    going: list[Way] = []
    for sight in sights:
        done += [w for w in going if sight.time - w.times[-1] > GAP]
        going = [w for w in going if sight.time - w.times[-1] <= GAP]
        boxes = np.asarray(sight.boxes, np.float64).reshape(-1, 4)
        whole = whole_bodies(boxes, picture)
        taken = np.zeros(len(boxes), bool)
        if going and len(boxes):
            overlap = _overlap(np.array([w.ahead(sight.time) for w in going]), boxes)
            for i, j in zip(*linear_sum_assignment(-overlap), strict=True):
                if overlap[i, j] > SAME:
                    taken[j] = True
                    _put(going[i], sight.time, boxes[j], bool(whole[j]))
        for j in np.flatnonzero(~taken):
            going.append(Way())
            _put(going[-1], sight.time, boxes[j], bool(whole[j]))
    return sorted([*done, *going], key=lambda w: w.times[0])


def _put(way: Way, time: float, box: Floats, whole: bool) -> None:
    way.times.append(time)
    way.boxes.append(box)
    way.whole.append(whole)


def whole_bodies(boxes: Boxes, picture: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which boxes (n, 4) lie free of the picture's edges and of each other and are shaped like somebody who walks."""
    left, top, right, bottom = boxes.T
    width, height = right - left, bottom - top
    free = (left > EDGE) & (top > EDGE) & (right < picture[0] - EDGE) & (bottom < picture[1] - EDGE)
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    high = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    np.fill_diagonal(shared, 0)
    covered = shared.max(axis=1, initial=0) / np.maximum(width * height, 1e-9)
    return np.asarray(free & (covered < TOUCH) & (width < WIDE * height))


def _overlap(a: Floats, b: Floats) -> Floats:
    """(n, m) intersection over union of two sets of boxes."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    size_a, size_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    return np.asarray(shared / np.maximum(size_a[:, None] + size_b - shared, 1e-9))


def read_boxes(path: Path, rate: float) -> list[Sight]:
    """Recorded boxes from a MOTChallenge file: `frame,id,x,y,w,h,conf,...`; the ids are not used.

    Args:
        path: of the file.
        rate: frames per second.

    Raises:
        PointsError: the file cannot be used.
    """
    try:
        truth = read_truth(path)
    except TruthError as error:
        raise PointsError(str(error).replace("truth ", "boxes ", 1)) from None
    if not truth.frames:
        raise PointsError(f"{path}: holds counts, not boxes; rows must be frame,id,x,y,w,h,conf")
    frames = sorted(truth.frames.items())
    return [Sight(n / rate, f.boxes, np.ones(len(f.boxes))) for n, f in frames]
