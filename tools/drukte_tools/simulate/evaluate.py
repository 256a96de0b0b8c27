"""How well a radar counts: simulated crowds with exact positions, through the device's own radar pipeline."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist

from drukte.config import Site
from drukte.config.radar import RadarGround
from drukte.sense.detect.fmcw import Chain, Chirp
from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.radar_pipeline import RadarPipeline
from drukte.sense.sources.radar import RadarFrame, Target
from drukte.sense.sources.radar_modules import MODULES
from drukte_tools.simulate.crowd import Crowd, walk, wander
from drukte_tools.simulate.cube import CubeMaker, Scatterers
from drukte_tools.simulate.ld2450_model import Ld2450Model
from drukte_tools.simulate.points import PointModel
from drukte_tools.simulate.scene import Fan, Mount, Scene, Wall

Kind = Literal["points", "cube", "ld2450"]
Floats = npt.NDArray[np.float64]
Area = tuple[float, float, float, float]
AREA: Final = (-2.5, 2.5, 1.2, 6.0)
WIDE: Final = (-6.5, 6.5, 1.0, 6.5)
"""Wider than the zone and than the radar's view: people come and go."""
COMING: Final = (2, 4, 6)
MATCH: Final = 1.0
"""m, within which somebody found is somebody true."""
BACK: Final = Wall((-4.0, 7.0), (4.0, 7.0))
SETTLE: Final = 3.0
"""Seconds at the start that are not judged."""
SHOWN: Final = 4
"""Frames in which somebody must have given the strongest echo of a cell, for a radar to be able to know of them."""
FIRST: Final = 100
"""Number of the first scene of a table: the chain was made on those below."""


@dataclass(slots=True)
class Errors:
    """Counts of a zone, frame by frame, against truth, and how far found people are from true ones."""

    found: list[int] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    held: int = 0
    saturated: int = 0
    knowable: list[int] = field(default_factory=list)
    place: list[float] = field(default_factory=list)
    pair: list[float] = field(default_factory=list)

    def take(self, other: "Errors") -> None:
        """Add another scene's."""
        self.found += other.found
        self.true += other.true
        self.knowable += other.knowable
        self.held += other.held
        self.saturated += other.saturated
        self.place += other.place
        self.pair += other.pair

    def match(self, found: Floats, true: Floats) -> None:
        """Pair found (m, 2) with true places (n, 2), one to one and no farther than `MATCH`, and keep the errors, m."""
        if not len(found) or not len(true):
            return
        distance = np.linalg.norm(found[:, None] - true[None], axis=2)
        i, j = linear_sum_assignment(np.minimum(distance, MATCH))
        good = distance[i, j] < MATCH
        i, j = i[good], j[good]
        self.place += distance[i, j].tolist()
        if len(i) > 1:
            self.pair += np.abs(pdist(found[i]) - pdist(true[j])).tolist()

    def figures(self) -> dict[str, float]:
        """Shares of frames that are exact, within one, marked as saturated; errors of place and distance, m."""
        off = np.array(self.found) - np.array(self.true)
        n = max(1, len(off))
        known = np.array(self.knowable, int) == np.array(self.true)[: len(self.knowable)]
        return {
            "exact": float((off == 0).mean()),
            "bound": float(known.mean()) if len(known) else math.nan,
            "within_one": float((np.abs(off) <= 1).mean()),
            "bias": float(off.mean()),
            "mae": float(np.abs(off).mean()),
            "held": self.held / max(1, sum(self.found)),
            "saturated": self.saturated / n,
            "place": float(np.median(self.place)) if self.place else math.nan,
            "place_p95": float(np.percentile(self.place, 95)) if self.place else math.nan,
            "pair": float(np.median(self.pair)) if self.pair else math.nan,
        }


Shown = Callable[[], npt.NDArray[np.intp]]


def frames(scene: Scene, kind: Kind, seed: int) -> Iterator[RadarFrame]:
    """What a radar of that kind reports, moment by moment, in one frame that is used again."""
    for frame, _ in frames_shown(scene, kind, seed):
        yield frame


def frames_shown(scene: Scene, kind: Kind, seed: int) -> Iterator[tuple[RadarFrame, npt.NDArray[np.intp] | None]]:
    """As `frames`, with the numbers of the people who are in it; None where the model does not know."""
    period = scene.crowd.period
    chirp = Chirp(period=period)
    frame = RadarFrame()
    fill, shown = _filler(kind, chirp, period, seed)
    for moment in range(scene.crowd.moments):
        frame.wipe()
        fill(scene.at(moment), frame)
        frame.time, frame.sequence = moment * period, moment + 1
        yield frame, shown() if shown else None


def _filler(
    kind: Kind, chirp: Chirp, period: float, seed: int
) -> tuple[Callable[[Scatterers, RadarFrame], None], Shown | None]:
    if kind == "cube":
        maker, chain = CubeMaker(chirp, seed), Chain(chirp)
        return lambda s, frame: chain.process(maker(s), frame), None
    if kind == "points":
        model = PointModel(chirp, seed)

        def points(s: Scatterers, frame: RadarFrame) -> None:
            found = model(s)
            frame.take_points(len(found))[:] = found

        return points, lambda: model.shown
    module = Ld2450Model(period, seed)

    def targets(s: Scatterers, frame: RadarFrame) -> None:
        found = module(s)
        rows = frame.take_targets(len(found))
        rows[:] = np.nan
        for row, (x, y, speed) in zip(rows, found, strict=True):
            away = np.array([x, y]) / max(np.hypot(x, y), 0.1) * speed
            row[[Target.X, Target.Y, Target.VX, Target.VY]] = x, y, *away

    return targets, lambda: module.shown


