"""Where a distance can be told and where not: the standard error of a pair's distance over the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.reduction.closeness import BLUR
from drukte.sense.reduction.pairs import pair_covariance
from drukte_tools.calibrate.said import Said

GOOD, BLURRED, UNKNOWN = range(3)
"""Classes of ground: a pair's distance is told within the tolerance, told worse, or not told at all."""

DIRECTIONS = np.column_stack([np.cos(np.arange(8) * np.pi / 8), np.sin(np.arange(8) * np.pi / 8)])
SHARE = 0.9
"""Least share of a zone's ground that must be good for PASS, unless the technician states another."""
SHOULDERS = 0.45
"""Width of a body, m: between the shoulders."""
CLEAR = 0.9
"""Score of the detection that the map speaks of: somebody in full sight."""


def pair_sigma(ground: Ground, xy: Floats, distance: float) -> Floats:
    """Standard error of the distance of two people around each place, in the worst direction.

    Both errors count that closeness counts: each foot's own, and what the calibration does to the two together.

    Args:
        ground: the calibrated camera.
        xy: (n, 2) middle between the two, m.
        distance: between them, m.

    Returns:
        (n,) m; infinite where the ground is not seen or not told.
    """
    own, seen = foot_covariance(ground, xy)
    worst = np.zeros(len(xy))
    n = np.arange(len(xy))
    for direction in DIRECTIONS:
        step = direction * (distance / 2)
        both = np.concatenate([ground.shared(xy - step), ground.shared(xy + step)])
        pair = pair_covariance(n, n + len(xy), np.concatenate([own, own]), both)
        with np.errstate(invalid="ignore"):
            worst = np.maximum(worst, np.sqrt(np.einsum("i,nij,j->n", direction, pair, direction)))
    worst[~seen | ~np.isfinite(worst)] = np.inf
    return worst


def foot_covariance(ground: Ground, xy: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """(n, 2, 2) covariance of a clearly seen person's place at `xy` without the calibration's part; which are told."""
    feet, ok = ground.to_pixels(xy)
    right, _ = ground.to_pixels(xy + np.array([0.05, 0]))
    up, _ = ground.to_pixels(xy + np.array([0, 0.05]))
    with np.errstate(invalid="ignore"):
        scale = np.maximum(np.hypot(*(right - feet).T), np.hypot(*(up - feet).T)) / 0.05
    if ground.pose is not None:
        heads, high = ground.to_pixels(xy, ground.body_height)
        ok = ok & high
    else:  # nothing says how tall a body is in the picture: as tall as it would be from the side
        heads = feet - np.column_stack([np.zeros(len(xy)), scale * ground.body_height])
    half = (scale * SHOULDERS / 2)[:, None]
    low, top = np.minimum(feet, heads), np.maximum(feet, heads)
    ok = ok & np.isfinite(scale) & np.isfinite(low).all(1) & np.isfinite(top).all(1)
    side = np.array([1.0, 0.0])
    boxes = np.concatenate([low - half * side, top + half * side], axis=1) + 0.5
    boxes[~ok] = [0, 0, 1, 1]
    _, cov, told = ground.positions(boxes, np.full(len(xy), CLEAR))
    shared = ground.shared(ground.positions(boxes)[0])
    return cov - shared @ shared.transpose(0, 2, 1), ok & told


def classes(sigma: Floats, tolerance: float, limit: float) -> NDArray[np.int8]:
    """GOOD, BLURRED or UNKNOWN for each standard error (m): over BLUR of the limit the device says `undetermined`."""
    out = np.where(sigma <= tolerance, GOOD, np.where(sigma <= max(BLUR * limit, tolerance), BLURRED, UNKNOWN))
    return out.astype(np.int8)


@dataclass(frozen=True, slots=True)
class PlanMap:
    """The map from above.

    Attributes:
        x, y: left and lower edges of the cells' columns and rows, m.
        cell: side of a cell, m.
        sigma: (rows, columns) standard error of a pair's distance, m; infinite outside the view.
    """

    x: Floats
    y: Floats
    cell: float
    sigma: Floats


def plan_map(ground: Ground, distance: float, corners: Floats, most: int = 60) -> PlanMap:
    """The error over the rectangle around `corners` (m, 2), in at most `most` cells a side."""
    low, high = corners.min(0), corners.max(0)
    cell = float(next(c for c in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 1e9) if (high - low).max() / c <= most))
    x = np.arange(np.floor(low[0] / cell), np.ceil(high[0] / cell)) * cell
    y = np.arange(np.floor(low[1] / cell), np.ceil(high[1] / cell)) * cell
    middle = np.stack(np.meshgrid(x + cell / 2, y + cell / 2), axis=-1).reshape(-1, 2)
    sigma = pair_sigma(ground, middle, distance)
    sigma[~in_picture(ground, middle)] = np.inf
    return PlanMap(x, y, cell, sigma.reshape(len(y), len(x)))


