"""What one turn of a radar yields: echoes and, where the module tracks by itself, its targets.

Sensor frame, used by every radar source: the origin is the antenna, +x to the right as seen by the sensor
looking forward, +y along the boresight, +z up. Azimuth is measured from +y towards +x, elevation from the xy
plane towards +z. Metres, metres per second; Doppler is positive when the echo recedes.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from drukte.sense.frame import hidden

Float32 = npt.NDArray[np.float32]

# No supported module sees further; a value beyond it is a transmission error, not a person.
PLAUSIBLE_RANGE_M: Final = 200.0
PLAUSIBLE_SPEED_M_S: Final = 60.0


class Echo(IntEnum):
    """Columns of `RadarFrame.points`."""

    X = 0
    Y = 1
    Z = 2
    DOPPLER = 3
    SNR = 4


class Target(IntEnum):
    """Columns of `RadarFrame.targets`. What a module does not tell is NaN."""

    TID = 0
    X = 1
    Y = 2
    Z = 3
    VX = 4
    VY = 5
    VZ = 6
    CONFIDENCE = 7
    ECHOES = 8


class RadarFrame:
    """One radar frame in buffers that are used again for every frame, and wiped in between.

    Attributes:
        time: arrival of the frame's last byte, seconds on the monotonic clock.
        sequence: the module's own frame number, or a running number where it sends none.
        truncated: True when the frame held more echoes or targets than the buffers can take.
    """

    __slots__ = ("_n_points", "_n_targets", "_points", "_targets", "sequence", "time", "truncated")

    def __init__(self, max_points: int = 1024, max_targets: int = 64) -> None:
        self._points: Float32 = hidden((max_points, len(Echo)), np.float32)
        self._targets: Float32 = hidden((max_targets, len(Target)), np.float32)
        self._n_points = 0
        self._n_targets: int | None = None
        self.time = 0.0
        self.sequence = 0
        self.truncated = False

    @property
    def points(self) -> Float32:
        """Echoes, (n, 5) float32: x, y, z (m, sensor frame), Doppler (m/s), SNR (dB, NaN when unknown)."""
        return self._points[: self._n_points]

    @property
    def targets(self) -> Float32 | None:
        """The module's own targets, (m, 9) float32 with the columns of `Target`; None when it has no tracker.

        An empty array means that the module tracks and sees nobody.
        """
        return None if self._n_targets is None else self._targets[: self._n_targets]

    def take_points(self, n: int) -> Float32:
        """Make room for `n` echoes and return the rows to fill in, fewer when the buffer is smaller."""
        self.truncated |= n > len(self._points)
        self._n_points = min(n, len(self._points))
        return self.points

    def take_targets(self, m: int) -> Float32:
        """Make room for `m` targets and return the rows to fill in, fewer when the buffer is smaller."""
        self.truncated |= m > len(self._targets)
        self._n_targets = min(m, len(self._targets))
        return self._targets[: self._n_targets]

    def drop_implausible(self) -> int:
        """Remove rows that are not finite or lie beyond `PLAUSIBLE_RANGE_M`; return how many went."""
        kept = _compact(self._points, self._n_points, Echo.X, Echo.DOPPLER + 1, Echo.DOPPLER)
        dropped, self._n_points = self._n_points - kept, kept
        if self._n_targets is not None:
            # A missing height or vertical speed is NaN by design, so only the plane is judged.
            kept = _compact(self._targets, self._n_targets, Target.X, Target.Y + 1, Target.VX, Target.VY)
            dropped, self._n_targets = dropped + self._n_targets - kept, kept
        return dropped

    def wipe(self) -> None:
        """Overwrite what the frame held and forget its size."""
        self._points[: self._n_points] = 0.0
        if self._n_targets is not None:
            self._targets[: self._n_targets] = 0.0
        self._n_points = 0
        self._n_targets = None
        self.time = 0.0
        self.sequence = 0
        self.truncated = False


def _compact(rows: Float32, n: int, first: int, last: int, *speeds: int) -> int:
    """Move the plausible rows of `rows[:n]` to the front, zero the rest, return how many are left."""
    if n == 0:
        return 0
    good = (np.abs(rows[:n, first:last]) <= PLAUSIBLE_RANGE_M).all(axis=1)
    for column in speeds:
        good &= np.abs(rows[:n, column]) <= PLAUSIBLE_SPEED_M_S
    kept = int(np.count_nonzero(good))
    if kept < n:
        rows[:kept] = rows[:n][good]
        rows[kept:n] = 0.0
    return kept


@dataclass(slots=True)
class DecoderCounters:
    """What became of the packets of one stream since the start; none of it says anything about people."""

    packets: int = 0
    malformed: int = 0
    lost: int = 0
    restarts: int = 0
    implausible: int = 0
    vital_signs_dropped: int = 0
    unknown_parts: int = 0


class PacketDecoder(Protocol):
    """Turns one whole packet of a module into a frame."""

    counters: DecoderCounters

    def decode(self, packet: memoryview, into: RadarFrame) -> bool:
        """Fill `into` from `packet`; False, with `into` wiped, when the packet makes no sense."""
