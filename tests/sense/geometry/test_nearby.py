import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.geometry import nearby

MANY = st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1))


def points(n, m, seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 10, (n, 2)), rng.uniform(0, 10, (m, 2))


@pytest.fixture(params=["all against all", "tree"])
def way(request, monkeypatch):
    monkeypatch.setattr(nearby, "TABLE", 0 if request.param == "tree" else 20_000)


@pytest.mark.parametrize("case", [(1, 1, 0), (2, 7, 1), (50, 3, 2), (40, 60, 3)])
def test_both_ways_find_what_asking_each_pair_finds(way, case):
    a, b = points(*case)
    between = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    i, j = nearby.pairs_between(a, b, 2.0)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == set(zip(*np.nonzero(between <= 2.0), strict=True))
    np.testing.assert_allclose(nearby.nearest(a, b), between.min(axis=1))
    within = np.hypot(*(a[:, None] - a[None]).transpose(2, 0, 1))
    i, j = nearby.pairs_within(a, 2.0)
    near = np.nonzero(np.triu(within <= 2.0, 1))
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == set(zip(*near, strict=True))


@given(MANY)
def test_a_nearest_one_is_in_the_pairs_that_reach_so_far(case):
    a, b = points(*case)
    apart = nearby.nearest(a, b)
    i, _ = nearby.pairs_between(a, b, float(apart.max()) + 1e-9)
    assert set(i.tolist()) == set(range(len(a)))
