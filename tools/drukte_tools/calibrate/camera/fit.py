"""From measured points to the `ground:` section, with the error at every point."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from drukte.config.ground import Ground as GroundSection
from drukte.sense.geometry.calibration import ground_from
from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import BrownLens, Floats, Lens
from drukte.sense.geometry.plane import GroundError
from drukte_tools.calibrate.camera.mount_fit import Camera, CameraFit, Unknowns, fit_camera, fov_of
from drukte_tools.calibrate.camera.points import Points, PointsError
from drukte_tools.calibrate.said import Said

_SECTION: TypeAdapter[Any] = TypeAdapter(GroundSection)
KNOWN_FOCAL = 0.01
"""Standard error of the focal length of a lens that was given, as a fraction: the default of `ground.error.fov`."""


@dataclass(frozen=True, slots=True)
class Residual:
    """How well one measured thing agrees with the fit.

    Attributes:
        name: of the point, or "a - b" of a length.
        pixel: px; None for a length.
        metres: (x, y) m of a point; None for a length.
        length: m; None for a point.
        off_px: distance between where it was clicked and where the fit puts it, px; None for a length.
        off: the same on the ground, m; for a length fitted minus measured.
        left_out: error when the fit is made without it, m; None where the rest is too little for a fit.
        sigmas: `off` in its standard errors.
        check: it took no part in the fit.
    """

    name: str
    pixel: tuple[float, float] | None
    metres: tuple[float, float] | None
    length: float | None
    off_px: float | None
    off: float
    left_out: float | None
    sigmas: float
    check: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration, as it goes into the site file.

    Attributes:
        section: the `ground:` section.
        ground: what the device makes of it.
        residuals: one for each point or length.
        how: the method, in words.
        notes: what a technician should know about it.
    """

    section: dict[str, Any]
    ground: Ground
    residuals: tuple[Residual, ...]
    how: str
    notes: tuple[Said, ...] = ()

    @property
    def left_out(self) -> float | None:
        """Root mean square of the errors at things that took no part in the fit, m; None where there are none."""
        errors = [r.off if r.check else r.left_out for r in self.residuals]
        told = [e for e in errors if e is not None and np.isfinite(e)]
        return float(np.sqrt(np.mean(np.square(told)))) if told else None


def ground_of(section: dict[str, Any], base: Path = Path()) -> Ground:
    """The ground model of a `ground:` section given as plain values.

    Raises:
        GroundError, CalibrationError, pydantic.ValidationError: see `drukte.sense.geometry.calibration.ground_from`.
    """
    return ground_from(_SECTION.validate_python(section), base)


def fit_points(points: Points, old: dict[str, Any], picture: tuple[int, int] | None = None) -> Fit:
    """The calibration that follows from `points`.

    Args:
        points: what was measured.
        old: the site file's present `ground:` section; what it says of lens and bodies is kept.
        picture: size of the source's picture, if it is known, px.

    Raises:
        PointsError: the size of the picture is not known, or there are too few points.
        GroundError: no ground plane fits the points.
    """
    size = points.picture or picture or old.get("picture")
    if size is None:
        raise PointsError("the picture's size is not known; add `picture: [width, height]` to the points")
    width, height = int(size[0]), int(size[1])
    for p in points.points:
        if not (-0.5 <= p.pixel[0] <= width and -0.5 <= p.pixel[1] <= height):
            raise PointsError(
                f"point '{p.name}' at pixel {p.pixel[0]:g}, {p.pixel[1]:g} lies outside the picture of "
                f"{width}x{height}; were the pixels read in a picture of another size?"
            )
    kept: dict[str, Any] = {k: old[k] for k in ("body_height", "body_spread") if k in old}
    if points.lens is not None:
        kept["lens"] = points.lens.model_dump(exclude_defaults=True)
    elif old.get("lens") is not None:
        kept["lens"] = old["lens"]
    base = {"picture": [width, height], **kept}
    return _by_distances(points, base) if points.distances else _by_coordinates(points, base)


def _by_coordinates(points: Points, base: dict[str, Any]) -> Fit:
    used = [p for p in points.points if not p.check]
    if len(used) < 4:
        raise PointsError(f"{len(used)} points with metres; four or more are needed, no three of them on one line")
    rows = [{"pixel": _rounded(p.pixel, 1), "metres": _rounded(p.metres or (0, 0), 3)} for p in used]
    section = {"kind": "homography", "points": rows, "click": points.click, "measured": points.measured, **base}
    ground = ground_of(section)
    pixels = np.array([p.pixel for p in points.points], np.float64)
    metres = np.array([p.metres for p in points.points], np.float64)
    left = {}
    if len(used) > 4:
        for i, p in enumerate(used):
            left[p.name] = _error_without(section, i, pixels, metres, points.points.index(p))
    off_px, off, sigmas = _errors(ground, pixels, metres, points.click, points.measured)
    residuals = tuple(
        Residual(p.name, p.pixel, p.metres, None, float(a), float(b), left.get(p.name), float(s), p.check)
        for p, a, b, s in zip(points.points, off_px, off, sigmas, strict=True)
    )
    notes: list[Said] = []
    if len(used) == 4 and not any(p.check for p in points.points):
        text = (
            "four points fit any ground exactly, so a mistake in one of them does not show: add a fifth, or one with "
        )
        notes.append(Said("exact", text + "`check: true`"))
    return Fit(section, ground, residuals, f"{len(used)} points with known metres", tuple(notes))


