"""Has the camera been moved? Two witnesses: what the picture's edges say, and how tall people seem to be.

A calibration holds for one view. When somebody bumps the mast, every distance is wrong from then on, and nothing in
the counts shows it. So the place's edges are learned slowly and compared with those of the last seconds, in tiles: a
shift that grows towards the picture's rim is a turn, the same shift everywhere is a pan. And whoever walks through is
measured against the height that the calibration expects, which also notices a camera that was moved while it was off.

What is learned of the place is a picture of edges, 160 pixels wide and without any brightness, in which whoever does
not stay for minutes drowns. It lies in memory that no core dump or child process gets, never leaves it, is overwritten
with the frame's other buffers at the end and is learned anew at every start.
"""

from collections import deque
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from drukte.sense.frame import hidden
from drukte.sense.people import RIDER, Floats
from drukte.sense.tracking.tracks import Tracks

GOOD, SUSPECT, NONE = range(3)
"""The door's `calibration`."""

SIDE: Final = 160
"""Width of the learned picture, px: the least at which a turn of 2 degrees shifts its rim by more than two pixels."""
TILES: Final = (4, 3)
"""Columns and rows of tiles."""

EVERY: Final = 1.0
"""Time between looks at the picture, s."""
RECENT: Final = 8.0
"""Time constant of the recent picture, s: walkers blur, the place stays."""
LEARN: Final = 30.0
"""How long the place is learned before anything is compared, s."""
ADAPT: Final = 600.0
"""Time constant with which the learned picture follows, s: shadows move, leaves fall, shops change windows."""

MOVED: Final = 0.005
"""Shift of the picture, as a part of its width, above which the camera has moved: 0.3 degrees for a lens of 66."""
MATCH: Final = 0.1
"""Height of a tile's correlation peak above which its shift counts; unrelated pictures stay under 0.06."""
ENOUGH: Final = 4
"""Tiles that must have one. With fewer nothing is said: fog, night, a bus in front."""
LASTS: Final = 15.0
"""How long the picture must be shifted, s: a mast sways and a lorry shakes it for less."""
STRANGE: Final = 30.0
"""How long a picture full of edges must match nowhere, s, to be another place."""
VIVID: Final = 0.4
"""Part of the place's usual strength of edges that a picture must have to be of another place: fog, night and a wet
lens take more."""

PEOPLE: Final = 30
"""Walkers whose mean height is compared with the expected one; their median is known to 2 % then."""
TOO_TALL: Final = 0.14
"""Part by which they may differ from it: people differ by 6 % and detectors' boxes by 2 %. A camera 7 m up that is
tilted by 2 degrees makes somebody at 25 m 14 % taller or shorter; nearer ones less."""
BOXES: Final = 5
"""Boxes of a walker that make a height."""
WALKING: Final = 0.5
"""Who is slower may sit, m/s."""


