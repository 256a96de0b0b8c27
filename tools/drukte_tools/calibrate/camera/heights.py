"""Self-calibration from the heights of passers-by: how tall they look, here and there, tells how the camera stands.

Of a camera with a known lens above flat ground, height, tilt and roll follow from bodies of known mean height at
different distances (Lv, Zhao and Nevatia 2006, IEEE PAMI 28(9), for single walkers). The lens does not: on PETS 2009 a
field of view of 71 degrees was found where 36 are true, so it must be known. Two errors are told apart: each
box errs anew, and each person is taller or shorter than the mean in all of their boxes. What all boxes share, the mean
height itself and how tightly the detector draws, scales every distance and is added at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.plane import GroundError
from drukte_tools.calibrate.camera.fit import KNOWN_FOCAL, Fit, Residual, ground_of, mount_section, nominal_lens
from drukte_tools.calibrate.camera.matched import matched
from drukte_tools.calibrate.camera.mount_fit import Camera, Unknowns, fit_camera
from drukte_tools.calibrate.camera.passersby import Way
from drukte_tools.calibrate.said import Said

LEAST_PEOPLE: Final = 8
LEAST_BOXES: Final = 3
MOST_BOXES: Final = 10
"""Boxes of one person that are used; more of them say little more."""
EDGES: Final = 0.06
"""Standard error of a box's height as a part of it: two edges of 4.3 % each (see `Ground`), to be met anew every time
somebody takes a few steps."""
EDGE_PX: Final = 1.0
TIGHT: Final = 0.03
"""Standard error of how tightly a detector draws, as a part of the height: shared by all boxes at one distance."""
BINS: Final = 4
LENS: Final = (
    "which lens the camera has is not known, and heights alone do not tell it: give `lens` in the site file's "
    "`ground:`, or --camera or --fov"
)


@dataclass(frozen=True, slots=True)
class Bodies:
    """How tall the people are who pass.

    Attributes:
        mean, spread: of their heights, m.
        mean_error: standard error of that mean, m.
    """

    mean: float = 1.72
    spread: float = 0.10
    mean_error: float = 0.03


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """Boxes to fit.

    Attributes:
        boxes: (n, 4) px with pixel centres at whole numbers.
        who: (n,) number of the person.
        edges: (n,) standard error of the logarithm of a box's height; the same for all boxes of a person.
    """

    boxes: Floats
    who: np.ndarray[tuple[int], np.dtype[np.intp]]
    edges: Floats

    @property
    def people(self) -> int:
        """How many."""
        return int(self.who.max()) + 1 if len(self.who) else 0


def seen(passed: Sequence[Way], most: int = MOST_BOXES) -> Seen:
    """The boxes of whole bodies, at most so many of each person, spread over their way."""
    boxes: list[Floats] = []
    who: list[np.ndarray[tuple[int], np.dtype[np.intp]]] = []
    edges: list[Floats] = []
    for way in passed:
        good = np.flatnonzero(way.whole)
        if len(good) < LEAST_BOXES:
            continue
        kept = good[np.unique(np.linspace(0, len(good) - 1, most).round().astype(int))]
        mine = np.array([way.boxes[k] for k in kept]) - 0.5
        number = len(who)
        boxes.append(mine)
        who.append(np.full(len(mine), number, np.intp))
        tall = float((mine[:, 3] - mine[:, 1]).mean())
        edges.append(np.full(len(mine), np.hypot(EDGES, EDGE_PX / tall)))
    if not boxes:
        return Seen(np.empty((0, 4)), np.empty(0, np.intp), np.empty(0))
    return Seen(np.concatenate(boxes), np.concatenate(who), np.concatenate(edges))


def log_ratios(camera: Camera, boxes: Floats, mean: float) -> Floats:
    """(n,) logarithm of the heights of boxes over those of bodies of height `mean` on the same feet; NaN off ground."""
    size = boxes[:, 2:] - boxes[:, :2]
    xy = camera.ground(camera.lens.rays(feet(camera, boxes)))
    head = camera.pixels(np.column_stack([xy, np.full(len(xy), mean)]))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = size[:, 1] / (boxes[:, 3] - head[:, 1])
        return np.log(np.where(ratio > 0, ratio, np.nan))


def feet(camera: Camera, boxes: Floats) -> Floats:
    """(n, 2) px of the feet in boxes: a vertical leans away from the picture's middle; see `Ground.feet`."""
    size, middle = boxes[:, 2:] - boxes[:, :2], (boxes[:, :2] + boxes[:, 2:]) / 2
    down = -camera.pose.rotation[:, 2]
    rays = camera.lens.rays(middle) / camera.stretch
    toward = down[:2] - rays * down[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        lean = np.clip(toward[:, 0] / np.maximum(np.abs(toward[:, 1]), 1e-9), -0.5, 0.5)
    return np.column_stack([middle[:, 0] + lean * size[:, 1] / 2, boxes[:, 3]])


def whitened(values: Floats, observed: Seen, person: float) -> Floats:
    """`values` (n,) as independent standard errors, where a person's boxes share an error of `person`.

    The covariance of a person's k boxes is edges^2 I + person^2 11'; its inverse root shortens their mean.
    """
    counts = np.bincount(observed.who)
    means = np.bincount(observed.who, values) / counts
    shorter = 1 - observed.edges / np.sqrt(observed.edges**2 + counts[observed.who] * person**2)
    return np.asarray((values - shorter * means[observed.who]) / observed.edges)


def fit_heights(passed: Sequence[Way], base: dict[str, Any], bodies: Bodies) -> Fit:
    """The calibration that passers-by imply.

    Args:
        passed: their ways.
        base: `picture` and `lens` of the `ground:` section.
        bodies: how tall they are.

    Raises:
        GroundError: the lens is not known, too few people, or no camera fits them.
    """
    if "lens" not in base:
        raise GroundError(LENS)
    observed = seen(passed)
    if observed.people < LEAST_PEOPLE:
        raise GroundError(
            f"{observed.people} people were seen whole on {LEAST_BOXES} pictures or more; {LEAST_PEOPLE} or more are "
            "needed, better 50. Look longer: --seconds"
        )
    lens = nominal_lens(base)
    unknowns = Unknowns(lens, focal=False, focal_sigma=KNOWN_FOCAL, heights=(2.5, 4.0, 7.0, 12.0))
    person = bodies.spread / bodies.mean

    def misses(camera: Camera) -> Floats:
        return whitened(log_ratios(camera, observed.boxes, bodies.mean), observed, person)

    found = fit_camera(unknowns, misses, loss="soft_l1")
    scale = np.hypot(bodies.mean_error / bodies.mean, TIGHT)
    found.covariance[0, 0] += scale**2  # ln height: the unit of all lengths
    section = mount_section(found, base, (0.0, 0.0), 0.0, known_lens=True)
    section["body_height"], section["body_spread"] = bodies.mean, bodies.spread
    at = feet(found.camera, observed.boxes)
    section = matched(section, found, unknowns, at)
    notes = [
        Said("scale", f"all distances are as right as the mean height of {bodies.mean:g} m: {scale:.1%} of each"),
        Said("origin", "the point under the camera is (0, 0), and y is where it looks"),
    ]
    ground = ground_of(section)
    how = f"heights of {observed.people} passers-by ({bodies.mean:g} m, standard deviation {bodies.spread:g} m)"
    return Fit(section, ground, _by_distance(found.camera, observed, bodies), how, tuple(notes))


def _by_distance(camera: Camera, observed: Seen, bodies: Bodies) -> tuple[Residual, ...]:
    """How tall people look near and far: the check that the ground is flat and the fit holds everywhere."""
    ratio = log_ratios(camera, observed.boxes, bodies.mean)
    counts = np.bincount(observed.who)
    away = np.hypot(*camera.ground(camera.lens.rays(feet(camera, observed.boxes))).T)
    mean_away, mean_ratio = np.bincount(observed.who, away) / counts, np.bincount(observed.who, ratio) / counts
    edges = np.bincount(observed.who, observed.edges) / counts
    parts = max(1, min(BINS, observed.people // LEAST_PEOPLE))
    rows = []
    for group in np.array_split(np.argsort(mean_away), parts):
        own = np.hypot(bodies.spread / bodies.mean, edges[group] / np.sqrt(counts[group]))
        sigma = np.hypot(np.sqrt((own**2).sum()) / len(group), TIGHT)
        # The middle person: a child or a cyclist says nothing about the camera. A median errs 1.25 times a mean.
        off = float(np.median(mean_ratio[group]))
        name = f"{len(group)} at {mean_away[group].min():.0f}-{mean_away[group].max():.0f} m"
        rows.append(
            Residual(name, None, None, bodies.mean, None, off * bodies.mean, None, float(abs(off) / (1.25 * sigma)))
        )
    return tuple(rows)