def _error_without(section: dict[str, Any], i: int, pixels: Floats, metres: Floats, at: int) -> float | None:
    """Error at point `at` of the fit without the `i`-th of the section's points, m; inf beyond its horizon."""
    rest = {**section, "points": section["points"][:i] + section["points"][i + 1 :]}
    try:
        xy, _, ok = ground_of(rest).to_ground(pixels[at : at + 1])
    except GroundError:
        return None  # the rest lies on a line
    return float(np.hypot(*(xy[0] - metres[at]))) if ok[0] else float("inf")


def _errors(ground: Ground, pixels: Floats, metres: Floats, click: float, measured: float) -> tuple[Floats, ...]:
    """Errors at known points in px, in m, and in standard errors of click and measurement."""
    there, _ = ground.to_pixels(metres)
    off_px = np.hypot(*(there - pixels).T)
    xy, _, _ = ground.to_ground(pixels, click)
    off = np.hypot(*(xy - metres).T)
    step, _ = ground.to_pixels(np.concatenate([metres + np.array([measured, 0]), metres + np.array([0, measured])]))
    by_map = np.nan_to_num(np.hypot(*(step - np.tile(there, (2, 1))).T).reshape(2, -1).max(0)) if measured else 0.0
    return off_px, off, off_px / np.hypot(click, by_map)


def _by_distances(points: Points, base: dict[str, Any]) -> Fit:
    lens = nominal_lens(base)
    known = "lens" in base
    names = [p.name for p in points.points]
    pixels = np.array([p.pixel for p in points.points], np.float64)
    first = np.array([names.index(d.between[0]) for d in points.distances])
    second = np.array([names.index(d.between[1]) for d in points.distances])
    lengths = np.array([d.metres for d in points.distances])
    need = 3 if known else 4
    if len(lengths) < need:
        more = "" if known else ", or say which camera it is (`lens:`), then three are enough"
        raise PointsError(f"{len(lengths)} distances; {need} or more are needed{more}")
    if untouched := sorted(set(range(len(names))) - set(first) - set(second)):
        raise PointsError(f"no distance reaches point '{names[untouched[0]]}'; measure one or leave the point out")
    rays = lens.rays(pixels)
    steps = np.concatenate([lens.rays(pixels + d) for d in np.eye(2) * points.click])
    unknowns = Unknowns(lens, focal=not known, focal_sigma=KNOWN_FOCAL, heights=(2.5, 5.0, 10.0))

    def spreads(camera: Camera) -> Floats:
        """Standard error of each length under this camera, m."""
        xy, moved = camera.ground(rays), camera.ground(steps).reshape(2, -1, 2)
        along = xy[first] - xy[second]
        along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
        by_click = [((moved[k, end] - xy[end]) * along).sum(1) for k in (0, 1) for end in (first, second)]
        spread: Floats = np.sqrt(np.square(by_click).sum(0) + max(points.measured, 1e-3) ** 2)
        return spread

    def misses(camera: Camera, which: Any, sigma: Floats) -> Floats:
        xy = camera.ground(rays)
        miss: Floats = (np.hypot(*(xy[first[which]] - xy[second[which]]).T) - lengths[which]) / sigma[which]
        return miss

    every = np.arange(len(lengths))
    sigma = np.maximum(0.02 * lengths, max(points.measured, 1e-3))
    fit = fit_camera(unknowns, lambda c: misses(c, every, sigma))
    for _ in range(2):
        sigma = spreads(fit.camera)
        fit = fit_camera(unknowns, partial(misses, which=every, sigma=sigma), start=fit.parameters)
    left: list[float | None] = [None] * len(lengths)
    if len(lengths) > need:
        for i in every:
            rest = every[every != i]
            other = fit_camera(unknowns, lambda c, rest=rest: misses(c, rest, sigma), start=fit.parameters)  # type: ignore[misc]
            left[i] = abs(float((misses(other.camera, [i], sigma) * sigma[[i]])[0]))
    section = _laid_out(fit, unknowns, rays, pixels, base, points.click, known)
    off = fit.residuals * sigma
    residuals = tuple(
        Residual(" - ".join(d.between), None, None, d.metres, None, float(o), e, float(abs(s)))
        for d, o, e, s in zip(points.distances, off, left, fit.residuals, strict=True)
    )
    layout = f"the first point, '{names[0]}', is (0, 0), and '{names[1]}' lies on the x axis"
    notes = [Said("layout", layout, (names[0], names[1]))]
    if not known:
        fov = fov_of(lens_focal(lens) * fit.camera.stretch, base["picture"][0])
        text = f"field of view found: {fov:.0f} degrees (square pixels and a centred lens are assumed)"
        notes.append(Said("fov-found", text, (f"{fov:.0f}",)))
    if len(lengths) == need:
        text = "just enough lengths: a mistake in one does not show; measure one more (a diagonal)"
        notes.append(Said("enough", text))
    return Fit(section, ground_of(section), residuals, f"{len(lengths)} distances between points", tuple(notes))


