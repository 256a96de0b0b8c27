"""Which boxes of one picture are people: suppression that knows the ground plane and how tall people are.

A detector gives many boxes for each person. Plain suppression keeps the best-scored one and drops what overlaps it, so
that of two people in one line of sight one is lost, and a box around both may win over the box of each. Where a box
stands says how tall its person would be, and nobody is 2.3 m tall: such a box goes last, and what is left of its score
seldom counts.

Reviving suppressed boxes near people followed so far was tried and left out: on PETS 2009 it made ghosts of people who
had gone, and `smooth` fills the gaps better.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.detect.nms import suppress
from drukte.sense.geometry.feet import standing
from drukte.sense.geometry.ground import Ground
from drukte.sense.people import Detections, Floats, Positions

Boxes = NDArray[np.float32]

OVERLAP: Final = 0.5
"""Intersection over union above which two boxes are one person; the value that YOLOX was published with is 0.45."""

AT_EASE: Final = 0.15
"""Part by which a box may be taller or shorter than its place implies without doubt: 1.8 standard deviations of body
height (0.10 m of 1.72 m: 0.058) and of the box's two edges (0.043 each) together."""

DOUBT: Final = 0.12
"""Further difference at which a box is worth 0.6 of its score, twice that: 0.14."""

STEP: Final = 8
"""Distance between the pixels at which usual heights are known, px; between them they are interpolated."""

WIDTH: Final = 0.65
"""Width of a walking body with its arms, m: shoulders of 0.45 m, arms and legs that swing."""


class Bodies:
    """Sorts out the boxes of one camera.

    Args:
        ground: how it sees the ground. Without a pose heights are unknown: then suppression is plain.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._heights = _usual_heights(ground)

    def settle(self, candidates: Detections) -> tuple[Detections, Positions]:
        """The people among a detector's unsuppressed boxes of persons, and where they stand.

        Args:
            candidates: boxes, several for each person.

        Returns:
            Rows of both belong together. Whoever stands where no place can be told is left out.
        """
        tall = self.tallness(candidates.boxes)
        ratio = np.nan_to_num(tall, nan=1.0)
        # Too tall a box is hardly a person; too short a one may be a child or half hidden: it only goes last.
        scores = (candidates.scores * _doubt(ratio - 1)).astype(np.float32)
        rank = (scores * _doubt(1 - ratio)).astype(np.float32)
        stay = suppress(candidates.boxes, rank, candidates.kinds, OVERLAP)
        return self.place(Detections(candidates.boxes[stay], scores[stay], candidates.kinds[stay]), tall=tall[stay])

    def place(
        self, people: Detections, drawn: bool = False, tall: Floats | None = None
    ) -> tuple[Detections, Positions]:
        """Where people stand who have one box each.

        Args:
            people: their boxes.
            drawn: by hand, so without a detector's errors.
            tall: `tallness` of the boxes, if the caller has looked it up.
        """
        boxes, scores = people.boxes.astype(np.float64), people.scores.astype(np.float64)
        if drawn:
            xy, cov, ok = self._ground.positions(boxes)
        else:
            tall = self.tallness(people.boxes) if tall is None else tall
            xy, cov, ok = standing(self._ground, boxes, scores, tall)
        rows = np.flatnonzero(ok)
        return people.select(rows), Positions(xy[rows], cov[rows], scores[rows])

    def boxes(self, xy: Floats) -> Floats:
        """(n, 4) boxes, px, of bodies of usual height that stand at (n, 2) m; NaN without a pose or out of sight."""
        if self._ground.pose is None:
            return np.full((len(xy), 4), np.nan)
        foot = self._ground.to_pixels(xy)[0] + 0.5
        head = self._ground.to_pixels(xy, self._ground.body_height)[0] + 0.5
        axis = foot - head
        # A body is a pole with a width across it: seen from above it lies down towards the picture's edge.
        half = np.hypot(axis[:, 0], axis[:, 1]) * (WIDTH / self._ground.body_height / 2)
        upright = np.abs(axis[:, 1]) >= np.abs(axis[:, 0])
        margin = np.column_stack([np.where(upright, half, 0), np.where(upright, 0, half)])
        middle = np.where(upright, (foot[:, 0] + head[:, 0]) / 2, 0)
        low, high = np.minimum(foot, head), np.maximum(foot, head)
        low[:, 0], high[:, 0] = np.where(upright, middle, low[:, 0]), np.where(upright, middle, high[:, 0])
        return np.concatenate([low - margin, high + margin], axis=1)

    def tallness(self, boxes: Boxes) -> Floats:
        """(n,) height of each box as a part of what its place implies; NaN where that is unknown."""
        if self._heights is None:
            return np.full(len(boxes), np.nan)
        rows, columns = self._heights.shape
        x = np.clip((boxes[:, 0] + boxes[:, 2]) / (2 * STEP), 0, columns - 1.001)
        y = np.clip(boxes[:, 3] / STEP, 0, rows - 1.001)
        i, j = y.astype(np.intp), x.astype(np.intp)
        v, u, h = y - i, x - j, self._heights
        usual = (1 - v) * ((1 - u) * h[i, j] + u * h[i, j + 1]) + v * ((1 - u) * h[i + 1, j] + u * h[i + 1, j + 1])
        return np.asarray((boxes[:, 3] - boxes[:, 1]) / usual)


def _usual_heights(ground: Ground) -> Floats | None:
    """Height in the picture, px, of people of usual height whose feet are at every `STEP`th pixel.

    NaN where no place can be told, and where the camera looks down so steeply that a body shows no height. None
    without a pose.
    """
    if ground.pose is None:
        return None
    width, height = ground.picture
    x, y = np.meshgrid(np.arange(0, width + 2 * STEP, STEP), np.arange(0, height + 2 * STEP, STEP))
    feet = np.column_stack([x.ravel(), y.ravel()]) - 0.5
    xy, _, ok = ground.to_ground(feet)
    xy[~ok] = np.nan
    axis = feet - ground.to_pixels(xy, ground.body_height)[0]
    tall = np.where(axis[:, 1] > 2 * np.abs(axis[:, 0]), axis[:, 1], np.nan)
    return np.asarray(tall.reshape(x.shape))


def _doubt(beyond: Floats) -> Floats:
    """(n,) factor for a body that is `beyond` (n,), as a part of its height, from the usual."""
    return np.asarray(np.exp(-0.5 * (np.maximum(beyond - AT_EASE, 0) / DOUBT) ** 2))
