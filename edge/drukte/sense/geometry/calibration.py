"""From the site file's `ground:` section to the ground model."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from drukte.config.calibration_files import AnyGround, CalibrationError, inline
from drukte.config.ground import HomographyGround, MountGround, OpenCvGround, TsaiGround
from drukte.config.radar import RadarGround
from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import BrownLens, Floats, Lens, RadialLens
from drukte.sense.geometry.plane import GroundError, Pose, fit_homography, mount_pose, pose_from_plane, project

__all__ = ["CalibrationError", "GroundError", "ground_from"]

_T = TypeVar("_T")


def ground_from(section: AnyGround | RadarGround, base: Path) -> Ground:
    """The ground model that a site file's `ground:` section describes.

    Args:
        section: the checked section.
        base: folder of the site file, at which relative paths start. Files are read here and never later.

    Raises:
        CalibrationError: a calibration file cannot be used.
        GroundError: the numbers describe no camera that sees the ground.
    """
    if isinstance(section, RadarGround):
        raise GroundError("ground.kind radar describes no camera")
    match inline(section, base):
        case HomographyGround() as h:
            return _from_homography(h)
        case MountGround() as m:
            return _from_mount(m)
        case TsaiGround() as t:
            return _from_tsai(t)
        case OpenCvGround() as o:
            return _from_opencv(o)


def _lens(section: HomographyGround | MountGround) -> Lens:
    width, height = section.picture
    centre = ((width - 1) / 2, (height - 1) / 2)
    lens = section.lens
    if lens is None:  # rays in units of the picture's width, until the pose says more
        return BrownLens((width, width), centre)
    half = np.radians(lens.degrees / 2)
    if lens.model == "fisheye" and lens.distortion:
        k = tuple(lens.distortion)
        bent = half * (1 + half**2 * (k[0] + half**2 * (k[1] + half**2 * (k[2] + half**2 * k[3]))))
        return RadialLens("fisheye", (width / 2 / bent,) * 2, lens.centre or centre, k)
    focal = width / 2 / float(np.tan(half))
    return BrownLens((focal, focal), lens.centre or centre, tuple(lens.distortion))


def _from_homography(section: HomographyGround) -> Ground:
    lens = _lens(section)
    per_pixel = 1 / lens.focal[0]
    if section.points is not None:
        rays = lens.rays(np.array([p.pixel for p in section.points], np.float64))
        metres = np.array([p.metres for p in section.points], np.float64)
        plane, errors, _ = fit_homography(rays, metres, section.click * per_pixel, section.measured)
    else:
        plane = _plane_of_matrix(np.array(section.matrix, np.float64), lens, section.picture)
        a, edge = section.click * per_pixel, section.click / section.picture[0] * 2
        generators = np.zeros((4, 3, 3))
        generators[0, 0, 2] = generators[1, 1, 2] = a
        generators[2, 0, 0] = generators[2, 1, 1] = edge
        generators[3, 0, 1], generators[3, 1, 0] = edge, -edge
        errors = plane @ generators
    found = pose_from_plane(plane, None if section.lens is None else 1.0)
    pose = None
    if found is not None:
        pose, focal = found
        if isinstance(lens, BrownLens) and section.lens is None:
            stretch = np.diag([focal, focal, 1.0])
            lens, plane, errors = replace(lens, focal=(lens.focal[0] * focal,) * 2), plane @ stretch, errors @ stretch
    return Ground(section.picture, lens, plane, errors, pose, section.body_height, section.body_spread)


def _plane_of_matrix(matrix: Floats, lens: Lens, picture: tuple[int, int]) -> Floats:
    """A pixel matrix in terms of rays, with positive scale below the middle of the picture."""
    if not isinstance(lens, BrownLens) or lens.distortion:
        raise GroundError("ground.matrix: a matrix knows no lens distortion; remove 'lens.distortion' or give points")
    (fx, fy), (cx, cy) = lens.focal, lens.centre
    plane: Floats = matrix @ np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    if abs(np.linalg.det(plane)) < 1e-12 * np.abs(plane).max() ** 3:
        raise GroundError("ground.matrix: the matrix is singular; it maps the picture to a line")
    below = lens.rays(np.array([[picture[0] / 2, picture[1] - 1.0]]))
    if project(plane, below)[1][0] < 0:
        plane = -plane
    if np.linalg.det(plane) > 0:
        raise GroundError(
            "ground.matrix: mirrored: seen from above, y must lie counter-clockwise from x. "
            "Change the sign of the matrix's first or second row"
        )
    return plane


def _from_mount(section: MountGround) -> Ground:
    tilt, roll, bearing = (float(np.radians(a)) for a in (section.tilt, section.roll, section.bearing))
    pose = mount_pose(section.at, section.height, tilt, roll, bearing)
    e = section.error
    errors = pose.errors(e.height, float(np.radians(e.tilt)), float(np.radians(e.roll)), e.fov)
    return Ground(section.picture, _lens(section), pose.plane, errors, pose, section.body_height, section.body_spread)


def _from_tsai(section: TsaiGround) -> Ground:
    (dx, dy), f = _given(section.sensor), _given(section.focal)
    lens = RadialLens("tsai", (f * section.sx / dx, f / dy), _given(section.centre), (section.kappa1 * f * f,))
    angles = np.array(_given(section.rotation))
    (sa, sb, sg), (ca, cb, cg) = np.sin(angles), np.cos(angles)
    about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    about_z = np.array([[cg, -sg, 0], [sg, cg, 0], [0, 0, 1]])
    rotation = about_z @ about_y @ about_x
    return _imported(section, lens, rotation, np.array(_given(section.translation)) / 1e3)


def _from_opencv(section: OpenCvGround) -> Ground:
    (fx, _, cx), (_, fy, cy), _ = _given(section.camera_matrix)
    if not (fx > 0 and fy > 0):
        raise GroundError("ground.camera_matrix: the focal lengths (first and fifth number) must be above 0")
    lens: Lens
    if section.model == "fisheye":
        k = section.distortion or [0.0] * 4
        lens = RadialLens("fisheye", (fx, fy), (cx, cy), tuple(k))
    else:
        lens = BrownLens((fx, fy), (cx, cy), tuple(section.distortion) if any(section.distortion) else ())
    unit = {"m": 1.0, "cm": 0.01, "mm": 0.001}[section.unit]
    vector = np.array(_given(section.rvec))
    angle = float(np.linalg.norm(vector))
    axis = vector / angle if angle > 0 else vector
    k3 = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    rotation = np.eye(3) + np.sin(angle) * k3 + (1 - np.cos(angle)) * k3 @ k3
    return _imported(section, lens, rotation, np.array(_given(section.tvec)) * unit)


def _imported(section: TsaiGround | OpenCvGround, lens: Lens, rotation: Floats, translation: Floats) -> Ground:
    """A full calibration that is said to err by `reprojection` px at the picture's edge, in tilt, roll and focal."""
    pose = Pose(rotation, -rotation.T @ translation)
    if pose.centre[2] <= 0:
        raise GroundError(
            "the calibration puts the camera below the ground: its z axis points down, so its map is mirrored. "
            "Calibrate with z up"
        )
    picture = _given(section.picture)
    at_edge = section.reprojection / (picture[0] / 2)
    errors = pose.errors(at_edge * pose.centre[2], section.reprojection / lens.focal[0], at_edge, at_edge)
    return Ground(picture, lens, pose.plane, errors, pose, section.body_height, section.body_spread)


def _given(value: _T | None) -> _T:
    """What the section's own check has already asked for."""
    if value is None:
        raise GroundError("ground: the calibration is incomplete")
    return value
