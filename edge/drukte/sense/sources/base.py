"""What every source of pictures has in common: frames at a steady rate, in a buffer that the loop owns."""

import time
from typing import Any, Final, Protocol

import numpy as np

from drukte.sense.frame import Frame

STARVED_AFTER: Final = 10.0
"""Seconds without a picture after which a camera counts as lost and the process ends, to be started afresh."""


class SourceError(Exception):
    """A source that cannot be opened or has gone; the text says what to do."""


class SourceEnded(Exception):  # noqa: N818 - the end of a recording is not an error
    """A recording is over."""


class Source(Protocol):
    """Pictures, one at a time.

    Attributes:
        width, height: size of the pictures, pixels.
        rate: frames per second that it aims at, None when as fast as possible.
        devices: paths that must stay open in the sealed room.
        ioctls: device commands that it goes on using there (see sense/lock/commands.py).
        closed: whether `close` was called.
    """

    width: int
    height: int
    rate: float | None
    devices: tuple[str, ...]
    ioctls: tuple[int, ...]
    closed: bool

    def read(self, frame: Frame) -> float | None:
        """Wait until the next picture is due and write it into `frame`.

        Returns:
            Its time in seconds on a clock that never steps, or None when no picture came in time.

        Raises:
            SourceEnded: a recording is over.
            SourceError: a camera is gone.
        """

    def close(self) -> None:
        """Let go of the device or file."""


def put(frame: Frame, picture: Any) -> None:
    """Move a picture (height, width, 3) uint8 that OpenCV made elsewhere into the frame, and wipe it there."""
    target = frame.into(*picture.shape[:2])
    if picture is not target:
        np.copyto(target, picture)
        picture.fill(0)


class Pace:
    """Waits so that frames come at a steady rate, without catching up in a burst after a delay."""

    def __init__(self, rate: float | None) -> None:
        self.step = 1 / rate if rate else 0.0
        self.due = 0.0

    def wait(self) -> float:
        """Sleep until the next frame is due; returns the monotonic time."""
        now = time.monotonic()
        if self.step:
            if self.due > now:
                time.sleep(self.due - now)
                now = time.monotonic()
            self.due = max(self.due + self.step, now)
        return now
