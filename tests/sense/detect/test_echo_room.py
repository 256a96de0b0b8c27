"""Walls, mirror images, fans."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.detect.echo_room import Unrest, Walls

BACK = ((-4.0, 7.0), (4.0, 7.0))
SIDE = ((3.0, 0.0), (3.0, 8.0))
place = st.tuples(st.floats(-2.5, 2.5), st.floats(0.5, 6.5))


def test_what_is_behind_a_wall_is_hidden() -> None:
    walls = Walls([BACK, SIDE])
    xy = np.array([[0.0, 5.0], [0.0, 8.0], [4.0, 3.0], [2.9, 3.0]])
    np.testing.assert_array_equal(walls.hides(xy), [False, True, True, False])


def test_a_wall_ends_where_it_ends() -> None:
    assert not Walls([((1.0, 3.0), (2.0, 3.0))]).hides(np.array([[-1.0, 5.0]])).any()


def test_without_walls_nothing_is_hidden() -> None:
    assert not Walls().hides(np.array([[0.0, 5.0]])).any()


@given(place, st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
def test_way_and_speed_of_a_mirrored_echo_are_means_of_both_paths(xy, velocity) -> None:
    """Held against the walk itself: the way over the back wall, now and a moment later."""
    walls = Walls([BACK])

    def way(p: np.ndarray) -> float:
        return (np.linalg.norm(p) + np.linalg.norm([p[0], 14.0 - p[1]])) / 2

    p, v = np.array(xy), np.array(velocity)
    distance, speed, low, high = walls.echoes(p[None], v[None])
    if np.isnan(distance[0, 0]):
        # Only a person whose image is seen past the wall's end gives no echo.
        image = np.array([p[0], 14.0 - p[1]])
        assert abs(image[0] * 7.0 / image[1]) >= 4.0 - 1e-9
        return
    np.testing.assert_allclose(distance[0, 0], way(p), rtol=1e-9)
    np.testing.assert_allclose(speed[0, 0], (way(p + 1e-6 * v) - way(p - 1e-6 * v)) / 2e-6, atol=1e-4)
    assert low[0, 0] <= np.arctan2(*p) <= high[0, 0]


def test_a_fan_is_learned_and_people_who_pass_are_not() -> None:
    unrest = Unrest((-4, 4, 0, 8), learn=300.0)
    rng = np.random.default_rng(1)
    for k in range(120 * 10):
        seen = [np.array([[2.0, 5.0]]) + rng.normal(0, 0.1, (3, 2))]
        if k % 100 < 15:  # somebody walks by every ten seconds
            seen.append(np.array([[0.0, 1.0 + 0.3 * (k % 100)]]))
        unrest.observe(np.concatenate(seen), 0.1)
    assert unrest.distrusts(np.array([[2.0, 5.0]]))[0]
    assert not unrest.distrusts(np.array([[0.0, 3.0]]))[0]
    for _ in range(600 * 10):  # the fan is switched off
        unrest.observe(np.empty((0, 2)), 0.1)
    assert not unrest.distrusts(np.array([[2.0, 5.0]]))[0]
