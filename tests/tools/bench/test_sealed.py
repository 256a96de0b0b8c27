"""The comparison of sealed and unsealed: its statistics, and one short run for real."""

import math
import random
from pathlib import Path

import pytest

from drukte_tools.bench.sealed import Comparison, measure, median_interval

SITE = Path(__file__).parents[3] / "firmware_config" / "sites" / "demo-street.yaml"


def test_the_interval_is_the_one_of_the_tables() -> None:
    """Ranks of the usual tables for a median: 1 and 6 of 6, 2 and 9 of 10, 6 and 15 of 20, 40 and 61 of 100."""
    for n, low, high in ((6, 1, 6), (10, 2, 9), (20, 6, 15), (100, 40, 61)):
        assert median_interval(list(range(1, n + 1))) == ((n + 1) / 2, low, high)
    with pytest.raises(ValueError, match="six"):
        median_interval([1.0] * 5)


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    draw = random.Random(4)
    held = 0
    for _ in range(1000):
        _, low, high = median_interval([draw.lognormvariate(0.0, 1.0) for _ in range(41)])
        held += low <= 1.0 <= high
    assert 0.94 <= held / 1000 <= 0.985


def test_noise_that_falls_on_both_does_not_move_the_ratio() -> None:
    draw = random.Random(5)
    load = [draw.uniform(0.2, 1.0) for _ in range(200)]
    unsealed, sealed = [50 * x for x in load], [49 * x for x in load]
    text = Comparison(unsealed, sealed, unsealed, sealed, rounds=4).text()
    assert text.count("0.980 (95 % interval 0.980 to 0.980)") == 2
    assert text.count("0.980 0.980 0.980 0.980") == 2


def test_sealed_and_unsealed_take_turns_for_real(model_store: Path) -> None:
    compared = measure(SITE, rounds=1, turns=6)
    rates = [*compared.unsealed, *compared.sealed, *compared.unsealed_busy, *compared.sealed_busy]
    assert len(rates) == 24 and all(rate > 0 and math.isfinite(rate) for rate in rates)
