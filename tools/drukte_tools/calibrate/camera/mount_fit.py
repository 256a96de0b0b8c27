"""Fit a camera's mount to whatever was observed: lengths on the ground, marked places, or the heights of bodies.

All ways without coordinates meet here. The camera is what the site file calls `mount`: height, tilt, roll and focal
length, and, where places are known, the ground point under the lens and the bearing. Each kind of observation is a
function from a `Camera` to residuals in standard errors; the sum of squares is made least from several starts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.optimize import least_squares

from drukte.sense.geometry.lens import Floats, Lens
from drukte.sense.geometry.plane import GroundError, Pose, mount_pose, project

FOVS = (50.0, 75.0, 100.0)
"""Horizontal fields of view from which a fit with an unknown lens starts, degrees."""
FOV_MEAN, FOV_SPREAD = 65.0, 0.35
"""What is expected of an unknown lens: focal length of this field of view, within 35 % (one standard error). Weak on
purpose: it only keeps a fit from running away where the observations say nothing about the lens."""
BEST = 8
"""Starts that are followed to their end, the best ones."""
TILTS = (8.0, 20.0, 35.0, 55.0, 80.0)
"""Tilts from which a fit starts, degrees."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera in the course of a fit.

    Attributes:
        pose: where it stands and looks.
        stretch: focal length as a fraction of the nominal lens's.
        lens: the nominal lens.
    """

    pose: Pose
    stretch: float
    lens: Lens

    def ground(self, rays: Floats) -> Floats:
        """(n, 2) nominal rays to (n, 2) metres; NaN at and above the horizon."""
        xy, scale = project(self.pose.plane, rays / self.stretch)
        xy[~(scale > 0)] = np.nan
        return xy

    def pixels(self, points: Floats) -> Floats:
        """(n, 3) points in metres to (n, 2) px; NaN behind the camera."""
        return self.lens.pixels(self.pose.rays(points) * self.stretch)


Residuals = Callable[[Camera], Floats]


@dataclass(frozen=True, slots=True)
class Unknowns:
    """Which of the camera's numbers are fitted.

    Attributes:
        lens: the nominal lens.
        focal: whether the focal length is unknown.
        focal_sigma: standard error of a known focal length, as a fraction of it.
        roll_sigma: standard error of a roll of zero, rad: mounts are hung level by eye.
        placed: whether ground point and bearing are fitted (else the origin lies under the lens).
        heights: heights above the ground to start from, m.
        starts: x and y of the ground point under the lens (m) and the bearing (rad) to start from, when placed.
    """

    lens: Lens
    focal: bool
    focal_sigma: float = 0.01
    roll_sigma: float = float(np.radians(15))
    placed: bool = False
    heights: Sequence[float] = (3.0,)
    starts: Sequence[tuple[float, float, float]] = field(default_factory=lambda: ((0.0, 0.0, 0.0),))

    def camera(self, p: Floats) -> Camera:
        """The camera that a parameter vector describes."""
        at = (float(p[4]), float(p[5])) if self.placed else (0.0, 0.0)
        bearing = float(p[6]) if self.placed else 0.0
        pose = mount_pose(at, float(np.exp(p[0])), float(p[1]), float(p[2]), bearing)
        return Camera(pose, float(np.exp(p[3])), self.lens)


@dataclass(frozen=True, slots=True)
class CameraFit:
    """The best camera and how sure it is.

    Attributes:
        camera: it.
        parameters: ln height, tilt, roll, ln stretch[, x, y, bearing]; m and rad.
        covariance: of the parameters, enlarged where the residuals are worse than stated.
        residuals: in standard errors, without the priors.
        worse: by which factor the residuals exceed what was stated (root of the reduced chi square, at least 1).
    """

    camera: Camera
    parameters: Floats
    covariance: Floats
    residuals: Floats
    worse: float

    @property
    def sigmas(self) -> Floats:
        """Standard errors of the parameters."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))


def fit_camera(
    unknowns: Unknowns, observed: Residuals, loss: Literal["linear", "soft_l1"] = "linear", start: Floats | None = None
) -> CameraFit:
    """The camera whose residuals are least.

    Args:
        unknowns: what is fitted and where it starts.
        observed: residuals in standard errors; NaN where the camera cannot see what was observed.
        loss: "linear", or "soft_l1" where some observations are not what they seem.
        start: parameters near the answer, to try alone; None: many.

    Raises:
        GroundError: no start leads to a camera that sees what was observed.
    """

    def all_residuals(p: Floats) -> Floats:
        camera = unknowns.camera(p)
        own = np.nan_to_num(observed(camera), nan=1e3, posinf=1e3, neginf=-1e3)
        spread = FOV_SPREAD if unknowns.focal else unknowns.focal_sigma
        return np.concatenate([np.clip(own, -1e3, 1e3), [p[3] / spread, p[2] / unknowns.roll_sigma]])

    best = None
    stretches = [0.0]
    if unknowns.focal:
        stretches = [float(np.log(np.tan(np.radians(FOV_MEAN / 2)) / np.tan(np.radians(f / 2)))) for f in FOVS]
    size = 7 if unknowns.placed else 4
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    low[:4], high[:4] = [np.log(0.3), np.radians(-20), -np.pi / 2, -2.0], [np.log(200), np.radians(90), np.pi / 2, 2.0]
    starts: list[tuple[float, Floats]] = []
    for stretch in stretches if start is None else []:
        for tilt in TILTS:
            for height in unknowns.heights:
                for x, y, bearing in unknowns.starts:
                    p = np.array([np.log(height), np.radians(tilt), 0, stretch, x, y, bearing])[:size]
                    starts.append((float((np.minimum(np.abs(all_residuals(p)), 30) ** 2).sum()), p))
    starts.sort(key=lambda s: s[0])
    for p in [q for _, q in starts[:BEST]] if start is None else [start]:
        found = least_squares(all_residuals, p, bounds=(low, high), x_scale="jac", loss=loss, max_nfev=200)
        if best is None or found.cost < best.cost * (1 - 1e-9):
            best = found
    if best is None:
        raise GroundError("there is nothing to fit")
    own = observed(unknowns.camera(best.x))
    if not np.isfinite(own).all() or np.abs(own).max(initial=0) >= 1e3:
        raise GroundError(
            "no camera above a flat ground sees this; check that all points lie on the ground below the horizon, and "
            "that no two are swapped"
        )
    freedom = max(1, len(own) - size + (0 if unknowns.focal else 1))
    worse = max(1.0, float(np.sqrt((own**2).sum() / freedom))) if len(own) > size else 1.0
    slopes = np.asarray(best.jac, np.float64)
    covariance = np.linalg.pinv(slopes.T @ slopes, rcond=1e-14).astype(np.float64) * worse**2
    return CameraFit(unknowns.camera(best.x), best.x, covariance, own, worse)


def fov_of(lens_focal: float, width: int) -> float:
    """Horizontal field of view of a lens without distortion, degrees."""
    return float(np.degrees(2 * np.arctan(width / 2 / lens_focal)))
