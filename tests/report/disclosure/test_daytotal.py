"""The sum of a day: right on average, never certain about one window, drawn once."""

import json
import math
from collections import Counter

import jsonschema
import pytest

from drukte.report.disclosure.daytotal import DayTotals, discrete_laplace, scale_of
from drukte.report.formats.native import dump, json_schema
from drukte.report.windows.window import Tally
from tests.report.conftest import EXACT, make_site
from tests.report.disclosure.attack import steady

MIDNIGHT = 1_799_967_600  # 2027-01-15 00:00 in Amsterdam
HOUR = 3600


def site(policy: str = "{policy: operational}", window: int = 900):  # type: ignore[no-untyped-def]
    return make_site(window=window, disclosure=policy)


def day_of(totals: DayTotals, people: int, start: int = MIDNIGHT, hours: int = 24) -> list[object]:
    return [day for i in range(hours) for day in totals.add(0, steady(start + i * HOUR, people, HOUR))]


def test_a_day_is_told_at_the_midnight_of_the_place() -> None:
    totals = DayTotals(site(), draw=lambda scale: 3)
    assert day_of(totals, 3, hours=23) == []
    (day,) = totals.add(0, steady(MIDNIGHT + 23 * HOUR, 3, HOUR))
    assert (day.date, day.from_, day.to) == ("2027-01-15", "2027-01-14T23:00:00Z", "2027-01-15T23:00:00Z")
    assert (day.people.status, day.people.person_hours, day.noise, day.observed) == ("shown", 75, 2.0, 1.0)
    assert totals.memory == {}
    jsonschema.Draft202012Validator(json_schema("day-1")).validate(json.loads(dump(day)))


def test_few_person_hours_are_not_shown_and_nothing_seen_is_not_zero() -> None:
    totals = DayTotals(site(), draw=lambda scale: -22)
    (day,) = day_of(totals, 1)
    assert (day.people.status, day.people.person_hours) == ("under_5", None)
    blind = [
        d for i in range(24) for d in totals.add(0, Tally(start=MIDNIGHT + i * HOUR, end=MIDNIGHT + (i + 1) * HOUR))
    ]
    assert [d.people.status for d in blind] == ["not_observed"]


def test_exact_only_without_protection_and_none_with_a_noise_budget() -> None:
    (day,) = day_of(DayTotals(site(EXACT), draw=lambda scale: 99), 3)
    assert (day.people.person_hours, day.noise) == (72, None)
    assert day_of(DayTotals(site("{policy: noise, daily_epsilon: 1000}")), 3) == []


def test_a_gap_over_midnight_ends_the_day_before_it() -> None:
    totals = DayTotals(site(), draw=lambda scale: 0)
    day_of(totals, 10, hours=5)
    (day,) = totals.add(0, steady(MIDNIGHT + 40 * HOUR, 10, HOUR))
    assert (day.date, day.people.person_hours, day.to) == ("2027-01-15", 50, "2027-01-15T04:00:00Z")


def test_a_restart_forgets_nothing() -> None:
    whole, totals = DayTotals(site(), draw=lambda scale: 0), DayTotals(site(), draw=lambda scale: 0)
    (expected,) = day_of(whole, 7)
    found = []
    for i in range(24):
        found += totals.add(0, steady(MIDNIGHT + i * HOUR, 7, HOUR))
        again = DayTotals(site(), draw=lambda scale: 0)
        again.recall(json.loads(json.dumps(totals.memory)))
        totals = again
    assert found == [expected]


@pytest.mark.parametrize("window", [60, 900, 3600, 86_400])
def test_what_one_window_hides_is_at_most_half_of_the_scale(window: int) -> None:
    assert 4 * window / HOUR <= scale_of(window) / 2
    assert scale_of(window) >= 2


def test_the_noise_is_discrete_laplace() -> None:
    drawn = Counter(discrete_laplace(2.0) for _ in range(40_000))
    alpha = math.exp(-1 / 2)
    for x in range(-3, 4):
        expected = (1 - alpha) / (1 + alpha) * alpha ** abs(x)
        # five standard deviations of a share of 40,000 draws
        assert abs(drawn[x] / 40_000 - expected) < 5 * (expected * (1 - expected) / 40_000) ** 0.5
