"""Calibrate by walking: somebody stands at marked points of known place and walks between them; no picture is shown.

Each stop ties a place in the picture to one in metres. On the way between, the walker's own height, near and far, tells
how the camera is tilted, so that two marks are enough where the lens is known; four or more tell by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.plane import GroundError
from drukte_tools.calibrate.camera.fit import KNOWN_FOCAL, Fit, Residual, ground_of, mount_section, nominal_lens
from drukte_tools.calibrate.camera.heights import LENS, Bodies, Seen, feet, log_ratios, seen, whitened
from drukte_tools.calibrate.camera.matched import matched
from drukte_tools.calibrate.camera.mount_fit import Camera, CameraFit, Unknowns, fit_camera
from drukte_tools.calibrate.camera.passersby import Way
from drukte_tools.calibrate.said import Said

STILL: Final = 0.2
"""How far the feet of somebody who stands may seem to move, as a part of their height."""
STOP: Final = 0.03
"""Standard error of a stop's feet as a part of the height: what is left of a detector's error when it is averaged."""
STOP_PX: Final = 1.0
ON_MARK: Final = 0.1
"""Standard error of somebody's feet about the mark they stand on, m."""
LEVEL: Final = 2.0
"""Standard error of a mount hung level by a careful eye, degrees."""
BOXES: Final = 60
JOIN: Final = 10.0
"""Gap in a walker's way over which its parts are joined, s."""
CROWD: Final = 0.3
"""Part of the walk during which somebody else may be there too."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked point on the ground.

    Attributes:
        name: as the technician calls it.
        metres: (x, y), m.
    """

    name: str
    metres: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the walker stood.

    Attributes:
        start, end: s.
        box: (4,) median box, px with pixel centres at whole numbers.
    """

    start: float
    end: float
    box: Floats


def walker(passed: Sequence[Way]) -> Way:
    """The one who walks: the longest way, with what came before and after it where it was lost in between.

    Raises:
        GroundError: nobody, or two at a time.
    """
    if not passed:
        raise GroundError("nobody was seen. Is the camera's view clear, and is there light?")
    longest = max(passed, key=lambda w: len(w.times))
    parts = [longest]
    for way in sorted(passed, key=lambda w: -len(w.times)):
        if way is longest or any(way.times[0] <= p.times[-1] and p.times[0] <= way.times[-1] for p in parts):
            continue
        near = [
            p for p in parts if min(abs(way.times[0] - p.times[-1]), abs(p.times[0] - way.times[-1])) < JOIN
        ]  # fmt: skip
        if near and len(way.times) > 2:
            parts.append(way)
    parts.sort(key=lambda p: p.times[0])
    whole = Way(*([v for p in parts for v in getattr(p, name)] for name in ("times", "boxes", "whole")))
    span = whole.times[-1] - whole.times[0]
    for other in passed:
        both = min(other.times[-1], whole.times[-1]) - max(other.times[0], whole.times[0])
        if not any(other is p for p in parts) and both > CROWD * span:
            raise GroundError(f"two people were there for {both:.0f} s; ask the other to leave and walk again")
    return whole


def stops(way: Way, stand: float) -> list[Stop]:
    """Where somebody stood for `stand` seconds or longer, in order."""
    times, boxes = np.array(way.times), np.array(way.boxes) - 0.5
    foot = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
    tall = boxes[:, 3] - boxes[:, 1]
    found: list[Stop] = []
    i = 0
    while i < len(times):
        j = i + 1
        while j < len(times):
            middle = np.median(foot[i : j + 1], axis=0)
            if np.hypot(*(foot[j] - middle)) > STILL * tall[i] or np.hypot(*(foot[i] - middle)) > STILL * tall[i]:
                break
            j += 1
        if times[j - 1] - times[i] >= stand:
            # The first and last steps are on the way, not at the mark.
            inner = (times[i:j] >= times[i] + stand / 5) & (times[i:j] <= times[j - 1] - stand / 5)
            found.append(Stop(float(times[i]), float(times[j - 1]), np.median(boxes[i:j][inner], axis=0)))
            i = j
        else:
            i += 1
    return found


def fit_walk(way: Way, marks: Sequence[Mark], base: dict[str, Any], body: Bodies, stand: float) -> Fit:
    """The calibration that follows from a walk over marks.

    Args:
        way: of the walker.
        marks: in the order in which they were visited; one may come twice.
        base: `picture` of the `ground:` section, and `lens` if it is known.
        body: the walker's height; its spread is how well that is known.
        stand: how long they stood at each, s.

    Raises:
        GroundError: the stops do not match the marks, or no camera fits.
    """
    places = {m.name: m.metres for m in marks}
    known = "lens" in base
    if len(places) < 2:
        raise GroundError("two or more different marks are needed")
    if not known and len(places) < 4:
        raise GroundError(f"{len(places)} marks: with fewer than four the lens must be known; {LENS}")
    stood = stops(way, stand)
    if len(stood) != len(marks):
        seen_at = ", ".join(f"{s.start - way.times[0]:.0f}-{s.end - way.times[0]:.0f} s" for s in stood) or "none"
        raise GroundError(
            f"{len(stood)} stops of {stand:g} s or more were seen ({seen_at}), but {len(marks)} marks were to be "
            f"visited ({', '.join(m.name for m in marks)}). Stand still at each, keep moving between, and walk again"
        )
    walked = seen([way], BOXES)
    if not len(walked.boxes):
        raise GroundError("the walker was never seen from head to feet; walk where the camera sees the whole body")
    boxes = np.array([s.box for s in stood])
    metres = np.array([m.metres for m in marks], np.float64)
    lens = nominal_lens(base)
    unknowns = Unknowns(lens, focal=not known, focal_sigma=KNOWN_FOCAL, roll_sigma=_level(len(places)), placed=True)
    start = _start(lens, known, walked, boxes, metres, body, _level(len(places)))
    every = np.arange(len(marks))
    found = fit_camera(unknowns, lambda c: _misses(c, walked, boxes, metres, body, every), start=start)
    section = mount_section(found, base, (found.parameters[4], found.parameters[5]), found.parameters[6], known)
    section["body_height"], section["body_spread"] = 1.72, 0.10
    section = matched(section, found, unknowns, feet(found.camera, walked.boxes))
    ground = ground_of(section)
    return Fit(
        section, ground, _residuals(found, unknowns, walked, boxes, marks, body), _how(places, body), _notes(places)
    )


def _how(places: dict[str, tuple[float, float]], body: Bodies) -> str:
    return f"walking between {len(places)} marks ({body.mean:g} m tall, within {body.spread:g} m)"


def _notes(places: dict[str, tuple[float, float]]) -> tuple[Said, ...]:
    if len(places) > 2:
        return ()
    text = (
        f"two marks do not tell whether the camera hangs level; it is taken to, within {LEVEL:g} degrees. A third "
        "mark, off the line of the two, tells"
    )
    return (Said("two-marks", text),)


def _misses(camera: Camera, walked: Seen, boxes: Floats, metres: Floats, body: Bodies, which: Any) -> Floats:
    """Residuals in standard errors: of the stops `which`, and of the walker's height on the way."""
    px = camera.pixels(np.column_stack([metres[which], np.zeros(len(metres[which]))]))
    moved = [camera.pixels(np.column_stack([metres[which] + d, np.zeros(len(px))])) for d in np.eye(2) * ON_MARK]
    shaky = np.square(moved[0] - px) + np.square(moved[1] - px)
    tall = (boxes[which, 3] - boxes[which, 1])[:, None]
    sigma = np.sqrt(STOP_PX**2 + (STOP * tall) ** 2 + shaky)
    own = (feet(camera, boxes[which]) - px) / sigma
    return np.concatenate([own.ravel(), whitened(log_ratios(camera, walked.boxes, body.mean), walked, _part(body))])


