"""What is not a person: signs, statues and dummies that the detector takes for one.

A thing and somebody who sits still are told apart by what a thing cannot do: move. Every ten seconds a candidate's box
and the way its edges lie within it (their centre and their spread, in hundredths of a pixel) are averaged and compared
with how they were before *in the same light*, since light moves a detector's box by more than a sitting person does.
A thing stays where it was to a fraction of a pixel, for ever. Who sits breathes, leans, turns the head and moves the
legs: within minutes an average wanders by more, and the clock starts anew. In doubt it is a person.

What is learned are boxes and a few numbers about each. They live in memory only, for as long as the thing is there;
they are forgotten when the scene changes and overwritten then and at the end. No picture comes here: `edges.py` tells
five numbers of each box.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.frame import hidden
from drukte.sense.people import Detections, Floats

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]
Look = Callable[[Floats], tuple[float, float, float, float, float]]

SLOT: Final = 10.0
"""Time over which is averaged, s: two or three breaths."""
EVERY: Final = 0.4
"""Time between looks at a candidate, s."""
LEAST: Final = 5
"""Looks that make an average."""
SAMPLES: Final = 32

LIGHT: Final = 1.03
"""Factor of brightness within which the light is the same."""
LIGHTS: Final = 96
"""Different lights that are remembered of each candidate: a factor of 17."""
FOLLOW: Final = 12
"""Looks over which what is remembered of a light follows: shadows creep, and a mast warps in the sun."""
CHANGING: Final = 4
"""Lights in which something was seen, from which the light has changed: by a tenth."""
STEADY: Final = 3.0
"""How many times longer a thing must stand still when the light never changes: it proves less."""

BOX, BOX_SHARE = 1.5, 0.02
"""How far the edges of an averaged box may be from before: pixels, or part of its height. On the recorded street, its
people frozen, under noise of 3 of 255: 0.1 to 0.8 px."""
WITHIN: Final = 0.25
"""How far centre and spread of the edges in it may be, px. In the same experiment looks spread by 0.01 to 0.07 px, and
by 0.1 to 0.2 px when all sways by 0.3 px."""
PARTED: Final = 3
"""Averages in a row that a known thing must look different before it is one no longer: people stand in front of it."""

SAME: Final = 0.6
"""Overlap (intersection over union) from which a box is the candidate's."""
NEAR, NEAR_SHARE = 3.0, 0.06
"""How far a box's edges may be from those of a known thing to be that thing: pixels, or part of its height. A person
in front of it has another box, and counts."""
LOST: Final = 120.0
"""How long a candidate is remembered without being seen, s."""
KEPT: Final = 3600.0
"""How long a known thing is, s."""
MOST: Final = 64
"""Most candidates at a time."""


