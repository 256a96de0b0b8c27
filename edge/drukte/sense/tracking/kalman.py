"""Constant-velocity Kalman filters on the ground plane, all people at once.

State: position and velocity, metres and metres per second. The 4x4 covariance is kept as its 2x2 blocks, because
x and y share one motion model and everything then is arithmetic on whole arrays. Model and equations: Bar-Shalom,
Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation", Wiley 2001, chapter 6 (white-noise
acceleration).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.people import Floats

Rows = NDArray[np.intp]

UNSEEN_DECAY: Final = 1.5
"""Time constant with which the velocity of somebody unseen decays, s: people behind an obstacle mostly walk on, but
not for ever, and the last boxes before somebody disappears behind another drift with the one in front. Whoever walks
on (1.4 m/s) and comes out after 3 s is then 2.4 m ahead of where they are expected: still within `assign.LOST_FAR`."""


class Filters:
    """Filters in rows of preallocated arrays; the caller says which rows are in use.

    Attributes:
        xy: (c, 2) position, m.
        velocity: (c, 2) m/s.
        pxx: (c, 2, 2) covariance of the position, m2.
        pxv: (c, 2, 2) covariance between position and velocity, m2/s.
        pvv: (c, 2, 2) covariance of the velocity, m2/s2.
    """

    __slots__ = ("pvv", "pxv", "pxx", "velocity", "xy")

    def __init__(self, capacity: int) -> None:
        self.xy: Floats = np.zeros((capacity, 2))
        self.velocity: Floats = np.zeros((capacity, 2))
        self.pxx: Floats = np.zeros((capacity, 2, 2))
        self.pxv: Floats = np.zeros((capacity, 2, 2))
        self.pvv: Floats = np.zeros((capacity, 2, 2))

    def start(self, rows: Rows, xy: Floats, cov: Floats, sigma_v: Floats) -> None:
        """Begin filters at rest at measured positions, `sigma_v` (n,) m/s being how fast they may turn out to be."""
        self.xy[rows] = xy
        self.velocity[rows] = 0
        self.pxx[rows] = cov
        self.pxv[rows] = 0
        self.pvv[rows] = (sigma_v**2)[:, None, None] * np.eye(2)

    def predict(self, rows: Rows, dt: float, q: Floats, seen: NDArray[np.bool_]) -> None:
        """Move filters on by `dt` seconds.

        Args:
            rows: rows to move.
            dt: time since the last call, s.
            q: (n,) spectral density of the acceleration noise, m2/s3.
            seen: (n,) whether the last frame saw them; the velocity of the others decays.
        """
        decay = np.where(seen, 1.0, np.exp(-dt / UNSEEN_DECAY))
        step = np.where(seen, dt, UNSEEN_DECAY * (1 - decay))
        d, s = decay[:, None, None], step[:, None, None]
        noise = q[:, None, None] * np.eye(2)
        pxv, pvv = self.pxv[rows], self.pvv[rows]
        self.xy[rows] += step[:, None] * self.velocity[rows]
        self.velocity[rows] *= decay[:, None]
        self.pxx[rows] += s * (pxv + pxv.transpose(0, 2, 1) + s * pvv) + noise * (dt**3 / 3)
        self.pxv[rows] = d * (pxv + s * pvv) + noise * (dt**2 / 2)
        self.pvv[rows] = d * d * pvv + noise * dt

    def update(self, rows: Rows, z: Floats, cov: Floats) -> None:
        """Correct filters with measured positions `z` (n, 2) m of covariance `cov` (n, 2, 2) m2."""
        pxx, pxv = self.pxx[rows], self.pxv[rows]
        inverse, _ = inverse_2x2(pxx + cov)
        gain_x = pxx @ inverse
        gain_v = pxv.transpose(0, 2, 1) @ inverse
        residual = (z - self.xy[rows])[:, :, None]
        self.xy[rows] += (gain_x @ residual)[:, :, 0]
        self.velocity[rows] += (gain_v @ residual)[:, :, 0]
        pxx = pxx - gain_x @ pxx
        self.pxx[rows] = (pxx + pxx.transpose(0, 2, 1)) / 2
        self.pvv[rows] -= gain_v @ pxv
        self.pxv[rows] = pxv - gain_x @ pxv


def inverse_4x4(m: Floats) -> Floats:
    """Inverses (n, 4, 4) of symmetric positive definite matrices, block by block: a third of the general one's cost."""
    b = m[:, :2, 2:]
    d = inverse_2x2(m[:, 2:, 2:])[0]
    e = b @ d
    a = inverse_2x2(m[:, :2, :2] - e @ b.transpose(0, 2, 1))[0]
    across = a @ e
    out: Floats = np.empty_like(m)
    out[:, :2, :2], out[:, :2, 2:], out[:, 2:, :2] = a, -across, -across.transpose(0, 2, 1)
    out[:, 2:, 2:] = d + e.transpose(0, 2, 1) @ across
    return out


def inverse_2x2(m: Floats) -> tuple[Floats, Floats]:
    """Inverses (n, 2, 2) and determinants (n,) of symmetric positive definite 2x2 matrices."""
    a, b, d = m[:, 0, 0], m[:, 0, 1], m[:, 1, 1]
    det = a * d - b * b
    inverse = np.empty_like(m)
    inverse[:, 0, 0] = d / det
    inverse[:, 1, 1] = a / det
    inverse[:, 0, 1] = inverse[:, 1, 0] = -b / det
    return inverse, det
