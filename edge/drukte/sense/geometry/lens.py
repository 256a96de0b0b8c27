"""Lens models: pixels <-> rays. A ray is (x/z, y/z) in camera axes: x right, y down, z along the optical axis."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STEPS = 25
_EXACT = 1e-12


class Lens(Protocol):
    """One camera's lens, for pictures of one size."""

    @property
    def focal(self) -> tuple[float, float]:
        """Focal lengths, px."""

    def rays(self, pixels: Floats) -> Floats:
        """(n, 2) pixels to (n, 2) rays; NaN where the model has no ray for a pixel."""

    def pixels(self, rays: Floats) -> Floats:
        """(n, 2) rays to (n, 2) pixels; NaN where the lens does not see the ray."""

    def jacobian(self, rays: Floats) -> Floats:
        """(n, 2, 2) derivative of the ray by the pixel, at these rays."""

    def scaled(self, sx: float, sy: float) -> Self:
        """The same lens in a picture sx times as wide and sy times as high."""


@dataclass(frozen=True, slots=True)
class BrownLens:
    """OpenCV's lens model (Brown-Conrady, rational): focal lengths and centre in pixels, 0 to 8 coefficients.

    Source: OpenCV, calib3d, "Detailed Description": x" = x' (1 + k1 r2 + k2 r4 + k3 r6) / (1 + k4 r2 + k5 r4 + k6 r6)
    + 2 p1 x' y' + p2 (r2 + 2 x'2), and likewise for y".
    """

    focal: tuple[float, float]
    centre: tuple[float, float]
    distortion: tuple[float, ...] = ()
    reach: float = field(init=False, default=np.inf)

    def __post_init__(self) -> None:
        if self.distortion:
            object.__setattr__(self, "reach", _first_fold(lambda r: r * _radial(r * r, self._k())[0]))

    def _k(self) -> tuple[float, ...]:
        d = (*self.distortion, *([0.0] * (8 - len(self.distortion))))
        return d[0], d[1], d[4], d[5], d[6], d[7]

    def _bend(self, m: Floats) -> tuple[Floats, Floats]:
        """Distorted (n, 2) points of the image plane and their (n, 2, 2) derivatives."""
        p1, p2 = self.distortion[2:4]
        x, y = m[:, 0], m[:, 1]
        r2 = x * x + y * y
        g, dg = _radial(r2, self._k())
        out = np.empty_like(m)
        out[:, 0] = x * g + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        out[:, 1] = y * g + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        jac = np.empty((len(m), 2, 2))
        jac[:, 0, 0] = g + 2 * x * x * dg + 2 * p1 * y + 6 * p2 * x
        jac[:, 0, 1] = 2 * x * y * dg + 2 * p1 * x + 2 * p2 * y
        jac[:, 1, 0] = 2 * x * y * dg + 2 * p1 * x + 2 * p2 * y
        jac[:, 1, 1] = g + 2 * y * y * dg + 6 * p1 * y + 2 * p2 * x
        return out, jac

    def rays(self, pixels: Floats) -> Floats:
        """See `Lens`."""
        bent: Floats = (np.asarray(pixels, np.float64) - np.array(self.centre)) / np.array(self.focal)
        return bent if not self.distortion else _unbend(bent, self._bend, self.reach)

    def pixels(self, rays: Floats) -> Floats:
        """See `Lens`."""
        bent = rays
        if self.distortion:
            bent = self._bend(rays)[0]
            bent[~(np.hypot(rays[:, 0], rays[:, 1]) < self.reach)] = np.nan
        out: Floats = bent * np.array(self.focal) + np.array(self.centre)
        return out

    def jacobian(self, rays: Floats) -> Floats:
        """See `Lens`."""
        if not self.distortion:
            flat: Floats = np.broadcast_to(np.diag(1 / np.array(self.focal)), (len(rays), 2, 2))
            return flat
        bent: Floats = inverse2(self._bend(rays)[1]) / np.array(self.focal)
        return bent

    def scaled(self, sx: float, sy: float) -> Self:
        """See `Lens`. Pixel centres lie at whole numbers, so the picture's corner is at (-0.5, -0.5)."""
        (fx, fy), (cx, cy) = self.focal, self.centre
        return replace(self, focal=(fx * sx, fy * sy), centre=((cx + 0.5) * sx - 0.5, (cy + 0.5) * sy - 0.5))


