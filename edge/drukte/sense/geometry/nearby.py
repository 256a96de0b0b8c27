"""Who is near whom: all against all while that is quicker than a tree."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from drukte.sense.people import Floats

Rows = NDArray[np.intp]

TABLE: Final = 20_000
"""Largest table of points against other points that is looked at whole; larger ones are searched with a tree. Pairs of
the points themselves need one tree only, which is worth while from half as many points on."""


def pairs_within(xy: Floats, reach: float) -> tuple[Rows, Rows]:
    """Pairs i < j of points (n, 2) m that are at most `reach` m apart."""
    if len(xy) ** 2 > TABLE / 4:
        both = cKDTree(xy).query_pairs(reach, output_type="ndarray")
        return both[:, 0], both[:, 1]
    i, j = np.nonzero(_squares(xy, xy) <= reach * reach)
    once = i < j
    return i[once], j[once]


def pairs_between(xy: Floats, z: Floats, reach: float) -> tuple[Rows, Rows]:
    """Pairs of points (n, 2) and (m, 2) m that are at most `reach` m apart."""
    if len(xy) * len(z) > TABLE:
        near = cKDTree(xy).sparse_distance_matrix(cKDTree(z), reach, output_type="ndarray")
        return near["i"], near["j"]
    i, j = np.nonzero(_squares(xy, z) <= reach * reach)
    return i, j


def nearest(xy: Floats, z: Floats) -> Floats:
    """(n,) distance of each point (n, 2) to the nearest of (m, 2), m at least 1; m."""
    if len(xy) * len(z) > TABLE:
        return np.asarray(cKDTree(z).query(xy)[0])
    return np.asarray(np.sqrt(_squares(xy, z).min(axis=1)))


def _squares(xy: Floats, z: Floats) -> Floats:
    x, y = np.subtract.outer(xy[:, 0], z[:, 0]), np.subtract.outer(xy[:, 1], z[:, 1])
    x *= x
    y *= y
    x += y
    return np.asarray(x)
