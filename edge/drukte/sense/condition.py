"""Whether a camera sees anything, from its picture's own statistics.

Told beside the counts, so that nobody can take a covered lens for an empty square. Nothing of a picture is kept from
turn to turn but numbers about the whole of it: a checksum, its brightness, how much of it is blank and how sharp it is.
What is needed to reckon them lies in hidden memory and is overwritten in the same turn.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from drukte.sense.frame import hidden
from drukte.sense.lock.liveness import fingerprint
from drukte.summary import BLURRED, COVERED, DARK, FROZEN, RUNNING

BLIND: Final = (COVERED, DARK, FROZEN)
"""States in which nobody could be seen."""

EVERY: Final = 0.2
"""Time between looks, s."""
SIDE: Final = 256
"""Width of the picture that is judged, px: about what a detector sees; averaging makes noise small against texture."""
BLOCK: Final = 16
"""Side of a block of which the texture is judged, px."""
COARSE: Final = 4
"""Pixels along the side of a square that is averaged before: what is left of the noise in the dark is under 1."""
BLANK: Final = 2.0
"""Standard deviation of a block under which it shows nothing, of 255."""
DARK_MEAN: Final = 16.0
DARK_BRIGHTEST: Final = 60
"""A picture is dark when its mean and its 99th percentile are lower than these, of 255."""
COVERED_SHARE: Final = 0.8
"""Share of blank blocks from which a camera that used to see more is covered."""
ALL: Final = 1.0
"""Share of blank blocks from which any camera is, also one that never saw more."""
FLAT: Final = 12.0
"""If brightness spreads over the picture by no more than this (standard deviation), of 255."""
USUALLY: Final = 0.5
"""Share of blank blocks that a place may have and still be seen to be covered: a place of nothing but sky cannot."""
SUDDEN: Final = 0.4
"""Part of its usual brightness to which a picture must fall at once to be covered rather than dark."""
MEMORY: Final = 60.0
"""Time constant of what is usual, s: nightfall takes many minutes, a hand or a bag a second."""
SETTLE: Final = 2.0
"""How long a new state must last before it is told, s. What is blind is no observation from the first picture."""
FREEZE: Final = 10.0
"""After how long of exactly equal pictures a camera is frozen, s: a sensor's noise never repeats, but an encoder may
leave a still place as it is for some seconds."""
STRONGEST: Final = 0.02
"""Part of the picture whose edges say how sharp it is."""
SHARP_MEMORY: Final = 1800.0
"""Time constant of the usual sharpness, s."""
LEARN: Final = 60.0
"""How long sharpness is learned before anything is compared, s."""
SOFT, SHARP_AGAIN = 0.3, 0.45
"""Parts of the usual sharpness under which a picture is blurred, and from which it no longer is. On the recorded street
walkers change it by 0.07 and half or one and a half times the light by 0.16 at most; a blur of 1 px (of 256) leaves
0.24 of it, and of 2 px 0.10, noise of 4 of 255 included."""
SOFT_FOR: Final = 20.0
"""How long it must be, s: a lorry fills the picture for less."""


class Condition:
    """Judges one camera's pictures.

    Args:
        width, height: size of the pictures, px.

    Attributes:
        state: the sensor's state as it is told: RUNNING, COVERED, DARK, FROZEN or BLURRED.
        blind: whether the latest picture shows nothing.
        brightness: mean of the latest picture, 0 to 255.
    """

    def __init__(self, width: int, height: int) -> None:
        columns = max(1, min(SIDE, width) // BLOCK)
        rows = max(1, round(columns * height / width))
        shape = rows * BLOCK, columns * BLOCK
        self._colour: NDArray[np.uint8] = hidden((*shape, 3), np.uint8)
        self._grey: NDArray[np.uint8] = hidden(shape, np.uint8)
        self._values: NDArray[np.float32] = hidden(shape, np.float32)
        self._work: NDArray[np.float32] = hidden(shape, np.float32)
        coarse = shape[0] // COARSE, shape[1] // COARSE
        self._coarse: list[NDArray[np.float32]] = [hidden(coarse, np.float32) for _ in range(2)]
        self._blocks: list[NDArray[np.float32]] = [hidden((rows, columns), np.float32) for _ in range(2)]
        # Whatever a library starts at first use must be started before the room is sealed.
        self._reckon(np.zeros((height, width, 3), np.uint8))
        self.wipe()
        self.forget()

    def forget(self) -> None:
        """Begin anew: nothing is usual."""
        self.state, self.blind, self.brightness = RUNNING, False, 0.0
        self._spread = 0.0
        self._candidate, self._since = RUNNING, 0.0
        self._looked: float | None = None
        self._checksum: int | None = None
        self._changed = 0.0
        self._usual_blank = self._usual_brightness = 0.0
        self._sharpness = self._sharp_for = 0.0
        self._soft_since: float | None = None

    def wipe(self) -> None:
        """Overwrite everything that held pixels."""
        for pixels in (self._colour, self._grey):
            pixels.fill(0)
        for buffer in (self._values, self._work, *self._coarse, *self._blocks):
            buffer.fill(0)

    def look(self, picture: NDArray[np.uint8], t: float) -> None:
        """Judge a picture (height, width, 3) taken at `t` s; most of a fast camera's are not looked at."""
        dt = np.inf if self._looked is None else t - self._looked
        if 0 <= dt < 0.99 * EVERY:
            return
        first = self._looked is None or dt < 0
        self._looked = t
        checksum = fingerprint(picture)
        if checksum != self._checksum or first:
            self._changed = t
        self._checksum = checksum
        try:
            dark, blank, sharp = self._reckon(picture)
        finally:
            self.wipe()
        if first:
            self._usual_blank, self._usual_brightness, self._since = blank, self.brightness, t
        dt = min(max(dt, 0.0), 1.0)
        seems = self._seems(dark, blank, t)
        if seems == RUNNING and self._soft(sharp, dt, t):
            seems = BLURRED
        self.blind = seems in BLIND
        if seems != self._candidate:
            self._candidate, self._since = seems, t
        if t - self._since >= SETTLE or first:
            self.state = seems
        if seems == self.state and seems not in BLIND:
            self._usual_blank += dt / MEMORY * (blank - self._usual_blank)
            self._usual_brightness += dt / MEMORY * (self.brightness - self._usual_brightness)

    def _seems(self, dark: bool, blank: float, t: float) -> int:
        if dark:
            was_light = self._usual_brightness * SUDDEN > max(self.brightness, DARK_MEAN * SUDDEN)
            return COVERED if was_light and self.state in (RUNNING, BLURRED, COVERED) else DARK
        if (blank >= ALL and self._spread <= FLAT) or (blank >= COVERED_SHARE and self._usual_blank <= USUALLY):
            return COVERED
        return FROZEN if t - self._changed >= FREEZE else RUNNING

    def _soft(self, sharp: float, dt: float, t: float) -> bool:
        """Whether the picture is much less sharp than usual, and has been for long enough."""
        blurred = self.state == BLURRED
        soft = self._sharp_for >= LEARN and sharp < (SHARP_AGAIN if blurred else SOFT) * self._sharpness
        if soft:
            self._soft_since = t if self._soft_since is None else self._soft_since
        else:
            self._soft_since = None
            pace = dt / (self._sharp_for + dt) if 0 < self._sharp_for + dt < LEARN else dt / SHARP_MEMORY
            self._sharpness += pace * (sharp - self._sharpness)
            self._sharp_for += dt
        return self._soft_since is not None and (blurred or t - self._soft_since >= SOFT_FOR)

    def _reckon(self, picture: NDArray[np.uint8]) -> tuple[bool, float, float]:
        """Whether a picture is dark, the share of its blocks that are blank, and its sharpness."""
        rows, columns = self._grey.shape
        cv2.resize(picture, (columns, rows), dst=self._colour, interpolation=cv2.INTER_AREA)
        cv2.cvtColor(self._colour, cv2.COLOR_BGR2GRAY, dst=self._grey)
        level, spread = cv2.meanStdDev(self._grey)
        self.brightness, self._spread = float(level[0, 0]), float(spread[0, 0])
        histogram = cv2.calcHist([self._grey], [0], None, [64], [0, 256]).ravel()
        bright = float(histogram[DARK_BRIGHTEST // 4 :].sum())
        dark = self.brightness < DARK_MEAN and bright < 0.01 * self._grey.size
        # Variance of each block as mean of squares less square of mean.
        (values, work), (mean, squares) = self._coarse, self._blocks
        np.copyto(self._values, self._grey, casting="unsafe")
        cv2.resize(self._values, values.shape[::-1], dst=values, interpolation=cv2.INTER_AREA)
        cv2.resize(values, mean.shape[::-1], dst=mean, interpolation=cv2.INTER_AREA)
        cv2.multiply(values, values, dst=work)
        cv2.resize(work, mean.shape[::-1], dst=squares, interpolation=cv2.INTER_AREA)
        cv2.multiply(mean, mean, dst=mean)
        cv2.subtract(squares, mean, dst=squares)
        blank = float(np.count_nonzero(squares < BLANK**2)) / squares.size
        # Second derivatives against the brightness: what blur takes away first, and light does not change. Edges are
        # few and noise is everywhere, so that the strongest are asked.
        cv2.Laplacian(self._grey, cv2.CV_32F, dst=self._work)
        np.abs(self._work, out=self._work)
        strength = np.cumsum(cv2.calcHist([self._work], [0], None, [512], [0, 512]).ravel())
        strongest = float(np.searchsorted(strength, (1 - STRONGEST) * self._work.size))
        return dark, blank, strongest / (self.brightness + 8.0)