def judge(crowd: Crowd, kind: Kind, site: Site, seed: int, fans: tuple[Fan, ...] = ()) -> Errors:
    """One scene against the truth in the site's first zone."""
    ground = site.ground
    assert isinstance(ground, RadarGround)  # noqa: S101 - the site is this tool's own
    module = MODULES["ld2450" if kind == "ld2450" else "iwr6843isk"]
    pipeline = RadarPipeline(site, ground, module, "auto")
    scene = Scene(Mount(), crowd, walls=(BACK,), fans=fans, seed=seed)
    zone = np.array(site.zones[0].polygon)
    errors = Errors()
    times = np.zeros(len(crowd), np.intp)
    for moment, (frame, shown) in enumerate(frames_shown(scene, kind, seed)):
        if shown is not None:
            times[shown[shown >= 0]] += 1
        result = pipeline.step(frame)[0]
        if frame.time < SETTLE:
            continue
        counts, seen = result.zones[0], result.seen
        inside = signed_distance(crowd.xy[moment], zone) >= 0
        true = crowd.xy[moment][inside]
        if shown is not None:
            errors.knowable.append(int((inside & (times >= SHOWN)).sum()))
        errors.found.append(counts.people)
        errors.true.append(len(true))
        errors.held += counts.held
        errors.saturated += counts.saturated
        errors.match(seen.xy[seen.inside[0]], true)
    return errors


def table(
    site: Site, kinds: tuple[Kind, ...], people: Sequence[int], scenes: int, seconds: float, jobs: int = 1
) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
    """Source, name and figures, row by row: numbers of people, people who come and go, and who stands still."""
    numbers = range(FIRST, FIRST + scenes)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for kind in kinds:
            coming = () if kind == "cube" else COMING
            for name, n in [*((str(n), n) for n in people), *((f"{n} come and go", n) for n in coming)]:
                todo = partial(_scene, site, kind, n, seconds, AREA if name == str(n) else WIDE)
                yield kind, name, _figures(pool.map(todo, numbers))
            yield kind, "stands still 20 s", _figures(pool.map(partial(_still, site, kind), numbers))


def _figures(scenes: Iterable[Errors]) -> dict[str, Any]:
    total = Errors()
    for errors in scenes:
        total.take(errors)
    return total.figures()


def _scene(site: Site, kind: Kind, people: int, seconds: float, area: Area, seed: int) -> Errors:
    return judge(wander(people, seconds, area, period=_period(kind), seed=seed), kind, site, seed)


def _still(site: Site, kind: Kind, seed: int) -> Errors:
    rng = np.random.default_rng(seed)
    way = np.array([[rng.uniform(-2, 2), 5.5], [rng.uniform(-1.5, 1.5), rng.uniform(2, 5)]])
    errors = judge(walk(way, _period(kind), stand=20.0, seed=seed), kind, site, seed)
    last = int(20.0 / _period(kind))
    errors.found, errors.true, errors.knowable = errors.found[-last:], errors.true[-last:], errors.knowable[-last:]
    return errors


def _period(kind: Kind) -> float:
    return MODULES["ld2450" if kind == "ld2450" else "iwr6843isk"].period


def empty_room(site: Site, minutes: float) -> float:
    """Share of one-minute windows of an empty room with a fan in which anybody was counted."""
    period = MODULES["iwr6843isk"].period
    nobody: npt.NDArray[np.float64] = np.empty((int(60 * minutes / period), 0))
    pairs = np.empty((len(nobody), 0, 2))
    crowd = Crowd(period, pairs, pairs, nobody, nobody, np.empty(0))
    errors = judge(crowd, "points", site, 1, (Fan((1.5, 4.0, 1.2)),))
    per = int(60 / period)
    windows = [max(errors.found[k : k + per]) > 0 for k in range(0, len(errors.found), per)]
    return float(np.mean(windows))


HEAD: Final = (
    f"{'source':<8}{'people':<18}{'exact':>6}{'bound':>6}{'within 1':>9}{'bias':>6}{'held':>6}"
    f"{'saturated':>10}{'place m':>8}{'95 %':>6}{'pair m':>7}"
)


def shown(kind: Kind, name: str, f: dict[str, Any]) -> str:
    """A row of the table for a person to read."""
    return (
        f"{kind:<8}{name:<18}{f['exact']:>6.0%}{f['bound']:>6.0%}{f['within_one']:>9.0%}"
        f"{f['bias']:>+6.2f}{f['held']:>6.0%}{f['saturated']:>10.0%}{f['place']:>8.2f}{f['place_p95']:>6.2f}"
        f"{f['pair']:>7.2f}"
    )


def write(path: Path, figures: dict[str, Any]) -> None:
    """Keep the figures."""
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
