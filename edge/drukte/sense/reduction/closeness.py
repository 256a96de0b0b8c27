"""How near people are to each other, with what is not known about it: levels, pairs, groups and density.

The same for a camera and a radar: all that counts is places in metres and their covariance.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.lens import Floats
from drukte.sense.reduction.pairs import (
    FAR,
    SCALE,
    Indices,
    chances_within,
    components,
    largest,
    near_pairs,
    pair_covariance,
    principal,
)

SAFE, LOW_RISK, HIGH_RISK, UNDETERMINED = range(4)
"""Columns of `Closeness.levels`."""

SURE = 0.95
"""A person whose level is at least this probable is never undetermined."""

BLUR = 1 / 3
"""A pair whose distance has a standard error above this share of the high-risk limit cannot be told."""

WALKWAY = (0.31, 0.43, 0.72, 1.08, 2.17)
"""Fruin's levels of service A to F for walkways: upper bounds of A to E in people per square metre.

Source: J. J. Fruin, Pedestrian Planning and Design, 1971: 35, 25, 15, 10 and 5 square feet a person."""

QUEUE = (0.83, 1.08, 1.54, 3.59, 5.38)
"""The same for standing crowds and queues: 13, 10, 7, 3 and 2 square feet a person."""


class Counts(NamedTuple):
    """What one zone's people add up to in one frame.

    Attributes:
        people: (4,) expected people per level: safe, low risk, high risk, undetermined.
        deviation: (3,) standard deviation of the first three.
        pairs: (2,) expected pairs per level: low risk, high risk. A pair of which one stands outside counts half.
        party: (2,) those of them that walk together.
        groups: (3,) groups of 2, of 3 or 4, and of 5 and more of the zone's people.
    """

    people: Floats
    deviation: Floats
    pairs: Floats
    party: Floats
    groups: Floats


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Closeness:
    """Who is near whom in one frame.

    Attributes:
        levels: (n, 4) chance of each level for each person; an undetermined person has (0, 0, 0, 1).
        none, not_high: (n,) chance that no other is under the low-risk limit, under the high-risk limit.
        first, second: (m,) the pairs that may be under a limit, by person, first < second.
        high, low: (m,) chance of being under the high-risk limit, between the two limits.
        distance, sigma: (m,) m.
        party: (m,) whether the two walk together.
        group: (n,) number of the group that each person belongs to; who is alone is a group of one.
    """

    levels: Floats
    none: Floats
    not_high: Floats
    first: Indices
    second: Indices
    high: Floats
    low: Floats
    distance: Floats
    sigma: Floats
    party: NDArray[np.bool_]
    group: Indices

    def counts(self, inside: NDArray[np.bool_] | None = None) -> Counts:
        """Sums over the people that the (n,) mask `inside` names; None: over all.

        People outside still make those inside low or high risk: a zone's edge protects nobody.
        """
        n = len(self.levels)
        mask = np.ones(n, bool) if inside is None else inside
        weight = (mask[self.first].astype(float) + mask[self.second]) / 2
        low, high = self.low * weight, self.high * weight
        return Counts(
            self.levels[mask].sum(axis=0),
            np.sqrt(np.maximum(self._variance(mask), 0)),
            np.array([low.sum(), high.sum()]),
            np.array([low[self.party].sum(), high[self.party].sum()]),
            group_sizes(self.group[mask]),
        )

    def _variance(self, mask: NDArray[np.bool_]) -> Floats:
        """Variance of the number of safe, low-risk and high-risk people among `mask`.

        Pairs are taken as independent; two people share the pair that they make, so that their levels are not. With
        q the chance of having no pair under a limit and p that of a pair, the chance that neither i nor j has one is
        q_i q_j / (1 - p_ij).
        """
        told = mask & (self.levels[:, UNDETERMINED] == 0)
        both = told[self.first] & told[self.second]
        i, j = self.first[both], self.second[both]
        under = np.minimum(self.low[both] + self.high[both], 1 - 1e-9)
        high = np.minimum(self.high[both], 1 - 1e-9)
        a, b = self.not_high, self.none
        c, d = a[told], b[told]
        own = np.array([(d * (1 - d)).sum(), ((c - d) * (1 - c + d)).sum(), (c * (1 - c)).sum()])
        none = b[i] * b[j] * under / (1 - under)
        top = a[i] * a[j] * high / (1 - high)
        mixed = (a[i] * b[j] + b[i] * a[j]) * high / (1 - high)
        shared = np.array([none.sum(), (top - mixed + none).sum(), top.sum()])
        out: Floats = own + 2 * shared
        return out


def closeness(
    xy: Floats,
    cov: Floats,
    high_risk: float,
    low_risk: float,
    group: float,
    *,
    shared: Floats | None = None,
    party: NDArray[np.intp] | None = None,
) -> Closeness:
    """Levels, pairs and groups of the people in one frame.

    Args:
        xy: (n, 2) places, m. Whoever cannot be placed must be left out.
        cov: (n, 2, 2) their covariance, m2.
        high_risk, low_risk: distances under which a pair is at high and at low risk, m.
        group: people linked by distances under this, m, form a group.
        shared: (n, 2, k) part of the error that people have in common, see `Ground.shared`.
        party: (n,) people with the same number, if it is 0 or more, walk together.
    """
    n = len(xy)
    reach = max(low_risk, group)
    own, gate = cov, reach
    if shared is not None:
        own, gate = cov - shared @ shared.transpose(0, 2, 1), reach * (1 + FAR * SCALE)
    i, j = near_pairs(xy, largest(own), gate)
    delta = xy[i] - xy[j]
    pair = pair_covariance(i, j, own, shared)
    distance = np.hypot(delta[:, 0], delta[:, 1])
    near = np.flatnonzero(distance < reach + FAR * largest(pair))
    i, j, delta, distance = i[near], j[near], delta[near], distance[near]
    sigma, axis = principal(pair[near])
    blur = sigma[:, 1]
    radii = tuple({high_risk, low_risk, group})
    within = dict(zip(radii, chances_within(delta, sigma, axis, radii), strict=True))
    high, under = within[high_risk], np.maximum(within[low_risk], within[high_risk])
    none, not_high = _no_pair(n, i, j, under), _no_pair(n, i, j, high)
    levels = np.column_stack([none, not_high - none, 1 - not_high, np.zeros(n)])
    doubtful = (blur > BLUR * high_risk) & (under > 1 - SURE)
    lost = np.zeros(n, bool)
    lost[i[doubtful]] = lost[j[doubtful]] = True
    lost &= levels[:, :3].max(axis=1, initial=0) < SURE
    levels[lost] = (0, 0, 0, 1)
    together = np.zeros(len(i), bool)
    if party is not None:
        together = (party[i] == party[j]) & (party[i] >= 0)
    linked = within[group] > 0.5
    label = components(n, i[linked], j[linked])
    return Closeness(levels, none, not_high, i, j, high, under - high, distance, blur, together, label)


def group_sizes(group: Indices) -> Floats:
    """(3,) number of groups of 2, of 3 or 4 and of 5 or more, from each person's group number."""
    of_size = np.bincount(np.bincount(group), minlength=5)
    return np.array([of_size[2], of_size[3] + of_size[4], of_size[5:].sum()], np.float64)


def level_of_service(density: float, bounds: tuple[float, ...] = WALKWAY) -> str:
    """Fruin's level, "A" (free) to "F" (jam), of a density in people per square metre of visible ground."""
    return "ABCDEF"[int(np.searchsorted(bounds, density, side="left"))]


def _no_pair(n: int, i: Indices, j: Indices, p: Floats) -> Floats:
    """(n,) chance that a person is in none of the pairs (i, j), each of which holds with chance p."""
    log = np.log1p(-np.minimum(p, 1 - 1e-12))
    total = np.bincount(i, log, n) + np.bincount(j, log, n)
    out: Floats = np.exp(total)
    return out
