"""How a radar hangs, from somebody who walks to and fro on a line of known ends.

In every frame the walker is the densest group of moving echoes. Where the radar hangs turns those places into metres:
seen from there, the walker must be on the line, turn at its ends, and give echoes from one height above the ground all
the way; from a slope in that height follows the tilt. A module that tells no elevation leaves the tilt open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import least_squares

from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.plane import GroundError
from drukte.sense.sources.radar import Echo, RadarFrame, Target

MOVING: Final = 0.15
"""Radial speed from which an echo counts as moving, m/s."""
BODY: Final = 0.7
"""Echoes nearer than this to each other are of one body, m."""
LEAST: Final = 4
"""Echoes that make a body."""
FRONT: Final = 0.08
"""Echoes come from the side of the body that faces the sensor, m; as in `drukte.sense.detect.echo_tracks`."""
BESIDE: Final = 0.15
"""Standard error of a body's middle, and of how straight somebody walks, m."""
TURNS: Final = 0.2
"""Standard error of where somebody turns about a mark, m."""
LEVEL: Final = 0.2
"""Standard error of the mean height of a body's echoes in one frame, m."""
ECHO_HEIGHT: Final = 1.05
ECHO_SPREAD: Final = 0.15
"""Mean height of the echoes of a walking body above the ground, and its standard error, m: the torso gives most of
them (bodies as in `drukte_tools.simulate.bodies`)."""
TILT_BIAS: Final = 1.0
"""Standard error of a module's elevation, degrees; it shifts the tilt and does not average out."""
ENDS: Final = (0.03, 0.97)
"""Quantiles of the walk along the line that stand for its ends."""
PER_SECOND: Final = 2.0
"""Places a second that count as independent."""
LEAST_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Line:
    """The line that is walked.

    Attributes:
        start, end: (x, y) in the site's metres.
    """

    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def length(self) -> float:
        """m."""
        return float(np.hypot(*np.subtract(self.end, self.start)))


@dataclass(frozen=True, slots=True)
class Known:
    """What was measured by tape before the walk.

    Attributes:
        height: of the antenna, m; None if not measured.
        at: ground point under it, m.
        tilt: rad, kept where the module tells no elevation.
        upside_down: left is right.
        height_error, at_error: standard errors, m.
    """

    height: float | None
    at: tuple[float, float]
    tilt: float
    upside_down: bool = False
    height_error: float = 0.03
    at_error: float = 0.15


@dataclass(frozen=True, slots=True)
class Hang:
    """How the radar hangs.

    Attributes:
        height: m.
        tilt, bearing: rad.
        at: (x, y) m.
        echo_height: of the walker's echoes above the ground, m; NaN where the module tells no elevation.
        sigmas: standard errors of height (m), tilt, bearing (rad), x and y (m).
        covariance: (5, 5) of the same.
        beside: (n,) distances from the line, m, left of it positive.
        ends: where the walk began and ended along the line, off by, m.
        walked: (n, 2) the walker's places in the site's metres.
        elevation: whether the module tells any.
    """

    height: float
    tilt: float
    bearing: float
    at: tuple[float, float]
    echo_height: float
    sigmas: Floats
    covariance: Floats
    beside: Floats
    ends: tuple[float, float]
    walked: Floats
    elevation: bool


def body(frame: RadarFrame) -> Floats | None:
    """(3,) middle of the walker in the sensor frame, m; z is NaN where the module tells none; None: nobody."""
    points = frame.points
    moving = points[np.abs(points[:, Echo.DOPPLER]) > MOVING]
    if len(moving) >= LEAST:
        xyz = moving[:, :3].astype(np.float64)
        weight = np.maximum(np.nan_to_num(moving[:, Echo.SNR], nan=1.0), 1.0).astype(np.float64)
        near = np.hypot(*(xyz[:, None, :2] - xyz[None, :, :2]).transpose(2, 0, 1)) < BODY
        mass = near @ weight
        # A mirror image has its body's weight but lies farther away.
        strong = np.flatnonzero(mass > 0.5 * mass.max())
        best = strong[np.argmin(np.hypot(*xyz[strong, :2].T))]
        mine = near[best]
        if mine.sum() < LEAST:
            return None
        middle = (weight[mine, None] * xyz[mine]).sum(axis=0) / weight[mine].sum()
        return np.asarray(middle * (1 + FRONT / max(float(np.linalg.norm(middle)), 0.3)))
    targets = frame.targets
    if targets is None or not len(targets):
        return None
    speed = np.nan_to_num(np.hypot(targets[:, Target.VX], targets[:, Target.VY]), nan=0.0)
    if speed.max() <= MOVING:
        return None
    row = targets[int(np.argmax(speed > MOVING))]
    return np.array([row[Target.X], row[Target.Y], row[Target.Z]], np.float64)


