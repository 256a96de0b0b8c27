"""Raw samples of an FMCW radar from point scatterers."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from drukte.sense.detect.fmcw import LIGHT, Chirp

Floats = npt.NDArray[np.float64]
Complex64 = npt.NDArray[np.complex64]

BOLTZMANN: Final = 1.380649e-23
ROOM_K: Final = 290.0


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """Analogue figures of an IWR6843 (data sheet SWRS219): output power, noise figure; antenna of the ISK board.

    Attributes:
        power: transmitter output, W (12 dBm).
        gain: of one antenna at boresight, ratio (7 dBi).
        noise_figure: ratio (12 dB).
        beam_azimuth, beam_elevation: half the angle at which the gain has fallen by 3 dB, rad.
    """

    power: float = 10 ** (12 / 10) * 1e-3
    gain: float = 10 ** (7 / 10)
    noise_figure: float = 10 ** (12 / 10)
    beam_azimuth: float = float(np.deg2rad(60.0))
    beam_elevation: float = float(np.deg2rad(30.0))


@dataclass(slots=True)
class Scatterers:
    """Points that reflect, in the sensor frame.

    Attributes:
        direction: (k, 3) unit vectors from the sensor in which the echo arrives.
        distance: (k,) half the length of the echo's way, m.
        speed: (k,) radial, m/s, positive when receding.
        section: (k,) radar cross-section, m2, with all losses on the way taken off.
        owner: (k,) number of the person, or -1.
    """

    direction: Floats
    distance: Floats
    speed: Floats
    section: Floats
    owner: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.distance)


def amplitudes(s: Scatterers, chirp: Chirp, front: FrontEnd) -> Floats:
    """Amplitude of each echo relative to noise of unit power in one sample (radar equation).

    P_r = P G^2 lambda^2 sigma / ((4 pi)^3 R^4); noise k T fs F. The antenna's beam is a Gaussian in both angles,
    which the wave passes twice.
    """
    azimuth = np.arctan2(s.direction[:, 0], s.direction[:, 1])
    elevation = np.arcsin(np.clip(s.direction[:, 2], -1, 1))
    beam = 0.5 ** ((azimuth / front.beam_azimuth) ** 2 + (elevation / front.beam_elevation) ** 2)
    ahead = s.direction[:, 1] > 0
    received = (
        front.power * (front.gain * beam) ** 2 * chirp.wavelength**2 * s.section
        / ((4 * np.pi) ** 3 * np.maximum(s.distance, 0.05) ** 4)
    )  # fmt: skip
    noise = BOLTZMANN * ROOM_K * chirp.sample_rate * front.noise_figure
    return np.sqrt(received / noise) * ahead


class CubeMaker:
    """Samples of one frame after another for a waveform.

    Args:
        chirp: waveform and antennas.
        seed: of the noise.
        front: analogue figures.
    """

    def __init__(self, chirp: Chirp, seed: int = 0, front: FrontEnd | None = None) -> None:
        self.chirp, self.front = chirp, front or FrontEnd()
        self._rng = np.random.default_rng(seed)
        self._time = np.arange(chirp.samples) / chirp.sample_rate
        self._loops = np.arange(chirp.loops) * chirp.block_time
        self._turns = np.array(chirp.turn) * chirp.chirp_time

    def __call__(self, s: Scatterers) -> Complex64 | npt.NDArray[np.float32]:
        """Samples (loops, elements, samples), complex64, or float32 for a module with real samples.

        The beat signal of one scatterer is the product of exp(j 2 pi (2 S R / c) t) over the samples,
        exp(j 4 pi R / lambda), exp(j 4 pi v t / lambda) over the chirps and exp(j pi (m ux + n uz)) over the elements.
        """
        c = self.chirp
        a = amplitudes(s, c, self.front) * _filter(s.distance, c)
        keep = a > 1e-4
        distance, speed, direction, a = s.distance[keep], s.speed[keep], s.direction[keep], a[keep]
        beat = _wave(np.outer(2 * c.slope * distance / LIGHT, self._time))
        doppler = 2 * speed / c.wavelength
        loops = _wave(np.outer(doppler, self._loops) + (2 * distance / c.wavelength)[:, None])
        space = (np.outer(direction[:, 0], c.right) + np.outer(direction[:, 2], c.up)) / 2
        elements = _wave(space + np.outer(doppler, self._turns)) * a.astype(np.float32)[:, None]
        slow = loops[:, :, None] * elements[:, None, :]
        cube = (slow.reshape(len(a), c.loops * c.elements).T @ beat).reshape(c.loops, c.elements, c.samples)
        noise = self._rng.standard_normal((*cube.shape, 2), np.float32) * np.float32(np.sqrt(0.5))
        cube += noise.view(np.complex64)[..., 0]
        return np.ascontiguousarray(cube.real) if c.real else cube


def _wave(turns: Floats) -> Complex64:
    """exp(j 2 pi turns); whole turns are taken off in double precision first."""
    angle = (2 * np.pi * (turns - np.rint(turns))).astype(np.float32)
    out = np.empty(angle.shape, np.complex64)
    out.real, out.imag = np.cos(angle), np.sin(angle)
    return out


def _filter(distance: Floats, chirp: Chirp) -> Floats:
    """Amplitude that the decimation filter lets through: flat up to 0.9 of the band, 60 dB down at its edge."""
    beyond = np.clip((distance / chirp.max_range - 0.9) / 0.1, 0, None)
    return np.asarray(10 ** (-3 * np.minimum(beyond, 3.0)))
