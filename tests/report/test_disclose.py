"""What is shown of a window, under each policy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.report.disclose import SMALLEST, Blocks, disclose
from drukte.report.window import Closed, Tally, merge
from drukte.summary import Summary
from tests.report.conftest import EXACT, make_site, record
from tests.test_summary import summaries

T = 1_800_000_000


def shown(policy: str, *ticks: Summary, zone: int = 0) -> Blocks:
    tallies = [Tally.of(tick) for tick in ticks]
    window = 900 if policy == "open" else 60
    site = make_site(window=window, disclosure=EXACT if policy == "none" else f"{{policy: {policy}}}")
    whole = merge(T, T + 60, tallies)
    return disclose(site, Closed(zone, whole, whole))


@pytest.mark.parametrize(
    ("policy", "people", "status", "value"),
    [
        ("none", 0, "shown", 0),
        ("none", 3, "shown", 3),
        ("operational", 0, "shown", 0),
        ("operational", 1, "under_5", None),
        ("operational", 4, "under_5", None),
        ("operational", 5, "shown", 5),
        ("operational", 7, "shown", 7),
        ("open", 0, "under_5", None),
        ("open", 4, "under_5", None),
        ("open", 5, "shown", 5),
        ("open", 8, "shown", 10),
    ],
)
def test_people(policy: str, people: int, status: str, value: float | None) -> None:
    blocks = shown(policy, record(0, T + 60, people=people))
    assert (blocks.people.status, blocks.people.mean) == (status, value)
    assert blocks.disclosure.policy == policy


@pytest.mark.parametrize("policy", ["none", "operational", "open"])
def test_nothing_seen_is_never_a_number(policy: str) -> None:
    for ticks in ([], [record(0, T + 60, frames=0, observed=0, mode=0)]):
        blocks = shown(policy, *ticks)
        parts = [blocks.people, blocks.levels, blocks.pairs, blocks.groups, blocks.riders, blocks.speed]
        assert blocks.crossings is not None
        assert {part.status for part in [*parts, blocks.crossings, blocks.crossings.stays]} == {"not_observed"}
        assert blocks.quality.grade == "none"


def test_someone_for_a_moment_is_not_nobody() -> None:
    blocks = shown("operational", record(0, T + 60, people=0, most=1))
    assert blocks.people.status == "under_5"


@pytest.mark.parametrize(
    ("crossings", "status"),
    [
        ({"in_a": 0, "out_a": 0}, "shown"),
        ({"in_a": 8, "out_a": 0}, "shown"),
        ({"in_a": 8, "out_a": 12}, "shown"),
        ({"in_a": 8, "out_a": 4}, "suppressed"),
        ({"in_a": 1, "out_a": 0}, "suppressed"),
    ],
)
def test_in_and_out_are_shown_together_or_not_at_all(crossings: dict[str, int], status: str) -> None:
    got = shown("operational", record(0, T + 60, people=9, **crossings)).crossings
    assert got is not None
    assert got.status == status
    assert (got.lines[0].in_ is None, got.lines[0].out is None) == (status != "shown",) * 2


@given(summaries(), st.sampled_from(["operational", "open"]))
def test_no_small_number_is_ever_shown(s: Summary, policy: str) -> None:
    values: dict[str, Any] = {name: getattr(s, name) for name in s.__slots__}
    tick = Summary(**(values | {"zone": 0, "end": T + 60, "tick": 60}))
    blocks = shown(policy, tick)
    counts = [blocks.people.mean, blocks.people.max, blocks.pairs.low_risk, blocks.pairs.high_risk, blocks.riders.mean]
    counts += [blocks.groups.two, blocks.groups.three_four, blocks.groups.five_up]
    assert blocks.crossings is not None
    counts += [v for line in blocks.crossings.lines for v in (line.in_, line.out)]
    for value in counts:
        assert value is None or value == 0 or value >= SMALLEST
        if policy == "open":
            assert value is None or value % 5 == 0
    if (tick.people / 10) < SMALLEST - 0.5:
        assert blocks.levels.safe is None
        assert blocks.speed.mean is None
    for part in (blocks.people, blocks.levels, blocks.pairs, blocks.groups, blocks.riders):
        numbers = [value for name, value in part if name != "status"]
        if part.status != "shown":
            assert not any(value is not None for value in numbers)


def test_grades() -> None:
    assert shown("none", record(0, T + 60)).quality.grade == "good"
    assert shown("none", record(0, T + 60, frames=40, observed=40)).quality.grade == "fair"
    assert shown("none", record(0, T + 60, frames=10, observed=10)).quality.grade == "poor"
    assert shown("none", record(0, T + 60, calibration=1)).quality.grade == "poor"
    assert shown("none", record(0, T + 60, state=1)).quality.grade == "poor"
    assert shown("none").quality.ticks_missing == 1