def in_picture(ground: Ground, xy: Floats) -> NDArray[np.bool_]:
    """Which ground points (n, 2) lie inside the picture."""
    px, ok = ground.to_pixels(xy)
    width, height = ground.picture
    with np.errstate(invalid="ignore"):
        inside = (px[:, 0] >= 0) & (px[:, 0] < width) & (px[:, 1] >= 0) & (px[:, 1] < height)
    return np.asarray(ok & inside)


@dataclass(frozen=True, slots=True)
class Area:
    """How a zone fares.

    Attributes:
        name: of the zone.
        square_metres: its area.
        visible: share of it in the picture.
        good: share of it where a pair's distance is told within the tolerance.
        worst: largest standard error in its visible part, m.
    """

    name: str
    square_metres: float
    visible: float
    good: float
    worst: float


def judge(ground: Ground, name: str, polygon: Floats, distance: float, tolerance: float) -> Area:
    """How well distances are told in a polygon (m, 2), sampled at about 400 places."""
    low, high = polygon.min(0), polygon.max(0)
    step = max(0.1, float(np.sqrt(np.prod(np.maximum(high - low, 0.1)) / 400)))
    x, y = (np.arange(low[k] + step / 2, high[k], step) for k in (0, 1))
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    places = places[signed_distance(places, polygon) > 0] if len(places) else places
    if not len(places):
        places = polygon.mean(0)[None]
    sigma = pair_sigma(ground, places, distance)
    seen = in_picture(ground, places)
    told = sigma[seen]
    rolled = np.roll(polygon, -1, 0)
    area = abs(float((polygon[:, 0] * rolled[:, 1] - rolled[:, 0] * polygon[:, 1]).sum())) / 2
    worst = float(told.max()) if len(told) else np.inf
    return Area(name, area, float(seen.mean()), float((seen & (sigma <= tolerance)).mean()), worst)


@dataclass(frozen=True, slots=True)
class Verdict:
    """PASS or FAIL, with the reasons.

    Attributes:
        passed: whether the calibration meets the tolerance.
        reasons: why not.
        areas: the places that were judged.
        distance: at which it was judged, m.
        tolerance: stated standard error, m.
        share: least share of each area that must meet it.
    """

    passed: bool
    reasons: tuple[Said, ...]
    areas: tuple[Area, ...]
    distance: float
    tolerance: float
    share: float


def default_tolerance(limit: float) -> float:
    """The standard error above which the device itself calls a pair undetermined, m."""
    return BLUR * limit


def verdict(
    ground: Ground,
    zones: list[tuple[str, Floats]],
    errors: tuple[list[float], float | None],
    distance: float,
    tolerance: float | None = None,
    share: float = SHARE,
) -> Verdict:
    """Judge a calibration.

    Args:
        ground: the calibrated camera.
        zones: name and polygon (m) of each place that matters.
        errors: residuals of the fit in standard errors, and the error at places left out of it (m; None: none).
        distance: that must be told, m.
        tolerance: standard error allowed, m; None: the device's own limit, a third of `distance`.
        share: least share of each zone that must meet it.
    """
    allowed = default_tolerance(distance) if tolerance is None else tolerance
    areas = tuple(judge(ground, name, polygon, distance, allowed) for name, polygon in zones)
    reasons = [_lacking(area, distance, allowed, share) for area in areas if area.good < share]
    sigmas, left_out = errors
    if sigmas and max(sigmas) > OUTLIER:
        text = f"a point or length lies {max(sigmas):.1f} standard errors off: measure or click it again"
        reasons.append(Said("outlier", text, (max(sigmas),)))
    if left_out is not None and left_out > allowed:
        text = f"places left out of the fit are {left_out:.2f} m off, at most {allowed:.2f} m is allowed"
        reasons.append(Said("left-out", text, (left_out, allowed)))
    return Verdict(not reasons, tuple(reasons), areas, distance, allowed, share)


def _lacking(area: Area, distance: float, allowed: float, share: float) -> Said:
    if not area.visible:
        text = f"{area.name}: no part of it is in the picture; do its metres belong to another origin? Draw it anew"
        return Said("out-of-sight", text, (area.name,))
    return Said(
        "share",
        f"{area.name}: {distance:g} m can be told within {allowed:.2f} m on {area.good:.0%} of it, at least "
        f"{share:.0%} is asked ({area.visible:.0%} of it is in the picture)",
        (area.name, distance, allowed, f"{area.good:.0%}", f"{share:.0%}", f"{area.visible:.0%}"),
    )


OUTLIER = 4.0
"""Standard errors off from which a point is a mistake and no error of hand."""
