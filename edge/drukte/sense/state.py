"""Whether a camera sees anything, from its picture's own statistics.

What is published beside the counts, so that nobody can take a covered lens for an empty square.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.summary import COVERED, DARK, FROZEN, RUNNING

STEP: Final = 8
"""Every eighth pixel of every eighth row is looked at."""
BLOCK: Final = 6
"""Samples along the side of a block of which the texture is judged."""
BLANK: Final = 3.0
"""Standard deviation of the samples in a block under which it shows nothing, of 255."""
DARK_MEAN: Final = 16.0
DARK_BRIGHTEST: Final = 60.0
"""A picture is dark when its mean and its 99th percentile are lower than these, of 255."""
COVERED_SHARE: Final = 0.75
"""Share of blank blocks from which a camera that used to see more is covered."""
USUALLY: Final = 0.5
"""Share of blank blocks that a place may have and still be seen to be covered: a place of nothing but sky cannot."""
SUDDEN: Final = 0.4
"""Part of its usual brightness to which a picture must fall within `SETTLE` seconds to be covered rather than dark."""
MEMORY: Final = 60.0
"""Time constant of what is usual, s."""
SETTLE: Final = 2.0
"""How long a new state must last before it is believed, s."""
FREEZE: Final = 5.0
"""After how long of exactly equal pictures a camera is frozen, s: a working sensor's noise never repeats."""


class PictureState:
    """Judges one camera's pictures.

    Attributes:
        brightness: mean of the latest picture, 0 to 255.
    """

    def __init__(self) -> None:
        self.brightness = 0.0
        self._state = self._candidate = RUNNING
        self._since = 0.0  # of the candidate
        self._last: NDArray[np.uint8] | None = None
        self._changed = 0.0
        self._t = 0.0
        self._usual_blank: float | None = None
        self._usual_brightness = 0.0

    def update(self, picture: NDArray[np.uint8], t: float) -> int:
        """The sensor's state after a picture (height, width, 3) taken at `t` s."""
        sample = picture[::STEP, ::STEP, 1].copy()  # green carries most of the light
        if self._last is None or sample.shape != self._last.shape or not np.array_equal(sample, self._last):
            self._changed = t
        dt, self._t = min(max(t - self._t, 0.0), 1.0), t
        self._last = sample
        self.brightness = float(sample.mean())
        blank = _blank(sample)
        seems = self._seems(sample, blank, t)
        if seems != self._candidate:
            self._candidate, self._since = seems, t
        if seems == self._state or t - self._since >= SETTLE:
            self._state = seems
        if self._usual_blank is None:
            self._usual_blank, self._usual_brightness = blank, self.brightness
        elif self._state == RUNNING and seems == RUNNING:
            self._usual_blank += dt / MEMORY * (blank - self._usual_blank)
            self._usual_brightness += dt / MEMORY * (self.brightness - self._usual_brightness)
        return self._state

    def wipe(self) -> None:
        """Overwrite the pixels that are kept for comparison."""
        if self._last is not None:
            self._last.fill(0)
            self._last = None

    def _seems(self, sample: NDArray[np.uint8], blank: float, t: float) -> int:
        usual = 0.0 if self._usual_blank is None else self._usual_blank
        if self.brightness < DARK_MEAN and np.percentile(sample, 99) < DARK_BRIGHTEST:
            # Nightfall takes minutes, during which `usual` follows; a hand or a bag takes a second.
            sudden = self.brightness < SUDDEN * self._usual_brightness and self._state in (RUNNING, COVERED)
            return COVERED if sudden else DARK
        if t - self._changed >= FREEZE:
            return FROZEN
        if blank >= COVERED_SHARE and usual <= USUALLY:
            return COVERED
        return RUNNING


def _blank(sample: NDArray[np.uint8]) -> float:
    """Share of the picture's blocks that show nothing."""
    rows, columns = sample.shape[0] // BLOCK, sample.shape[1] // BLOCK
    if not rows or not columns:
        return 0.0
    blocks = sample[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).astype(np.float32)
    return float((blocks.std(axis=(1, 3)) < BLANK).mean())
