"""One person detected twice: two boxes of one body whose feet lie closer together than two people can stand."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.nearby import pairs_within
from drukte.sense.people import Positions
from drukte.sense.tracking.kalman import inverse_2x2

Mask = NDArray[np.bool_]

ELBOW: Final = 0.4
"""Distance under which two people hardly ever stand, m. Measured: of the walkers of ETH and UCY (five scenes, exact
places) 0.2 to 2.6 % have a neighbour nearer than this; up to 15 % have one nearer than 0.5 m, arm in arm."""
VAGUE: Final = 0.25
"""Part of the positions' covariance that widens that distance: two vague positions 0.7 m apart may be one body."""


def twins(positions: Positions) -> Mask:
    """(n,) mask of positions inside the body of somebody detected more surely."""
    out = np.zeros(len(positions), bool)
    if len(out) < 2:
        return out
    i, j = pairs_within(positions.xy, 2 * ELBOW)
    if not len(i):
        return out
    body = (ELBOW / 2) ** 2 * np.eye(2)
    inverse, _ = inverse_2x2(VAGUE * (positions.cov[i] + positions.cov[j]) + body)
    apart = positions.xy[i] - positions.xy[j]
    same = np.einsum("ni,nij,nj->n", apart, inverse, apart) < 4.0  # two radii
    i, j = i[same], j[same]
    out[np.where(positions.scores[i] < positions.scores[j], i, j)] = True
    return out
