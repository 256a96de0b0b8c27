"""A tick adds up what its frames said, loses nothing to rounding, and throws itself away when the clock steps."""

from collections.abc import Sequence
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.reduction.counts import ZoneCounts
from drukte.sense.reduction.tick import Ticker
from drukte.summary import (
    COVERED,
    DARK,
    HEARTBEAT,
    HEARTBEAT_EVERY,
    MAX_PEOPLE,
    RUNNING,
    STARVED,
    SUMMARY,
    Summary,
    valid,
)

START = 1_800_000_000.0  # a whole number of minutes since 1970


@st.composite
def counts(draw: st.DrawFn) -> ZoneCounts:
    people = draw(st.integers(0, MAX_PEOPLE + 20))
    shares = draw(st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda s: sum(s) > 0.01))
    levels = [people * share / sum(shares) for share in shares]
    trios = draw(st.integers(0, people // 3))
    return ZoneCounts(
        people=people,
        riders=draw(st.integers(0, 40)),
        safe=levels[0],
        low_risk=levels[1],
        high_risk=levels[2],
        undetermined=levels[3],
        pairs_low=draw(st.floats(0, 200)),
        pairs_high=draw(st.floats(0, 200)),
        groups=((people - 3 * trios) // 2, trios, 0),
        crossings=tuple(draw(st.lists(st.integers(0, 90), min_size=4, max_size=4))),  # type: ignore[arg-type]
        rider_crossings=tuple(draw(st.lists(st.integers(0, 90), min_size=4, max_size=4))),  # type: ignore[arg-type]
        moves=tuple(draw(st.lists(st.integers(0, 90), min_size=3, max_size=3))),  # type: ignore[arg-type]
        speed_sum=1.2 * people,
        speed_people=people,
        score_sum=0.7 * people,
    )


def one_tick(frames: Sequence[ZoneCounts], tick: int = 60) -> Summary:
    ticker = Ticker(tick, 1, seal=0, wall=START, steady=0.0)
    for number, frame in enumerate(frames):
        ticker.add([frame], number / 5, RUNNING, 0, 0)
    (record,) = ticker.due(START + tick, float(tick), RUNNING)
    return record


@given(st.lists(counts(), min_size=1, max_size=40))
def test_whatever_the_frames_say_the_record_is_valid(frames: list[ZoneCounts]) -> None:
    record = one_tick(frames)
    valid(record)
    shown = [min(f.people, MAX_PEOPLE) for f in frames]
    assert (record.least, record.most, record.last) == (min(shown), max(shown), shown[-1])
    assert record.people == pytest.approx(10 * sum(shown) / len(shown), abs=4)
    assert record.frames == len(frames)


@given(st.lists(st.lists(counts(), min_size=1, max_size=5), min_size=2, max_size=12))
def test_rounding_is_carried_so_that_sums_are_exact(ticks: list[list[ZoneCounts]]) -> None:
    ticker = Ticker(5, 1, seal=0, wall=START, steady=0.0)
    found = exact = 0.0
    for number, frames in enumerate(ticks):
        for frame in frames:
            ticker.add([frame], number * 5.0, RUNNING, 0, 0)
        (record,) = ticker.due(START + 5 * (number + 1), 5.0 * (number + 1), RUNNING)
        found += record.high_risk / 10
        exact += sum(f.high_risk * min(1, MAX_PEOPLE / f.people if f.people else 1) for f in frames) / len(frames)
    assert found == pytest.approx(exact, abs=0.051)


def test_crossings_beyond_a_record_wait_for_the_next() -> None:
    ticker = Ticker(5, 1, seal=0, wall=START, steady=0.0)
    ticker.add([ZoneCounts(crossings=(600, 0, 0, 1))], 0.0, RUNNING, 0, 0)
    passed = []
    for number in range(1, 5):
        (record,) = ticker.due(START + 5 * number, 5.0 * number, RUNNING)
        passed.append((record.in_a, record.out_b))
        ticker.add([ZoneCounts()], 5.0 * number, RUNNING, 0, 0)
    assert passed == [(250, 1), (250, 0), (100, 0), (0, 0)]


def test_riders_and_moves_have_fields_of_their_own() -> None:
    counted = ZoneCounts(crossings=(1, 2, 3, 4), rider_crossings=(5, 6, 7, 8), stays=(9, 10, 11, 12), moves=(13, 3, 2))
    record = one_tick([counted])
    assert (record.in_a, record.out_a, record.in_b, record.out_b) == (1, 2, 3, 4)
    assert (record.riders_in_a, record.riders_out_a, record.riders_in_b, record.riders_out_b) == (5, 6, 7, 8)
    assert (record.dwell_1, record.dwell_5, record.dwell_15, record.dwell_over) == (9, 10, 11, 12)
    assert (record.moved, record.appeared, record.vanished) == (13, 3, 2)


@pytest.mark.parametrize(("judged", "agreed", "field"), [(0, 0, 0), (4, 0, 1), (4, 2, 6), (4, 4, 11)])
def test_an_agreement_of_none_differs_from_nobody_to_judge(judged: int, agreed: int, field: int) -> None:
    made = one_tick([ZoneCounts(people=4, safe=4.0, judged=judged, agreed=agreed)] * 3)
    assert made.agreed == field


def test_zero_people_and_no_observation_differ() -> None:
    ticker = Ticker(10, 1, seal=3, wall=START, steady=0.0)
    ticker.add([ZoneCounts()], 1.0, RUNNING, 0, 0)
    (empty,) = ticker.due(START + 10, 10.0, RUNNING)
    (blind,) = ticker.due(START + 20, 20.0, RUNNING)
    assert (empty.frames, empty.observed, empty.state) == (1, 1, RUNNING)
    assert (blind.frames, blind.observed, blind.state) == (0, 0, STARVED)
    assert empty.seal == blind.seal == 3


def test_a_blind_frame_is_no_observation_and_tells_why() -> None:
    ticker = Ticker(10, 1, seal=0, wall=START, steady=0.0)
    for second in range(10):
        ticker.add([], float(second), COVERED, 0, 0)
    (record,) = ticker.due(START + 10, 10.0, RUNNING)
    assert (record.frames, record.observed, record.state, record.people) == (0, 0, COVERED, 0)
    for second in range(10, 14):
        ticker.add([], float(second), COVERED, 0, 0)
    for second in range(14, 20):
        ticker.add([ZoneCounts(people=4, safe=4)], float(second), RUNNING, 0, 0)
    (record,) = ticker.due(START + 20, 20.0, RUNNING)
    assert (record.frames, record.observed, record.state) == (6, 6, RUNNING)
    assert (record.people, record.least) == (40, 4)


def test_ticks_are_aligned_to_the_clock() -> None:
    ticker = Ticker(60, 2, seal=0, wall=START + 47, steady=100.0)
    assert ticker.due(START + 59.9, 112.9, RUNNING) == []
    records = ticker.due(START + 60.0, 113.0, RUNNING)
    assert [(r.zone, r.end) for r in records] == [(0, START + 60), (1, START + 60)]


def test_the_state_of_most_frames_is_the_state_of_the_tick() -> None:
    ticker = Ticker(10, 1, seal=0, wall=START, steady=0.0)
    for number, state in enumerate([RUNNING, DARK, DARK, DARK, RUNNING]):
        ticker.add([ZoneCounts()], float(number), state, number % 2, 0)
    (record,) = ticker.due(START + 10, 10.0, RUNNING)
    assert (record.state, record.calibration) == (DARK, 1)


def test_heartbeats_come_only_when_nothing_else_does() -> None:
    ticker = Ticker(60, 1, seal=5, wall=START, steady=0.0)
    kinds = [r.kind for second in range(1, 121) for r in ticker.due(START + second, float(second), RUNNING)]
    assert kinds == [HEARTBEAT] * (60 // HEARTBEAT_EVERY - 1) + [SUMMARY] + [HEARTBEAT, HEARTBEAT, SUMMARY]
    assert 120 / len(kinds) == HEARTBEAT_EVERY


@pytest.mark.parametrize("step", [-3600, 3600, 5, -5])
def test_a_stepped_clock_costs_the_tick_and_invents_nothing(step: int) -> None:
    ticker = Ticker(60, 1, seal=0, wall=START, steady=0.0)
    ticker.add([ZoneCounts(people=3, safe=3)], 1.0, RUNNING, 0, 0)
    assert ticker.due(START + 30 + step, 30.0, RUNNING) == []
    ticker.add([ZoneCounts(people=1, safe=1)], 31.0, RUNNING, 0, 0)
    now = START + 30 + step
    end = (now // 60 + 1) * 60
    (record,) = ticker.due(end, 30.0 + end - now, RUNNING)
    assert (record.end, record.frames, record.most) == (end, 1, 1)


def test_counts_hold_numbers_only() -> None:
    """What is reduced cannot carry a position, a box or an id."""
    allowed = {int, float, bool, tuple[int, int, int], tuple[int, int, int, int]}
    assert {f.type for f in fields(ZoneCounts)} <= allowed
