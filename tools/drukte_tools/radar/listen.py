"""What a connected radar module sends, in numbers: for whoever stands beside it with a cable in their hand."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from drukte.sense.sources.base import SourceError
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_reader import ByteStream, RadarReader, State

REOPEN_EVERY: Final = 0.5
"""Seconds between tries to open a port again."""
_NAP: Final = 0.1


class Replugged:
    """A stream that is opened again whenever its module was unplugged. Only for programs that are not sealed.

    Args:
        open_it: opens the port and sets the module up.

    Raises:
        SourceError: it cannot be opened the first time.
    """

    patient = False

    def __init__(self, open_it: Callable[[], ByteStream]) -> None:
        self._open = open_it
        self._stream: ByteStream | None = open_it()
        self.name, self.rate, self.fds = self._stream.name, self._stream.rate, self._stream.fds
        self.unplugged = 0
        self.why: str | None = None

    def read(self, room: memoryview) -> int:
        """See `ByteStream.read`; never raises."""
        try:
            if self._stream is None:
                self._stream = self._open()
                self.fds, self.why = self._stream.fds, None
            return self._stream.read(room)
        except SourceError as error:
            self.why = str(error)
        if self._stream is None:
            time.sleep(REOPEN_EVERY)
        else:
            self._stream.close()
            self._stream = None
            self.unplugged += 1
        return 0

    def stamp(self, frame: RadarFrame) -> float:
        """See `ByteStream.stamp`."""
        return self._stream.stamp(frame) if self._stream else 0.0

    def close(self) -> None:
        """See `ByteStream.close`."""
        if self._stream is not None:
            self._stream.close()


@dataclass(frozen=True, slots=True)
class Second:
    """What came in one step of time; a sum for counts, the most in one frame for echoes and targets.

    Attributes:
        state: of the module at the end of it.
        span: seconds.
        why: what is wrong with the port, None if nothing.
        frames: whole frames.
        echoes, targets: the most in one frame; targets None when the module sends none.
        outside: bytes that belong to no packet.
        bad: packets that were cut short or made no sense.
        lost: frames that the module numbered and that never came.
    """

    state: State
    span: float
    why: str | None
    frames: int
    echoes: int
    targets: int | None
    outside: int
    bad: int
    lost: int

    def __str__(self) -> str:
        if self.why is not None:
            return self.why
        targets = "no tracker" if self.targets is None else f"targets up to {self.targets}"
        return (
            f"{self.state.value}: {self.frames / self.span:.1f} frames/s, echoes up to {self.echoes}, {targets}; "
            f"{self.outside} bytes in no packet, {self.bad} packets bad, {self.lost} frames lost"
        )


def listen(
    reader: RadarReader, stream: Replugged, step: float = 1.0, clock: Callable[[], float] = time.monotonic
) -> Iterator[Second]:
    """Count what comes, and tell every `step` seconds, for as long as it is asked."""
    before = (0, 0, 0)
    while True:
        frames = echoes = 0
        targets: int | None = None
        why: str | None = None
        begun = clock()
        while (left := begun + step - clock()) > 0:
            try:
                frame = reader.next(left)
            except SourceError as error:
                # It never gave a frame; it may yet, when somebody has turned a plug around.
                frame, why = None, str(error)
                time.sleep(min(left, _NAP))
            if frame is not None:
                frames, echoes = frames + 1, max(echoes, len(frame.points))
                targets = targets if frame.targets is None else max(targets or 0, len(frame.targets))
        framing, packets = reader.framer.counters, reader.decoder.counters
        now = (framing.skipped, framing.cut + packets.malformed, packets.lost)
        outside, bad, lost = (new - old for new, old in zip(now, before, strict=True))
        before = now
        yield Second(reader.state, clock() - begun, stream.why or why, frames, echoes, targets, outside, bad, lost)
