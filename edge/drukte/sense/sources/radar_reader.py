"""A thread that reads a radar module and hands whole frames to the loop.

The thread is started before the process is sealed; afterwards it only reads from the port that is open. When the
module is unplugged, the sealed process cannot open it again: `next` raises, the process ends, and its supervisor
starts a new one. Tools and tests, which are not sealed, may let the reader open the port again by itself.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Final, Protocol, Self

from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_framing import Framer
from drukte.sense.sources.radar_modules import Module
from drukte.sense.sources.radar_port import RadarError

QUEUE: Final = 8
WATCHDOG_PERIODS: Final = 10
REOPEN_EVERY: Final = 0.5
_POLL: Final = 0.1


class Port(Protocol):
    """What the reader needs of a serial port."""

    def fileno(self) -> int:
        """Descriptor to wait on."""

    def close(self) -> None:
        """Close the port."""


class State(Enum):
    """How the module is doing."""

    WAITING = "waiting for the first frame"
    RUNNING = "running"
    SILENT = "silent"
    GONE = "unplugged"


@dataclass(slots=True)
class ReaderCounters:
    """What the reader went through since the start."""

    frames: int = 0
    overrun: int = 0
    silences: int = 0
    unplugged: int = 0


class RadarReader:
    """Frames of one module.

    Args:
        open_port: opens the port; called once, and again after an unplug when `reopen` is set.
        module: which module is connected.
        name: for errors, such as the port's path.
        reopen: open the port again after an unplug.
        clock: for tests.

    Raises:
        RadarError: the port cannot be opened.
    """

    def __init__(
        self,
        open_port: Callable[[], Port],
        module: Module,
        *,
        name: str,
        reopen: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.module, self.name = module, name
        self.counters = ReaderCounters()
        self.framer = Framer(module.grammar)
        self.decoder = module.decoder()
        self.state = State.WAITING
        self._open, self._reopen, self._clock = open_port, reopen, clock
        self._free = deque(RadarFrame() for _ in range(QUEUE + 2))
        self._ready: deque[RadarFrame] = deque()
        self._given: RadarFrame | None = None
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._last = clock()
        self._failure: str | None = None
        self._port: Port | None = open_port()
        self._thread = threading.Thread(target=self._run, name=f"radar {name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread, close the port, wipe all frames."""
        self._stop.set()
        self._thread.join(timeout=2.0)
        if self._port is not None:
            self._port.close()
            self._port = None
        self.framer.wipe()
        for frame in (*self._free, *self._ready, *([self._given] if self._given else [])):
            frame.wipe()

    def next(self, timeout: float) -> RadarFrame | None:
        """The next frame, or None when none came within `timeout` seconds.

        The frame given before is wiped and used again.

        Raises:
            RadarError: the module is gone, and the reader is not to open it again.
        """
        with self._change:
            if self._given is not None:
                self._given.wipe()
                self._free.append(self._given)
                self._given = None
            self._change.wait_for(lambda: self._ready or self._failure, timeout)
            if self._ready:
                self._given = self._ready.popleft()
                return self._given
            if self._failure:
                raise RadarError(self._failure)
        self._watch()
        return None

    def _watch(self) -> None:
        """Notice that frames have stopped coming."""
        quiet = self._clock() - self._last > WATCHDOG_PERIODS * self.module.period
        if quiet and self.state is State.RUNNING:
            self.state = State.SILENT
            self.counters.silences += 1

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read_until_gone()
            except (OSError, ValueError) as error:
                reason = str(error)
            else:
                return
            self.state = State.GONE
            self.counters.unplugged += 1
            self.framer.wipe()
            if self._port is not None:
                self._port.close()
                self._port = None
            if not self._reopen:
                with self._change:
                    self._failure = f"radar {self.name}: lost ({reason}). Check cable and power"
                    self._change.notify_all()
                return
            self._open_again()

    def _read_until_gone(self) -> None:
        port = self._port
        if port is None:
            return
        poll = select.poll()
        poll.register(port.fileno(), select.POLLIN)
        while not self._stop.is_set():
            events = poll.poll(_POLL * 1000)
            if not events:
                continue
            # Straight into the framer's memory; pyserial would make copies that nobody wipes.
            n = os.readv(port.fileno(), [self.framer.room()])
            if not n:
                raise OSError("the device went away")
            now = self._clock()
            for packet in self.framer.received(n):
                self._decode(packet, now)

    def _decode(self, packet: memoryview, now: float) -> None:
        with self._change:
            if len(self._ready) >= QUEUE or not self._free:
                # The loop is late: what it has not taken yet is older than what comes now.
                frame = self._ready.popleft()
                self.counters.overrun += 1
            else:
                frame = self._free.popleft()
        good = self.decoder.decode(packet, frame)
        frame.time = now
        with self._change:
            if not good:
                self._free.append(frame)
                return
            self._last, self.state = now, State.RUNNING
            self.counters.frames += 1
            self._ready.append(frame)
            self._change.notify_all()

    def _open_again(self) -> None:
        while not self._stop.wait(REOPEN_EVERY):
            try:
                self._port = self._open()
            except RadarError:
                continue
            self.state = State.WAITING
            return
