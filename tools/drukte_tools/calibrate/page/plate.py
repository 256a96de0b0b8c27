"""A picture of the place with nobody in it, built in memory.

Of each pixel a running value and how often it was confirmed are kept, and the frame before for telling what moves:
fourteen bytes, however long it takes. A frame's pixel counts when no person's box (enlarged) covers it and nothing
moves there; a value that is seen again gains a vote, another value takes one away, and at zero it is replaced (the
majority vote of Boyer and Moore 1991, with a tolerance for light). What was not seen empty often enough stays grey. At
the end the plate itself is searched for people, and what is found is made grey again.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from drukte.sense.frame import hidden

GREY: Final = 128
VOTES: Final = 10
"""Net times that a pixel must have been seen empty before it is shown."""
SAME: Final = 28.0
"""Largest difference of any colour to the running value that still counts as the same, in steps of 256."""
MOVING: Final = 20
"""Difference to the frame before from which a pixel moves, in steps of 256."""
MARGIN: Final = 0.35
"""By which part of its size a person's box is enlarged on each side; shadows and arms stick out."""
LEAST_MARGIN: Final = 6.0
"""And at least so much, px."""
MOST_VOTES: Final = 200

Boxes = NDArray[np.floating]
Find = Callable[[NDArray[np.uint8]], Boxes]


class Plate:
    """The plate in the making. All of it lies in memory that is wiped at the end; see `wipe`."""

    def __init__(self, height: int, width: int) -> None:
        """Reserve memory for a picture of that size, px."""
        shape = (height, width)
        self._value: NDArray[np.uint16] = hidden((*shape, 3), np.uint16)  # 256ths
        self._votes: NDArray[np.uint8] = hidden(shape, np.uint8)
        self._before: NDArray[np.uint8] = hidden((*shape, 3), np.uint8)
        self._blur: NDArray[np.uint8] = hidden((*shape, 3), np.uint8)
        self._grey: NDArray[np.bool_] = hidden(shape, np.bool_)
        self._rows = max(1, 65_536 // width)
        self._kernel = np.ones((9, 9), np.uint8)
        self._frames = 0

    @property
    def resolved(self) -> float:
        """Share of the pixels that have been seen empty often enough."""
        return float(((self._votes >= VOTES) & ~self._grey).mean())

    def add(self, picture: NDArray[np.uint8], boxes: Boxes) -> None:
        """Take in one frame, (height, width, 3) uint8, and the people found in it, (n, 4) px."""
        cv2.blur(picture, (5, 5), dst=self._blur)
        moving = cv2.absdiff(self._blur, self._before).max(axis=2) > MOVING
        np.copyto(self._before, self._blur)
        self._blur.fill(0)
        self._frames += 1
        if self._frames == 1:
            return
        empty = cv2.dilate(moving.view(np.uint8), self._kernel) == 0
        cover(empty, boxes, False)
        for top in range(0, len(picture), self._rows):
            self._vote(slice(top, top + self._rows), picture, empty)

    def _vote(self, rows: slice, picture: NDArray[np.uint8], empty: NDArray[np.bool_]) -> None:
        seen, value, votes = picture[rows].astype(np.float32), self._value[rows], self._votes[rows]
        mean = value.astype(np.float32) / 256
        same = (np.abs(seen - mean).max(axis=2) <= SAME) & (votes > 0)
        fresh = empty[rows] & (votes == 0)
        agree, against = empty[rows] & same, empty[rows] & ~same & (votes > 0)
        weight = np.where(fresh, 1.0, np.where(agree, 1 / (1.0 + np.minimum(votes, 30)), 0.0)).astype(np.float32)
        mean += (seen - mean) * weight[:, :, None]
        np.copyto(value, np.clip(mean * 256 + 0.5, 0, 65_535).astype(np.uint16))
        votes[fresh] = 1
        votes[agree & (votes < MOST_VOTES)] += 1
        votes[against] -= 1

    def search(self, find: Find) -> int:
        """Make grey whatever looks like a person on the plate itself; returns how many were found."""
        boxes = find(self.picture())
        cover(self._grey, boxes, True)
        return len(boxes)

    def picture(self) -> NDArray[np.uint8]:
        """What may be shown now: (height, width, 3) uint8, grey where nothing may."""
        out: NDArray[np.uint8] = ((self._value.astype(np.uint32) + 127) >> 8).clip(0, 255).astype(np.uint8)
        out[(self._votes < VOTES) | self._grey] = GREY
        return out

    def wipe(self) -> None:
        """Overwrite everything that was seen."""
        for memory in (self._value, self._votes, self._before, self._blur, self._grey):
            memory.fill(0)


def cover(mask: NDArray[np.bool_], boxes: Boxes, value: bool) -> None:
    """Set `mask` to `value` under the boxes (n, 4), enlarged by MARGIN."""
    height, width = mask.shape
    for left, top, right, bottom in np.asarray(boxes, np.float64).reshape(-1, 4):
        dx = max(LEAST_MARGIN, MARGIN * (right - left))
        dy = max(LEAST_MARGIN, MARGIN * (bottom - top) / 2)
        x = np.clip([left - dx, right + dx + 1], 0, width).astype(int)
        y = np.clip([top - dy, bottom + dy + 1], 0, height).astype(int)
        mask[y[0] : y[1], x[0] : x[1]] = value
