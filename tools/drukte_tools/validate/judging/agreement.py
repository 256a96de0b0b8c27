"""Two people counted the same pictures without seeing each other: how far they agree, and how far both may be wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]

SAME_MARK = 0.03
"""Marks of two counters nearer than this share of the picture's diagonal may be the same person."""


def same_people(one: Floats, two: Floats, reach: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of marks of `one` (n, 2) and `two` (m, 2), px, that are the same person: one to one, least distance in
    sum, no pair further apart than `reach` px."""
    if not len(one) or not len(two):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    distance = np.hypot(*(one[:, None] - two[None]).transpose(2, 0, 1))
    rows, columns = linear_sum_assignment(np.minimum(distance, 2 * reach))
    near = distance[rows, columns] <= reach
    return rows[near], columns[near]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two independent hand counts compare.

    Attributes:
        pictures: pictures that both counted.
        same_count: share of them in which both counted the same number.
        within_one: share in which their numbers differ by one at most.
        both: people whom both marked.
        one: marks that only one of them set.
        mean_difference, limits: first minus second count, and its limits of agreement (Bland and Altman 1986).
    """

    pictures: int
    same_count: float
    within_one: float
    both: int
    one: int
    mean_difference: float
    limits: tuple[float, float]

    @property
    def error_rate(self) -> float:
        """Estimated chance that one counter misses a person or marks nobody, from how often they differ.

        Both see a person with (1 - p)^2, one alone with 2 p (1 - p): with `both` and `one` marks of the two kinds,
        p = one / (2 both + one).
        """
        total = 2 * self.both + self.one
        return self.one / total if total else 0.0

    @property
    def allowance(self) -> float:
        """People per person counted by which the settled hand count may be wrong: those whom both missed, p^2, and
        disputed ones judged wrongly, if a second look errs as often as the first."""
        total = self.both + self.one
        return self.error_rate**2 + self.error_rate * self.one / total if total else 0.0


def agreement(first: list[Floats], second: list[Floats], reach: list[float]) -> Agreement:
    """Compare the marks of two counters, picture by picture; `reach` as in `same_people`."""
    both = one = 0
    difference = []
    for a, b, near in zip(first, second, reach, strict=True):
        rows, _ = same_people(a, b, near)
        both += len(rows)
        one += len(a) + len(b) - 2 * len(rows)
        difference.append(len(a) - len(b))
    d = np.array(difference, np.float64)
    if not len(d):
        return Agreement(0, 0.0, 0.0, 0, 0, 0.0, (0.0, 0.0))
    spread = 1.96 * float(d.std(ddof=1)) if len(d) > 1 else 0.0
    middle = float(d.mean())
    return Agreement(
        len(d),
        float((d == 0).mean()),
        float((np.abs(d) <= 1).mean()),
        both,
        one,
        middle,
        (middle - spread, middle + spread),
    )
