"""The last seconds of a radar's echoes: one frame holds too few points for a person to tell people apart."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.frame import hidden
from drukte.sense.sources.radar import RadarFrame

SECONDS: Final = 2.0
"""How much of the past is kept with a moment."""
FRAMES: Final = 64
"""Most frames that are remembered: 2 s at 32 frames/s."""
POINTS: Final = 512
"""Most echoes that are remembered of a frame."""
COLUMNS: Final = 6
"""Of a kept echo: age (s), x, y, z (m, sensor frame), Doppler (m/s), SNR (dB)."""


class EchoMemory:
    """A ring of frames in memory that no core dump gets, each overwritten by the one `FRAMES` later."""

    def __init__(self) -> None:
        self._points = hidden((FRAMES, POINTS, 5), np.float32)
        self._counts = np.zeros(FRAMES, np.intp)
        self._times = np.full(FRAMES, -np.inf)
        self._next = 0

    def remember(self, frame: RadarFrame) -> None:
        """Take in a frame. Of a module that gives no echoes, its targets: their x, y, z, no Doppler."""
        i, self._next = self._next, (self._next + 1) % FRAMES
        points, targets = frame.points, frame.targets
        self._points[i] = 0
        if len(points) or targets is None:
            n = min(len(points), POINTS)
            self._points[i, :n] = points[:n]
        else:
            n = min(len(targets), POINTS)
            self._points[i, :n, :3] = targets[:n, 1:4]
        self._counts[i], self._times[i] = n, frame.time

    def pack(self, now: float, most: int) -> bytes:
        """The last `SECONDS` before `now` (s, the frames' clock), newest first, in at most `most` bytes."""
        rows = []
        left = most // (4 * COLUMNS)
        for i in sorted(range(FRAMES), key=lambda i: -self._times[i]):
            age = now - self._times[i]
            if age > SECONDS or not left:
                break
            part = np.empty((min(int(self._counts[i]), left), COLUMNS), np.float32)
            part[:, 0], part[:, 1:] = age, self._points[i, : len(part)]
            left -= len(part)
            rows.append(part)
        whole = np.concatenate(rows) if rows else np.empty((0, COLUMNS), np.float32)
        return whole.astype("<f4").tobytes()

    def wipe(self) -> None:
        """Overwrite everything."""
        self._points[:] = 0
        self._counts[:] = 0
        self._times[:] = -np.inf


def unpack_echoes(content: bytes) -> NDArray[np.float32]:
    """(n, 6) echoes of `EchoMemory.pack`.

    Raises:
        ValueError: these bytes are not whole rows.
    """
    return np.frombuffer(content, "<f4").reshape(-1, COLUMNS).astype(np.float32)
