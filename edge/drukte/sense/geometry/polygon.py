"""Polygons on the ground plane: signed distance, area, clipping."""

import numpy as np
from numpy.typing import ArrayLike

from drukte.sense.people import Floats


def signed_distance(points: Floats, corners: Floats) -> Floats:
    """Distance of points (n, 2) to the edge of the polygon `corners` (m, 2), m: positive inside, negative outside."""
    ax, ay = corners.T
    ex, ey = (np.concatenate([corners[1:], corners[:1]]) - corners).T
    x, y = points[:, :1] - ax, points[:, 1:] - ay
    along = np.clip((x * ex + y * ey) / np.maximum(ex * ex + ey * ey, 1e-12), 0, 1)
    off_x, off_y = x - along * ex, y - along * ey
    distance = np.sqrt((off_x * off_x + off_y * off_y).min(1))
    # Even-odd rule: edges that a ray to the right of the point crosses.
    below = ay <= points[:, 1:]
    above = below != np.concatenate([below[:, 1:], below[:, :1]], axis=1)
    right = (ex * y - ey * x > 0) == (ey > 0)
    inside = (above & right).sum(1) % 2 == 1
    out: Floats = np.where(inside, distance, -distance)
    return out


def area(corners: ArrayLike) -> float:
    """Area of a polygon (m, 2), square metres, whichever way round (shoelace formula)."""
    p = np.asarray(corners, float)
    if len(p) < 3:
        return 0.0
    q = np.roll(p, -1, 0)
    return float(abs((p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1]).sum()) / 2)


def clip(subject: Floats, window: Floats) -> Floats:
    """The part of polygon `subject` inside the convex polygon `window` (Sutherland and Hodgman 1974).

    A subject that falls into several parts comes back as one polygon joined by edges of no width, so its area is right.
    """
    out = np.asarray(subject, float)
    window = np.asarray(window, float)
    q = np.roll(window, -1, 0)
    if (window[:, 0] * q[:, 1] - q[:, 0] * window[:, 1]).sum() < 0:
        window = window[::-1]
    for a, b in zip(window, np.roll(window, -1, 0), strict=True):
        if not len(out):
            break
        side = (b[0] - a[0]) * (out[:, 1] - a[1]) - (b[1] - a[1]) * (out[:, 0] - a[0])
        kept: list[Floats] = []
        for p, s, p2, s2 in zip(out, side, np.roll(out, -1, 0), np.roll(side, -1), strict=True):
            if s >= 0:
                kept.append(p)
            if (s >= 0) != (s2 >= 0):
                kept.append(p + (p2 - p) * (s / (s - s2)))
        out = np.array(kept).reshape(-1, 2)
    return out
