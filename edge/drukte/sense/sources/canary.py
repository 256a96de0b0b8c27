"""Pictures that `drukte audit` can look for: every row is the same line of noise, drawn from a seed.

The room never holds the line itself, only the line with every bit turned over, so that whatever the auditor finds of
it in memory, files or traffic is a piece of a picture.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.config.source import CanarySource
from drukte.sense.frame import Frame
from drukte.sense.sources.base import Pace

BAND: Final = 24
"""Rows of one plain colour that wander down the picture, so that no two pictures are the same."""


def line(seed: int, width: int) -> NDArray[np.uint8]:
    """(width, 3) uint8: the line of noise, in blocks of eight pixels so that it survives being made smaller."""
    blocks = np.random.default_rng(seed).integers(0, 256, (-(-width // 8), 3), np.uint8)
    return np.repeat(blocks, 8, axis=0)[:width]


class Canary:
    """The watermarked source."""

    devices: tuple[str, ...] = ()
    ioctls: tuple[int, ...] = ()

    def __init__(self, settings: CanarySource) -> None:
        self.width, self.height = settings.width, settings.height
        self.rate: float | None = settings.rate
        self.closed = False
        self._turned = 255 - line(settings.seed, settings.width)
        self._pace = Pace(settings.rate)
        self._number = 0

    def read(self, frame: Frame) -> float:
        """The next picture; see `Source.read`."""
        now = self._pace.wait()
        picture = frame.into(self.height, self.width)
        np.subtract(255, self._turned[None], out=picture)
        top = self._number * BAND % (self.height - BAND)
        picture[top : top + BAND] = self._number % 255
        self._number += 1
        return now

    def close(self) -> None:
        """Nothing is open."""
        self.closed = True
