"""Count and pair errors by small examples worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte_tools.validate.report.figures import recording_figures
from drukte_tools.validate.truth.metrics import CountErrors, PairErrors, match, overlaps


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(corners, float).reshape(-1, 4)


def test_overlap_of_boxes() -> None:
    a = boxes((0, 0, 10, 10), (100, 100, 110, 110))
    b = boxes((0, 0, 10, 10), (5, 0, 15, 10), (200, 0, 201, 1))
    assert overlaps(a, b) == pytest.approx(np.array([[1, 1 / 3, 0], [0, 0, 0]]))


def test_matching_is_one_to_one_and_needs_half_of_the_area() -> None:
    true = boxes((0, 0, 10, 20), (20, 0, 30, 20))
    found = boxes((1, 0, 11, 20), (0, 0, 10, 20), (26, 0, 36, 20))
    assert match(found, true).tolist() == [-1, 0, -1]


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_no_true_box_is_used_twice(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (np.concatenate([p := rng.uniform(0, 50, (k, 2)), p + rng.uniform(1, 40, (k, 2))], 1) for k in (n, m))
    used = match(a, b)
    used = used[used >= 0]
    assert len(used) == len(set(used.tolist()))


def test_count_errors() -> None:
    errors = CountErrors()
    for found, true in [(3, 3), (4, 3), (2, 5), (5, 5)]:
        errors.add(found, true)
    assert errors.flicker() == {"flicker": 2.0, "flicker_truth": pytest.approx(2 / 3)}
    figures = recording_figures(errors.found, errors.true, [0.0, 1.0, 2.0, 3.0], 10.0)
    assert figures["intervals"]["count_mae"]["low"] is None
    told = ("mean_truth", "count_mae", "count_bias", "constant_mae", "total_ratio", "share_within_1_or_20_percent")
    assert [figures[name] for name in told] == pytest.approx([4.0, 1.0, -0.5, 1.0, 14 / 16, 0.75])


def test_pairs_of_three_people_of_whom_one_is_missed_and_one_is_invented() -> None:
    true = np.array([[0.0, 0.0], [1.2, 0.0], [1.2, 1.6]])
    true_boxes = boxes((0, 0, 10, 20), (20, 0, 30, 20), (40, 0, 50, 20))
    found = np.array([[0.0, 0.1], [1.3, 0.1], [0.5, 0.1]])
    found_boxes = boxes((0, 0, 10, 20), (20, 0, 30, 20), (80, 0, 90, 20))
    pairs = PairErrors({"low_risk": 1.8, "high_risk": 1.5})
    pairs.add(found, found_boxes, true, true_boxes)
    figures = pairs.figures()
    assert figures["pairs_compared"] == 1
    assert figures["pair_distance_mae_m"] == pytest.approx(0.1)
    # true pairs: 1.2 m (high), 1.6 m (low only), 2.0 m; found: 1.3 m (right), 0.5 and 0.8 m with somebody invented
    levels = figures["levels"]
    assert isinstance(levels, dict)
    assert (levels["high_risk"]["precision"], levels["high_risk"]["recall"]) == (pytest.approx(1 / 3), 1.0)
    assert (levels["low_risk"]["precision"], levels["low_risk"]["recall"]) == (pytest.approx(1 / 3), 0.5)


def test_nothing_to_compare_is_not_a_number() -> None:
    pairs = PairErrors({"high_risk": 1.5})
    pairs.add(np.empty((0, 2)), np.empty((0, 4)), np.empty((0, 2)), np.empty((0, 4)))
    assert pairs.figures()["pair_distance_mae_m"] is None
