import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.reduction.closeness import QUEUE, SAFE, UNDETERMINED, closeness, group_sizes, level_of_service

PEOPLE = st.lists(st.tuples(st.floats(0, 8), st.floats(0, 8), st.floats(0.02, 0.6)), min_size=0, max_size=12)


def level(xy, sigma, **keys):
    xy = np.array(xy, float).reshape(-1, 2)
    cov = np.broadcast_to(np.asarray(sigma, float) ** 2, len(xy))[:, None, None] * np.eye(2)
    return closeness(xy, cov, 1.5, 1.8, 1.5, **keys)


def test_sure_places_give_whole_numbers():
    c = level([(0, 0), (1, 0), (10, 0), (11.7, 0), (20, 0)], 0.005).counts()
    np.testing.assert_allclose(c.people, [1, 2, 2, 0], atol=1e-6)
    np.testing.assert_allclose(c.pairs, [1, 1], atol=1e-6)
    np.testing.assert_allclose(c.deviation, 0, atol=1e-3)
    assert c.groups.tolist() == [1, 0, 0]


def test_level_is_that_of_the_worst_pair():
    c = level([(0, 0), (1.0, 0), (-1.65, 0)], 0.005)
    np.testing.assert_allclose(c.levels.argmax(axis=1), [2, 2, 1])


def test_expected_counts_and_deviation_against_simulation():
    rng = np.random.default_rng(5)
    xy = rng.uniform(0, 9, (20, 2))
    c = level(xy, 0.15).counts()
    drawn = np.empty((4000, 3))
    for k in range(len(drawn)):
        p = xy + rng.normal(0, 0.15, xy.shape)
        near = (np.hypot(*(p[:, None] - p[None]).transpose(2, 0, 1)) + 99 * np.eye(20)).min(axis=1)
        drawn[k] = (near >= 1.8).sum(), ((near < 1.8) & (near >= 1.5)).sum(), (near < 1.5).sum()
    np.testing.assert_allclose(c.people[:3], drawn.mean(axis=0), atol=0.2)
    np.testing.assert_allclose(c.deviation, drawn.std(axis=0), rtol=0.2)


def test_blurred_places_are_undetermined_not_guessed():
    c = level([(0, 0), (1.5, 0), (30, 30)], [0.8, 0.8, 0.8])
    assert c.levels[:, UNDETERMINED].tolist() == [1, 1, 0]
    assert c.levels[2, SAFE] > 0.95
    # Blurred but all on top of each other: surely near, so told.
    crowd = level([(0, 0), (0.1, 0), (0, 0.1), (0.1, 0.1), (0.05, 0.05), (0.15, 0.1), (0.1, 0.15)], 0.4)
    assert (crowd.levels[:, UNDETERMINED] == 0).all()


def test_shared_error_does_not_blur_a_distance():
    xy = np.array([[0.0, 0], [1.2, 0]])
    common = np.array([[[1.0], [0.5]], [[1.0], [0.5]]])
    cov = common @ common.transpose(0, 2, 1) + 0.01**2 * np.eye(2)
    apart = closeness(xy, cov, 1.5, 1.8, 1.5)
    together = closeness(xy, cov, 1.5, 1.8, 1.5, shared=common)
    assert apart.levels[:, UNDETERMINED].all()
    assert together.levels[0, 2] > 0.999


@given(PEOPLE, st.randoms())
def test_order_of_people_does_not_matter(people, random):
    p = np.array(people).reshape(-1, 3)
    order = list(range(len(p)))
    random.shuffle(order)
    a = level(p[:, :2], p[:, 2])
    b = level(p[order, :2], p[order, 2])
    np.testing.assert_allclose(a.levels[order], b.levels, atol=1e-6)  # single precision
    np.testing.assert_allclose(a.counts().deviation, b.counts().deviation, atol=1e-6)
    assert (a.counts().groups == b.counts().groups).all()


@given(PEOPLE, st.floats(-500, 500), st.floats(-500, 500), st.floats(0, 2 * np.pi))
def test_origin_and_axes_do_not_matter(people, x, y, angle):
    p = np.array(people).reshape(-1, 3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    a = level(p[:, :2], p[:, 2])
    b = level(p[:, :2] @ turn.T + (x, y), p[:, 2])
    np.testing.assert_allclose(a.levels[:, :3].sum(), b.levels[:, :3].sum(), atol=1e-4)
    np.testing.assert_allclose(a.high, b.high, atol=1e-4)


@given(PEOPLE)
def test_levels_add_up(people):
    p = np.array(people).reshape(-1, 3)
    c = level(p[:, :2], p[:, 2])
    np.testing.assert_allclose(c.levels.sum(axis=1), 1)
    assert (c.levels >= -1e-9).all()
    total = c.counts()
    half = np.arange(len(p)) % 2 == 0
    one, two = c.counts(half), c.counts(~half)
    np.testing.assert_allclose(one.people + two.people, total.people, atol=1e-9)
    np.testing.assert_allclose(one.pairs + two.pairs, total.pairs, atol=1e-9)


def test_people_outside_the_zone_count_as_neighbours_only():
    c = level([(0, 0), (1, 0)], 0.01).counts(np.array([True, False]))
    np.testing.assert_allclose(c.people, [0, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(c.pairs, [0, 0.5], atol=1e-6)
    assert c.groups.tolist() == [0, 0, 0]


def test_parties_are_told_apart_and_still_counted():
    c = level([(0, 0), (1, 0), (1, 1)], 0.01, party=np.array([4, 4, -1])).counts()
    np.testing.assert_allclose(c.pairs, [0, 3], atol=1e-3)
    np.testing.assert_allclose(c.party, [0, 1], atol=1e-6)


def test_groups_by_size():
    assert group_sizes(np.array([0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 3])).tolist() == [1, 1, 1]
    chain = level([(k * 1.2, 0) for k in range(5)], 0.01)
    assert chain.counts().groups.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("density", "walk", "queue"), [(0.1, "A", "A"), (0.5, "C", "A"), (1.0, "D", "B"), (6, "F", "F")]
)
def test_level_of_service(density, walk, queue):
    assert (level_of_service(density), level_of_service(density, QUEUE)) == (walk, queue)