def places(frames: Iterable[RadarFrame], seconds: float) -> Floats:
    """(n, 4) times (s) and places (m, sensor frame) of the walker, for `seconds` of the radar's own clock."""
    rows: list[Floats] = []
    first: float | None = None
    for frame in frames:
        first = frame.time if first is None else first
        if frame.time - first > seconds:
            break
        found = body(frame)
        if found is not None:
            rows.append(np.array([frame.time - first, *found]))
    return np.array(rows).reshape(-1, 4)


def fit_line(walked: Floats, line: Line, known: Known) -> Hang:
    """How the radar hangs that saw somebody walk on `line`.

    Args:
        walked: (n, 4) as of `places`.
        line: its ends.
        known: what was measured.

    Raises:
        GroundError: the walk is too short, or does not fit a line.
    """
    if line.length < 2:
        raise GroundError(f"the line is {line.length:.1f} m long; at least 2 m are needed, better 4")
    if not len(walked) or np.ptp(walked[:, 0]) < LEAST_SECONDS:
        seen = np.ptp(walked[:, 0]) if len(walked) else 0.0
        raise GroundError(
            f"the walker was seen for {seen:.0f} s; {LEAST_SECONDS:g} s or more are needed. Walk to and fro, briskly"
        )
    step = max(1, round(len(walked) / (np.ptp(walked[:, 0]) * PER_SECOND)))
    xyz = walked[:, 1:]
    elevation = bool(np.isfinite(xyz[:, 2]).mean() > 0.5)
    xyz = xyz[np.isfinite(xyz[:, 2])] if elevation else np.column_stack([xyz[:, :2], np.zeros(len(xyz))])
    if known.upside_down:
        xyz = xyz * np.array([-1.0, 1.0, -1.0])
    start, along = np.array(line.start), np.subtract(line.end, line.start) / line.length
    left = np.array([-along[1], along[0]])

    def site(p: Floats) -> tuple[Floats, Floats]:
        """(n, 2) metres and (n,) heights above ground. `p`: height, tilt, bearing, x, y, echo height."""
        c, s = np.cos(p[1]), np.sin(p[1])
        # Without elevation the device takes places as measured along the ground.
        x, y = xyz[:, 0], c * xyz[:, 1] + s * xyz[:, 2] if elevation else xyz[:, 1]
        high = -s * xyz[:, 1] + c * xyz[:, 2] + p[0]
        cb, sb = np.cos(p[2]), np.sin(p[2])
        return np.column_stack([cb * x + sb * y, -sb * x + cb * y]) + p[3:5], high

    def residuals(p: Floats) -> Floats:
        xy, high = site(p)
        gap = xy - start
        ends = np.quantile(gap @ along, ENDS) - np.array([0, line.length])
        own = [(gap @ left)[::step] / BESIDE, ends / TURNS, (p[3:5] - known.at) / known.at_error]
        if elevation:
            own += [(high[::step] - p[5]) / LEVEL, [(p[5] - ECHO_HEIGHT) / ECHO_SPREAD]]
            if known.height is not None:
                own.append(np.array([(p[0] - known.height) / known.height_error]))
        else:
            own.append(np.array([(p[0] - (known.height or 2.0)) / 0.03, (p[1] - known.tilt) / 0.01, p[5] - 1.0]))
        return np.concatenate(own)

    best: Any = None
    for bearing in np.arange(8) * np.pi / 4:
        p = np.array([known.height or 2.0, known.tilt, bearing, *known.at, ECHO_HEIGHT])
        found = least_squares(residuals, p, loss="soft_l1", x_scale=[1, 0.2, 0.5, 1, 1, 0.5], max_nfev=60)
        if best is None or found.cost < best.cost:
            best = found
    p = best.x
    xy, _ = site(p)
    gap = xy - start
    beside = gap @ left
    ends = np.quantile(gap @ along, ENDS) - np.array([0, line.length])
    worse = max(1.0, float(np.sqrt(np.mean((beside[::step] / BESIDE) ** 2))))
    covariance = np.linalg.pinv(best.jac.T @ best.jac)[:5, :5] * worse**2
    if elevation:
        covariance[1, 1] += np.radians(TILT_BIAS) ** 2
    bearing = float((p[2] + np.pi) % (2 * np.pi) - np.pi)
    return Hang(
        float(p[0]), float(p[1]), bearing, (float(p[3]), float(p[4])), float(p[5]) if elevation else float("nan"),
        np.sqrt(np.diag(covariance)), covariance, beside, (float(ends[0]), float(ends[1])), xy, elevation,
    )  # fmt: skip
