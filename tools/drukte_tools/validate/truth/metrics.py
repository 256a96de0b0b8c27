"""Count errors, pair distances and closeness levels against truth: pure functions on arrays."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]

SAME_PERSON = 0.5
"""Intersection over union from which a box and a true box are the same person: MOTChallenge's rule."""
NEAR_PAIRS = 5.0
"""Distances are compared for true pairs nearer than this, m."""


def overlaps(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of `a` (n, 4) with every box of `b` (m, 4): (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = ((x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b))
    union = area_a[:, None] + area_b[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def match(found: Floats, true: Floats, least: float = SAME_PERSON) -> NDArray[np.intp]:
    """For each found box the index of its true box, -1 where it has none. One to one, most overlap in sum."""
    result = np.full(len(found), -1, np.intp)
    if len(found) and len(true):
        shared = overlaps(np.nan_to_num(found), true)
        shared[shared < least] = 0.0
        rows, columns = linear_sum_assignment(shared, maximize=True)
        good = shared[rows, columns] >= least
        result[rows[good]] = columns[good]
    return result


@dataclass(slots=True)
class CountErrors:
    """Counts of one set against truth, and when each was."""

    found: list[int] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def add(self, found: int, true: int, at: float = 0.0) -> None:
        """One frame at `at` s."""
        self.found.append(found)
        self.true.append(true)
        self.at.append(at)

    def flicker(self) -> dict[str, float]:
        """Mean change of the count from frame to frame, and that of the truth."""
        found, true = np.array(self.found, float), np.array(self.true, float)
        return {
            "flicker": float(np.abs(np.diff(found)).mean()) if len(found) > 1 else 0.0,
            "flicker_truth": float(np.abs(np.diff(true)).mean()) if len(true) > 1 else 0.0,
        }


@dataclass(slots=True)
class _Level:
    right: int = 0
    found: int = 0
    true: int = 0

    def figures(self) -> dict[str, float | int | None]:
        precision = self.right / self.found if self.found else None
        recall = self.right / self.true if self.true else None
        f1 = 2 * self.right / (self.found + self.true) if self.found + self.true else None
        return {"precision": precision, "recall": recall, "f1": f1, "pairs_true": self.true, "pairs_found": self.found}


class PairErrors:
    """Distances and closeness levels of pairs against truth.

    A level is 'nearer than its limit', so every high-risk pair is a low-risk one too. People are matched one to one by
    the overlap of their boxes; a true pair with a missed person is missed, a found pair with an unmatched box is
    false.
    """

    def __init__(self, limits: dict[str, float]) -> None:
        """`limits`: name of each level and its distance, m."""
        self._limits = limits
        self._levels = {name: _Level() for name in limits}
        self._errors: list[Floats] = []

    def add(self, found: Floats, boxes: Floats, true: Floats, true_boxes: Floats) -> None:
        """One frame: positions (m) and boxes (px) of the found people, and of the true ones."""
        partner = match(boxes, true_boxes)
        first, second = np.triu_indices(len(found), 1)
        distance = np.hypot(*(found[first] - found[second]).T)
        real = np.full(len(first), np.nan)
        both = (partner[first] >= 0) & (partner[second] >= 0)
        real[both] = np.hypot(*(true[partner[first[both]]] - true[partner[second[both]]]).T)
        near = both & (real < NEAR_PAIRS)
        self._errors.append(np.abs(distance[near] - real[near]))
        a, b = np.triu_indices(len(true), 1)
        true_distance = np.hypot(*(true[a] - true[b]).T)
        for name, limit in self._limits.items():
            level = self._levels[name]
            level.found += int((distance < limit).sum())
            level.true += int((true_distance < limit).sum())
            level.right += int(((distance < limit) & (real < limit)).sum())

    def figures(self) -> dict[str, object]:
        """Mean absolute error of pair distances, and precision, recall and F1 per level."""
        errors = np.concatenate(self._errors) if self._errors else np.empty(0)
        return {
            "pair_distance_mae_m": float(errors.mean()) if len(errors) else None,
            "pairs_compared": len(errors),
            "levels": {name: level.figures() for name, level in self._levels.items()},
        }
