"""What a person detector on a camera makes of a crowd: places on the ground with the errors that detectors make.

No pictures: people behind others are missed, people in plain view are missed for moments, feet are placed wrong by an
error that grows with the distance and stays for a while, and now and then somebody is seen who is not there. The
figures are assumptions of the size that detectors of street scenes show (docs/accuracy.md), and are the worse side.
"""

from typing import Final

import numpy as np

from drukte.sense.geometry.view import View
from drukte.sense.people import Floats, Positions

MISSED: Final = 0.08
"""Share of the time in which somebody in plain view is missed."""
MISSED_FOR: Final = 0.6
"""Mean length of such a spell, s."""
HIDDEN: Final = 0.15
"""Share of the frames in which somebody behind others is found all the same."""
ALONG: Final = (0.08, 0.025)
"""Standard deviation of the foot along the line of sight, m: constant part, and part of the distance."""
ACROSS: Final = (0.05, 0.008)
LASTING: Final = 0.4
"""Time over which errors repeat themselves, s (see tracking/smooth.py)."""
FALSE: Final = 0.02
"""People per frame who are not there."""
SCORE: Final = (0.7, 0.1)


class CameraModel:
    """Detections of one frame after another.

    Args:
        foot: ground point below the camera, m.
        height: of the camera, m.
        period: between frames, s.
        seed: of all errors.
    """

    def __init__(self, foot: tuple[float, float], height: float, period: float, seed: int = 0) -> None:
        self.view = View(foot=foot, height=height)
        self._period = period
        self._rng = np.random.default_rng(seed)
        self._missing = np.zeros(0, np.bool_)
        self._error: Floats = np.zeros((0, 2))

    def __call__(self, xy: Floats) -> Positions:
        """What is found of the people at `xy`, (n, 2) m; the same people in the same order in every call."""
        rng, n = self._rng, len(xy)
        if len(self._missing) != n:
            self._missing = rng.random(n) < MISSED
            self._error = rng.standard_normal((n, 2))
        end = self._period / MISSED_FOR
        begin = end * MISSED / (1 - MISSED)
        self._missing ^= rng.random(n) < np.where(self._missing, end, begin)
        keep = np.exp(-self._period / LASTING)
        self._error = keep * self._error + np.sqrt(1 - keep**2) * rng.standard_normal((n, 2))
        hidden = np.array([self.view.hidden(xy[i : i + 1], np.delete(xy, i, 0))[0] for i in range(n)], np.bool_)
        found = ~self._missing & (~hidden | (rng.random(n) < HIDDEN))
        true = xy[found]
        error = self._error[found]
        for _ in range(rng.poisson(FALSE)):
            true = np.vstack([true, rng.uniform([-3.5, 0.8], [3.5, 6.8])])
            error = np.vstack([error, rng.standard_normal(2)])
        ray = true - np.array(self.view.foot)
        distance = np.maximum(np.linalg.norm(ray, axis=1), 0.1)
        sight = ray / distance[:, None]
        side = np.column_stack([-sight[:, 1], sight[:, 0]])
        along, across = ALONG[0] + ALONG[1] * distance, ACROSS[0] + ACROSS[1] * distance
        place = true + (along * error[:, 0])[:, None] * sight + (across * error[:, 1])[:, None] * side
        cov = (along**2)[:, None, None] * sight[:, :, None] * sight[:, None]
        cov += (across**2)[:, None, None] * side[:, :, None] * side[:, None]
        return Positions(place, cov, np.clip(rng.normal(*SCORE, len(place)), 0.4, 1.0))
