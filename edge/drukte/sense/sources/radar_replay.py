"""Play a recording of a radar module's bytes, at the speed it was recorded or as fast as it can be read."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_framing import Framer
from drukte.sense.sources.radar_modules import Module

_CHUNK = 4096


class RadarReplay:
    """Frames from a file of raw module bytes.

    The file is opened at once, so that frames can still be read after the process has been sealed. Recordings carry
    no clock, so a frame's time is the start plus its number times the module's period; frames that the recording
    lacks leave a gap.

    Args:
        path: file of bytes as the module sent them.
        module: which module sent them.
        real_time: True to wait until each frame is due, False to go as fast as the reader.
        loop: start again at the end.
        period: seconds between frames; the module's own when None.
        clock, sleep: for tests.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        module: Module,
        *,
        real_time: bool = True,
        loop: bool = False,
        period: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._file = path.open("rb", buffering=0)
        self._period = period or module.period
        self._real_time, self._loop = real_time, loop
        self._clock, self._sleep = clock, sleep
        self.framer = Framer(module.grammar)
        self.decoder = module.decoder()
        self._frame = RadarFrame()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and wipe what was read from it."""
        self._file.close()
        self.framer.wipe()
        self._frame.wipe()

    def frames(self) -> Iterator[RadarFrame]:
        """Yield the frames; each is wiped when the next one is asked for, and when the caller stops."""
        start, due, last = self._clock(), 0.0, None
        try:
            for packet in self._packets():
                if not self.decoder.decode(packet, self._frame):
                    continue
                sequence = self._frame.sequence
                step = 1 if last is None or not 0 < sequence - last <= 100 else sequence - last
                due, last = due + step * self._period, sequence
                self._frame.time = start + due
                if self._real_time and (wait := self._frame.time - self._clock()) > 0:
                    self._sleep(wait)
                yield self._frame
        finally:
            self._frame.wipe()

    def _packets(self) -> Iterator[memoryview]:
        empty_round = False
        while True:
            n = self._file.readinto(self.framer.room()[:_CHUNK])
            if n:
                before = self.framer.counters.packets
                yield from self.framer.received(n)
                empty_round &= self.framer.counters.packets == before
            elif self._loop and not empty_round:
                # A file without a single packet would otherwise be read for ever.
                self._file.seek(0)
                self.framer.wipe()
                empty_round = True
            else:
                return