def _level(marks: int) -> float:
    """Standard error of a roll of zero, rad."""
    return float(np.radians(LEVEL if marks < 3 else 15))


def _part(body: Bodies) -> float:
    return body.spread / body.mean


def _start(lens: Any, known: bool, walked: Seen, boxes: Floats, metres: Floats, body: Bodies, level: float) -> Floats:
    """A camera near the answer: from the walker's height alone, then laid over the marks."""
    alone = Unknowns(lens, focal=not known, focal_sigma=KNOWN_FOCAL, roll_sigma=level, heights=(2.5, 5.0, 9.0))
    rough = fit_camera(alone, lambda c: whitened(log_ratios(c, walked.boxes, body.mean), walked, _part(body)))
    seen_at = rough.camera.ground(rough.camera.lens.rays(feet(rough.camera, boxes)))
    if not np.isfinite(seen_at).all():
        raise GroundError("a stop lies above the horizon that the walker's height implies; stand nearer")
    a, b = seen_at - seen_at.mean(0), metres - metres.mean(0)
    turn = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
    size = float(np.sqrt((b**2).sum() / max((a**2).sum(), 1e-9)))
    c, s = np.cos(turn), np.sin(turn)
    at = metres.mean(0) - size * np.array([[c, -s], [s, c]]) @ seen_at.mean(0)
    p = rough.parameters.copy()
    p[0] += np.log(np.clip(size, 0.5, 2))
    return np.concatenate([p, at, [-turn]])


