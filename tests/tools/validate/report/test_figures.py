"""Figures of a counted sample: right against a known device, and nothing without two people's whole count."""

from typing import Any

import numpy as np
import pytest
from tests.sample.test_expire import T0, order
from tests.tools.validate.judging.test_counting import sample

from drukte_tools.validate.judging.opened import Opened, SampleError
from drukte_tools.validate.report.figures import figures


def marks(name: str, counts: list[int]) -> dict[str, Any]:
    spots = [{"people": [[20.0 * i + 10, 50.0] for i in range(n)], "unsure": False} for n in counts]
    return {"counter": name, "marks": {str(i): m for i, m in enumerate(spots)}}


def samples(counts: list[int]) -> list[Opened]:
    made = []
    for i, count in enumerate(counts):
        update = {"index": i, "count": count, "taken": T0.timestamp() + 1200 * i}
        made.append(Opened(sample(i).header.model_copy(update=update), b""))
    return made


NOBODY: dict[str, Any] = {"marks": {}}


def test_a_device_that_sees_nine_of_ten() -> None:
    result = figures(samples([9, 18] * 20), order(), marks("A", [10, 20] * 20), marks("B", [10, 20] * 20), NOBODY)
    found = result["overall"]
    assert found["count_mae"]["value"] == pytest.approx(1.5)
    assert found["count_bias"]["value"] == pytest.approx(-1.5)
    assert found["total_ratio"]["value"] == pytest.approx(0.9)
    assert found["share_within_1_or_20_percent"]["value"] == 1
    assert found["constant_mae"] == pytest.approx(5)
    assert found["count_bias"]["low"] < -1.5 < found["count_bias"]["high"] < 0
    assert result["counters"]["same_count"] == 1


def test_differences_must_be_settled_and_widen_the_interval() -> None:
    one, two = marks("A", [10] * 20), marks("B", [10] * 19 + [9])
    device = samples(list(np.random.default_rng(2).integers(8, 12, 20)))
    with pytest.raises(SampleError, match="picture 20"):
        figures(device, order(), one, two, NOBODY)
    third = {"marks": {"19": one["marks"]["19"]}}
    doubtful, sure = (figures(device, order(), one, m, third) for m in (two, marks("B", [10] * 20)))
    assert doubtful["overall"]["count_bias"]["low"] < sure["overall"]["count_bias"]["low"]
    assert doubtful["overall"]["count_bias"]["value"] == sure["overall"]["count_bias"]["value"]


def test_one_person_or_half_a_count_is_refused() -> None:
    with pytest.raises(SampleError, match="two people"):
        figures(samples([1]), order(), marks("A", [1]), marks("A", [1]), NOBODY)
    with pytest.raises(SampleError, match=r"B has not counted 1 of 2 pictures .picture 2"):
        figures(samples([1, 1]), order(), marks("A", [1, 1]), marks("B", [1]), NOBODY)
