"""How well the device serves."""

import pytest

from drukte.report.formats.native import Observation, Quality, moment
from drukte.report.service import DAY, Completeness, Pace
from tests.report.test_outbox import observations

T = 1_800_000_000 - 1_800_000_000 % DAY


def window(start: int, observed: float = 1.0, grade: str = "good", span: int = 60) -> Observation:
    (o,) = observations(0, 1)
    quality = Quality.model_validate(o.quality.model_dump() | {"grade": grade})
    times = {"from_": moment(start), "to": moment(start + span), "observed": observed, "quality": quality}
    return o.model_copy(update=times)


def test_nothing_is_told_before_there_is_a_window() -> None:
    assert Completeness(2).told(T) == (None, None)
    assert Pace().told() == (None, None)


def test_completeness_is_of_all_zones_and_of_time_without_windows_too() -> None:
    complete = Completeness(2)
    complete.take(window(T + 60 * i) for i in range(60))
    complete.take(window(T + 60 * i, 0.5, "fair") for i in range(60))
    assert complete.told(T + 3600) == (0.75, 0.5)
    assert complete.told(T + 3660) == (0.75, 0.5)  # the next window is not late yet
    assert complete.told(T + 7200) == (0.375, 0.5)  # nothing came for an hour
    assert complete.told(T + DAY + 7200) == (None, None)


def test_a_day_is_forgotten_after_a_day() -> None:
    complete = Completeness(1)
    complete.take(window(T + 900 * i, 0.0, "none", 900) for i in range(96))
    complete.take(window(T + DAY + 900 * i, span=900) for i in range(104))
    observed, good = complete.told(T + DAY + 104 * 900)
    assert observed == good == 1


def test_the_delays_of_half_and_of_nearly_all_windows_are_told() -> None:
    pace = Pace()
    for i in range(95):
        pace.confirmed(T + 60 * i, T + 60 * i + 1.5)
    pace.confirmed(T, T + 9000, windows=5)
    assert pace.told() == (1.5, 1.5)
    pace.confirmed(T, T + 9000)
    assert pace.told() == (1.5, 9000)
    pace.confirmed(T + 3 * DAY, T + 3 * DAY + 7)
    assert pace.told() == (7, 7)


def test_a_clock_that_went_back_makes_no_negative_delay() -> None:
    pace = Pace()
    pace.confirmed(T + 60, T)
    assert pace.told() == (0, 0)


def test_an_outage_shows() -> None:
    pace = Pace()
    for hour in range(2):
        pace.confirmed(T + 3600 * hour, T + 7200, windows=60)
    assert pace.told() == (pytest.approx(3600), pytest.approx(7200))
