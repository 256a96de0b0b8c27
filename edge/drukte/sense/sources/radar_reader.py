"""A thread that reads a radar's bytes, from a port or a recording, and hands whole frames to the loop.

The thread is started before the process is sealed; afterwards it only reads from what is open. A module that was
unplugged cannot be opened again there: `next` raises, the process ends, and its supervisor starts a new one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Final, Protocol, Self

from drukte.sense.sources.base import SourceError
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_framing import Framer
from drukte.sense.sources.radar_modules import Module

QUEUE: Final = 8
"""Frames that wait for the loop at most."""
WATCHDOG_PERIODS: Final = 10
"""Periods of the module without a frame after which it counts as silent."""
FIRST_FRAME: Final = 10.0
"""Seconds within which a module that works sends its first frame."""


class ByteStream(Protocol):
    """Where a module's bytes come from.

    Attributes:
        name: of the port or file, for errors.
        patient: True when it waits for the loop; else frames that the loop is too late for are lost.
        rate: frames per second; None as fast as possible.
        fds: descriptors that the seal cannot know and must leave open.
    """

    name: str
    patient: bool
    rate: float | None
    fds: tuple[int, ...]

    def read(self, room: memoryview) -> int:
        """Read what has come into `room`; how many bytes, 0 if none came within a moment.

        Raises:
            SourceError: the module is gone.
            SourceEnded: a recording is over.
        """

    def stamp(self, frame: RadarFrame) -> float:
        """Set `frame.time` of a frame that the bytes read last made whole; seconds to hold it back."""

    def close(self) -> None:
        """Let go of the port or file."""


class State(Enum):
    """How the module is doing."""

    WAITING = "waiting for the first frame"
    RUNNING = "running"
    SILENT = "silent"
    GONE = "gone"


@dataclass(slots=True)
class ReaderCounters:
    """What the reader went through since the start."""

    frames: int = 0
    overrun: int = 0
    silences: int = 0


class RadarReader:
    """Frames of one module.

    Args:
        stream: its bytes; closed with the reader.
        module: which module sends them.
        clock: for tests.
    """

    def __init__(self, stream: ByteStream, module: Module, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.module = stream, module
        self.counters = ReaderCounters()
        self.framer = Framer(module.grammar)
        self.decoder = module.decoder()
        # One is with the loop and one being filled while the others wait.
        self._frames = tuple(RadarFrame() for _ in range(QUEUE + 2))
        self._free, self._ready = deque(self._frames), deque[RadarFrame]()
        self._given: RadarFrame | None = None
        self._change = threading.Condition()
        self._clock, self._last = clock, clock()
        self._stopped = False
        self._over: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="radar", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread, close the stream, wipe all frames."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        self._thread.join(timeout=2.0)
        self.stream.close()
        self.framer.wipe()
        for frame in self._frames:
            frame.wipe()

    @property
    def state(self) -> State:
        """How the module is doing."""
        if self._over is not None:
            return State.GONE
        if not self.counters.frames:
            return State.WAITING
        return State.SILENT if self._quiet(self._clock()) else State.RUNNING

    def next(self, timeout: float) -> RadarFrame | None:
        """The next frame, or None when none came within `timeout` seconds; a patient stream is waited for.

        The frame given before is wiped and used again.

        Raises:
            SourceError: the module is gone, or sends nothing that can be used.
            SourceEnded: a recording is over.
        """
        with self._change:
            if self._given is not None:
                self._given.wipe()
                self._free.append(self._given)
                self._given = None
            wait = None if self.stream.patient else timeout
            self._change.wait_for(lambda: self._ready or self._over or self._stopped, wait)
            if self._ready:
                self._given = self._ready.popleft()
                self._change.notify_all()
            elif self._over is not None:
                raise self._over
        if not self.counters.frames and self._clock() - self._last > FIRST_FRAME:
            raise SourceError(f"radar {self.stream.name}: {self._nothing()}")
        return self._given

    def _nothing(self) -> str:
        sent = self.framer.counters.bytes
        if not sent:
            return f"sent nothing in {FIRST_FRAME:.0f} s. Check power and wiring; without a configuration it must run"
        return f"sent {sent} bytes that are no frames of {self.module.name}. Check that module and port are right"

    def _quiet(self, now: float) -> bool:
        return now - self._last > WATCHDOG_PERIODS * self.module.period

    def _run(self) -> None:
        try:
            while not self._stopped:
                # Straight into the framer's memory: no copies that nobody wipes.
                for packet in self.framer.received(self.stream.read(self.framer.room())):
                    self._take(packet)
        except Exception as error:  # whatever it is, the loop must hear of it
            with self._change:
                self._over = error
                self._change.notify_all()
        finally:
            self.framer.wipe()

    def _take(self, packet: memoryview) -> None:
        with self._change:
            if self.stream.patient:
                self._change.wait_for(lambda: len(self._ready) < QUEUE or self._stopped)
            if len(self._ready) < QUEUE:
                frame = self._free.popleft()
            else:
                # The loop is late: what it has not taken yet is older than what comes now.
                frame = self._ready.popleft()
                self.counters.overrun += 1
        good = self.decoder.decode(packet, frame)
        hold = self.stream.stamp(frame) if good else 0.0
        with self._change:
            if not good:
                self._free.append(frame)
                return
            if hold > 0:
                self._change.wait_for(lambda: self._stopped, hold)
            now = self._clock()
            self.counters.silences += bool(self.counters.frames) and self._quiet(now)
            self.counters.frames += 1
            self._last = now
            self._ready.append(frame)
            self._change.notify_all()
