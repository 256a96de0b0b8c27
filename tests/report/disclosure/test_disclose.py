"""What is shown of a window, under each policy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.config import SiteError, parse_site
from drukte.report.disclosure.disclose import Blocks, Discloser
from drukte.report.disclosure.rules import SMALLEST
from drukte.report.windows.window import Closed, Tally, merge
from drukte.summary import Summary
from tests.report.conftest import EXACT, make_site, record, site_text
from tests.test_summary import summaries

T = 1_800_000_000


def shown(policy: str, *ticks: Summary, zone: int = 0) -> Blocks:
    tallies = [Tally.of(tick) for tick in ticks]
    window = 900 if policy == "open" else 60
    site = make_site(window=window, disclosure=EXACT if policy == "none" else f"{{policy: {policy}}}")
    whole = merge(T, T + 60, tallies)
    return Discloser(site).disclose([Closed(zone, whole, whole)])[0]


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
    counts += [v for c in (blocks.crossings, blocks.crossings.riders) for line in c.lines for v in (line.in_, line.out)]
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


def test_the_grade_and_the_residual_are_told() -> None:
    quality = shown("none", record(0, T + 60, mode=0, people=3, moved=25, appeared=1)).quality
    assert (quality.grade, quality.residual) == ("good", 0.04)
    quality = shown("none", record(0, T + 60, mode=0, people=3, moved=25, vanished=3)).quality
    assert (quality.grade, quality.residual) == ("fair", -0.12)
    # steps of a tenth stand for two people or more
    assert shown("operational", record(0, T + 60, people=9, moved=25, vanished=3)).quality.residual == -0.1
    assert shown("operational", record(0, T + 60, people=3, moved=25, vanished=3)).quality.residual is None
    assert shown("none").quality.ticks_missing == 1


def test_a_few_riders_hide_nobody_and_are_not_shown() -> None:
    tick = record(0, T + 60, people=9, in_a=12, out_a=8, riders=3, riders_in_a=2, riders_out_a=7)
    got = shown("operational", tick)
    assert got.crossings is not None
    assert (got.crossings.status, got.crossings.lines[0].in_) == ("shown", 10)
    assert got.crossings.riders.status == "suppressed"
    assert [(line.in_, line.out) for line in got.crossings.riders.lines] == [(None, None)]
    exact = shown("none", tick).crossings
    assert exact is not None
    assert [(line.in_, line.out) for line in exact.riders.lines] == [(2, 7)]


def test_riders_are_shown_on_a_path_where_nobody_walks() -> None:
    got = shown("operational", record(0, T + 60, people=1, riders=80, riders_in_a=22, riders_out_a=13))
    assert got.people.status == "under_5"
    assert got.crossings is not None
    assert got.crossings.riders.status == "shown"
    assert [(line.in_, line.out) for line in got.crossings.riders.lines] == [(20, 15)]


def test_how_many_riders_there_are_is_not_told_beside_their_crossings() -> None:
    tick = record(0, T + 60, people=9, riders=80)
    assert shown("operational", tick).riders.status == "suppressed"
    assert shown("none", tick).riders.mean == 8
    text = site_text()
    far = text.replace("[12, 0], [20, 0], [20, 8], [12, 8]", "[32, 0], [40, 0], [40, 8], [32, 8]")
    tally = Tally.of(record(0, T + 60, zone=1, people=9, riders=80))
    (blocks,) = Discloser(parse_site(far)).disclose([Closed(1, tally, tally)])
    assert (blocks.riders.mean, blocks.crossings) == (8, None)


def test_noise_spends_a_budget_and_says_its_scale() -> None:
    site = make_site(window=900, disclosure="{policy: noise, epsilon: 0.5, daily_epsilon: 150}")
    discloser = Discloser(site, sample=lambda value: value - 3)

    def tell(end: int) -> Blocks:
        tally = merge(end - 900, end, [Tally.of(record(0, end, people=9, in_a=7, out_a=1))])
        return discloser.disclose([Closed(0, tally, tally)])[0]

    day = T - T % 86_400
    blocks = tell(day + 900)
    assert (blocks.people.status, blocks.people.mean, blocks.people.max) == ("shown", 6, None)
    assert blocks.crossings
    assert (blocks.crossings.lines[0].in_, blocks.crossings.lines[0].out) == (4, 0)
    assert {blocks.levels.status, blocks.pairs.status, blocks.groups.status} == {"suppressed"}
    assert blocks.disclosure.noise == 2
    # 3 numbers a window at 0.5 each: 150 lasts for the whole day
    assert {tell(day + 900 * i).people.status for i in range(2, 97)} == {"shown"}


def test_a_spent_budget_is_not_refilled_by_a_restart() -> None:
    from drukte.report.disclosure.noise import Budget

    budget = Budget(0.5, 2.0, lambda value: value)
    budget.begin(T)
    assert [budget.release(0, 9) for _ in range(5)] == [9, 9, 9, 9, None]
    again = Budget(0.5, 2.0, lambda value: value)
    again.recall(budget.memory)
    again.begin(T + 1)
    assert again.release(0, 9) is None
    assert again.release(1, 9) == 9
    again.begin(T + 86_400)
    assert again.release(0, 9) == 9


def test_noise_comes_from_opendp() -> None:
    pytest.importorskip("opendp")
    from drukte.report.disclosure.noise import sampler

    add = sampler(0.5)
    drawn = [add(20) - 20 for _ in range(4000)]
    # discrete Laplace of scale 2: standard deviation 2.80 (OpenDP's mechanism, exact sampling)
    deviation = (sum(d * d for d in drawn) / len(drawn)) ** 0.5
    assert 2.4 < deviation < 3.2
    assert abs(sum(drawn) / len(drawn)) < 0.3


def test_floors_hold_whatever_the_site_file_says() -> None:
    for wrong in (
        {"window": 300, "disclosure": "{policy: open}"},
        {"window": 300, "disclosure": "{policy: noise}"},
        {"window": 900, "disclosure": "{policy: noise, epsilon: 2}"},
        {"window": 30, "tick": 30, "disclosure": "{policy: operational}"},
        {"window": 60, "disclosure": "{policy: operational, open_window: 600}"},
        {"window": 900, "disclosure": "{policy: open, open_window: 900}"},
        {"window": 60, "disclosure": "{policy: none}"},
    ):
        with pytest.raises(SiteError):
            make_site(**wrong)  # type: ignore[arg-type]
