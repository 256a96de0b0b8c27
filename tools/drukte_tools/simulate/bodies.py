"""A person as a set of points that reflect: where they are and how strongly, at any moment of the gait.

After the human model of Boulic, Thalmann and Thalmann (1990) as used for radar by Chen (The Micro-Doppler Effect in
Radar, 2011), simplified: torso and head move with the person, arms and legs swing in opposite phase about hip and
shoulder, the chest breathes, and who stands still sways.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Part, number of points, lowest and highest relative height, half width, half depth (m), share of the cross-section.
_PARTS: Final = (
    ("torso", 14, 0.52, 0.82, 0.20, 0.11, 0.62),
    ("head", 3, 0.88, 0.99, 0.08, 0.09, 0.08),
    ("arm", 4, 0.42, 0.78, 0.04, 0.04, 0.06),
    ("arm", 4, 0.42, 0.78, 0.04, 0.04, 0.06),
    ("leg", 5, 0.03, 0.48, 0.07, 0.07, 0.09),
    ("leg", 5, 0.03, 0.48, 0.07, 0.07, 0.09),
)
POINTS: Final = sum(part[1] for part in _PARTS)

CROSS_SECTION: Final = 0.6  # m2, a walking adult at 60 to 80 GHz (Yamada et al. 2005: about -8 to +2 dBsm)
BREATHING: Final = (0.002, 0.25)  # amplitude m (chest of a resting adult: 4 mm from peak to peak) and Hz
SWAY: Final = (0.004, 0.4)  # amplitude m and Hz of quiet standing (Winter 1995: about 4 mm root mean square)
SWING: Final = 0.30  # m at the end of a limb, at 1.3 m/s
FIDGET: Final = (0.06, 1.1, 0.15)  # amplitude m, Hz and share of the time in which a standing person moves an arm


class Bodies:
    """Points of n people.

    Args:
        heights: (n,) m.
        seed: of where the points sit and how they share the cross-section.
    """

    def __init__(self, heights: Floats, seed: int = 0) -> None:
        n = len(heights)
        rng = np.random.default_rng(seed)
        side, up, depth, swing, share = (np.zeros((n, POINTS)) for _ in range(5))
        start = 0
        for k, (name, count, low, high, width, thickness, part) in enumerate(_PARTS):
            s = slice(start, start + count)
            level = np.sort(rng.uniform(low, high, (n, count)), axis=1)
            up[:, s] = level * heights[:, None]
            offset = {"arm": 0.24, "leg": 0.10}.get(name, 0.0) * (1 if k % 2 else -1)
            side[:, s] = offset + rng.uniform(-width, width, (n, count))
            depth[:, s] = rng.uniform(-thickness, thickness, (n, count))
            if name in {"arm", "leg"}:
                reach = (high - level) / (high - low)
                # The left arm goes with the right leg.
                swing[:, s] = SWING * reach * (1 if k % 2 == (name == "leg") else -1)
            share[:, s] = rng.exponential(1.0, (n, count))
            share[:, s] *= part / share[:, s].sum(axis=1, keepdims=True)
            start += count
        self._side, self._up, self._depth, self._swing = side, up, depth, swing
        self._section = CROSS_SECTION * share * 10 ** (rng.normal(0, 0.15, (n, 1)))
        self._chest = np.zeros(POINTS)
        self._chest[: _PARTS[0][1]] = 1.0
        self._arm = np.zeros(POINTS)
        self._arm[_PARTS[0][1] + _PARTS[1][1] :][: _PARTS[2][1]] = 1.0
        self._own = rng.uniform(0, 2 * np.pi, (n, 4))

    def points(self, xy: Floats, heading: Floats, phase: Floats, speed: Floats, time: float) -> Floats:
        """Positions (n, POINTS, 3), m, in the frame of `xy` with z up from the ground.

        Args:
            xy: (n, 2) where the people stand.
            heading: (n,) where they look, rad.
            phase: (n,) of the gait, rad.
            speed: (n,) m/s.
            time: s, drives breathing and sway.
        """
        own = self._own
        forward = self._depth + self._swing * (np.sin(phase) * np.minimum(speed / 1.3, 1.3))[:, None]
        breath = BREATHING[0] * np.sin(2 * np.pi * BREATHING[1] * time + own[:, 0])
        sway = SWAY[0] * np.sin(2 * np.pi * SWAY[1] * time + own[:, 1])
        busy = np.sin(2 * np.pi * 0.05 * time + own[:, 2]) > np.cos(np.pi * FIDGET[2])
        fidget = FIDGET[0] * np.sin(2 * np.pi * FIDGET[1] * time + own[:, 3]) * (busy & (speed < 0.2))
        forward = forward + breath[:, None] * self._chest + sway[:, None] + fidget[:, None] * self._arm
        cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
        out = np.empty((len(xy), POINTS, 3))
        out[..., 0] = xy[:, :1] + forward * cos - self._side * sin
        out[..., 1] = xy[:, 1:] + forward * sin + self._side * cos
        out[..., 2] = self._up
        return out

    def sections(self, points: Floats, xy: Floats, sensor: Floats) -> Floats:
        """Cross-sections (n, POINTS), m2: points on the far side of the body are hidden behind it.

        Args:
            points: as of `points`.
            xy: (n, 2) where the people stand.
            sensor: (3,) position of the sensor in the same frame.
        """
        toward = sensor[:2] - xy
        toward /= np.maximum(np.linalg.norm(toward, axis=1, keepdims=True), 1e-6)
        front = ((points[..., :2] - xy[:, None]) * toward[:, None]).sum(axis=2)
        return np.asarray(self._section * np.clip(0.5 + front / 0.15, 0.1, 1.0))
