"""Where the counters saw people and where the device did, in metres: who was missed, how far off, which level.

Only for feet that were clicked in a calibrated picture, and for radar, whose echoes are drawn in metres.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from scipy import stats
from scipy.optimize import linear_sum_assignment

from drukte.config.calibration_files import AnyGround
from drukte.sample.container import Header
from drukte.sense.geometry.calibration import CalibrationError, GroundError, ground_from
from drukte_tools.validate.judging.agreement import same_people
from drukte_tools.validate.judging.plan_view import PlanView
from drukte_tools.validate.judging.settled import Counted

Floats = NDArray[np.float64]

REACH: Final = 1.0
"""A device's place nearer to a hand-marked one than this may be the same person, m."""
REACH_FAR: Final = 0.05
"""The same as a share of the distance from the sensor, where that is more: far away a pixel is many centimetres."""
Level = Literal["safe", "low_risk", "high_risk", "undetermined"]
LEVELS: Final[tuple[Level, ...]] = ("safe", "low_risk", "high_risk")
BINS: Final = 6
"""Most classes of distance."""
LEAST: Final = 15
"""Fewest people in a class of distance."""

_GROUND: Final[TypeAdapter[AnyGround]] = TypeAdapter(AnyGround)
ToMetres = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Placed:
    """One picture in metres.

    Attributes:
        hand: (n, 2) people marked by hand, m.
        device: (m, 2) people counted by the device, m.
        hand_row, device_row: (k,) rows of the two that are the same person.
        distance, device_distance: (n,), (m,) from the sensor, m; NaN where its place is unknown.
        apart: (j,) how far apart the two counters marked the same person, m.
        limits: of low risk and high risk, m.
        levels: what the device said of each level, expected people.
    """

    hand: Floats
    device: Floats
    hand_row: NDArray[np.intp]
    device_row: NDArray[np.intp]
    distance: Floats
    device_distance: Floats
    apart: Floats
    limits: tuple[float, float]
    levels: Mapping[Level, float]


def placed(counted: list[Counted]) -> list[Placed]:
    """The pictures in metres; none when the calibration does not give metres, or heads were marked."""
    header = counted[0].opened.header
    view = _view(header)
    if view is None:
        return []
    to_metres, foot = view
    return [_placed(c, to_metres, foot) for c in counted]


def _view(header: Header) -> tuple[ToMetres, Floats] | None:
    """From a counter's pixels to metres, and where the sensor stands, m."""
    if header.kind == "echoes":
        plan = PlanView.of(np.array(header.polygon, np.float64))
        return plan.to_metres, np.array((header.ground or {}).get("at", (np.nan, np.nan)), np.float64)
    if header.mark != "foot":
        return None
    try:
        section = _GROUND.validate_python(header.ground)
        ground = ground_from(section, Path()).for_picture(*header.size)
    except (ValidationError, CalibrationError, GroundError):
        return None

    def to_metres(pixels: Floats) -> Floats:
        xy, _, ok = ground.to_ground(pixels)
        return np.where(ok[:, None], xy, np.nan)

    pose = ground.pose
    return to_metres, np.full(2, np.nan) if pose is None else np.asarray(pose.centre[:2], np.float64)


def _placed(c: Counted, to_metres: ToMetres, foot: Floats) -> Placed:
    header = c.opened.header
    hand = to_metres(c.marks) if len(c.marks) else np.empty((0, 2))
    hand = hand[np.isfinite(hand).all(axis=1)]
    device = np.array([p.xy for p in header.people], np.float64).reshape(-1, 2)
    distance, device_distance = (np.hypot(*(x - foot).T) for x in (hand, device))
    rows, columns = _match(hand, device, np.fmax(REACH, REACH_FAR * np.nan_to_num(distance)))
    apart = np.empty(0)
    if c.first is not None and c.second is not None:
        one, two = same_people(c.first, c.second, c.reach)
        if len(one):
            apart = np.hypot(*(to_metres(c.first[one]) - to_metres(c.second[two])).T)
            apart = apart[np.isfinite(apart)]
    return Placed(hand, device, rows, columns, distance, device_distance, apart, header.closeness, header.levels)