def _laid_out(
    fit: CameraFit, unknowns: Unknowns, rays: Floats, pixels: Floats, base: dict[str, Any], click: float, known: bool
) -> dict[str, Any]:
    """The section for a camera found from lengths: points where there are four, else the mount itself."""
    xy = fit.camera.ground(rays)
    along = xy[1] - xy[0]
    angle = float(np.arctan2(along[1], along[0]))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if len(pixels) < 4:
        at = turn @ (fit.camera.pose.centre[:2] - xy[0])
        return mount_section(fit, base, (float(at[0]), float(at[1])), angle, known)
    moves = []
    for i in range(4):
        p = fit.parameters.copy()
        h = 1e-5
        p[i] += h
        moves.append((unknowns.camera(p).ground(rays) - xy) / h)
    moved = np.stack(moves, axis=-1)
    # Where the whole layout lies and which way it is turned is a choice, no error.
    n = len(xy)
    arm = xy - xy.mean(0)
    free = np.zeros((n, 2, 3))
    free[:, 0, 0] = free[:, 1, 1] = 1
    free[:, 0, 2], free[:, 1, 2] = -arm[:, 1], arm[:, 0]
    basis = np.linalg.qr(free.reshape(2 * n, 3))[0]
    flat = moved.reshape(2 * n, 4)
    moved = (flat - basis @ (basis.T @ flat)).reshape(n, 2, 4)
    variance = np.einsum("nik,kl,nil->n", moved, fit.covariance[:4, :4], moved) / 2
    rows = [
        {"pixel": _rounded(p, 1), "metres": _rounded(turn @ (m - xy[0]), 3)} for p, m in zip(pixels, xy, strict=True)
    ]
    # Never a better error than a hand that holds a tape.
    measured = round(float(np.clip(np.sqrt(np.mean(variance)), 0.005, 5.0)), 3)
    return {"kind": "homography", "points": rows, "click": click, "measured": measured, **base}


def mount_section(
    fit: CameraFit, base: dict[str, Any], at: tuple[float, float], bearing: float, known_lens: bool
) -> dict[str, Any]:
    """The `mount` section of a fitted camera; `at` in metres, `bearing` in radians."""
    sigma = fit.sigmas
    section: dict[str, Any] = {
        "kind": "mount",
        "height": round(float(np.exp(fit.parameters[0])), 3),
        "tilt": round(float(np.degrees(fit.parameters[1])), 2),
        "roll": round(float(np.degrees(fit.parameters[2])), 2),
        **base,
    }
    if known_lens:
        section["lens"] = base["lens"]
        focal = KNOWN_FOCAL
    else:
        width = base["picture"][0]
        section["lens"] = {"fov": round(fov_of(lens_focal(fit.camera.lens) * fit.camera.stretch, width), 2)}
        focal = float(sigma[3])
    if any(at) or bearing:
        section["at"] = _rounded(at, 3)
        section["bearing"] = round((float(np.degrees(bearing)) + 180) % 360 - 180, 2)
    section["error"] = {
        "height": round(float(min(2.0, sigma[0] * section["height"])), 3),
        "tilt": round(float(min(20.0, np.degrees(sigma[1]))), 2),
        "roll": round(float(min(20.0, np.degrees(sigma[2]))), 2),
        "fov": round(float(min(0.5, focal)), 4),
    }
    return section


def nominal_lens(base: dict[str, Any]) -> Lens:
    """The lens of a section with `picture` and perhaps `lens`; 65 degrees wide where it is not known."""
    if "lens" in base:
        mount = {"kind": "mount", "height": 3.0, "tilt": 45.0, "picture": base["picture"], "lens": base["lens"]}
        return ground_of(mount).lens
    width, height = base["picture"]
    focal = width / 2 / float(np.tan(np.radians(65.0 / 2)))
    return BrownLens((focal, focal), ((width - 1) / 2, (height - 1) / 2))


def lens_focal(lens: Lens) -> float:
    """Horizontal focal length, px."""
    return lens.focal[0]


def _rounded(pair: Any, digits: int) -> list[float]:
    return [round(float(v), digits) + 0.0 for v in pair]  # no minus zero


__all__ = ["Fit", "Residual", "fit_points", "ground_of", "lens_focal", "mount_section", "nominal_lens"]
