"""Heads made unrecognisable, in the picture itself, before it is encrypted."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

HEAD: Final = 0.28
"""Upper part of a person's box that is taken for the head, as a share of the box's height. A head is an eighth of a
standing body (Drillis and Contini 1966: 0.13); the rest covers boxes that start too high or hold somebody bent."""
CELLS: Final = 3
"""What is left of a head: this many cells across and down, each of one colour."""
MARGIN: Final = 0.1
"""Widening of the head region to each side, as a share of the box's width."""


def pixelate_heads(picture: NDArray[np.uint8], boxes: NDArray[np.floating]) -> int:
    """Make the heads of the people in these boxes unrecognisable, in place.

    Args:
        picture: (height, width, 3) uint8, changed.
        boxes: (n, 4) left, top, right, bottom, px.

    Returns:
        How many heads were in the picture.
    """
    rows, columns = picture.shape[:2]
    done = 0
    for left, top, right, bottom in boxes[np.isfinite(boxes).all(axis=1)].tolist():
        wide, high = right - left, bottom - top
        x0, x1 = max(0, int(left - MARGIN * wide)), min(columns, int(np.ceil(right + MARGIN * wide)))
        y0, y1 = max(0, int(top - MARGIN * high)), min(rows, int(np.ceil(top + HEAD * high)))
        if x1 <= x0 or y1 <= y0:
            continue
        xs = np.unique(np.linspace(x0, x1, CELLS + 1).round().astype(int))
        ys = np.unique(np.linspace(y0, y1, CELLS + 1).round().astype(int))
        for a, b in pairwise(ys):
            for c, d in pairwise(xs):
                cell = picture[a:b, c:d]
                cell[:] = cell.mean(axis=(0, 1)).astype(np.uint8)
        done += 1
    return done
