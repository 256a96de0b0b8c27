"""Grades: every limit decides, and nothing seen is never anything but none."""

from typing import Any

import pytest

from drukte.report.grade import grade
from drukte.report.window import Tally, merge
from drukte.summary import BLURRED, COVERED, DARK, FROZEN, VALIDATION
from tests.report.conftest import record

T = 1_800_000_000
SOUND: dict[str, Any] = {"people": 8, "mode": 0, "confidence": 7, "moved": 100}


def of(*ticks: dict[str, Any]) -> str:
    return grade(
        merge(T, T + 60 * max(1, len(ticks)), [Tally.of(record(i, T + 60 + 60 * i, **t)) for i, t in enumerate(ticks)])
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "good"),
        ({"frames": 54, "observed": 54}, "good"),
        ({"frames": 53, "observed": 53}, "fair"),
        ({"frames": 30, "observed": 30}, "fair"),
        ({"frames": 29, "observed": 29}, "poor"),
        ({"mode": 1}, "fair"),
        ({"confidence": 5}, "good"),
        ({"confidence": 4}, "fair"),
        ({"confidence": 3}, "poor"),
        ({"vanished": 5}, "good"),
        ({"vanished": 6}, "fair"),
        ({"moved": 60, "vanished": 10}, "poor"),
        ({"moved": 100, "vanished": 6, "appeared": 6}, "fair"),
        ({"moved": 20, "vanished": 10, "appeared": 10}, "poor"),
        ({"moved": 19, "vanished": 10}, "good"),  # too few to say
        ({"agreed": 6}, "good"),
        ({"agreed": 5}, "fair"),
        ({"agreed": 3}, "poor"),
        ({"agreed": 1}, "poor"),
        ({"saturated": 1}, "poor"),
        ({"calibration": 1}, "poor"),
        ({"calibration": 2}, "poor"),
        ({"state": COVERED}, "poor"),
        ({"state": DARK}, "poor"),
        ({"state": FROZEN}, "poor"),
        ({"state": BLURRED}, "poor"),
        ({"state": VALIDATION}, "good"),
    ],
)
def test_every_limit_decides(changes: dict[str, Any], expected: str) -> None:
    assert of(SOUND | changes) == expected


def test_a_count_that_was_at_least_for_some_of_the_time_is_fair() -> None:
    assert of(SOUND | {"saturated": 1}, *[SOUND] * 3) == "fair"
    assert of(SOUND | {"saturated": 1}, *[SOUND] * 9) == "good"


def test_ticks_without_anybody_to_compare_say_nothing_of_the_agreement() -> None:
    assert of(SOUND | {"agreed": 9}, *[SOUND] * 5) == "good"


def test_an_empty_square_that_was_watched_is_good_and_an_unwatched_one_none() -> None:
    assert of({"people": 0, "mode": 0}) == "good"
    assert of({"frames": 0, "observed": 0, "mode": 0, "state": COVERED}) == "none"
    assert of() == "none"


def test_small_residuals_of_ticks_add_up_with_their_signs() -> None:
    both = merge(
        T,
        T + 120,
        [Tally.of(record(i, T + 60 + 60 * i, **(SOUND | c))) for i, c in enumerate(({"appeared": 4}, {"vanished": 3}))],
    )
    assert both.residual == pytest.approx(1 / 200)
    assert both.unexplained == pytest.approx(7 / 207)
    assert grade(both) == "good"
