"""Two sensors' people made one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.geometry.view import View
from drukte.sense.people import Positions
from drukte.sense.tracking.together import Together, together

EVERYWHERE = (View(), View())


def people(*xy: tuple[float, float], along: float = 0.1, across: float = 0.3, score: float = 0.8) -> Positions:
    n = len(xy)
    cov = np.broadcast_to(np.diag([across**2, along**2]), (n, 2, 2)).copy()
    return Positions(np.array(xy, np.float64).reshape(-1, 2), cov, np.full(n, score))


def test_one_person_whom_both_see_counts_once_and_lies_nearer_the_surer_sensor() -> None:
    radar = people((0.4, 3.0), along=0.05, across=0.5)
    camera = people((0.0, 3.2), along=0.4, across=0.05)
    both = together(radar, camera, EVERYWHERE)
    assert len(both.positions) == 1
    x, y = both.positions.xy[0]
    assert abs(x) < 0.05
    assert abs(y - 3.0) < 0.05
    assert np.linalg.det(both.positions.cov[0]) < min(np.linalg.det(radar.cov[0]), np.linalg.det(camera.cov[0]))
    assert both.seen_by.tolist() == [[True, True]]


def test_who_only_one_sees_counts_too() -> None:
    both = together(people((0, 2), (2, 4)), people((2.1, 4.1), (-3, 5)), EVERYWHERE)
    assert len(both.positions) == 3
    assert sorted(both.seen_by.sum(axis=1).tolist()) == [1, 1, 2]


def test_two_people_near_each_other_are_not_crossed() -> None:
    both = together(people((0, 2), (0.6, 2)), people((0.75, 2), (0.1, 2)), EVERYWHERE)
    assert len(both.positions) == 2
    assert np.allclose(sorted(both.positions.xy[:, 0]), [0.05, 0.675])


def test_nobody_is_one_person_across_a_room_however_unsure_both_are() -> None:
    assert len(together(people((0, 2), across=3.0), people((2.5, 2), across=3.0), EVERYWHERE).positions) == 2


def test_a_walker_may_have_moved_between_two_looks() -> None:
    a, b = people((0, 2), across=0.1), people((0, 2.9), across=0.1)
    assert len(together(a, b, EVERYWHERE).positions) == 2
    assert len(together(a, b, EVERYWHERE, apart=0.5).positions) == 1


def test_only_what_both_could_see_is_common() -> None:
    left = View(visible=np.array([[-5.0, 0], [0, 0], [0, 5], [-5, 5]]))
    both = together(people((-2, 2), (3, 3)), Positions.empty(), (left, View()))
    assert both.common.tolist() == [True, False]


places = st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 8)), max_size=6)


@given(places, places)
def test_nobody_is_lost_and_nobody_counts_twice(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    both: Together = together(people(*first), people(*second), EVERYWHERE)
    n, pairs = len(both.positions), int(both.seen_by.all(axis=1).sum())
    assert n + pairs == len(first) + len(second)
    assert both.seen_by.any(axis=1).all()
    assert np.isfinite(both.positions.xy).all()
    assert (np.linalg.eigvalsh(both.positions.cov) > 0).all() if n else True
    again = together(people(*second), people(*first), EVERYWHERE)
    assert len(again.positions) == n
