"""Where somebody stands whose feet the camera does not see.

A sign, a car or another person in front cuts a box short, and the foot of a short box lies metres too far away. With
the camera's pose known, a box says how tall its person would be; one far too short for a person is placed by its top
instead: where somebody of usual height has their head there. If nothing is seen that hides the feet, neither the
picture's edge nor the box of somebody nearer, it may as well be a child who stands where the box ends: then the stated
error spans both places.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drukte.sense.geometry.ground import Ground
from drukte.sense.people import Floats

Mask = NDArray[np.bool_]

CUT_SHORT: Final = 0.88
"""A box of less than this part of a usual person's height has lost its feet.

Measured: of 2021 boxes on PETS 2009 S2.L1 view 1 whose lower edge is right, 1 % are lower than this."""
COVERED: Final = 0.5
"""Part of a box's lower edge that somebody nearer must stand in front of to hide the feet."""
EDGE: Final = 2.0
"""A box that ends this near to the picture's lower edge is cut by it, px."""
SIDEWAYS: Final = 0.25
"""Standard error across the line of sight of somebody placed by their head, m: a part-hidden box is off its middle."""


def standing(ground: Ground, boxes: ArrayLike, scores: ArrayLike, tall: Floats) -> tuple[Floats, Floats, Mask]:
    """Where the people in detected boxes stand, whole or cut short.

    Args:
        ground: how the camera sees the ground.
        boxes, scores: as for `Ground.positions`.
        tall: (n,) height of each box as a part of what its place implies; NaN where that is unknown.

    Returns:
        As `Ground.positions`.
    """
    xy, cov, ok = ground.positions(boxes, scores)
    pose = ground.pose
    if pose is None or not len(xy):
        return xy, cov, ok
    camera: Floats = np.asarray(pose.centre, np.float64)
    over = camera[2] - ground.body_height
    if over <= 0:  # heads are at or above the camera: their rays do not come down
        return xy, cov, ok
    short = np.flatnonzero(ok & (tall < CUT_SHORT))
    if not len(short):
        return xy, cov, ok
    edge = np.asarray(boxes, np.float64).reshape(-1, 4) - 0.5
    top = np.column_stack([(edge[short, 0] + edge[short, 2]) / 2, edge[short, 1]])
    below, _, seen = ground.to_ground(top)
    short, below = short[seen], below[seen]
    if not len(short):
        return xy, cov, ok
    # The ray to the top meets the ground at `below`; at head height it is this much nearer to the camera.
    ray = (below - camera[:2]) * (over / camera[2])
    distance = np.hypot(ray[:, 0], ray[:, 1])
    toward = ray / np.maximum(distance, 1e-9)[:, None]
    along = ground.body_spread * distance / over  # a taller person's head looks further away
    gap = np.where(_hidden(ground, edge)[short], 0.0, np.hypot(*(xy[short] - camera[:2] - ray).T))
    along = np.hypot(along, gap)
    xy[short] = camera[:2] + ray
    outer = toward[:, :, None] * toward[:, None, :]
    cov[short] = (along**2)[:, None, None] * outer + SIDEWAYS**2 * np.eye(2)
    return xy, cov, ok


def _hidden(ground: Ground, boxes: Floats) -> Mask:
    """(n,) whose feet are out of the picture, or behind the box of somebody nearer (one that ends lower)."""
    left, top, right, bottom = boxes.T
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    front = (bottom > bottom[:, None]) & (top < bottom[:, None]) & (wide > COVERED * (right - left)[:, None])
    return np.asarray(front.any(axis=1) | (bottom > ground.picture[1] - 0.5 - EDGE))
