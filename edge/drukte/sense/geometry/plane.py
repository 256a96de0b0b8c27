"""From rays to the ground plane and back, with what is not known about the camera carried along.

A camera sees the ground through a 3x3 matrix `ground`: (ray, 1) -> (x, y, 1) in metres, up to scale. What is uncertain
about it is a set of matrices `errors`, one for each independent cause at one standard deviation. Two people near each
other share these errors almost wholly, so their distance is known much better than their places.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.lens import Floats


class GroundError(Exception):
    """A calibration from which no ground plane follows: what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a camera stands and looks.

    Attributes:
        rotation: (3, 3), site axes (z up) to camera axes (x right, y down, z forward).
        centre: (3,) optical centre in the site's metres.
    """

    rotation: Floats
    centre: Floats

    def rays(self, points: Floats) -> Floats:
        """(n, 3) points in the site to (n, 2) rays; NaN for what is not in front of the camera."""
        p = (points - self.centre) @ self.rotation.T
        with np.errstate(all="ignore"):
            return np.where(p[:, 2:] > 1e-6, p[:, :2] / p[:, 2:], np.nan)

    @property
    def tilt(self) -> float:
        """Angle of the optical axis below the horizontal, radians."""
        return float(-np.arcsin(np.clip(self.rotation[2, 2], -1, 1)))

    @property
    def plane(self) -> Floats:
        """(3, 3) matrix that takes (ray, 1) to the ground z = 0."""
        r, t = self.rotation, -self.rotation @ self.centre
        return invert(np.column_stack([r[:, 0], r[:, 1], t]))

    def errors(self, height: float, tilt: float, roll: float, focal: float) -> Floats:
        """(4, 3, 3) one-sigma changes of `plane` by its causes.

        Args:
            height: standard error of the camera's height, m.
            tilt: of its tilt, rad.
            roll: of its roll, rad.
            focal: of its focal length, as a fraction.
        """
        h = self.plane
        x, y, z = self.centre
        across = np.array([self.rotation[2, 1], -self.rotation[2, 0], 0.0])
        if np.hypot(*across[:2]) < 1e-6:
            across = np.array([*self.rotation[0, :2], 0.0])
        across = self.rotation @ (across / np.linalg.norm(across))
        grow = np.array([[1.0, 0, -x], [0, 1, -y], [0, 0, 0]])
        return np.stack(
            [
                grow @ h * (height / z),
                h @ _cross(across) * tilt,
                h @ _cross(np.array([0.0, 0, 1])) * roll,
                h @ np.diag([-focal, -focal, 0.0]),
            ]
        )


def mount_pose(at: tuple[float, float], height: float, tilt: float, roll: float, bearing: float) -> Pose:
    """Pose of a camera `height` metres above ground point `at`.

    Args:
        at: ground point under the lens, m.
        height: of the lens, m.
        tilt: of the optical axis below the horizontal, rad.
        roll: clockwise turn about the optical axis seen from behind, rad.
        bearing: of the optical axis, clockwise from the site's y, rad.
    """
    sb, cb, st, ct = np.sin(bearing), np.cos(bearing), np.sin(tilt), np.cos(tilt)
    right = np.array([cb, -sb, 0])
    forward = np.array([sb * ct, cb * ct, -st])
    down = np.cross(forward, right)
    rows = [np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward]
    return Pose(np.array(rows), np.array([*at, height], np.float64))


def project(matrices: Floats, points: Floats) -> tuple[Floats, Floats]:
    """(n, 2) points through a 3x3 matrix: (n, 2) images and the (n,) scale that was divided out."""
    q = points @ matrices[:, :2].T + matrices[:, 2]
    with np.errstate(all="ignore"):
        return q[:, :2] / q[:, 2:], q[:, 2]


def invert(matrix: Floats) -> Floats:
    """Inverse of a 3x3 matrix."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def fit_homography(rays: Floats, metres: Floats, ray_sigma: float, metre_sigma: float) -> tuple[Floats, Floats, Floats]:
    """The matrix that takes rays to metres, fitted to known points, and its errors.

    A direct linear fit on normalised points, refined by Gauss-Newton on the distance in the picture, where a point on
    the map has its own error too. The covariance is that of the fit, enlarged where the residuals say that the points
    are worse than stated.

    Args:
        rays: (n, 2), n >= 4.
        metres: (n, 2).
        ray_sigma: standard error of a ray, in its own unit.
        metre_sigma: standard error of a point on the map, m.

    Returns:
        (3, 3) matrix with positive scale at the points, (8, 3, 3) its errors, (n, 2) residuals in rays.

    Raises:
        GroundError: points in line, doubled, mirrored or on both sides of the horizon.
    """
    if not (np.isfinite(rays).all() and np.isfinite(metres).all()):
        raise GroundError("a calibration point lies outside what the lens can see; check 'distortion' and the pixels")
    scale_r, scale_m = _normaliser(rays, "pixels"), _normaliser(metres, "metres")
    m, g = project(scale_r, rays)[0], project(scale_m, metres)[0]
    a = _direct(g, m)  # ground -> rays: the direction in which the error is the picture's
    sigma_m = ray_sigma * scale_r[0, 0]
    basis: Floats = np.empty((9, 8))
    info: Floats = np.eye(8)
    for _ in range(20):
        basis = np.linalg.svd(a.reshape(1, 9))[2][1:].T
        at, w = project(a, g)
        ones = np.column_stack([g, np.ones(len(g))])
        jac = np.zeros((len(g), 2, 9))
        jac[:, 0, 0:3] = jac[:, 1, 3:6] = ones / w[:, None]
        jac[:, :, 6:9] = -at[:, :, None] * ones[:, None, :] / w[:, None, None]
        by_map = (a[:2, :2] - at[:, :, None] * a[2, :2]) / w[:, None, None] * (metre_sigma * scale_m[0, 0])
        weight = np.linalg.inv(by_map @ by_map.transpose(0, 2, 1) + sigma_m**2 * np.eye(2))
        j8 = jac @ basis
        info = np.einsum("nia,nij,njb->ab", j8, weight, j8)
        step = np.linalg.lstsq(info, np.einsum("nia,nij,nj->a", j8, weight, m - at), rcond=None)[0]
        a = a + (basis @ step).reshape(3, 3)
        a /= np.linalg.norm(a)
        if np.abs(step).max() < 1e-12:
            break
    miss = m - project(a, g)[0]
    chi2 = float(np.einsum("ni,nij,nj->", miss, weight, miss))
    worse = max(1.0, chi2 / max(1, 2 * len(g) - 8)) if len(g) > 4 else 1.0
    values, vectors = np.linalg.eigh(info)
    if values[0] < 1e-9 * values[-1]:
        raise GroundError("three or more of the calibration points lie (almost) on one line; spread them out")
    factors = basis @ (vectors * np.sqrt(worse / values))
    h = invert(a)
    errors = np.stack([-h @ f.reshape(3, 3) @ h for f in factors.T])
    back = invert(scale_m)
    h, errors = back @ h @ scale_r, back @ errors @ scale_r
    h, errors = _oriented(h, errors, rays)
    return h, errors, miss / scale_r[0, 0]