@dataclass(frozen=True, slots=True)
class RadialLens:
    """A lens that bends only along the radius, by a function of it: Tsai's, or OpenCV's fisheye.

    Attributes:
        kind: "tsai": undistorted = distorted (1 + k r2), r the distorted radius (R. Tsai 1987, IEEE J. Robotics and
            Automation 3(4), eq. 5-6), k in units of the focal length; "fisheye": distorted radius = a (1 + k1 a2 +
            k2 a4 + k3 a6 + k4 a8), a the angle from the axis (OpenCV, calib3d, fisheye).
    """

    kind: str
    focal: tuple[float, float]
    centre: tuple[float, float]
    k: tuple[float, ...]
    reach: float = field(init=False, default=np.inf)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reach", _first_fold(self._radius))

    def _radius(self, r: Floats) -> Floats:
        """The far side of the model: distorted to undistorted radius (tsai), angle to distorted radius (fisheye)."""
        r2 = r * r
        if self.kind == "tsai":
            return r * (1 + self.k[0] * r2)
        k1, k2, k3, k4 = self.k
        return r * (1 + r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4))))

    def _slope(self, r: Floats) -> Floats:
        """Derivative of `_radius`."""
        r2 = r * r
        if self.kind == "tsai":
            return 1 + 3 * self.k[0] * r2
        k1, k2, k3, k4 = self.k
        return 1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * (7 * k3 + r2 * 9 * k4)))

    def _invert(self, value: Floats) -> Floats:
        """Radius r with _radius(r) = value, by Newton's method; NaN beyond the reach."""
        r = np.minimum(value, min(self.reach, 1e3) * 0.99)
        limit = min(self.reach, 1e6)
        with np.errstate(all="ignore"):
            for _ in range(_STEPS):
                miss = self._radius(r) - value
                if not (np.abs(miss) > _EXACT * (1 + value)).any():
                    break
                r = np.minimum(np.maximum(r - miss / self._slope(r), 0), limit)
            r[~(np.abs(self._radius(r) - value) < 1e-9 * (1 + value))] = np.nan
        return r

    def rays(self, pixels: Floats) -> Floats:
        """See `Lens`."""
        bent = (np.asarray(pixels, np.float64) - self.centre) / self.focal
        r = np.hypot(bent[:, 0], bent[:, 1])
        with np.errstate(all="ignore"):
            if self.kind == "tsai":
                straight = np.where(r < self.reach, self._radius(r), np.nan)
            else:
                angle = self._invert(r)
                straight = np.where(angle < np.pi / 2 - 1e-3, np.tan(angle), np.nan)
            return bent * np.where(r > 0, straight / r, 1.0)[:, None]

    def pixels(self, rays: Floats) -> Floats:
        """See `Lens`."""
        r = np.hypot(rays[:, 0], rays[:, 1])
        with np.errstate(all="ignore"):
            if self.kind == "tsai":
                bent = self._invert(r)
            else:
                angle = np.arctan(r)
                bent = np.where(angle < self.reach, self._radius(angle), np.nan)
            return rays * np.where(r > 0, bent / r, 1.0)[:, None] * self.focal + self.centre

    def jacobian(self, rays: Floats) -> Floats:
        """See `Lens`. Along the radius the lens stretches by the model's slope, across it by the ratio of radii."""
        straight = np.hypot(rays[:, 0], rays[:, 1])
        with np.errstate(all="ignore"):
            if self.kind == "tsai":
                bent = self._invert(straight)
                along = self._slope(bent)
            else:
                angle = np.arctan(straight)
                bent = np.where(angle < self.reach, self._radius(angle), np.nan)
                along = (1 + straight * straight) / self._slope(angle)
            across = np.where(straight > 0, straight / bent, 1.0)
            radial = rays / np.where(straight > 0, straight, 1.0)[:, None]
        out = (along - across)[:, None, None] * radial[:, :, None] * radial[:, None, :]
        out[:, 0, 0] += across
        out[:, 1, 1] += across
        stretched: Floats = out / np.array(self.focal)
        return stretched

    def scaled(self, sx: float, sy: float) -> Self:
        """See `Lens`."""
        (fx, fy), (cx, cy) = self.focal, self.centre
        return replace(self, focal=(fx * sx, fy * sy), centre=((cx + 0.5) * sx - 0.5, (cy + 0.5) * sy - 0.5))


def inverse2(m: Floats) -> Floats:
    """Inverses of (n, 2, 2) matrices."""
    out = np.empty_like(m)
    with np.errstate(all="ignore"):
        d = 1 / (m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0])
        out[:, 0, 0], out[:, 1, 1] = m[:, 1, 1] * d, m[:, 0, 0] * d
        out[:, 0, 1], out[:, 1, 0] = -m[:, 0, 1] * d, -m[:, 1, 0] * d
    return out


def _radial(r2: Floats, k: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Radial factor of OpenCV's model and its derivative by r2."""
    k1, k2, k3, k4, k5, k6 = k
    up = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    down = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    d_up = k1 + r2 * (2 * k2 + 3 * r2 * k3)
    d_down = k4 + r2 * (2 * k5 + 3 * r2 * k6)
    return up / down, (d_up * down - up * d_down) / (down * down)


def _unbend(bent: Floats, bend: Callable[[Floats], tuple[Floats, Floats]], reach: float) -> Floats:
    """Inverse of `bend` by Newton's method, from the distorted point; NaN where there is none within reach."""
    m = bent.copy()
    with np.errstate(all="ignore"):
        # Start inside the part of the model that does not fold.
        if np.isfinite(reach):
            r = np.hypot(m[:, 0], m[:, 1])
            m *= np.minimum(1, 0.9 * reach / np.maximum(r, 1e-12))[:, None]
        for _ in range(_STEPS):
            at, jac = bend(m)
            miss = at - bent
            step = np.einsum("nij,nj->ni", inverse2(jac), miss)
            # A step never leaves the reach: half-way there instead.
            new = m - step
            far = np.hypot(new[:, 0], new[:, 1]) >= reach
            new[far] = m[far] + 0.5 * (m[far] / np.hypot(m[far, 0], m[far, 1])[:, None] * reach - m[far])
            m = new
            if np.nanmax(np.abs(miss), initial=0.0) < _EXACT:
                break
        m[~(np.abs(bend(m)[0] - bent).max(axis=1) < 1e-7)] = np.nan
    return m


def _first_fold(radius: Callable[[Floats], Floats]) -> float:
    """Smallest radius (up to 10) at which `radius` stops growing: beyond it the model maps two rays to one pixel."""
    r = np.linspace(0, 10, 20_001)
    with np.errstate(all="ignore"):
        grows = np.diff(radius(r)) > 0
    return np.inf if grows.all() else float(r[int(np.argmin(grows))])
