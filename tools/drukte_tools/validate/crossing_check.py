"""The device's own following and counting over a scene with exact truth, from detections on: `make crowds`.

Every crossing that was counted is matched with one that happened: the same line, the same way, at most `LATE` seconds
apart. What is left over on either side is wrong.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from drukte.config.tracking import Tracking
from drukte.config.zones import Zone
from drukte.sense.geometry.view import View
from drukte.sense.people import Floats
from drukte.sense.reduction.zones import ZoneCounter, ZoneState
from drukte.sense.riders import Pace
from drukte.sense.tracking.smooth import Smoother
from drukte.sense.tracking.track import Tracker
from drukte.sense.tracking.tracks import Tracks
from drukte_tools.validate import crowds
from drukte_tools.validate.crowds import Scene, observe

LATE: Final = 4.0
"""A crossing may be counted this much earlier or later than it happened, s: as long as people are hidden."""

Point = tuple[float, float]


@dataclass(slots=True)
class Outcome:
    """What counting a scene gave.

    Attributes:
        name: of the scene.
        true: crossings that happened.
        missed, extra: of these not counted, and counted without one.
        found: crossings counted.
        mean: people in the zone on average.
        mae: mean absolute error of the count, over frames.
        bias: mean error of the count.
        residual: people first seen less those last seen in the midst of the zone, as a part of who came or went.
        unexplained: part of all comings and goings that happened there.
    """

    name: str
    true: int = 0
    missed: int = 0
    extra: int = 0
    found: int = 0
    mean: float = 0.0
    mae: float = 0.0
    bias: float = 0.0
    residual: float = 0.0
    unexplained: float = 0.0
    errors: list[float] = field(default_factory=list)

    @property
    def off(self) -> float:
        """By what part the sum of the crossings is off."""
        return abs(self.found - self.true) / max(self.true, 1)

    @property
    def wrong(self) -> float:
        """Missed and extra crossings, as a part of those that happened."""
        return (self.missed + self.extra) / max(self.true, 1)


def follow(scene: Scene, zone: Zone, seed: int = 0, sigma: float = 0.1) -> list[tuple[float, ZoneState, Tracks]]:
    """Detections of a scene, with noise, through tracker, smoother and zone: time, state and tracks of each frame."""
    rng = np.random.default_rng(seed)
    view = View(scene.ground)
    tracker, smoother, pace = Tracker(Tracking(), view=view), Smoother(view=view), Pace()
    counter = ZoneCounter(zone, view=view)
    out = []
    for k, t in enumerate(scene.times.tolist()):
        positions = observe(scene, k, rng, sigma)
        for at, tracks in smoother.update(tracker.update(positions, t), positions, t):
            out.append((at, counter.update(pace.judge(tracks, at), at), tracks))
    out += [(at, counter.update(pace.judge(tracks, at), at), tracks) for at, tracks in smoother.flush()]
    return out


def check(scene: Scene, lines: Sequence[tuple[Point, Point]], polygon: Floats | None = None, seed: int = 0) -> Outcome:
    """Count a scene and compare.

    Args:
        scene: the truth.
        lines: counting lines, m.
        polygon: the zone, m; most of the scene's ground if None.
        seed: of the noise.
    """
    margin = Tracking().line_margin
    corners = _shrunk(scene.ground) if polygon is None else polygon
    outcome = Outcome(scene.name)
    for first in range(0, len(lines), 2):
        pair = lines[first : first + 2]
        zone = Zone.model_validate(
            {
                "name": "zone",
                "polygon": corners.tolist(),
                "lines": [{"name": f"l{i}", "from": a, "to": b} for i, (a, b) in enumerate(pair)],
            }
        )
        states = follow(scene, zone, seed + first)
        for i, (a, b) in enumerate(pair):
            for way, happened in enumerate(scene.crossing_times(a, b, margin)):
                counted = [at for at, state, _ in states for _ in range(_flow(state, i)[way])]
                both = _matched(happened, counted)
                outcome.true += len(happened)
                outcome.found += len(counted)
                outcome.missed += len(happened) - both
                outcome.extra += len(counted) - both
    true = scene.inside(corners)[: len(states)]
    found = np.array([state.walkers + state.riders for _, state, _ in states])
    moved = sum(s.entered + s.left for _, s, _ in states)
    appeared, vanished = (sum(getattr(s, name) for _, s, _ in states) for name in ("appeared", "vanished"))
    outcome.mean = float(true.mean())
    outcome.mae, outcome.bias = float(np.abs(found - true).mean()), float((found - true).mean())
    outcome.residual = (appeared - vanished) / max(moved, 1)
    outcome.unexplained = (appeared + vanished) / max(moved + appeared + vanished, 1)
    return outcome


def _flow(state: ZoneState, line: int) -> tuple[int, int]:
    flow = state.flows[line]
    return flow.entered + flow.riders_entered, flow.left + flow.riders_left


def _matched(happened: Sequence[float], counted: Sequence[float]) -> int:
    """Pairs of instants at most `LATE` apart, each used once, as many as there are."""
    i = j = both = 0
    a, b = sorted(happened), sorted(counted)
    while i < len(a) and j < len(b):
        if abs(a[i] - b[j]) <= LATE:
            both += 1
            i, j = i + 1, j + 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return both


def _shrunk(ground: Floats, by: float = 1.0) -> Floats:
    """A rectangle's corners, moved inwards."""
    low, high = ground.min(0) + by, ground.max(0) - by
    return np.array([low, (high[0], low[1]), high, (low[0], high[1])])