def _oriented(h: Floats, errors: Floats, rays: Floats) -> tuple[Floats, Floats]:
    """The matrix with positive scale at the points, if they all lie on one side and are not mirrored."""
    _, scale = project(h, rays)
    if scale[0] < 0:
        h, errors, scale = -h, -errors, -scale
    if (scale <= 0).any():
        wrong = int(np.argmin(scale)) + 1
        raise GroundError(f"no flat ground fits the points: point {wrong} falls behind the camera; are two swapped?")
    # Seen from above, the picture's right and up must turn counter-clockwise: the sign of the Jacobian says so.
    if np.linalg.det(h) > 0:
        raise GroundError(
            "the map is mirrored against the picture: seen from above, y must lie counter-clockwise from x. "
            "Change the sign of one axis of all points, or check whether two points are swapped"
        )
    return h, errors


def pose_from_plane(h: Floats, focal: float | None) -> tuple[Pose, float] | None:
    """Camera pose behind a plane matrix, and its focal length in units of the rays; None where it does not follow.

    With unknown focal length, square pixels and a centred optical axis are assumed: the columns of the inverse must
    then be square to each other and equally long (Z. Zhang 2000, IEEE PAMI 22(11), eq. 3-4). A camera that looks
    straight down leaves it open.
    """
    a = invert(h)
    a1, a2 = a[:, 0], a[:, 1]
    if focal is None:
        left = np.array([a1[:2] @ a2[:2], a1[:2] @ a1[:2] - a2[:2] @ a2[:2]])
        right = -np.array([a1[2] * a2[2], a1[2] ** 2 - a2[2] ** 2])
        size = (a1[:2] @ a1[:2] + a2[:2] @ a2[:2]) ** 2
        if left @ left < 1e-6 * size or right @ left <= 0:
            return None
        focal = float(np.sqrt((left @ left) / (right @ left)))
        if not 0.25 < focal < 15:
            return None
    k = np.diag([1 / focal, 1 / focal, 1.0])
    b = k @ a
    b /= (np.linalg.norm(b[:, 0]) + np.linalg.norm(b[:, 1])) / 2
    rough = np.column_stack([b[:, 0], b[:, 1], np.cross(b[:, 0], b[:, 1])])
    u, _, vt = np.linalg.svd(rough)
    r = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    centre = -r.T @ b[:, 2]
    return (Pose(r, centre), focal) if centre[2] > 0.3 else None


def _direct(g: Floats, m: Floats) -> Floats:
    rows = np.zeros((2 * len(g), 9))
    ones = np.column_stack([g, np.ones(len(g))])
    rows[0::2, 0:3] = rows[1::2, 3:6] = ones
    rows[0::2, 6:9] = -m[:, :1] * ones
    rows[1::2, 6:9] = -m[:, 1:] * ones
    _, values, vt = np.linalg.svd(rows)
    if values[7] < 1e-7 * values[0]:
        raise GroundError("three or more of the calibration points lie on one line or are doubled; spread them out")
    return np.asarray(vt[8].reshape(3, 3))


def _normaliser(points: Floats, name: str) -> Floats:
    """Similarity that moves the points' mean to 0 and their mean distance from it to sqrt 2 (Hartley 1997)."""
    centre = points.mean(axis=0)
    size = float(np.linalg.norm(points - centre, axis=1).mean())
    if not size > 1e-9:
        raise GroundError(f"all calibration points have the same {name}")
    s = np.sqrt(2) / size
    return np.array([[s, 0, -s * centre[0]], [0, s, -s * centre[1]], [0, 0, 1]])


def _cross(v: NDArray[np.float64]) -> Floats:
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
