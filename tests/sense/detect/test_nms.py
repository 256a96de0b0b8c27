"""Suppression against the plain loop it replaces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drukte.sense.detect.nms import suppress

Boxes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]

# Whole numbers: overlaps are then exact in float32, and ties and touching edges come up often.
side = st.integers(0, 30)
box = st.tuples(side, side, st.integers(1, 20), st.integers(1, 20), st.integers(1, 5), st.integers(0, 2))


@st.composite
def boxes(draw: st.DrawFn) -> Boxes:
    rows = np.array(draw(st.lists(box, max_size=30)), np.float32).reshape(-1, 6)
    corners = np.concatenate((rows[:, :2], rows[:, :2] + rows[:, 2:4]), axis=1)
    return corners, rows[:, 4] / 8, rows[:, 5].astype(np.uint8)


def plain(found: Boxes, overlap: float) -> list[int]:
    """Greedy suppression as everybody writes it."""
    corners, scores, kinds = found
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], kinds[i], *corners[i]))
    kept: list[int] = []
    for i in order:
        for j in kept:
            width = min(corners[i, 2], corners[j, 2]) - max(corners[i, 0], corners[j, 0])
            height = min(corners[i, 3], corners[j, 3]) - max(corners[i, 1], corners[j, 1])
            shared = max(width, 0) * max(height, 0)
            areas = [(corners[k, 2] - corners[k, 0]) * (corners[k, 3] - corners[k, 1]) for k in (i, j)]
            if kinds[i] == kinds[j] and shared / (sum(areas) - shared) > overlap:
                break
        else:
            kept.append(i)
    return kept


@settings(deadline=None)
@given(boxes(), st.sampled_from([0.25, 0.5, 0.75]))
def test_same_as_the_plain_loop(found: Boxes, overlap: float) -> None:
    kept = suppress(*found, overlap)
    assert [found[0][i].tolist() for i in kept] == [found[0][i].tolist() for i in plain(found, overlap)]


@settings(deadline=None)
@given(boxes(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_never_matters(found: Boxes, random: st.DataObject) -> None:
    order = list(range(len(found[1])))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = tuple(part[order] for part in found)
    before, after = suppress(*found, 0.5), suppress(*shuffled, 0.5)
    for part, other in zip(found, shuffled, strict=True):
        assert np.array_equal(part[before], other[after])


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_and_one(count: int) -> None:
    kept = suppress(np.zeros((count, 4), np.float32), np.ones(count, np.float32), np.zeros(count, np.uint8), 0.5)
    assert kept.tolist() == list(range(count))


def test_a_long_chain_is_settled() -> None:
    """Each box suppresses the next unless it is suppressed itself: every other one stays."""
    left = np.arange(200, dtype=np.float32)
    corners = np.stack((left, 0 * left, left + 4, 0 * left + 1), axis=1)
    kept = suppress(corners, np.linspace(1, 0.5, 200, dtype=np.float32), np.zeros(200, np.uint8), 0.5)
    assert kept.tolist() == list(range(0, 200, 2))