class MovedCamera:
    """Watches one camera's calibration.

    Args:
        width, height: size of the pictures, px.
    """

    def __init__(self, width: int, height: int) -> None:
        rows = max(TILES[1] * 16, round(SIDE * height / width / TILES[1]) * TILES[1])
        shape = rows, SIDE
        self._colour: NDArray[np.uint8] = hidden((*shape, 3), np.uint8)
        self._grey: NDArray[np.uint8] = hidden(shape, np.uint8)
        self._work = [hidden(shape, np.float32) for _ in range(4)]
        self._recent: NDArray[np.float32] = hidden(shape, np.float32)
        self._place: NDArray[np.float32] = hidden(shape, np.float32)
        tile = rows // TILES[1], SIDE // TILES[0]
        self._tiles = [
            (slice(r * tile[0], (r + 1) * tile[0]), slice(c * tile[1], (c + 1) * tile[1]))
            for r in range(TILES[1])
            for c in range(TILES[0])
        ]
        self._window = cv2.createHanningWindow(tile[::-1], cv2.CV_32F)
        self._spectra = [hidden((*tile, 2), np.float32) for _ in range(3)]
        self._parts = [hidden(tile, np.float32) for _ in range(2)]
        centres = np.array([[(c.start + c.stop) / 2, (r.start + r.stop) / 2] for r, c in self._tiles])
        self._centres: Floats = centres - np.array([SIDE / 2, rows / 2])
        # Whatever a library starts at first use must be started before the room is sealed.
        self._edges(np.zeros((height, width, 3), np.uint8))
        self._shift()
        self.forget()

    def forget(self) -> None:
        """Begin anew: no place learned, nobody measured."""
        self.wipe()
        self._began: float | None = None
        self._looked = -np.inf
        self._shifted: float | None = None  # since when
        self._still: float | None = None
        self._unlike: float | None = None
        self._picture = GOOD
        self._vivid = self._usual = 0.0  # mean strength of edges: lately, and as learned with the place
        self._heights: deque[float] = deque(maxlen=2 * PEOPLE)
        self._walkers: dict[int, tuple[float, int]] = {}  # sum and number of a walker's heights, by id

    @property
    def calibration(self) -> int:
        """GOOD, or SUSPECT while one of the witnesses says so."""
        return SUSPECT if self._picture == SUSPECT or self._misfit() else GOOD

    def wipe(self) -> None:
        """Overwrite everything that came from pixels."""
        for learned in (self._recent, self._place):
            learned.fill(0)
        self._wipe_scratch()

    def _wipe_scratch(self) -> None:
        self._colour.fill(0)
        self._grey.fill(0)
        for buffer in (*self._work, *self._spectra, *self._parts):
            buffer.fill(0)

    def look(self, picture: NDArray[np.uint8], t: float) -> None:
        """Take in a picture; most are not looked at.

        Args:
            picture: (height, width, 3) uint8.
            t: its time, s.
        """
        dt = t - self._looked
        if 0 <= dt < EVERY:
            return
        self._looked = t
        try:
            self._learn(self._edges(picture), dt if 0 < dt < RECENT else EVERY, t)
        finally:
            # Of this picture only what the two learned ones took up is left.
            self._wipe_scratch()

    def _learn(self, found: tuple[NDArray[np.float32], float], dt: float, t: float) -> None:
        edges, vivid = found
        if self._began is None or t < self._began:
            self._began = t
            np.copyto(self._recent, edges)
            np.copyto(self._place, edges)
            self._vivid = self._usual = vivid
            return
        cv2.accumulateWeighted(edges, self._recent, min(1.0, dt / RECENT))
        self._vivid += min(1.0, dt / RECENT) * (vivid - self._vivid)
        age = t - self._began
        if age < LEARN:
            cv2.accumulateWeighted(edges, self._place, dt / (age + dt))
            self._usual = self._vivid
            return
        self._judge(t)
        if self._picture == GOOD and self._shifted is None and self._unlike is None:
            cv2.accumulateWeighted(edges, self._place, min(1.0, dt / ADAPT))
            self._usual += min(1.0, dt / ADAPT) * (self._vivid - self._usual)

    def measure(self, tracks: Tracks, tallness: Floats) -> None:
        """Take in how tall the people of a frame seem.

        Args:
            tracks: of the frame.
            tallness: (n,) height of each one's box as a part of what the calibration expects there; NaN if unseen.
        """
        walks = tracks.confirmed & (tracks.kinds != RIDER) & (np.hypot(*tracks.velocity.T) > WALKING)
        # Half of a body says nothing, and two bodies in one box as little.
        walks &= np.isfinite(tallness) & (tallness > 0.5) & (tallness < 2)
        for who, share in zip(tracks.ids[walks].tolist(), tallness[walks].tolist(), strict=True):
            total, number = self._walkers.get(who, (0.0, 0))
            self._walkers[who] = total + share, number + 1
        for who in self._walkers.keys() - set(tracks.ids.tolist()):
            total, number = self._walkers.pop(who)
            if number >= BOXES:
                self._heights.append(total / number)

    def _misfit(self) -> bool:
        return len(self._heights) >= PEOPLE and abs(float(np.median(self._heights)) - 1) > TOO_TALL

    def _judge(self, t: float) -> None:
        """Compare the last seconds with the place as it was learned."""
        shift, matches = self._shift()
        moved = matches >= ENOUGH and shift > MOVED * SIDE
        # Next to nothing matches, though the picture is as full of edges as the place: another place.
        unlike = matches < ENOUGH and self._vivid > VIVID * self._usual > 0
        self._shifted = (self._shifted or t) if moved else None
        self._unlike = (self._unlike or t) if unlike else None
        fits = matches >= ENOUGH and not moved
        self._still = (self._still or t) if fits else None
        if (self._shifted is not None and t - self._shifted >= LASTS) or (
            self._unlike is not None and t - self._unlike >= STRANGE
        ):
            self._picture = SUSPECT
        elif self._still is not None and t - self._still >= 2 * LASTS:
            self._picture = GOOD  # put back as it was

    def _edges(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """Strength of the small picture's edges as a part of what is usual around them: no brightness, no contrast.

        And their mean strength before that.
        """
        across, down, strength, usual = self._work
        cv2.resize(picture, self._colour.shape[1::-1], dst=self._colour, interpolation=cv2.INTER_AREA)
        cv2.cvtColor(self._colour, cv2.COLOR_BGR2GRAY, dst=self._grey)
        cv2.Sobel(self._grey, cv2.CV_32F, 1, 0, dst=across)
        cv2.Sobel(self._grey, cv2.CV_32F, 0, 1, dst=down)
        cv2.magnitude(across, down, strength)
        vivid = float(strength.mean())
        cv2.blur(strength, (31, 31), dst=usual)
        usual += 4.0  # noise of a dark picture is no edge
        np.divide(strength, usual, out=strength)
        np.minimum(strength, 3.0, out=strength)
        return strength, vivid

    def _shift(self) -> tuple[float, int]:
        """Root mean square shift of the recent picture against the place, px, and the number of tiles that show it.

        The tiles' shifts are fitted by a pan, a turn and a zoom; those that stick out are left out.
        """
        found = [self._tile_shift(tile) for tile in self._tiles]
        d = np.array([f[:2] for f in found])
        good = np.array([f[2] for f in found]) > MATCH
        fitted = np.zeros_like(d)
        for _ in range(2):
            if good.sum() < ENOUGH:
                return 0.0, int(good.sum())
            x, y = self._centres[good].T
            one, none = np.ones_like(x), np.zeros_like(x)
            design = np.concatenate([np.column_stack([one, none, x, -y]), np.column_stack([none, one, y, x])])
            answer = np.linalg.lstsq(design, d[good].T.ravel(), rcond=None)[0]
            x, y = self._centres.T
            fitted = np.column_stack(
                [answer[0] + answer[2] * x - answer[3] * y, answer[1] + answer[2] * y + answer[3] * x]
            )
            good &= np.hypot(*(d - fitted).T) < 1.0
        return float(np.sqrt((fitted**2).sum(axis=1).mean())), int(good.sum())

    def _tile_shift(self, tile: tuple[slice, slice]) -> tuple[float, float, float]:
        """Shift of a tile, px, by phase correlation (Kuglin and Hines 1975), and the height of its peak."""
        (a, b, cross), (part, peak) = self._spectra, self._parts
        for image, spectrum in ((self._place, a), (self._recent, b)):
            np.subtract(image[tile], image[tile].mean(), out=part)
            np.multiply(part, self._window, out=part)
            cv2.dft(part, dst=spectrum, flags=cv2.DFT_COMPLEX_OUTPUT)
        cv2.mulSpectrums(b, a, 0, c=cross, conjB=True)
        np.hypot(cross[:, :, 0], cross[:, :, 1], out=part)
        part += 1e-6
        cross /= part[:, :, None]
        cv2.dft(cross, dst=peak, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
        row, column = np.unravel_index(int(peak.argmax()), peak.shape)
        near = np.arange(-2, 3)
        rows, columns = (row + near) % peak.shape[0], (column + near) % peak.shape[1]
        around = np.maximum(peak[np.ix_(rows, columns)], 0)
        total = float(around.sum())
        if total <= 0:
            return 0.0, 0.0, 0.0
        y = (row + peak.shape[0] // 2) % peak.shape[0] - peak.shape[0] // 2 + float(around.sum(axis=1) @ near) / total
        x = (column + peak.shape[1] // 2) % peak.shape[1] - peak.shape[1] // 2
        return x + float(around.sum(axis=0) @ near) / total, y, total