def grid(scene: Scene) -> list[tuple[Point, Point]]:
    """Three lines across and three along a scene, from edge to edge."""
    low, high = scene.ground.min(0), scene.ground.max(0)
    out: list[tuple[Point, Point]] = []
    for share in (0.3, 0.5, 0.7):
        x, y = (low + share * (high - low)).tolist()
        out += [((x, float(low[1])), (x, float(high[1]))), ((float(low[0]), y), (float(high[0]), y))]
    return out


def simulated(seconds: float, seed: int = 1) -> list[Outcome]:
    """The four simulated scenes. Their zones lie where people walk in: nobody begins or ends in them."""
    made = [
        (crowds.corridor(seconds, seed), [((10.0, 0.0), (10.0, 5.0))], (3, 0, 17, 5)),
        (crowds.counter_flow(seconds, seed), [((8.0, 0.0), (8.0, 3.0))], (3, 0, 13, 3)),
        (crowds.plaza(seconds, seed), [((10.0, 0.0), (10.0, 20.0)), ((0.0, 10.0), (20.0, 10.0))], (3, 3, 17, 17)),
        (crowds.queue(seconds, seed), [((3.0, 0.0), (3.0, 5.0)), ((16.0, 0.0), (16.0, 5.0))], (3, 0, 17, 5)),
    ]
    return [
        check(scene, lines, np.array([(x, y), (u, y), (u, v), (x, v)], float), seed)
        for scene, lines, (x, y, u, v) in made
    ]


RECORDED: Final = (
    ("ETH/seq_eth", 15.0),
    ("ETH/seq_hotel", 25.0),
    ("UCY/zara01", 25.0),
    ("UCY/zara02", 25.0),
    ("UCY/students03", 25.0),
)
"""Recorded scenes and their pictures per second (S. Pellegrini et al. 2009; A. Lerner et al. 2007)."""


def walkers(folder: Path, names: Sequence[str] | None = None) -> list[Outcome]:
    """The recorded scenes of the ETH and UCY data sets under `folder`, each with six lines."""
    scenes = [
        crowds.recorded(folder / name / "obsmat.txt", rate, name)
        for name, rate in RECORDED
        if names is None or name in names
    ]
    return [check(scene, grid(scene)) for scene in scenes]


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes for a person to read."""
    rows = [
        f"{'scene':<24}{'crossings':>10}{'counted':>9}{'off':>8}{'missed':>8}{'extra':>7}{'wrong':>8}"
        f"{'people':>8}{'MAE':>7}{'bias':>8}{'residual':>10}{'unexplained':>13}"
    ]
    rows += [
        f"{o.name:<24}{o.true:>10}{o.found:>9}{100 * o.off:>7.1f}%{o.missed:>8}{o.extra:>7}{100 * o.wrong:>7.1f}%"
        f"{o.mean:>8.1f}{o.mae:>7.2f}{o.bias:>+8.2f}{100 * o.residual:>+9.1f}%{100 * o.unexplained:>12.1f}%"
        for o in outcomes
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(table(simulated(float(sys.argv[2]) if len(sys.argv) > 2 else 1500.0)) + "\n")
    if len(sys.argv) > 1 and (data := Path(sys.argv[1]) / "geometry" / "eth-ucy").is_dir():
        sys.stdout.write(table(walkers(data)) + "\n")
