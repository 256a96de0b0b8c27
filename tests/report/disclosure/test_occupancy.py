"""What occupancy tells of crossings is the least that any course of people asks for."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from drukte.report.disclosure.occupancy import ROOM, Reckoned

_RANGE = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda pair: (float(min(pair)), float(max(pair))))


@given(st.lists(_RANGE, min_size=1, max_size=4))
def test_the_fewest_who_can_have_moved(told: list[tuple[float, float]]) -> None:
    reckoned = Reckoned()
    for window in told:
        reckoned.add({7: window})
    every = list(itertools.product(*(range(int(low), int(high) + 1) for low, high in told)))
    moves = [[b - a for a, b in itertools.pairwise(course)] for course in every]
    least = min(sum(map(abs, move)) for move in moves)
    assert reckoned.came[7] + reckoned.went[7] == least
    # No course has fewer comings, and none fewer goings.
    assert reckoned.came[7] == min(sum(m for m in move if m > 0) for move in moves)
    assert reckoned.went[7] == min(-sum(m for m in move if m < 0) for move in moves)
    assert reckoned.moved == max(reckoned.came[7], reckoned.went[7]) or len(told) > 2


@given(st.lists(st.integers(0, 9).map(float), min_size=2, max_size=5), st.integers(0, 12))
def test_totals_with_room_are_shown_and_others_not(people: list[float], through: int) -> None:
    """So many go through, over what the numbers of people tell."""
    reckoned = Reckoned()
    for n in people:
        reckoned.add({0: (n, n)})
    came = sum(max(b - a, 0) for a, b in itertools.pairwise(people)) + through
    went = sum(max(a - b, 0) for a, b in itertools.pairwise(people)) + through
    shown = reckoned.leaves_room([(0, int(came), int(went))], alone=True)
    assert shown == (through >= ROOM or (came == 0 and went == 0))


def test_nothing_follows_from_occupancy_that_contradicts_the_crossings() -> None:
    """Lines in the middle of a square: most people come and go without crossing one."""
    reckoned = Reckoned()
    for n in (5.0, 25.0, 5.0):
        reckoned.add({0: (n, n)})
    assert reckoned.leaves_room([(0, 7, 6)], alone=True)
    assert not reckoned.leaves_room([(0, 19, 20)], alone=True)


def test_a_new_span_forgets_who_moved_and_not_how_many_there_are() -> None:
    reckoned = Reckoned()
    reckoned.add({0: (5.0, 5.0)})
    reckoned.add({0: (1.0, 4.0)})
    assert (reckoned.went, reckoned.moved) == ({0: 1.0}, 1.0)
    reckoned = Reckoned.recall(reckoned.memory)
    reckoned.begin()
    reckoned.add({0: (9.0, 9.0)})
    assert (reckoned.came, reckoned.went) == ({0: 5.0}, {0: 0.0})
    assert Reckoned.recall({}) == Reckoned()
