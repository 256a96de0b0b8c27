"""The sparse assignment against a dense one over all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from drukte.sense.tracking.assign import GATE, MISS, REACH, assign, assign_lost


def random_problem(seed, n, m):
    rng = np.random.default_rng(seed)
    xy, z = rng.uniform(0, 6, (n, 2)), rng.uniform(0, 6, (m, 2))
    cov = np.eye(2) * rng.uniform(0.01, 0.4, (n, 1, 1))
    r = np.eye(2) * rng.uniform(0.01, 0.2, (m, 1, 1))
    return xy, cov, z, r, rng.uniform(0, 3, n), rng.uniform(0, 3, m), rng.uniform(0, 4, m)


def total(i, j, cost, n):
    return cost[i, j].sum() + MISS * (n - len(i))


@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(0, 12))
def test_it_is_the_best_of_all(seed, n, m):
    xy, cov, z, r, handicap, penalty, bonus = random_problem(seed, n, m)
    i, j, plain = assign(xy, cov, z, r, handicap, penalty, bonus)
    assert len(set(i)) == len(i) == len(set(j)) == len(j)
    s = cov[:, None] + r
    d = z - xy[:, None]
    d2 = np.einsum("nmi,nmij,nmj->nm", d, np.linalg.inv(s), d)
    likelihood = d2 + np.log(np.linalg.det(s))
    cost = likelihood + handicap[:, None] + penalty
    possible = (d2 < GATE) & (cost < MISS) & (np.hypot(*d.transpose(2, 0, 1)) <= REACH)
    cost = np.where(possible, cost - bonus, 1e6)
    assert possible[i, j].all()
    np.testing.assert_allclose(plain, likelihood[i, j])
    full = np.concatenate([cost, np.where(np.eye(n, dtype=bool), MISS, 1e6)], axis=1)
    a, b = linear_sum_assignment(full)
    np.testing.assert_allclose(total(i, j, cost, n), full[a, b].sum(), atol=1e-6)


def test_a_sharp_track_keeps_what_a_vague_one_explains_as_well():
    xy = np.array([(0.0, 0), (0.3, 0)])
    cov = np.eye(2) * np.array([0.01, 1.0])[:, None, None]
    zero = np.zeros(1)
    i, _, _ = assign(xy, cov, np.array([(0.15, 0.0)]), np.eye(2)[None] * 0.01, np.zeros(2), zero, zero)
    assert i.tolist() == [0]


@pytest.mark.parametrize(
    ("seconds", "apart", "found"), [(0.2, 1.2, True), (0.2, 1.5, False), (3, 2.4, True), (9, 2.6, False)]
)
def test_the_lost_are_looked_for_within_a_walk(seconds, apart, found):
    i, j = assign_lost(np.zeros((1, 2)), np.array([seconds]), np.array([(apart, 0.0)]))
    assert (i.tolist(), j.tolist()) == (([0], [0]) if found else ([], []))
