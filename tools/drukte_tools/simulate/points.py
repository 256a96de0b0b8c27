"""Echoes of a radar straight from scatterers, some hundred times faster than through raw samples.

A model of what range-Doppler-angle processing leaves over: scatterers in one resolution cell add up with random
phases, cells above the threshold become echoes at the cell's range and speed, with an angle that is off by what the
signal-to-noise ratio allows. `cube` and `drukte.sense.detect.fmcw` are the long way round; a test holds the two
against each other.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from drukte.sense.detect.fmcw import Chirp
from drukte.sense.sources.radar import Echo, Float32
from drukte_tools.simulate.cube import FrontEnd, Scatterers, amplitudes

# A Hann window costs 1.8 dB in each of the two transforms.
WINDOW_LOSS: Final = (2 / 3) ** 2
THRESHOLD: Final = 10 ** (7 / 10)
ANGLE_FLOOR: Final = 0.01  # rad; calibration errors of the array remain however strong the echo


class PointModel:
    """Echoes of one frame after another.

    Args:
        chirp: waveform and antennas.
        seed: of phases and noise.
        front: analogue figures.
        max_points: the strongest are kept.
        static: probability that a cell at standstill is reported, as firmware with static detection does.

    After each call:
        shown: numbers of the people whose echo is the strongest in a cell that was reported.
    """

    def __init__(
        self, chirp: Chirp, seed: int = 0, front: FrontEnd | None = None, max_points: int = 256, static: float = 0.0
    ) -> None:
        self.chirp, self.front = chirp, front or FrontEnd()
        self._rng = np.random.default_rng(seed)
        self._max, self._static = max_points, static
        self.shown: npt.NDArray[np.intp] = np.empty(0, np.intp)

    def __call__(self, s: Scatterers) -> Float32:
        """Echoes (n, 5) in the sensor frame, columns as in `RadarFrame.points`."""
        c, rng = self.chirp, self._rng
        n_speed = c.loops
        near = np.rint(s.distance / c.range_step).astype(np.intp)
        speed = np.rint(s.speed / c.speed_step).astype(np.intp) % n_speed
        beam = np.rint((s.direction[:, 0] + 1) / c.azimuth_resolution).astype(np.intp)
        a = amplitudes(s, c, self.front) * np.sqrt(c.samples * c.loops * WINDOW_LOSS)
        keep = (near >= 3) & (near < c.bins) & (a > 0.05)
        near, speed, beam, a, direction = near[keep], speed[keep], beam[keep], a[keep], s.direction[keep]
        owner = s.owner[keep]
        self.shown = owner[:0]
        if not len(a):
            return np.empty((0, len(Echo)), np.float32)
        key = (near * n_speed + speed) * 64 + beam
        _, which = np.unique(key, return_inverse=True)
        cells = int(which.max()) + 1
        phase = rng.uniform(0, 2 * np.pi, len(a))
        total = np.bincount(which, a * np.cos(phase), cells) + 1j * np.bincount(which, a * np.sin(phase), cells)
        snr = np.abs(total) ** 2
        power = a**2 / np.maximum(np.bincount(which, a**2, cells), 1e-30)[which]
        ux = np.bincount(which, power * direction[:, 0], cells)
        uz = np.bincount(which, power * direction[:, 2], cells)
        first = np.zeros(cells, np.intp)
        first[which] = np.arange(len(which))
        bins, doppler = near[first], speed[first]
        order = np.argsort(a)
        strongest = np.empty(cells, np.intp)
        strongest[which[order]] = owner[order]
        standing = (doppler <= 1) | (doppler == n_speed - 1)
        seen = (snr > THRESHOLD) & (~standing | (rng.random(cells) < self._static))
        bins, doppler, snr, ux, uz = (v[seen] for v in (bins, doppler, snr, ux, uz))
        self.shown = np.unique(strongest[seen])
        if len(snr) > self._max:
            best = np.argsort(-snr)[: self._max]
            bins, doppler, snr, ux, uz = (v[best] for v in (bins, doppler, snr, ux, uz))
        # Cramer-Rao bound of a phase comparison over the row, and over one half wavelength upward.
        row = 1 / c.azimuth_resolution * 2
        ux = ux + rng.normal(0, 1, len(ux)) * np.hypot(ANGLE_FLOOR, 1.0 / (row * np.sqrt(snr)))
        uz = uz + rng.normal(0, 1, len(uz)) * np.hypot(ANGLE_FLOOR, 1.0 / (np.pi * np.sqrt(snr * 4)))
        ux, uz = np.clip(ux, -0.99, 0.99), np.clip(uz, -0.99, 0.99)
        out = np.empty((len(ux), len(Echo)), np.float32)
        distance = bins * c.range_step
        out[:, Echo.X], out[:, Echo.Z] = distance * ux, distance * uz
        out[:, Echo.Y] = distance * np.sqrt(np.maximum(0.0, 1 - ux**2 - uz**2))
        out[:, Echo.DOPPLER] = np.where(doppler > n_speed // 2, doppler - n_speed, doppler) * c.speed_step
        out[:, Echo.SNR] = 10 * np.log10(snr)
        return out
