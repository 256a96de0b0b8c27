"""Does the way of a frame still work under the seal?

A library that is refused something need not say so. FFmpeg, for one, handed out the same old picture for
ever, as a success, when it wanted to start a thread for its first colour conversion after the seal. So two
things are checked behind the seal: frames change, and a known picture still gives the answer it gave before.
"""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernel import SealError

Image = NDArray[np.uint8]
_ROWS = 48  # rows of a frame that are looked at


class NotAliveError(SealError):
    """Frames no longer change, or a known picture gives another answer than before the seal."""


def fingerprint(frame: NDArray[Any]) -> int:
    """Checksum over 48 rows of a frame (rows, columns, ...), without a copy where rows are contiguous."""
    value = 0
    for row in frame[:: max(1, len(frame) // _ROWS)]:
        value = zlib.crc32(np.ascontiguousarray(row).data, value)
    return value


class FrameWatch:
    """Counts how often in a row the same frame came. Sensor noise makes every real frame differ a little."""

    def __init__(self) -> None:
        self.repeats = 0
        self._last: int | None = None

    def see(self, frame: NDArray[Any]) -> int:
        """Look at one frame; returns how many frames before it, without a break, were identical to it."""
        now = fingerprint(frame)
        self.repeats = self.repeats + 1 if now == self._last else 0
        self._last = now
        return self.repeats


def confirm_frames(read: Callable[[], NDArray[Any] | None], tries: int = 10) -> None:
    """Read frames until one differs from the one before it.

    Raises NotAliveError if none of `tries` frames does, or if the source gives none (None).
    """
    watch = FrameWatch()
    for i in range(tries):
        frame = read()
        if frame is None:
            raise NotAliveError("the source gives no frame behind the seal: run its whole way before the seal")
        if watch.see(frame) == 0 and i > 0:
            return
    raise NotAliveError(
        f"{tries} identical frames behind the seal: the camera is covered or hangs, "
        "or a library needs something that the seal refuses"
    )


class KnownPicture:
    """A made picture with edges, areas and colours, and what the way of a frame makes of it.

    Args:
        step: from a picture (rows, columns, 3; uint8) to an array of numbers: resize, model, decoding of its
        output. rows, columns: size of the pictures that `step` takes.
    """

    def __init__(self, step: Callable[[Image], NDArray[Any]], rows: int, columns: int) -> None:
        self._step = step
        y, x = np.ogrid[:rows, :columns]
        planes = np.broadcast_arrays(x * 255 // columns, y * 255 // rows, (x // 32 + y // 32) % 2 * 255)
        self._picture = np.stack(planes, axis=-1).astype(np.uint8)
        self._answer = np.array(step(self._picture), copy=True)

    def confirm(self) -> None:
        """Run the picture again. Raises NotAliveError if the answer differs (beyond rounding between
        threads)."""
        answer = np.asarray(self._step(self._picture))
        if answer.shape != self._answer.shape or not np.allclose(
            answer, self._answer, rtol=1e-3, atol=1e-4, equal_nan=True
        ):
            raise NotAliveError("a known picture gives another answer behind the seal than before it")
