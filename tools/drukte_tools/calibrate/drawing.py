"""The geometry that the page and the certificate draw: horizon, metres grid, field of view, error map."""

from typing import Any

import numpy as np

from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import Floats
from drukte.sense.pipeline import view_of
from drukte_tools.calibrate.tolerance import PlanMap, classes, pair_sigma, plan_map

MOST_GRID = 40
"""Most grid lines in one direction."""
GRID = 25.0
"""Ground farther than this from the nearest visible part has no grid: its lines would run into each other, m."""
FARTHEST = 80.0
"""Ground farther than this from the picture's foot is not drawn, m."""


def horizon(ground: Ground, columns: int = 33) -> list[list[float]]:
    """Points (x, y) in px at which the ground ends, from left to right; empty where it lies outside the picture."""
    width, height = ground.picture
    x = np.linspace(0, width - 1, columns)
    y = np.linspace(0, height - 1, 257)
    pixels = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    rays = np.column_stack([ground.lens.rays(pixels), np.ones(len(pixels))])
    scale = (rays @ ground.plane[2]).reshape(columns, len(y))
    points = []
    for i in range(columns):
        turns = np.flatnonzero((scale[i, :-1] <= 0) & (scale[i, 1:] > 0))
        if len(turns):
            k = turns[-1]
            share = -scale[i, k] / (scale[i, k + 1] - scale[i, k])
            points.append([round(float(x[i]), 1), round(float(y[k] + share * (y[k + 1] - y[k])), 1)])
    return points


def field_of_view(ground: Ground) -> Floats:
    """(m, 2) polygon of the visible ground, m, cut off at FARTHEST from its nearest part; empty if none."""
    visible = view_of(ground).visible
    if visible is None:
        return np.empty((0, 2))
    foot = ground.pose.centre[:2] if ground.pose is not None else _nearest(ground, visible)
    gap = visible - foot
    far = np.hypot(*gap.T)
    return np.asarray(foot + gap * np.minimum(1, FARTHEST / np.maximum(far, 1e-9))[:, None])


def _nearest(ground: Ground, visible: Floats) -> Floats:
    width, height = ground.picture
    xy, _, ok = ground.to_ground([[width / 2, height - 1]])
    return np.asarray(xy[0] if ok[0] else visible[0])


def grid(ground: Ground, view: Floats) -> tuple[float, list[list[list[float]]]]:
    """Spacing (m) and polylines (px) of the metres grid."""
    if not len(view):
        return 1.0, []
    near = _nearest(ground, view)
    gap = view - near
    near_part = near + gap * np.minimum(1, GRID / np.maximum(np.hypot(*gap.T), 1e-9))[:, None]
    low, high = near_part.min(0), near_part.max(0)
    step = float(next(s for s in (1, 2, 5, 10, 20, 50, 100, 1e9) if (high - low).max() / s <= MOST_GRID))
    lines: list[list[list[float]]] = []
    for axis in (0, 1):
        other = 1 - axis
        along = np.linspace(low[other], high[other], 160)
        for value in np.arange(np.ceil(low[axis] / step), np.floor(high[axis] / step) + 1) * step:
            xy = np.empty((len(along), 2))
            xy[:, axis], xy[:, other] = value, along
            lines += _runs(ground, xy)
    return step, lines


def _runs(ground: Ground, xy: Floats) -> list[list[list[float]]]:
    """The parts of a line on the ground (n, 2) that are in the picture, as polylines in px."""
    px, ok = ground.to_pixels(xy)
    width, height = ground.picture
    with np.errstate(invalid="ignore"):
        ok = ok & (px[:, 0] > -width) & (px[:, 0] < 2 * width) & (px[:, 1] > -height) & (px[:, 1] < 2 * height)
    runs: list[list[list[float]]] = []
    now: list[list[float]] = []
    for point, good in zip(np.nan_to_num(px), ok, strict=True):
        if good:
            now.append([round(float(point[0]), 1), round(float(point[1]), 1)])
        elif len(now) > 1:
            runs.append(now)
            now = []
        else:
            now = []
    if len(now) > 1:
        runs.append(now)
    return runs


def error_cells(ground: Ground, distance: float, tolerance: float, columns: int = 64) -> dict[str, Any]:
    """Classes of the ground under the cells of a grid over the picture; -1 where there is no ground."""
    width, height = ground.picture
    side = width / columns
    rows = int(np.ceil(height / side))
    x, y = (np.arange(columns) + 0.5) * side, np.minimum((np.arange(rows) + 0.5) * side, height - 1)
    xy, _, ok = ground.to_ground(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    told = np.full(len(xy), -1, np.int8)
    here = np.flatnonzero(ok)
    told[here] = classes(pair_sigma(ground, xy[here], distance), tolerance, distance)
    return {"side": side, "columns": columns, "classes": told.tolist()}


def plan(ground: Ground, distance: float, zones: list[tuple[str, Floats]], view: Floats) -> PlanMap | None:
    """The error map from above, around the zones and the near part of the view."""
    foot = _nearest(ground, view) if len(view) else None
    around = [polygon for _, polygon in zones]
    if foot is not None:
        gap = view - foot
        far = np.hypot(*gap.T)
        reach = max(15.0, *(float(np.hypot(*(p - foot).T).max()) for p in around)) if around else 25.0
        around.append(foot + gap * np.minimum(1, reach / np.maximum(far, 1e-9))[:, None])
    if not around:
        return None
    return plan_map(ground, distance, np.concatenate(around))
