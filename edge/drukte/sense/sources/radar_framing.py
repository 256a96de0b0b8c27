"""Find whole packets in a stream of bytes that may start anywhere, lose bytes and carry noise.

Bytes are read straight into one bounded buffer and handed on as views of it: a byte is copied once, by the
operating system, and moved again only when a packet straddles the end of the buffer. Consumed bytes are
overwritten with zeros.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Final

from drukte.sense.frame import hidden_pages

CAPACITY: Final = 64 * 1024
NEED_MORE: Final = -1
NOT_A_PACKET: Final = 0


@dataclass(frozen=True, slots=True)
class Grammar:
    """How packets look on the wire.

    Attributes:
        magic: the bytes every packet starts with.
        length: called with the buffer, the offset of the magic and the number of bytes received from there;
            returns the packet's length in bytes, `NEED_MORE`, or `NOT_A_PACKET`.
        complete: called with the buffer, the offset and the end of a whole packet; False rejects it.
        magic_ends: True when the magic cannot occur inside a packet, so that meeting it there means that the
            packet was cut short.
    """

    magic: bytes
    length: Callable[[mmap, int, int], int]
    complete: Callable[[mmap, int, int], bool] | None = None
    magic_ends: bool = True


@dataclass(slots=True)
class FramingCounters:
    """Bytes and packets of one stream since the start."""

    bytes: int = 0
    packets: int = 0
    skipped: int = 0
    cut: int = 0


class Framer:
    """Splits a stream into packets. Memory is bounded by `capacity`, whatever arrives.

    Packets longer than `capacity` are not packets. A view that `packets` yields is valid until the next one
    is asked for: its bytes are then overwritten.
    """

    def __init__(self, grammar: Grammar, capacity: int = CAPACITY) -> None:
        self._grammar = grammar
        self._buffer = hidden_pages(capacity)
        self._view = memoryview(self._buffer)
        self._zeros = memoryview(bytes(capacity))
        self._start = 0
        self._end = 0
        self._scanned = 0
        self.counters = FramingCounters()

    @property
    def pending(self) -> int:
        """Bytes received that belong to no packet yet."""
        return self._end - self._start

    def room(self) -> memoryview:
        """Return the free part of the buffer, to read the next bytes into; never empty."""
        if self._start == self._end:
            self._start = self._end = self._scanned = 0
        elif self._start and len(self._buffer) - self._end < len(self._buffer) // 4:
            self._move_to_front()
        if self._end - self._start == len(self._buffer):
            # Only when the caller never asked for the packets in it.
            self._skip(self._end)
            self._start = self._end = self._scanned = 0
        return self._view[self._end :]

    def received(self, n: int) -> Iterator[memoryview]:
        """Take note of `n` bytes written into `room()` and yield the packets that are now whole."""
        self._end += n
        self.counters.bytes += n
        return self.packets()

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[memoryview]:
        """Copy `data` in, however long, and yield the packets that it completes."""
        source = memoryview(data).cast("B")
        while len(source):
            space = self.room()
            n = min(len(space), len(source))
            space[:n] = source[:n]
            source = source[n:]
            yield from self.received(n)

    def packets(self) -> Iterator[memoryview]:
        """Yield the whole packets in the buffer, skipping what is not one."""
        while (end := self._next_end()) > 0:
            start = self._start
            self.counters.packets += 1
            try:
                yield self._view[start:end].toreadonly()
            finally:
                self._drop(end)

    def wipe(self) -> None:
        """Overwrite and forget all bytes."""
        self._view[:] = self._zeros
        self._start = self._end = self._scanned = 0

    def _next_end(self) -> int:
        """Move the start to the next whole packet and return its end; 0 when more bytes are needed."""
        grammar, magic, buffer = self._grammar, self._grammar.magic, self._buffer
        while True:
            start = buffer.find(magic, self._start, self._end)
            if start < 0:
                # Nothing but the first bytes of a magic that is still arriving is worth keeping.
                self._skip(max(self._start, self._end - len(magic) + 1))
                return 0
            self._skip(start)
            length = grammar.length(buffer, start, self._end - start)
            if length == NOT_A_PACKET or length > len(buffer):
                self._skip(start + 1)
                continue
            stop = self._end if length == NEED_MORE else min(self._end, start + length)
            if grammar.magic_ends:
                inside = buffer.find(magic, max(start + len(magic), self._scanned - len(magic) + 1), stop)
                if inside >= 0:
                    self.counters.cut += 1
                    self._skip(inside)
                    continue
                self._scanned = stop
            if length == NEED_MORE or stop < start + length:
                return 0
            if grammar.complete is not None and not grammar.complete(buffer, start, stop):
                self.counters.cut += 1
                self._skip(start + 1)
                continue
            return stop

    def _skip(self, to: int) -> None:
        if to > self._start:
            self.counters.skipped += to - self._start
            self._drop(to)

    def _drop(self, to: int) -> None:
        self._view[self._start : to] = self._zeros[: to - self._start]
        self._start = self._scanned = to

    def _move_to_front(self) -> None:
        kept = self._end - self._start
        self._view[:kept] = self._view[self._start : self._end]
        self._view[kept : self._end] = self._zeros[: self._end - kept]
        self._scanned -= self._start
        self._start, self._end = 0, kept
