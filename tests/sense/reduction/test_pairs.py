import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.reduction import pairs

FINE = np.polynomial.legendre.leggauss(1500)
ANY_PAIR = st.tuples(
    st.floats(-4, 4), st.floats(-4, 4), st.floats(0.02, 3), st.floats(0.02, 3), st.floats(0, np.pi), st.floats(0.5, 3)
)


def ellipse(small, large, angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([small**2, large**2]) @ turn.T


@given(ANY_PAIR)
def test_probability_against_a_fine_quadrature(pair):
    x, y, small, large, angle, radius = pair
    cov = ellipse(small, large, angle)[None]
    got = pairs.probability_within(np.array([[x, y]]), cov, radius)[0]
    rough = pairs._NODES, pairs._WEIGHTS
    try:
        pairs._NODES, pairs._WEIGHTS = FINE
        want = pairs.probability_within(np.array([[x, y]]), cov, radius)[0]
    finally:
        pairs._NODES, pairs._WEIGHTS = rough
    assert abs(got - want) < 1e-4


def test_probability_against_simulation():
    rng = np.random.default_rng(0)
    for _ in range(8):
        delta = rng.normal(0, 1.5, 2)
        cov = ellipse(*10 ** rng.uniform(-1.5, 0.3, 2), rng.uniform(0, np.pi))
        draws = rng.multivariate_normal(delta, cov, 200_000)
        share = (np.hypot(draws[:, 0], draws[:, 1]) < 1.5).mean()
        assert abs(pairs.probability_within(delta[None], cov[None], 1.5)[0] - share) < 0.006


def test_round_covariance_is_the_noncentral_chi_square():
    from scipy.stats import ncx2

    d = np.column_stack([np.linspace(0, 4, 41), np.zeros(41)])
    got = pairs.probability_within(d, np.tile(0.3**2 * np.eye(2), (41, 1, 1)), 1.5)
    np.testing.assert_allclose(got, ncx2.cdf((1.5 / 0.3) ** 2, 2, (d[:, 0] / 0.3) ** 2), atol=1e-4)


@given(st.integers(0, 300), st.integers(0, 2**32 - 1))
def test_gate_finds_the_pairs_that_all_against_all_finds(n, seed):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, np.sqrt(3 * n + 1), (n, 2))
    sigma = 10 ** rng.uniform(-2, -0.5, n)
    i, j = pairs.near_pairs(xy, sigma, 1.8)
    a, b = np.triu_indices(n, 1)
    near = np.hypot(*(xy[a] - xy[b]).T) < 1.8 + pairs.FAR * np.hypot(sigma[a], sigma[b])
    assert sorted(zip(i, j, strict=True)) == sorted(zip(a[near], b[near], strict=True))


def test_a_few_blurred_people_do_not_make_every_pair_a_candidate(monkeypatch):
    asked = []
    real = pairs.cKDTree

    class Counting(real):
        def query_pairs(self, r, **keys):
            asked.append(r)
            return super().query_pairs(r, **keys)

    monkeypatch.setattr(pairs, "cKDTree", Counting)
    sigma = np.full(500, 0.1)
    sigma[:5] = 3.0
    pairs.near_pairs(np.random.default_rng(0).uniform(0, 100, (500, 2)), sigma, 1.8)
    assert max(asked) < 3


def test_quick_normal_distribution_function():
    from scipy.special import ndtr

    x = np.linspace(-40, 40, 100_001)
    assert np.abs(pairs._normal(x) - ndtr(x)).max() < 2e-5


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_components_are_those_of_a_graph_library(n, seed):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rng = np.random.default_rng(seed)
    i, j = rng.integers(0, n, (2, rng.integers(0, n + 1)))
    ours = pairs.components(n, i, j)
    theirs = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(n, n)), directed=False)[1]
    assert len(set(zip(ours.tolist(), theirs.tolist(), strict=True))) == len(set(ours)) == len(set(theirs))
