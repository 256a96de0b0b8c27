"""People as two sensors on one ground plane see them, made one: nobody twice, nobody left out.

Two positions are one person when their difference fits their covariances. The pairs are chosen over everybody at once,
and a pair's place is the mean weighted with the inverse covariances, the best linear estimate for errors that have
nothing to do with each other, as those of two sensors have not (Bar-Shalom, Li and Kirubarajan, Estimation with
Applications to Tracking and Navigation, 2001, section 8.3). Who only one sensor sees is counted too: people hide
behind each other from one place and not from another, and each kind of sensor misses others than the other does.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from drukte.sense.geometry.view import View
from drukte.sense.people import Positions

Mask = NDArray[np.bool_]

GATE: Final = 11.829
"""Chi-square, 2 degrees of freedom, 99.73 %: three standard deviations."""
BODY: Final = 0.15
"""Standard deviation of which part of a body a sensor takes for its place, m; the two do not agree on it."""
LATE: Final = 0.8
"""How far somebody may have walked, m for each second by which the looks are apart (one standard deviation)."""
ONE_BODY: Final = 0.8
"""Nearer than this two leftovers are one person, m."""
FAR: Final = 1.5
"""Farther apart than this nobody is one person, whatever the covariances say, m."""


@dataclass(frozen=True, slots=True)
class Together:
    """The people of a moment.

    Attributes:
        positions: (n,) everybody, once; the score is the higher of the two.
        seen_by: (n, 2) which sensors see each.
        common: (n,) who stands where both could see.
    """

    positions: Positions
    seen_by: Mask
    common: Mask


def together(first: Positions, second: Positions, views: tuple[View, View], apart: float = 0.0) -> Together:
    """Make one set of people of two.

    Args:
        first, second: what each sensor sees, on the site's ground plane.
        views: what each could see.
        apart: time between the two looks, s.
    """
    i, j = _pairs(first, second, apart)
    a, b = first.cov[i], second.cov[j]
    gain = a @ np.linalg.inv(a + b)
    xy = first.xy[i] + (gain @ (second.xy[j] - first.xy[i])[..., None])[..., 0]
    cov = a - gain @ a
    only_first = np.setdiff1d(np.arange(len(first)), i)
    only_second = np.setdiff1d(np.arange(len(second)), j)
    positions = Positions(
        np.concatenate([xy, first.xy[only_first], second.xy[only_second]]),
        np.concatenate([(cov + cov.transpose(0, 2, 1)) / 2, first.cov[only_first], second.cov[only_second]]),
        np.concatenate(
            [np.maximum(first.scores[i], second.scores[j]), first.scores[only_first], second.scores[only_second]]
        ),
        np.concatenate([first.kinds[i], first.kinds[only_first], second.kinds[only_second]]),
    )
    seen_by = np.repeat([[True, True], [True, False], [False, True]], [len(i), len(only_first), len(only_second)], 0)
    common = ~views[0].outside(positions.xy) & ~views[1].outside(positions.xy)
    return Together(positions, seen_by, common)


def _pairs(first: Positions, second: Positions, apart: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Who is the same in both, one to one: the pairing with the smallest sum of squared Mahalanobis distances."""
    if not len(first) or not len(second):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    away = second.xy[None] - first.xy[:, None]
    slack = (BODY**2 + (LATE * apart) ** 2) * np.eye(2)
    s = first.cov[:, None] + second.cov[None] + slack
    d2 = np.einsum("nmi,nmij,nmj->nm", away, np.linalg.inv(s), away)
    distance = np.hypot(away[..., 0], away[..., 1])
    # Sensors are surer of themselves than they should be: two who stand in one body's room are one person, at the
    # price of the worst pair, if neither has a better partner.
    near = ((d2 < GATE) & (distance < FAR)) | (distance < ONE_BODY)
    d2 = np.minimum(d2, 0.999 * GATE)
    # Leaving two apart costs as much as the worst pair that is allowed, so that one more pair is always better.
    i, j = linear_sum_assignment(np.where(near, d2, GATE))
    good = near[i, j]
    return i[good], j[good]