def _match(hand: Floats, device: Floats, reach: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One to one, least distance in sum, none further apart than the (n,) reach of the hand-marked person."""
    if not len(hand) or not len(device):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    away = np.hypot(*(hand[:, None] - device[None]).transpose(2, 0, 1)) / reach[:, None]
    rows, columns = linear_sum_assignment(np.minimum(away, 2.0))
    near = away[rows, columns] <= 1
    return rows[near], columns[near]


def place_figures(pictures: list[Placed]) -> dict[str, Any]:
    """Who was found and how far off, in all and by distance from the sensor."""
    found = [np.isin(np.arange(len(p.hand)), p.hand_row) for p in pictures]
    true = [np.isin(np.arange(len(p.device)), p.device_row) for p in pictures]
    off = np.concatenate([np.hypot(*(p.hand[p.hand_row] - p.device[p.device_row]).T) for p in pictures])
    off_at = np.concatenate([p.distance[p.hand_row] for p in pictures])
    hand_at, is_found = np.concatenate([p.distance for p in pictures]), np.concatenate(found)
    device_at, is_true = np.concatenate([p.device_distance for p in pictures]), np.concatenate(true)
    apart = np.concatenate([p.apart for p in pictures])
    edges = _edges(hand_at)
    return {
        "people_marked": len(is_found),
        "people_found": int(is_found.sum()),
        "people_false": int((~is_true).sum()),
        "place_error_median_m": _median(off),
        "place_error_p90_m": float(np.quantile(off, 0.9)) if len(off) else None,
        "counters_apart_median_m": _median(apart),
        "by_distance": [
            _bin(low, high, hand_at, is_found, device_at, is_true, off, off_at) for low, high in _pairs(edges)
        ],
    }


def _bin(
    low: float,
    high: float,
    hand_at: Floats,
    is_found: NDArray[np.bool_],
    device_at: Floats,
    is_true: NDArray[np.bool_],
    off: Floats,
    off_at: Floats,
) -> dict[str, Any]:
    mine = (hand_at >= low) & (hand_at < high)
    theirs = (device_at >= low) & (device_at < high)
    total, hits = int(mine.sum()), int(is_found[mine].sum())
    interval = stats.binomtest(hits, total).proportion_ci(method="wilson") if total else None
    return {
        "from_m": low,
        "to_m": high,
        "marked": total,
        "found": hits,
        "found_share": {
            "value": hits / total if total else None,
            "low": float(interval.low) if interval else None,
            "high": float(interval.high) if interval else None,
        },
        "false": int((~is_true[theirs]).sum()),
        "place_error_median_m": _median(off[(off_at >= low) & (off_at < high)]),
    }


def _edges(distance: Floats) -> list[float]:
    """Whole metres that part the people into classes of about as many each."""
    known = distance[np.isfinite(distance)]
    if len(known) < LEAST:
        return []
    wished = min(BINS, max(1, len(known) // LEAST))
    inner = np.unique(np.round(np.quantile(known, np.linspace(0, 1, wished + 1)[1:-1])))
    low, high = float(np.floor(known.min())), float(np.floor(known.max()) + 1)
    return [low, *(float(e) for e in inner if low < e < high), high]


def _pairs(edges: list[float]) -> list[tuple[float, float]]:
    return list(itertools.pairwise(edges))


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if len(values) else None


def level_of(xy: Floats, limits: tuple[float, float]) -> NDArray[np.intp]:
    """(n,) index into `LEVELS` of each person: that of the nearest other one."""
    if len(xy) < 2:
        return np.zeros(len(xy), np.intp)
    away = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    np.fill_diagonal(away, np.inf)
    nearest = away.min(axis=1)
    return np.asarray((nearest < limits[0]).astype(np.intp) + (nearest < limits[1]))


def level_figures(pictures: list[Placed]) -> dict[str, Any]:
    """Closeness levels by hand (rows) against those by the device's places (columns); the last column holds who was
    missed, the last row whom only the device saw. The same rule is applied to both: the nearest other in the zone."""
    size = len(LEVELS)
    matrix = np.zeros((size + 1, size + 1), np.intp)
    said: dict[Level, float] = dict.fromkeys((*LEVELS, "undetermined"), 0.0)
    for p in pictures:
        ours, theirs = level_of(p.hand, p.limits), level_of(p.device, p.limits)
        pairs = np.concatenate(
            [
                np.column_stack([ours[p.hand_row], theirs[p.device_row]]),
                [(level, size) for level in np.delete(ours, p.hand_row)] or np.empty((0, 2), np.intp),
                [(size, level) for level in np.delete(theirs, p.device_row)] or np.empty((0, 2), np.intp),
            ]
        )
        cells = pairs[:, 0] * (size + 1) + pairs[:, 1]
        matrix += np.bincount(cells, minlength=(size + 1) ** 2).reshape(matrix.shape)
        for name in said:
            said[name] += p.levels.get(name, 0.0)
    matched = int(matrix[:size, :size].sum())
    n = len(pictures)
    return {
        "limits_m": {"low_risk": pictures[0].limits[0], "high_risk": pictures[0].limits[1]},
        "names": [*LEVELS, "missed_or_false"],
        "matrix": matrix.tolist(),
        "same_level": float(np.trace(matrix[:size, :size]) / matched) if matched else None,
        "matched": matched,
        "hand_mean": {name: float(matrix[i].sum() / n) for i, name in enumerate(LEVELS)},
        "device_mean": {name: value / n for name, value in said.items()},
    }
