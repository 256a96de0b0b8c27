"""A frame keeps nothing."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.frame import Frame, hidden


def test_written_then_wiped() -> None:
    frame = Frame(40, 60)
    with frame as same:
        assert same is frame
        view = frame.into(40, 60)
        np.copyto(view, 200)
        assert np.shares_memory(frame.image, view)
        assert frame.image.sum() == 40 * 60 * 3 * 200
    assert not view.any()
    with pytest.raises(RuntimeError, match="holds no picture"):
        _ = frame.image


def test_wiped_when_something_is_raised() -> None:
    frame = Frame(10, 10)
    with pytest.raises(KeyError), frame:
        view = frame.into(10, 10)
        view.fill(7)
        raise KeyError
    assert not view.any()


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1))
def test_nothing_is_left_whatever_the_sizes(sizes: list[tuple[int, int]]) -> None:
    frame = Frame(12, 12)
    whole = frame.into(12, 12)
    frame.wipe()
    for height, width in sizes:
        view = frame.into(height, width)
        assert view.shape == (height, width, 3)
        assert view.flags.c_contiguous
        view.fill(255)
    frame.wipe()
    assert not whole.any()


def test_a_decoder_can_write_into_it() -> None:
    frame = Frame(30, 40)
    picture = np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    with frame:
        cv2.resize(picture, (40, 30), dst=frame.into(30, 40))
        assert frame.image.any()


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (31, 40), (-30, -40)])
def test_what_does_not_fit_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Frame(30, 40).into(*size)


def test_a_frame_without_pixels_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="holds no picture"):
        Frame(0, 40)


def test_neither_text_nor_size_is_shown() -> None:
    frame = Frame(3, 5)
    frame.into(3, 5).fill(123)
    assert (repr(frame), f"{frame}") == ("<Frame in use>", "<Frame in use>")
    frame.wipe()
    assert repr(frame) == "<Frame wiped>"


@pytest.mark.parametrize("act", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_cannot_be_copied(act: Callable[[Frame], object]) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        act(Frame(3, 5))


def test_hidden_pages_stay_out_of_core_dumps() -> None:
    array = hidden((512, 1024), np.float32)
    array.fill(1)
    address = array.ctypes.data
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            start, end = (int(part, 16) for part in first.split("-"))
            inside = start <= address < end
        elif inside and line.startswith("VmFlags:"):
            assert {"dd", "dc"} <= set(line.split())
            return
    pytest.fail("the array's pages are not in the map of this process")
