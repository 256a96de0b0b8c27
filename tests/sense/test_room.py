"""The loop's view of the sensor's state between two batches of numbers."""

import numpy as np

from drukte.sense.reduction.tick import Ticker
from drukte.sense.result import FrameResult, Seen, no_boxes
from drukte.sense.room import _add
from drukte.summary import BLURRED, RUNNING, VALIDATION


def frame(state: int) -> FrameResult:
    return FrameResult(0.0, [], state, 0, 0, Seen(np.empty((0, 2)), no_boxes))


def test_frames_that_give_no_numbers_leave_the_state_as_it_was() -> None:
    ticker = Ticker(60, 1, 7, 0.0, 0.0)
    state = _add(ticker, [frame(BLURRED)], 0.1, RUNNING, RUNNING)
    for turn in range(5):  # numbers come in batches
        state = _add(ticker, [], 0.2 + turn, RUNNING, state)
    assert state == BLURRED
    assert _add(ticker, [frame(BLURRED), frame(RUNNING)], 9.0, RUNNING, state) == RUNNING


def test_a_program_with_a_state_of_its_own_tells_that_while_all_is_well() -> None:
    ticker = Ticker(60, 1, 7, 0.0, 0.0)
    assert _add(ticker, [frame(RUNNING)], 0.1, VALIDATION, RUNNING) == VALIDATION
