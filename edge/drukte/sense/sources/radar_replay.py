"""A recording of a radar module's bytes, at the speed it was recorded or as fast as it can be read."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drukte.sense.sources.base import SourceEnded, SourceError
from drukte.sense.sources.radar import RadarFrame

CHUNK: Final = 4096
LONGEST_GAP: Final = 100
"""Frames missing in a row beyond which the module was started again and nothing is known of the time between."""


class Recording:
    """A file as a stream of bytes; see `ByteStream`.

    The file is opened at once, so that it can still be read after the process has been sealed. Recordings carry no
    clock, so a frame's time is the start plus its number times the period; frames that the recording lacks leave a gap.

    Args:
        path: file of bytes as the module sent them.
        period: seconds between frames.
        real_time: True to hold each frame back until it is due, False to go as fast as the loop.
        loop: start again at the end.
        clock: for tests.

    Raises:
        OSError: the file cannot be opened.
    """

    patient = True
    fds: tuple[int, ...] = ()

    def __init__(
        self,
        path: Path,
        period: float,
        *,
        real_time: bool = True,
        loop: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = str(path)
        self._file = path.open("rb", buffering=0)
        self._period, self._real_time, self._loop, self._clock = period, real_time, loop, clock
        self.rate = 1 / period if real_time else None
        self._due: float | None = None
        self._last: int | None = None

    def read(self, room: memoryview) -> int:
        """See `ByteStream.read`."""
        if n := self._file.readinto(room[:CHUNK]):
            return n
        if self._due is None:
            raise SourceError(f"radar recording {self.name}: no frame of that module in it. Check source.module")
        if not self._loop:
            raise SourceEnded("the radar recording is over")
        self._file.seek(0)
        return 0

    def stamp(self, frame: RadarFrame) -> float:
        """See `ByteStream.stamp`."""
        now = self._clock()
        gap = 1 if self._last is None else frame.sequence - self._last
        self._due = (now if self._due is None else self._due) + self._period * (gap if 0 < gap <= LONGEST_GAP else 1)
        self._last = frame.sequence
        frame.time = self._due
        return self._due - now if self._real_time else 0.0

    def close(self) -> None:
        """See `ByteStream.close`."""
        self._file.close()