def _residuals(
    found: CameraFit, unknowns: Unknowns, walked: Seen, boxes: Floats, marks: Sequence[Mark], body: Bodies
) -> tuple[Residual, ...]:
    metres = np.array([m.metres for m in marks], np.float64)
    every = np.arange(len(marks))
    sigmas = np.abs(found.residuals[: 2 * len(marks)]).reshape(-1, 2).max(axis=1)
    at = feet(found.camera, boxes)
    xy = found.camera.ground(found.camera.lens.rays(at))
    px = found.camera.pixels(np.column_stack([metres, np.zeros(len(metres))]))
    rows = []
    for i, mark in enumerate(marks):
        left: float | None = None
        rest = np.array([k for k in every if marks[int(k)].name != mark.name], np.intp)
        if len({marks[int(k)].name for k in rest}) > 1:
            without = partial(_misses, walked=walked, boxes=boxes, metres=metres, body=body, which=rest)
            other = fit_camera(unknowns, without, start=found.parameters)
            there = other.camera.ground(other.camera.lens.rays(feet(other.camera, boxes[i : i + 1])))[0]
            left = float(np.hypot(*(there - metres[i])))
        off_px, off = float(np.hypot(*(px[i] - at[i]))), float(np.hypot(*(xy[i] - metres[i])))
        spot = (round(float(at[i][0]), 1), round(float(at[i][1]), 1))
        rows.append(Residual(mark.name, spot, mark.metres, None, off_px, off, left, float(sigmas[i])))
    return tuple(rows)


def ground_map(xy: Floats, marks: Sequence[Mark], columns: int = 60) -> str:
    """Foot points (n, 2) and marks seen from above, in characters; y points up.

    A digit is the number of foot points in a cell (9: nine or more), a letter a mark.
    """
    every = np.concatenate([xy[np.isfinite(xy).all(axis=1)], np.array([m.metres for m in marks]).reshape(-1, 2)])
    low, high = every.min(0) - 0.5, every.max(0) + 0.5
    cell = float(max((high[0] - low[0]) / columns, (high[1] - low[1]) / columns, 0.1))
    rows = max(1, int(np.ceil((high[1] - low[1]) / (2 * cell))))  # a character is twice as high as wide
    counts = np.zeros((rows, columns), int)

    def at(p: Floats) -> tuple[int, int]:
        column, row = int((p[0] - low[0]) / cell), int((p[1] - low[1]) / (2 * cell))
        return rows - 1 - min(row, rows - 1), min(column, columns - 1)

    for p in xy[np.isfinite(xy).all(axis=1)]:
        counts[at(p)] += 1
    lines = [["." if not n else str(min(int(n), 9)) for n in row] for row in counts]
    for mark in marks:
        row, column = at(np.array(mark.metres))
        lines[row][column] = mark.name[0].upper()
    frame = "  +" + "-" * columns + "+"
    names = ", ".join(dict.fromkeys(m.name for m in marks))
    key = f"  a character is {cell:.2f} m wide and {2 * cell:.2f} m deep; {names}"
    return "\n".join([frame, *(f"  |{''.join(line)}|" for line in lines), frame, key])
