"""From the raw samples of an FMCW radar to echoes: range, Doppler, detection, angle.

A frame is a cube of beat-signal samples, (loops, elements, samples): `loops` repetitions of a block of chirps, one
element for each pair of transmitter and receiver (the virtual array of a time-division MIMO radar). The steps are
those of the textbooks (Richards, Fundamentals of Radar Signal Processing; Li and Stoica, MIMO Radar Signal
Processing): window and FFT over the samples for range, removal of what does not move, window and FFT over the loops
for Doppler, a constant-false-alarm threshold, and the direction by comparing the elements' phases.

Echoes come out in the sensor frame of `drukte.sense.sources.radar`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from drukte.sense.sources.radar import Echo, RadarFrame

Complex64 = npt.NDArray[np.complex64]
Floats = npt.NDArray[np.float64]

LIGHT: Final = 299_792_458.0
# Virtual array of the IWR6843ISK in half wavelengths: the second of three transmitters stands half a wavelength
# higher, the first and third make a row of eight elements.
ISK_RIGHT: Final = (0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7)
ISK_UP: Final = (0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0)
ISK_TURN: Final = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2)


@dataclass(frozen=True)
class Chirp:
    """Waveform and antennas. The defaults are a wall-mounted IWR6843ISK set for 6 m.

    Attributes:
        start: carrier frequency at the first sample, Hz.
        slope: Hz/s.
        sample_rate: samples per second.
        samples: samples per chirp.
        loops: blocks of chirps per frame.
        chirp_time: from one chirp to the next, s.
        right, up: position of each virtual element, half wavelengths.
        turn: which transmitter's turn it is for each element, 0 for the first in a block.
        period: from one frame to the next, s.
        real: True when samples are real and not complex, as on modules without a quadrature mixer.
    """

    start: float = 60.75e9
    slope: float = 54.71e12
    sample_rate: float = 2.95e6
    samples: int = 96
    loops: int = 96
    chirp_time: float = 89.1e-6
    right: tuple[int, ...] = ISK_RIGHT
    up: tuple[int, ...] = ISK_UP
    turn: tuple[int, ...] = ISK_TURN
    period: float = 0.055
    real: bool = False

    @property
    def elements(self) -> int:
        """Number of virtual elements."""
        return len(self.right)

    @property
    def bins(self) -> int:
        """Number of range bins."""
        return self.samples // 2 + 1 if self.real else self.samples

    @property
    def bandwidth(self) -> float:
        """Swept while sampling, Hz: B = S N / fs."""
        return self.slope * self.samples / self.sample_rate

    @property
    def wavelength(self) -> float:
        """At the middle of the sweep, m."""
        return LIGHT / (self.start + self.bandwidth / 2)

    @property
    def range_step(self) -> float:
        """Range resolution, m: c / 2B."""
        return LIGHT / (2 * self.bandwidth)

    @property
    def max_range(self) -> float:
        """Unambiguous range, m: fs c / 2S, half of it for real samples."""
        return self.range_step * (self.samples / 2 if self.real else self.samples)

    @property
    def block_time(self) -> float:
        """From one loop to the next, s: one chirp for every transmitter."""
        return self.chirp_time * (max(self.turn) + 1)

    @property
    def max_speed(self) -> float:
        """Unambiguous radial speed, m/s: wavelength / 4 T."""
        return self.wavelength / (4 * self.block_time)

    @property
    def speed_step(self) -> float:
        """Speed resolution, m/s: wavelength / 2 T L."""
        return self.wavelength / (2 * self.block_time * self.loops)

    @cached_property
    def azimuth_resolution(self) -> float:
        """Two echoes nearer than this angle are one, rad at boresight: 2/N for a row of N half wavelengths."""
        row = [r for r, u in zip(self.right, self.up, strict=True) if u == 0]
        return 2.0 / (max(row) - min(row) + 1)


class Chain:
    """The chain for one waveform, with all its buffers made once.

    Args:
        chirp: waveform and antennas.
        angle: "fft" compares the row of elements with every direction; "capon" (minimum variance, with diagonal
            loading) first learns from the same range what else is there and parts people better.
        false_alarms: probability that a cell with nothing but noise passes the threshold.
        max_echoes: the strongest ones are kept.
        static: True keeps echoes that do not move; people who stand still are then among the furniture.
        near: echoes nearer than this are the module's own leakage, m.
    """

    ANGLES: Final = 128
    RANK: Final = 3
    ENOUGH_LOOPS: Final = 32
    LOADING: Final = 1e-2

    def __init__(
        self,
        chirp: Chirp,
        *,
        angle: Literal["fft", "capon"] = "capon",
        false_alarms: float = 1e-6,
        max_echoes: int = 256,
        static: bool = False,
        near: float = 0.25,
    ) -> None:
        self.chirp, self._angle, self._max, self._static = chirp, angle, max_echoes, static
        c = chirp
        self._near = max(1, round(near / c.range_step))
        self._range_window = np.hanning(c.samples + 2)[1:-1].astype(np.float32)
        self._loop_window = np.hanning(c.loops + 2)[1:-1].astype(np.float32)[:, None, None]
        self._windowed = np.empty((c.loops, c.elements, c.samples), np.float32 if c.real else np.complex64)
        self._ranges = np.empty((c.loops, c.elements, c.bins), np.complex64)
        self._spectrum = np.empty_like(self._ranges)
        self._mean = np.empty((c.elements, c.bins), np.complex64)
        self._power = np.empty((c.loops, c.bins), np.float32)
        self._squares = np.empty((c.loops, c.elements, c.bins), np.float32)
        # Power summed over V elements of pure noise follows a gamma distribution of shape V; its quantile at
        # rank 1/3 estimates the noise, and the quantile at the false-alarm rate is the threshold (ordered-
        # statistic CFAR, Rohling 1983). Over Doppler, because people fill few Doppler cells of any range; over
        # range where a frame has too few loops for that.
        self._axis = 0 if c.loops >= self.ENOUGH_LOOPS else 1
        self._rank = self._power.shape[self._axis] // self.RANK
        at_rank = float(gammaincinv(c.elements, 1 / self.RANK))
        self._over = float(gammaincinv(c.elements, 1 - false_alarms)) / at_rank
        self._noise = c.elements / at_rank
        # Transmitters send in turns; what has moved between their turns is turned back.
        speeds = np.fft.fftfreq(c.loops, 1 / c.loops) * c.speed_step
        turns = np.outer(2 * speeds / c.wavelength * c.chirp_time, c.turn)
        self._turned = np.exp(-2j * np.pi * turns).astype(np.complex64)[:, :, None]
        self._mimo = max(c.turn) > 0
        self._right, self._up = np.array(c.right), np.array(c.up)
        row = np.flatnonzero(self._up == 0)
        self._row = row[np.argsort(self._right[row], kind="stable")]
        self._above, self._below = _pairs(self._right, self._up)
        # Directions as ux = cos(el) sin(az), evenly spaced: the row's phase is linear in ux.
        self._ux = np.linspace(-1, 1, self.ANGLES, endpoint=False) + 1 / self.ANGLES
        self._steer = np.exp(-1j * np.pi * np.outer(self._ux, self._right[self._row])).astype(np.complex64)

    def process(self, cube: Complex64 | npt.NDArray[np.float32], into: RadarFrame) -> None:
        """Fill `into.points` from one frame of samples, (loops, elements, samples)."""
        spectrum = self._range_doppler(cube)
        doppler, bins, snr = self._detect()
        points = into.take_points(len(doppler))
        if len(points) == 0:
            return
        doppler, bins, snr = doppler[: len(points)], bins[: len(points)], snr[: len(points)]
        signal = spectrum[doppler, :, bins]
        c = self.chirp
        speed = np.fft.fftfreq(c.loops, 1 / c.loops)[doppler] * c.speed_step
        ux = self._azimuth(signal, bins)
        uz = self._elevation(signal)
        distance = bins * c.range_step
        ux = np.clip(ux, -1, 1)
        uz = np.clip(uz, -np.sqrt(np.maximum(0, 1 - ux**2)), np.sqrt(np.maximum(0, 1 - ux**2)))
        points[:, Echo.X], points[:, Echo.Z] = distance * ux, distance * uz
        points[:, Echo.Y] = distance * np.sqrt(np.maximum(0, 1 - ux**2 - uz**2))
        points[:, Echo.DOPPLER] = speed
        points[:, Echo.SNR] = 10 * np.log10(snr)

    def _range_doppler(self, cube: Complex64 | npt.NDArray[np.float32]) -> Complex64:
        np.multiply(cube, self._range_window, out=self._windowed)
        if self.chirp.real:
            np.fft.rfft(self._windowed, axis=2, out=self._ranges)  # type: ignore[arg-type]  # the stub knows double precision only
        else:
            np.fft.fft(self._windowed, axis=2, out=self._ranges)  # type: ignore[arg-type]
        if not self._static:
            np.mean(self._ranges, axis=0, out=self._mean)
            self._ranges -= self._mean
        self._ranges *= self._loop_window
        np.fft.fft(self._ranges, axis=0, out=self._spectrum)  # type: ignore[arg-type]
        if self._mimo:
            self._spectrum *= self._turned
        return self._spectrum

    def _detect(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
        """Cells above the threshold, strongest first: Doppler bin, range bin, ratio of signal to noise."""
        np.abs(self._spectrum, out=self._squares)
        np.square(self._squares, out=self._squares)
        np.sum(self._squares, axis=1, out=self._power)
        floor = np.partition(self._power, self._rank, axis=self._axis).take([self._rank], axis=self._axis)
        np.maximum(floor, np.finfo(np.float32).tiny, out=floor)
        high = self._power > floor * self._over
        high[:, : self._near] = False
        if not self._static:
            # The window spreads what is left at standstill into the neighbouring Doppler cells.
            high[0] = False
        doppler, bins = np.nonzero(high)
        strength = self._power[doppler, bins] / (np.broadcast_to(floor, high.shape)[doppler, bins] * self._noise)
        if len(doppler) > self._max:
            best = np.argpartition(strength, -self._max)[-self._max :]
        else:
            best = np.arange(len(doppler))
        best = best[np.argsort(-strength[best])]
        return doppler[best], bins[best], strength[best].astype(np.float64)

    def _azimuth(self, signal: Complex64, bins: npt.NDArray[np.intp]) -> Floats:
        row = signal[:, self._row]
        response = np.abs(row @ self._steer.T)
        if self._angle == "capon":
            ranges, which = np.unique(bins, return_inverse=True)
            n = len(self._row)
            near = self._spectrum[:, self._row, :][:, :, ranges].transpose(2, 1, 0)
            cov = near @ near.conj().transpose(0, 2, 1)
            load = self.LOADING * np.trace(cov, axis1=1, axis2=2).real / n + 1e-20
            cov += load[:, None, None] * np.eye(n, dtype=np.complex64)
            inverse = np.linalg.inv(cov)
            weights = self._steer @ inverse
            gain = np.einsum("kan,an->ka", weights, self._steer.conj()).real
            output = np.abs(np.einsum("dan,dn->da", weights[which], row))
            response = output / np.maximum(gain[which], 1e-30)
        return self._peak(response)

    def _peak(self, response: npt.NDArray[np.floating]) -> Floats:
        """Direction of the highest response, interpolated by a parabola through three directions."""
        at = response.argmax(axis=1)
        k = np.arange(len(at))
        left, mid, right = response[k, at - 1], response[k, at], response[k, (at + 1) % self.ANGLES]
        bend = left - 2 * mid + right
        shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0)
        return np.asarray(self._ux[at] + np.clip(shift, -0.5, 0.5) * 2 / self.ANGLES, np.float64)

    def _elevation(self, signal: Complex64) -> Floats:
        """Sine of the elevation from the phase between elements above each other; 0 without such elements."""
        if not len(self._above):
            return np.zeros(len(signal))
        cross = (signal[:, self._above] * signal[:, self._below].conj()).sum(axis=1)
        return np.asarray(np.angle(cross) / np.pi)


def _pairs(right: npt.NDArray[np.intp], up: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], ...]:
    """Indices of elements that stand half a wavelength above each other."""
    above, below = [], []
    for k in np.flatnonzero(up == 1):
        for j in np.flatnonzero((up == 0) & (right == right[k])):
            above.append(k)
            below.append(j)
    return np.array(above, np.intp), np.array(below, np.intp)
