"""The device's own following and counting over scenes with exact truth, from detections on: `make crowds`, `make day`.

Every crossing that was counted is matched with one that happened: the same line, the same way, at most `LATE` seconds
apart. What is left over on either side is wrong. Whoever comes just as far beyond a line as makes a crossing and turns
back, or appears or vanishes there, is a matter of centimetres, which the noise decides: `clear` crossings, and counted
ones that could be none, are told apart from these.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from drukte_tools.validate.truth import crowds
from drukte_tools.validate.truth.crowds import SIGMA, Scene, observe

LATE: Final = 4.0
"""A crossing may be counted this much earlier or later than it happened, s: as long as people are hidden."""
DOUBT: Final = 2 * SIGMA
"""How much farther than a line's margin somebody must get on both sides to have clearly crossed, m: two standard
deviations of a place. Who does not get within as much of it has clearly not."""

Point = tuple[float, float]


@dataclass(slots=True)
class Outcome:
    """What counting a scene gave.

    Attributes:
        name: of the scene.
        true: crossings that happened.
        missed, extra: of these not counted, and counted without one.
        clear: crossings that no noise makes doubtful.
        clear_missed: of these not counted.
        impossible: crossings counted where not even a doubtful one happened.
        found: crossings counted.
        mean: people in the zone on average.
        mae: mean absolute error of the count, over frames.
        bias: mean error of the count.
        balance: what the zone's edge has it that people are inside at the end, less those who are: of all who came and
            went the part by which an account of entered and left drifts.
        residual: people first seen less those last seen in the midst of the zone, as a part of who came or went.
        unexplained: part of all comings and goings that happened there.
    """

    name: str
    true: int = 0
    missed: int = 0
    extra: int = 0
    clear: int = 0
    clear_missed: int = 0
    impossible: int = 0
    found: int = 0
    mean: float = 0.0
    mae: float = 0.0
    bias: float = 0.0
    balance: float = 0.0
    residual: float = 0.0
    unexplained: float = 0.0

    @property
    def off(self) -> float:
        """By what part the sum of the crossings is off."""
        return abs(self.found - self.true) / max(self.true, 1)

    @property
    def wrong(self) -> float:
        """Missed and extra crossings, as a part of those that happened."""
        return (self.missed + self.extra) / max(self.true, 1)

    def add(
        self, exact: Sequence[float], clear: Sequence[float], possible: Sequence[float], counted: list[float]
    ) -> None:
        """Judge one line and way by the instants, s, of its crossings."""
        both = _matched(exact, counted)
        self.true += len(exact)
        self.found += len(counted)
        self.missed += len(exact) - both
        self.extra += len(counted) - both
        self.clear += len(clear)
        self.clear_missed += len(clear) - _matched(clear, counted)
        self.impossible += len(counted) - _matched(possible, counted)


def follow(scenes: Iterable[Scene], zones: Sequence[Zone], seed: int = 0) -> Iterator[tuple[float, list[ZoneState]]]:
    """Detections of scenes that follow each other, with noise, through tracker, smoother and zones.

    Yields:
        The time of each frame, s, and the state of each zone.
    """
    rng = np.random.default_rng(seed)
    tracker, pace, t = Tracker(Tracking()), Pace(), 0.0
    smoother, counters = Smoother(), [ZoneCounter(zone) for zone in zones]
    for first, scene in enumerate(scenes):
        if not first:
            view = View(scene.ground)
            tracker, smoother = Tracker(Tracking(), view=view), Smoother(view=view)
            counters = [ZoneCounter(zone, view=view) for zone in zones]
        for k, t in enumerate(scene.times.tolist()):
            positions = observe(scene, k, rng)
            for at, tracks in smoother.update(tracker.update(positions, t), positions, t):
                judged = pace.judge(tracks, at)
                yield at, [counter.update(judged, at) for counter in counters]
    for at, tracks in smoother.flush():
        judged = pace.judge(tracks, at)
        yield at, [counter.update(judged, at) for counter in counters]


def check(
    scene: Scene | Iterable[Scene], lines: Sequence[tuple[Point, Point]], polygon: Floats | None = None, seed: int = 0
) -> Outcome:
    """Count a scene and compare.

    Args:
        scene: the truth; several that follow each other are one long one, and are asked for one by one.
        lines: counting lines, m.
        polygon: the zone, m; most of the scene's ground if None.
        seed: of the noise.
    """
    parts = iter([scene] if isinstance(scene, Scene) else scene)
    begin = next(parts)
    corners = _shrunk(begin.ground) if polygon is None else polygon
    zones = [_zone(corners, lines[first : first + 2]) for first in range(0, len(lines), 2)]
    outcome, margin = Outcome(begin.name), Tracking().line_margin
    happened: dict[tuple[int, int, int], list[float]] = {}
    inside: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []

    def seen() -> Iterator[Scene]:
        part: Scene | None = begin
        while part is not None:
            inside.append(part.inside(corners))
            for number, (a, b) in enumerate(lines):
                for kind, beyond in enumerate((margin, margin + DOUBT, margin - DOUBT)):
                    for way, times in enumerate(part.crossing_times(a, b, beyond)):
                        happened.setdefault((number, kind, way), []).extend(times)
            yield part
            part = next(parts, None)

    counted: dict[tuple[int, int], list[float]] = {}
    found: list[int] = []
    moved = appeared = vanished = inwards = 0
    for at, states in follow(seen(), zones, seed):
        state = states[0]
        found.append(state.walkers + state.riders)
        moved, inwards = moved + state.entered + state.left, inwards + state.entered - state.left
        appeared, vanished = appeared + state.appeared, vanished + state.vanished
        for number in range(len(lines)):
            for way, crossed in enumerate(_flow(states[number // 2], number % 2)):
                counted.setdefault((number, way), []).extend([at] * crossed)
    for number in range(len(lines)):
        for way in (0, 1):
            exact, clear, possible = (happened[number, kind, way] for kind in range(3))
            outcome.add(exact, clear, possible, counted[number, way])
    true, got = np.concatenate(inside)[: len(found)], np.array(found)
    outcome.mean = float(true.mean())
    outcome.mae, outcome.bias = float(np.abs(got - true).mean()), float((got - true).mean())
    outcome.balance = (inwards - int(true[-1] - true[0])) / max(moved, 1)
    outcome.residual = (appeared - vanished) / max(moved, 1)
    outcome.unexplained = (appeared + vanished) / max(moved + appeared + vanished, 1)
    return outcome


def _zone(corners: Floats, lines: Sequence[tuple[Point, Point]]) -> Zone:
    drawn = [{"name": f"l{i}", "from": a, "to": b} for i, (a, b) in enumerate(lines)]
    return Zone.model_validate({"name": "zone", "polygon": corners.tolist(), "lines": drawn})


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
    """The four simulated scenes. Their zones and lines lie where people walk in: nobody appears or vanishes on them."""
    made = [
        (crowds.corridor(seconds, seed), [((10.0, 0.0), (10.0, 5.0))], (3, 0, 17, 5)),
        (crowds.counter_flow(seconds, seed), [((8.0, 0.0), (8.0, 3.0))], (3, 0, 13, 3)),
        (crowds.plaza(seconds, seed), [((10.0, 3.0), (10.0, 17.0)), ((3.0, 10.0), (17.0, 10.0))], (3, 3, 17, 17)),
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


def day(seed: int = 1, hours: Sequence[int] = range(24)) -> Outcome:
    """A day in the corridor, from an empty night over two rush hours to the next: does anything add up over it?"""
    zone = np.array([(3.0, 0.0), (17.0, 0.0), (17.0, 5.0), (3.0, 5.0)])
    return check(crowds.day(seed, hours), [((10.0, 0.0), (10.0, 5.0))], zone, seed)


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
        f"{'clear':>8}{'missed':>8}{'impossible':>12}"
        f"{'people':>8}{'MAE':>7}{'bias':>8}{'balance':>9}{'residual':>10}{'unexplained':>13}"
    ]
    rows += [
        f"{o.name:<24}{o.true:>10}{o.found:>9}{100 * o.off:>7.1f}%{o.missed:>8}{o.extra:>7}{100 * o.wrong:>7.1f}%"
        f"{o.clear:>8}{o.clear_missed:>8}{o.impossible:>12}"
        f"{o.mean:>8.1f}{o.mae:>7.2f}{o.bias:>+8.2f}{100 * o.balance:>+8.1f}%{100 * o.residual:>+9.1f}%"
        f"{100 * o.unexplained:>12.1f}%"
        for o in outcomes
    ]
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> None:
    """What `make crowds` and `make day` print: `day`, or the folder of recorded data and seconds to simulate."""
    if arguments[:1] == ["day"]:
        sys.stdout.write(table([day()]) + "\n")
        return
    sys.stdout.write(table(simulated(float(arguments[1]) if len(arguments) > 1 else 1500.0)) + "\n")
    if arguments and (data := Path(arguments[0]) / "geometry" / "eth-ucy").is_dir():
        sys.stdout.write(table(walkers(data)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
