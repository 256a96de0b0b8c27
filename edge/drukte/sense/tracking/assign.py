"""Which detection belongs to which track: gating by Mahalanobis distance, then one global assignment.

The cost of a pair is -2 ln of the likelihood that the track made the detection, so a vague track does not take what a
sharp one explains as well. Pairs outside the gate do not exist: the problem is sparse, and its size grows with the
number of neighbours, not with the square of the crowd.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from drukte.sense.geometry.nearby import pairs_between
from drukte.sense.people import Floats

Rows = NDArray[np.intp]

GATE: Final = 13.8
"""Squared Mahalanobis distance beyond which a detection cannot belong to a track: 99.9 % of chi-square, 2 degrees."""
REACH: Final = 3.0
"""Distance in metres beyond which nobody is looked for, however vague their track has become."""
MISS: Final = 8.0
"""Cost of leaving a track without detection: -2 ln of a density of stray detections of about 0.02 per square metre.
Equal to the gate for somebody known to about 0.25 m; tighter for whoever is known less well."""
DENSE: Final = 40_000
"""Largest table of costs that is solved whole; larger crowds are solved as a sparse graph."""
LOST_NEAR, LOST_SPEED, LOST_FAR = 1.0, 1.5, 2.5
"""Somebody lost is looked for within 1 m, and 1.5 m (a walk) more for each second, up to 2.5 m."""


def assign(
    xy: Floats, cov: Floats, z: Floats, r: Floats, handicap: Floats, penalty: Floats, bonus: Floats
) -> tuple[Rows, Rows, Floats]:
    """Pairs of track and detection with the highest joint likelihood.

    Args:
        xy: (n, 2) predicted positions, m.
        cov: (n, 2, 2) their covariances, m2.
        z: (m, 2) detected positions, m.
        r: (m, 2, 2) their covariances, m2.
        handicap: (n,) cost added to all pairs of a track, at least 0: lets established tracks go first.
        penalty: (m,) cost added to all pairs of a detection, at least 0: lets sure detections go first.
        bonus: (m,) cost saved by giving a detection to any track, which widens no gate: somebody sure without a track
            would have to have come from nowhere.

    Returns:
        Indices of the matched tracks and of their detections, and the costs of the pairs without the additions.
    """
    n, m = len(xy), len(z)
    nobody = np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
    if not n or not m:
        return nobody
    i, j = pairs_between(xy, z, REACH)
    s, d = cov[i] + r[j], z[j] - xy[i]
    a, b, c, x, y = s[:, 0, 0], s[:, 0, 1], s[:, 1, 1], d[:, 0], d[:, 1]
    det = a * c - b * b
    d2 = (c * x * x - 2 * b * x * y + a * y * y) / det
    plain = d2 + np.log(det)
    cost = plain + handicap[i] + penalty[j]
    possible = (d2 < GATE) & (cost < MISS)
    if not possible.any():
        return nobody
    i, j, cost, plain = i[possible], j[possible], cost[possible] - bonus[j[possible]], plain[possible]
    # Most people and their detections have only each other, and need no solver.
    only = (np.bincount(i, minlength=n)[i] == 1) & (np.bincount(j, minlength=m)[j] == 1)
    chosen = only & (cost < MISS)
    others = np.flatnonzero(~only)
    chosen[others[_solve(i[others], j[others], cost[others])]] = True
    return i[chosen], j[chosen], plain[chosen]


def _solve(i: Rows, j: Rows, cost: Floats) -> Rows:
    """Which of the pairs (i, j) make the cheapest assignment, where leaving a track without detection costs `MISS`."""
    if not len(i):
        return np.empty(0, np.intp)
    (i, n), (j, m) = _renumbered(i), _renumbered(j)
    if n * m <= DENSE:
        table = np.full((n, m), MISS)
        table[i, j] = np.minimum(cost, MISS)
        first, second = linear_sum_assignment(table)
        at = np.full((n, m), -1, np.intp)
        at[i, j] = np.arange(len(i))
        found = at[first, second]
        found = found[found >= 0]
        return np.asarray(found[cost[found] < MISS], np.intp)
    # Each track also has a column of its own that stands for 'not seen', so that a full matching of tracks exists.
    tracks = np.arange(n)
    weights = np.concatenate([cost, np.full(n, MISS)])
    weights += 1 - weights.min()  # the solver takes a weight of zero for a missing edge
    graph = csr_array(
        (weights, (np.concatenate([i, tracks]), np.concatenate([j, m + tracks]))),
        shape=(n, m + n),
    )
    track, detection = min_weight_full_bipartite_matching(graph)
    pairs = i * m + j
    order = np.argsort(pairs)
    seen = detection < m
    wanted = np.asarray(track[seen], np.intp) * m + detection[seen]
    return np.asarray(order[np.searchsorted(pairs, wanted, sorter=order)], np.intp)


def _renumbered(values: Rows) -> tuple[Rows, int]:
    """The same numbers without gaps, from 0, and how many different ones there are."""
    used = np.bincount(values) > 0
    return (np.cumsum(used) - 1)[values], int(np.count_nonzero(used))


def assign_lost(xy: Floats, unseen: Floats, z: Floats) -> tuple[Rows, Rows]:
    """Lost people and sure detections that nothing else explains: who vanishes in the open and who turns up a step
    further are the same person.

    Args:
        xy: (n, 2) where the lost should be, m.
        unseen: (n,) for how long they have not been seen, s.
        z: (m, 2) detections, m.

    Returns:
        Indices of the found and of their detections.
    """
    distance = np.hypot(*(z - xy[:, None]).transpose(2, 0, 1))
    allowed = np.minimum(LOST_NEAR + LOST_SPEED * unseen, LOST_FAR)
    cost = np.where(distance < allowed[:, None], distance, 1e3)
    i, j = linear_sum_assignment(cost)
    good = cost[i, j] < 1e3
    return i[good].astype(np.intp), j[good].astype(np.intp)