class Furniture:
    """Learns which boxes are things.

    Args:
        after: how long a box must stand still, s.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._boxes: Floats = hidden((MOST, 4), np.float64)  # averaged
        self._looks: Floats = hidden((MOST, SAMPLES, 9), np.float64)  # box, centre and spread of edges, brightness
        self._before: Floats = hidden((MOST, LIGHTS, 8), np.float64)
        self.forget()

    def forget(self) -> None:
        """Start anew: the scene has changed."""
        for learned in (self._boxes, self._looks, self._before):
            learned.fill(0)
        self._used = np.zeros(MOST, bool)
        self._number = np.zeros(MOST, np.intp)  # of looks in this slot
        self._begun: Floats = np.zeros(MOST)  # of this slot
        self._last: Floats = np.zeros(MOST)
        self._looked: Floats = np.zeros(MOST)
        self._still: Floats = np.zeros(MOST)  # seconds proven to be still
        self._odd = np.zeros(MOST, np.intp)  # averages in a row that were different
        self._known = np.zeros(MOST, bool)
        self._close = np.zeros(MOST, bool)
        self._lights = np.zeros((MOST, LIGHTS), np.intp)  # looks in each light

    def wipe(self) -> None:
        """Overwrite everything that came from pixels."""
        self.forget()

    def things(self, look: Look, found: Detections, t: float) -> Mask:
        """Which detections are things and not people.

        Args:
            look: tells of a box (4,), px, how its edges lie in the picture; see `edges.Edges.measure`.
            found: one box for each body in it.
            t: time on a clock that never steps, s.

        Returns:
            (n,) mask.
        """
        gone = self._used & ((t - self._last > np.where(self._known, KEPT, LOST)) | (t < self._last))
        if gone.any():
            self._drop(np.flatnonzero(gone))
        out = np.zeros(len(found), bool)
        if not len(found):
            return out
        boxes = found.boxes.astype(np.float64)
        rows = np.flatnonzero(self._used)
        shared = _overlaps(boxes, self._boxes[rows])
        if len(rows):
            known = rows[self._known[rows]]
            near = np.maximum(NEAR, NEAR_SHARE * (self._boxes[known, 3] - self._boxes[known, 1]))
            out = (np.abs(boxes[:, None] - self._boxes[known]).max(axis=2, initial=0) <= near).any(axis=1)
        best = shared.max(axis=1, initial=0.0)
        for j, row in enumerate(rows.tolist()):
            i = int(shared[:, j].argmax())
            if shared[i, j] >= SAME:
                self._see(row, look, boxes[i], t)
        self._add(boxes[best < SAME], t)
        return out

    def _see(self, row: int, look: Look, box: Floats, t: float) -> None:
        self._last[row] = t
        if t - self._begun[row] >= SLOT:
            self._judge(row, t)
        number = int(self._number[row])
        if t - self._looked[row] < EVERY or number == SAMPLES:
            return
        self._looked[row] = t
        self._looks[row, number, :4] = box
        if self._close[row]:
            self._looks[row, number, 4:] = look(self._boxes[row])
        self._number[row] += 1

    def _judge(self, row: int, t: float) -> None:
        """A slot is over: compare its averages with those of before."""
        number, self._number[row], self._begun[row] = int(self._number[row]), 0, t
        if number < LEAST:
            return
        looks = self._looks[row, :number]
        box = looks[:, :4].mean(axis=0)
        height = self._boxes[row, 3] - self._boxes[row, 1]
        if not self._close[row]:
            # Nearly everybody walks on. Who does not is looked at closely from now on, within this box.
            self._close[row] = np.abs(box - self._boxes[row]).max() <= 2 * max(BOX, BOX_SHARE * height)
            self._boxes[row] = box
            return
        light = (np.log(np.maximum(looks[:, 8], 1.0)) / np.log(LIGHT)).astype(np.intp) % LIGHTS
        times = self._lights[row]
        known = times[light] > 0
        off = looks[known, :8] - self._before[row, light[known]]
        if len(off) < LEAST:
            self._learn(row, looks, light)
            return
        moved = np.abs(off[:, :4].mean(axis=0)).max() > max(BOX, BOX_SHARE * height)
        moved |= np.abs(np.median(off[:, 4:], axis=0)).max() > WITHIN
        if not moved:
            self._learn(row, looks, light)
            self._still[row] += SLOT
            self._odd[row] = 0
            needed = self._after * (1.0 if np.count_nonzero(times) >= CHANGING else STEADY)
            self._known[row] |= self._still[row] >= needed
            return
        self._odd[row] += 1
        if not self._known[row] or self._odd[row] >= PARTED:
            self._restart(row, box)

    def _learn(self, row: int, looks: Floats, light: Rows) -> None:
        for look, at in zip(looks, light.tolist(), strict=True):
            times = self._lights[row, at] = min(self._lights[row, at] + 1, FOLLOW)
            self._before[row, at] += (look[:8] - self._before[row, at]) / times

    def _restart(self, row: int, box: Floats) -> None:
        self._boxes[row] = box
        self._still[row] = self._odd[row] = 0
        self._known[row] = self._close[row] = False
        self._lights[row] = 0
        self._before[row] = 0

    def _add(self, boxes: Floats, t: float) -> None:
        free = np.flatnonzero(~self._used)[: len(boxes)]
        for row, box in zip(free.tolist(), boxes, strict=False):
            self._restart(row, box)
            self._used[row] = True
            self._number[row] = 0
            self._begun[row] = self._last[row] = t
            self._looked[row] = -np.inf

    def _drop(self, rows: Rows) -> None:
        self._used[rows] = False
        for learned in (self._boxes, self._looks, self._before):
            learned[rows] = 0


def _overlaps(a: Floats, b: Floats) -> Floats:
    """(n, m) intersection over union of boxes (n, 4) and (m, 4)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(axis=1) for x in (a, b))
    return np.asarray(shared / np.maximum(area_a[:, None] + area_b - shared, 1e-9))
