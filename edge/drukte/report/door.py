"""The open side of the door: what may come in from the sealed room.

`summary.decode` refuses bytes that are no valid record. `DoorReader` also refuses valid records that do not fit the
site or the ones before: a zone or line that does not exist, another tick, a number out of order, a clock that is not
ours, more records than time allows. What is refused is counted by reason and otherwise forgotten; reading goes on at
the next record that is right.
"""

import errno
import math
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from drukte.config import Site
from drukte.summary import HEARTBEAT, HEARTBEAT_EVERY, MAGIC, RANGES, SIZE, SUMMARY, DoorError, Summary, decode

LATE: Final = 5.0
"""A record may be this much older than our clock, s: it is written right after its tick."""
EARLY: Final = 2.0
"""A record may be this much ahead of our clock, s."""
JUMP: Final = 1.0
"""A difference this large between the steps of the wall clock and of the monotonic clock is a step of the clock, s."""
JITTER: Final = 0.2
"""Share of a tick by which a record may come too soon after the one before."""

_MAGIC: Final = MAGIC.to_bytes(2, "little")
_CHUNK: Final = 64 * SIZE


def frame_limit(site: Site) -> int:
    """Most frames that a tick of this site can hold; a tenth above the set rate, because cameras are not exact."""
    rate = getattr(site.sensors()[0].source, "rate", "max")  # the first of two sets the pace
    most = RANGES["frames"][1]
    return most if isinstance(rate, str) else min(most, math.ceil(1.1 * rate * site.tick) + 1)


@dataclass(slots=True)
class _Allowance:
    """Records of one kind that may still come: refilled by the monotonic clock, one for every `span` seconds."""

    span: float
    left: float = math.inf
    at: float = 0.0

    def take(self, now: float, unread: float) -> bool:
        """Whether one more may come at `now`, if reading has been neglected for `unread` seconds."""
        self.left = min(1 + JITTER + unread / self.span, self.left + (now - self.at) / self.span)
        self.at = now
        if self.left < 1 - JITTER:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class _Run:
    """What is known of the sealed room's present run."""

    seq: int | None = None
    seal: int | None = None
    ends: dict[int, int] = field(default_factory=dict)


class DoorReader:
    """Reads records from a non-blocking pipe or FIFO.

    Attributes:
        rejected: number of refused records for each reason.
        accepted: number of records let in.
        closed: whether the other end has hung up at the last read.
        seal: seal bits of the present run, None before its first record.
        runs: how often the sealed room has been seen to start.
        jumps: how often our clock was set while reading.
    """

    def __init__(
        self,
        fd: int,
        site: Site,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fd = fd
        self._tick = site.tick
        self._lines = [len(zone.lines) for zone in site.zones]
        self._frames = frame_limit(site)
        self._now = now
        self._monotonic = monotonic
        self._buffer = b""
        self._run = _Run()
        self._allowed = {zone: _Allowance(site.tick) for zone in range(len(self._lines))}
        self._beats = _Allowance(HEARTBEAT_EVERY - 1)
        self._emptied = -math.inf  # when the pipe was last seen empty: what is read now was written after that
        self._offset = now() - monotonic()
        self._former = self._offset  # of the clock before it was set, good for a while after
        self._former_until = -math.inf
        self.rejected: Counter[str] = Counter()
        self.accepted = 0
        self.closed = False
        self.jumps = 0
        self.runs = 0

    @property
    def seal(self) -> int | None:
        """What the sealed room says its kernel enforces; None before the first record."""
        return self._run.seal

    def read(self) -> list[Summary]:
        """Records that are ready now and right, oldest first. Never blocks."""
        self._watch_clock()
        found: list[Summary] = []
        self.closed = False
        while True:
            try:
                data = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise
            if not data:
                self.closed = True
                self._buffer = b""
                break
            self._buffer += data
            found += self._records()
        self._emptied = self._monotonic()
        return found

    def _watch_clock(self) -> None:
        offset = self._now() - self._monotonic()
        if abs(offset - self._offset) > JUMP:
            # Our clock was set, and the sealed room's with it: times may repeat, and for a while what was under way
            # still has the time of before.
            self.jumps += 1
            self._run.ends.clear()
            self._former, self._former_until = self._offset, self._monotonic() + 2 * self._tick
        self._offset = offset

    @staticmethod
    def _in_time(end: int, clock: float, unread: float) -> bool:
        return clock - LATE - unread <= end <= clock + EARLY

    def _records(self) -> list[Summary]:
        found = []
        at = 0
        buffer = self._buffer
        while len(buffer) - at >= SIZE:
            try:
                record = decode(buffer[at : at + SIZE])
            except DoorError as error:
                self.rejected[str(error).partition(":")[0]] += 1
                at = self._next_start(buffer, at)
                continue
            at += SIZE
            if (reason := self._refuse(record)) is None:
                self.accepted += 1
                found.append(record)
            else:
                self.rejected[reason] += 1
        self._buffer = buffer[at:]
        return found

    @staticmethod
    def _next_start(buffer: bytes, at: int) -> int:
        """Where to go on after a refused record at `at`: at the next mark of a record, at most one record further."""
        found = buffer.find(_MAGIC, at + 1, at + SIZE + 1)
        return found if found >= 0 else at + SIZE

    def _refuse(self, record: Summary) -> str | None:
        """Why a valid record does not fit the site, the time or those before; None when it does."""
        run = self._run
        if run.seq is None or record.seq == 0:
            run = self._run = _Run(ends=run.ends)
            self.runs += 1
        elif record.seq != run.seq + 1:
            run.seq = record.seq  # so that the next one is judged by itself
            return "seq"
        run.seq = record.seq
        if reason := self._misfit(record):
            return reason
        mono = self._monotonic()
        unread = mono - self._emptied
        in_time = self._in_time(record.end, self._now(), unread)
        before_step = not in_time and mono < self._former_until
        if not in_time and not (before_step and self._in_time(record.end, mono + self._former, unread)):
            return "clock"
        key = record.zone if record.kind == SUMMARY else -1
        if record.end <= run.ends.get(key, -1):
            return "order"
        allowance = self._beats if record.kind == HEARTBEAT else self._allowed[record.zone]
        if not allowance.take(mono, unread):
            return "rate"
        run.seal = record.seal
        if not before_step:
            run.ends[key] = record.end
        return None

    def _misfit(self, record: Summary) -> str | None:
        """Why a record cannot be of this site or of this run, whatever the time."""
        if record.tick != self._tick:
            return "tick"
        if self._run.seal not in (None, record.seal):
            return "seal"
        if record.kind == HEARTBEAT:
            return None
        if record.zone >= len(self._lines):
            return "zone"
        lines = self._lines[record.zone]
        for side in "ab"[lines:]:
            if any(getattr(record, f"{way}_{side}") for way in ("in", "out", "riders_in", "riders_out")):
                return "line"
        if record.frames > self._frames:
            return "frames"
        if record.end % self._tick:
            return "span"
        return None
