"""What is not a person: signs, statues and dummies that the detector takes for one.

A thing and somebody who sits still are told apart by their boxes over minutes. The box of a thing jitters with the
noise of the picture, but its average over some seconds stays on the same pixel for ever, whatever the light does. Who
sits breathes, leans, turns the head and moves the legs: the average wanders by more than a pixel, and the clock
starts anew. What was learned lives in memory only, and is forgotten when the thing is gone or the scene has changed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.people import Detections, Floats

Mask = NDArray[np.bool_]

AVERAGE: Final = 10.0
"""Time constant of the average of a box, s of being seen."""
STILL: Final = 1.0
STILL_SHARE: Final = 0.012
"""How far the edges of an averaged box may wander: a pixel, or 1.2 % of the height of a large box."""
LIGHT: Final = 0.08
"""Change of the picture's brightness, as a part of it, that counts as changing light."""
STEADY_LIGHT: Final = 3.0
"""How many times longer a thing must stand still when the light never changes."""
SAME: Final = 0.6
"""Overlap (intersection over union) from which a box is the same thing as before."""
NEAR: Final = 3.0
NEAR_SHARE: Final = 0.06
"""How far a box's edges may be from those of a known thing to be that thing: pixels, or part of its height. A person
in front of it has another box, and counts."""
MOST: Final = 200
"""Most boxes followed at a time."""


class Furniture:
    """Learns which boxes are things.

    Args:
        after: how long a box must stand still, s.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._t: float | None = None
        self.forget()

    def forget(self) -> None:
        """Start anew: the scene has changed."""
        self._boxes: Floats = np.empty((0, 4))  # averaged
        self._first: Floats = np.empty((0, 4))  # where the average was when it began to stand still
        self._since: Floats = np.empty(0)
        self._last: Floats = np.empty(0)
        self._seen: Floats = np.empty(0)  # seconds seen since then
        self._dim: Floats = np.empty(0)  # darkest and brightest since then
        self._bright: Floats = np.empty(0)

    def things(self, found: Detections, t: float, brightness: float) -> Mask:
        """Which detections are things and not people.

        Args:
            found: what the detector found.
            t: time on a clock that never steps, s.
            brightness: mean of the picture, any unit.

        Returns:
            (n,) mask.
        """
        dt = 0.0 if self._t is None else min(max(t - self._t, 0.0), 1.0)
        self._t = t
        kept = t - self._last <= max(self._after / 2, AVERAGE)
        if not kept.all():
            self._keep(kept)
        out = np.zeros(len(found), bool)
        if not len(found):
            return out
        boxes = found.boxes.astype(np.float64)
        shared = _overlaps(boxes, self._boxes)
        which = shared.argmax(axis=1) if len(self._boxes) else np.zeros(len(boxes), np.intp)
        best = shared.max(axis=1, initial=0.0)
        # A candidate takes the detection that overlaps it most.
        order = np.argsort(-best, kind="stable")
        _, first = np.unique(which[order], return_index=True)
        mine = order[first][best[order[first]] >= SAME]
        self._average(which[mine], boxes[mine], t, dt, brightness)
        fresh = np.setdiff1d(np.flatnonzero(best < SAME), mine)[: MOST - len(self._boxes)]
        if len(self._boxes):
            known = self._known(t)
            height = self._boxes[:, 3] - self._boxes[:, 1]
            near = np.abs(boxes[:, None] - self._boxes).max(2) <= np.maximum(NEAR, NEAR_SHARE * height)
            out = (near & known).any(axis=1)
        self._add(boxes[fresh], t, brightness)
        return out

    def _known(self, t: float) -> Mask:
        """Which candidates have stood still for long enough."""
        changing = self._bright - self._dim > LIGHT * np.maximum(self._bright, 1e-9)
        still_for = t - self._since
        needed = np.where(changing, self._after, STEADY_LIGHT * self._after)
        return (still_for >= needed) & (self._seen >= 0.2 * needed)

    def _average(self, rows: NDArray[np.intp], boxes: Floats, t: float, dt: float, brightness: float) -> None:
        young = self._seen[rows] < AVERAGE
        # At first a plain mean, so that a candidate does not begin with the jitter of its first box.
        pace = np.where(young, dt / (self._seen[rows] + dt + 1e-9), dt / AVERAGE)
        self._boxes[rows] += pace[:, None] * (boxes - self._boxes[rows])
        self._first[rows[young]] = self._boxes[rows[young]]
        self._seen[rows] += dt
        self._last[rows] = t
        self._dim[rows] = np.minimum(self._dim[rows], brightness)
        self._bright[rows] = np.maximum(self._bright[rows], brightness)
        height = self._boxes[rows, 3] - self._boxes[rows, 1]
        wandered = np.abs(self._boxes[rows] - self._first[rows]).max(1) > np.maximum(STILL, STILL_SHARE * height)
        again = rows[wandered]
        self._first[again] = self._boxes[again]
        self._since[again] = t
        self._seen[again] = 0.0
        self._dim[again] = self._bright[again] = brightness

    def _add(self, boxes: Floats, t: float, brightness: float) -> None:
        n = len(boxes)
        if not n:
            return
        now, light = np.full(n, t), np.full(n, brightness)
        self._boxes, self._first = np.concatenate([self._boxes, boxes]), np.concatenate([self._first, boxes])
        self._since, self._last = np.concatenate([self._since, now]), np.concatenate([self._last, now])
        self._seen = np.concatenate([self._seen, np.zeros(n)])
        self._dim, self._bright = np.concatenate([self._dim, light]), np.concatenate([self._bright, light])

    def _keep(self, kept: Mask) -> None:
        for name in ("_boxes", "_first", "_since", "_last", "_seen", "_dim", "_bright"):
            setattr(self, name, getattr(self, name)[kept])


def _overlaps(a: Floats, b: Floats) -> Floats:
    """(n, m) intersection over union of boxes (n, 4) and (m, 4)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(axis=1) for x in (a, b))
    return np.asarray(shared / np.maximum(area_a[:, None] + area_b - shared, 1e-9))
