"""What an LD2450 makes of a scene: at most three targets, one per range gate, held when they stop.

The module's own processing is not published. The model has what owners report and what 32 000 recorded reports show:
two people in one gate become one between them, half of all targets have speed 0 because they are held, speed comes in
steps of 8 cm/s, and the slots are no identities.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from drukte_tools.simulate.cube import Scatterers

GATE: Final = 0.36  # m
SPEED_STEP: Final = 0.08
MIN_SPEED: Final = 0.12
MAX_RANGE: Final = 6.0
HALF_VIEW: Final = float(np.deg2rad(60.0))
ANGLE_ERROR: Final = float(np.deg2rad(3.0))
HOLD: Final = 1.5  # s
SLOTS: Final = 3
# Equivalent cross-section (m2 at 1 m) from which a gate shows a target.
SENSITIVITY: Final = 0.02


class Ld2450Model:
    """Targets of one report after another.

    Args:
        period: between reports, s.
        seed: of the angle errors.

    After each call:
        shown: numbers of the people whose echo is the strongest in a gate that became a target.
    """

    def __init__(self, period: float, seed: int = 0) -> None:
        self._period = period
        self._rng = np.random.default_rng(seed)
        self.shown: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._held: list[tuple[float, float, float]] = []  # range, angle, age

    def __call__(self, s: Scatterers) -> list[tuple[float, float, float]]:
        """Up to three targets as x (m), y (m), radial speed (m/s), as `ld2450_stream.report` takes them."""
        azimuth = np.arctan2(s.direction[:, 0], s.direction[:, 1])
        moving = np.abs(s.speed) > MIN_SPEED
        view = (np.abs(azimuth) < HALF_VIEW) & (s.distance < MAX_RANGE) & moving
        gate = (s.distance[view] / GATE).astype(np.intp)
        gates = int(MAX_RANGE / GATE) + 2
        section = s.section[view]
        total = np.bincount(gate, section, gates)
        weight = np.maximum(total, 1e-12)
        angle = np.bincount(gate, section * azimuth[view], gates) / weight
        speed = np.bincount(gate, section * s.speed[view], gates) / weight
        distance = np.bincount(gate, section * s.distance[view], gates) / weight
        around = np.maximum(np.roll(total, 1), np.roll(total, -1))
        peaks = np.flatnonzero((total > SENSITIVITY) & (total >= around))
        peaks = peaks[np.argsort(-total[peaks])][:SLOTS]
        order = np.argsort(section)
        strongest = np.full(gates, -1)
        strongest[gate[order]] = s.owner[view][order]
        self.shown = np.unique(strongest[peaks])
        found = [
            (float(distance[g]), float(angle[g] + self._rng.normal(0, ANGLE_ERROR)), float(speed[g])) for g in peaks
        ]
        held = [
            (r, a, age + self._period)
            for r, a, age in self._held
            if age + self._period < HOLD and all(abs(r - f[0]) > 2 * GATE or abs(a - f[1]) > 0.35 for f in found)
        ]
        self._held = [(r, a, 0.0) for r, a, _ in found] + held
        targets = found + [(r, a, 0.0) for r, a, _ in held]
        return [
            (r * float(np.sin(a)), r * float(np.cos(a)), round(v / SPEED_STEP) * SPEED_STEP)
            for r, a, v in targets[:SLOTS]
        ]
