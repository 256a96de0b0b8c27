"""Ticks add up exactly, windows keep to the clock, and a gap is a gap."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.report.windows.window import GRACE, Tally, Windows, merge
from drukte.summary import Summary
from tests.report.conftest import record
from tests.test_summary import summaries

T = 1_800_000_000


def ticks(values: Iterable[dict[str, Any]]) -> list[Summary]:
    return [record(i, T + 60 * (i + 1), **value) for i, value in enumerate(values)]


@given(st.lists(summaries(), min_size=1, max_size=12), st.randoms())
def test_any_order_and_grouping_gives_the_same(many: list[Summary], rng: Any) -> None:
    tallies = [Tally.of(s) for s in many]
    whole = tallies[0]
    for tally in tallies[1:]:
        whole += tally
    rng.shuffle(tallies)
    while len(tallies) > 1:
        a = tallies.pop(rng.randrange(len(tallies)))
        b = tallies.pop(rng.randrange(len(tallies)))
        tallies.append(a + b)
    assert tallies[0] == whole


def test_means_are_over_the_observed_time() -> None:
    tallies = [Tally.of(s) for s in ticks([{"people": 10}, {"people": 0, "frames": 20, "observed": 20}])]
    both = merge(T, T + 180, tallies)
    assert both.people == pytest.approx(10 * 60 / 80)
    assert both.share_observed == pytest.approx(80 / 180)
    assert (both.least, both.most, both.ticks) == (0, 10, 2)


def test_nothing_seen_is_not_nobody() -> None:
    blind = merge(T, T + 60, [Tally.of(record(0, T + 60, frames=0, observed=0, confidence=0, mode=0))])
    empty = merge(T, T + 60, [Tally.of(record(0, T + 60, people=0))])
    absent = merge(T, T + 60, [])
    assert (blind.people, blind.state, blind.share_observed) == (None, "running", 0)
    assert (empty.people, empty.state, empty.share_observed) == (0, "running", 1)
    assert (absent.people, absent.state, absent.share_observed) == (None, "absent", 0)


def test_shares_and_speed_weigh_by_people() -> None:
    one = {"people": 10, "safe": 50, "high_risk": 50, "speed": 10, "pairs_high": 20, "party": 10}
    two = {"people": 30, "safe": 300, "speed": 14}
    both = merge(T, T + 120, [Tally.of(s) for s in ticks([one, two])])
    assert both.share("high_risk") == pytest.approx(5 / 40)
    assert both.mean_speed == pytest.approx((1.0 * 10 + 1.4 * 30) / 40)
    assert both.together == 1
    assert both.mean("pairs_high") == pytest.approx(1)


def test_a_window_closes_as_soon_as_its_ticks_are_there() -> None:
    windows = Windows(2, 60, 10)
    windows.begin(T)
    for i in range(6):
        windows.add(record(i, T + 10 * (i + 1), 0, people=i, tick=10))
    assert windows.due(T + 60) == [], "all zones of one moment are closed together"
    for i in range(6):
        windows.add(record(i, T + 10 * (i + 1), 1, people=i, tick=10))
    closed = windows.due(T + 60)
    assert [(c.zone, c.tally.end, c.tally.ticks) for c in closed] == [(0, T + 60, 6), (1, T + 60, 6)]
    assert windows.due(T + 120 + GRACE - 0.1) == []
    gap = windows.due(T + 120 + GRACE)
    assert [(c.zone, c.tally.ticks, c.tally.people) for c in gap] == [(0, 0, None), (1, 0, None)]


def test_every_window_is_told_once_whatever_comes() -> None:
    windows = Windows(1, 60, 60)
    windows.begin(T + 30)
    told = []
    for seconds in range(0, 3600, 7):
        if seconds % 2:
            windows.add(record(0, T + seconds - seconds % 60, people=1))
        told += [c.tally.start for c in windows.due(T + seconds)]
    assert told == list(range(T, T + 60 * len(told), 60))
    assert windows.late > 0


def test_crossings_have_a_span_of_their_own() -> None:
    windows = Windows(1, 60, 60, 900)
    windows.begin(T)
    spans = []
    for minute in range(1, 31):
        windows.add(record(minute, T + 60 * minute, in_a=minute))
        spans += [(c.tally.end - T, c.crossings) for c in windows.due(T + 60 * minute)]
    whole = [(end, c) for end, c in spans if c is not None]
    assert [end for end, _ in whole] == [900, 1800]
    assert whole[0][1].total("in_a") == sum(range(1, 16))
    assert whole[1][1].total("in_a") == sum(range(16, 31))
    assert whole[1][1].share_observed == 1


def test_a_restart_in_the_middle_of_a_span_loses_nothing() -> None:
    first, second = Windows(1, 60, 60, 900), Windows(1, 60, 60, 900)
    first.begin(T)
    kept = [record(minute, T + 60 * minute, in_a=1) for minute in range(1, 8)]
    for tick in kept:
        first.add(tick)
        first.due(T + 430)
    end = first.closed[0]
    assert end is not None
    second.start_at(0, end)
    second.begin(T + 430)
    for tick in kept:
        if tick.end > first.needed_from():
            second.recall(tick)
    last = []
    for minute in range(8, 16):
        second.add(record(minute, T + 60 * minute, in_a=1))
        last += second.due(T + 60 * minute)
    assert last[-1].crossings is not None
    assert last[-1].crossings.total("in_a") == 15


@pytest.mark.parametrize("step", [-86_400, 30 * 86_400])
def test_a_large_step_of_the_clock_starts_anew(step: int) -> None:
    windows = Windows(1, 60, 60)
    windows.begin(T)
    assert len(windows.due(T + 66)) == 1
    windows.begin(T + 66 + step)
    assert windows.due(T + 70 + step) == []
    later = windows.due(T + 140 + step)
    assert [c.tally.end % 60 for c in later] == [0] * len(later)
    assert len(later) in (1, 2)


def test_a_small_step_back_tells_nothing_twice() -> None:
    windows = Windows(1, 60, 60)
    windows.begin(T)
    ends = [c.tally.end for c in windows.due(T + 66)]
    windows.begin(T + 40)
    ends += [c.tally.end for c in itertools.chain(windows.due(T + 50), windows.due(T + 130))]
    assert ends == [T + 60, T + 120]
