"""Intervals hold the truth as often as they say; the planner and the intervals agree."""

import numpy as np
import pytest

from drukte_tools.validate.coverage import PLACES, coverage, percentile
from drukte_tools.validate.judging.agreement import agreement
from drukte_tools.validate.orders.planner import pictures_for_ratio, pictures_for_share
from drukte_tools.validate.report.intervals import design, mean, ratio, share


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.name)
def test_coverage_long_form(place) -> None:
    for name, held in coverage(place, 1000).items():
        assert held >= 0.90, (place.name, name, held)


def test_the_truth_is_held_in_90_to_99_of_100() -> None:
    held = coverage(PLACES[3], 200)
    assert all(0.90 <= v <= 0.99 for v in held.values()), held


def test_the_plain_percentile_interval_would_not_pass() -> None:
    """The negative control: the test above can fail."""
    held = coverage(PLACES[2], 100, percentile)
    assert min(held.values()) < 0.90


def test_one_block_tells_no_interval() -> None:
    got = mean(np.arange(5.0), design([0, 1, 2, 3, 4]))
    assert (got.value, got.low, got.high) == (2.0, None, None)


def test_no_error_in_twenty_blocks_is_not_no_error_at_all() -> None:
    got = mean(np.zeros(20), design(np.arange(20) * 600.0), positive=True)
    assert (got.value, got.low) == (0.0, 0.0)
    assert got.high == pytest.approx(1 - 0.05 ** (1 / 20))


def test_strata_are_weighed_by_their_time() -> None:
    times, strata = np.arange(20) * 600.0, ["day"] * 10 + ["night"] * 10
    y = np.array([4.0] * 10 + [0.0] * 10)
    assert mean(y, design(times, strata, {"day": 0.75, "night": 0.25})).value == pytest.approx(3.0)


def test_share_of_independent_pictures_is_wilsons() -> None:
    yes = np.arange(200) >= 4
    got = share(yes, design(np.arange(200) * 600.0))
    # 196 of 200 by Wilson 1927: 0.950 to 0.992
    assert (got.low, got.high) == (pytest.approx(0.950, abs=0.002), pytest.approx(0.992, abs=0.002))


def test_the_planner_keeps_its_word() -> None:
    n = pictures_for_ratio(0.05, 0.3)
    rng = np.random.default_rng(3)
    true = np.full(n, 10.0)
    got = ratio(true + rng.normal(0, 3, n), true, design(np.arange(n) * 600.0), positive=True)
    assert got.low is not None
    assert got.high is not None
    assert (got.high - got.low) / 2 == pytest.approx(0.05, rel=0.2)
    assert pictures_for_share(0.05, 0.9) == 141


def test_agreement_finds_how_often_a_counter_errs() -> None:
    rng = np.random.default_rng(5)
    people = [rng.uniform(0, 1000, (10, 2)) for _ in range(300)]
    one, two = ([p[rng.random(10) > 0.05] + rng.normal(0, 1, (1, 2)) for p in people] for _ in range(2))
    got = agreement(one, two, [30.0] * 300)
    assert got.error_rate == pytest.approx(0.05, abs=0.01)
    assert got.allowance == pytest.approx(0.0075, abs=0.003)
