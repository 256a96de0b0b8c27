"""How well a radar counts: simulated crowds with exact positions, through the device's own radar pipeline."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from drukte.config import Site
from drukte.config.radar import RadarGround
from drukte.sense.detect.fmcw import Chain, Chirp
from drukte.sense.radar_pipeline import RadarPipeline
from drukte.sense.sources.radar import RadarFrame, Target
from drukte.sense.sources.radar_modules import MODULES
from drukte_tools.simulate.crowd import Crowd, walk, wander
from drukte_tools.simulate.cube import CubeMaker, Scatterers
from drukte_tools.simulate.ld2450_model import Ld2450Model
from drukte_tools.simulate.points import PointModel
from drukte_tools.simulate.scene import Fan, Mount, Scene, Wall

Kind = Literal["points", "cube", "ld2450"]
AREA: Final = (-2.5, 2.5, 1.2, 6.0)
BACK: Final = Wall((-4.0, 7.0), (4.0, 7.0))
SETTLE: Final = 3.0
"""Seconds at the start that are not judged: people who were there before the radar was switched on."""


@dataclass(slots=True)
class Errors:
    """Counts of a zone, frame by frame, against truth."""

    found: list[int] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    held: int = 0
    saturated: int = 0

    def figures(self) -> dict[str, float]:
        """Shares of frames: exact, off by one at most, with the sensor's own word that it may have seen more."""
        off = np.abs(np.array(self.found) - np.array(self.true))
        n = max(1, len(off))
        return {
            "exact": float((off == 0).mean()),
            "within_one": float((off <= 1).mean()),
            "bias": float((np.array(self.found) - np.array(self.true)).mean()),
            "held": self.held / max(1, sum(self.found)),
            "saturated": self.saturated / n,
        }


def frames(scene: Scene, kind: Kind, seed: int) -> Iterator[RadarFrame]:
    """What a radar of that kind reports, moment by moment, in one frame that is used again."""
    period = scene.crowd.period
    chirp = Chirp(period=period)
    frame = RadarFrame()
    fill = _filler(kind, chirp, period, seed)
    for moment in range(scene.crowd.moments):
        frame.wipe()
        fill(scene.at(moment), frame)
        frame.time, frame.sequence = moment * period, moment + 1
        yield frame


def _filler(kind: Kind, chirp: Chirp, period: float, seed: int) -> Callable[[Scatterers, RadarFrame], None]:
    if kind == "cube":
        maker, chain = CubeMaker(chirp, seed), Chain(chirp)
        return lambda s, frame: chain.process(maker(s), frame)
    if kind == "points":
        model = PointModel(chirp, seed)

        def points(s: Scatterers, frame: RadarFrame) -> None:
            found = model(s)
            frame.take_points(len(found))[:] = found

        return points
    module = Ld2450Model(period, seed)

    def targets(s: Scatterers, frame: RadarFrame) -> None:
        found = module(s)
        rows = frame.take_targets(len(found))
        rows[:] = np.nan
        for row, (x, y, speed) in zip(rows, found, strict=True):
            away = np.array([x, y]) / max(np.hypot(x, y), 0.1) * speed
            row[[Target.X, Target.Y, Target.VX, Target.VY]] = x, y, *away

    return targets


def judge(crowd: Crowd, kind: Kind, site: Site, seed: int, errors: Errors, fans: tuple[Fan, ...] = ()) -> None:
    """Add one scene to the errors. Everybody is in the zone all the time."""
    ground = site.ground
    assert isinstance(ground, RadarGround)  # noqa: S101 - the site is this tool's own
    module = MODULES["ld2450" if kind == "ld2450" else "iwr6843isk"]
    pipeline = RadarPipeline(site, ground, module, "auto")
    scene = Scene(Mount(), crowd, walls=(BACK,), fans=fans, seed=seed)
    for frame in frames(scene, kind, seed):
        counts = pipeline.step(frame)[0].zones[0]
        if frame.time < SETTLE:
            continue
        errors.found.append(counts.people)
        errors.true.append(len(crowd))
        errors.held += counts.held
        errors.saturated += counts.saturated


def table(site: Site, kinds: tuple[Kind, ...], most: int, scenes: int, seconds: float) -> dict[str, Any]:
    """Figures for each source and number of people, for who stands still, and for an empty room with a fan."""
    out: dict[str, Any] = {}
    for kind in kinds:
        rows: dict[str, Any] = {}
        period = MODULES["ld2450" if kind == "ld2450" else "iwr6843isk"].period
        for people in range(1, most + 1):
            errors = Errors()
            for seed in range(scenes):
                judge(wander(people, seconds, AREA, period=period, seed=seed), kind, site, seed, errors)
            rows[str(people)] = errors.figures()
        still = Errors()
        for seed in range(scenes):
            rng = np.random.default_rng(seed)
            way = np.array([[rng.uniform(-2, 2), 5.5], [rng.uniform(-1.5, 1.5), rng.uniform(2, 5)]])
            one = Errors()
            crowd = walk(way, period, stand=20.0, seed=seed)
            judge(crowd, kind, site, seed, one)
            last = int(20.0 / period)
            still.found += one.found[-last:]
            still.true += one.true[-last:]
        rows["stands still 20 s"] = still.figures()
        out[kind] = rows
    return out


def empty_room(site: Site, minutes: float) -> float:
    """Share of one-minute windows of an empty room with a fan in which anybody was counted."""
    period = MODULES["iwr6843isk"].period
    nobody: npt.NDArray[np.float64] = np.empty((int(60 * minutes / period), 0))
    pairs = np.empty((len(nobody), 0, 2))
    errors = Errors()
    crowd = Crowd(period, pairs, pairs, nobody, nobody, np.empty(0))
    judge(crowd, "points", site, 1, errors, (Fan((1.5, 4.0, 1.2)),))
    per = int(60 / period)
    windows = [max(errors.found[k : k + per]) > 0 for k in range(0, len(errors.found), per)]
    return float(np.mean(windows))


def shown(figures: dict[str, Any]) -> str:
    """The table for a person to read."""
    lines = [f"{'source':<8}{'people':<20}{'exact':>7}{'within 1':>10}{'bias':>7}{'held':>7}{'saturated':>11}"]
    for kind, rows in figures.items():
        for name, f in rows.items():
            lines.append(
                f"{kind:<8}{name:<20}{f['exact']:>7.0%}{f['within_one']:>10.0%}{f['bias']:>+7.2f}{f['held']:>7.0%}"
                f"{f['saturated']:>11.0%}"
            )
    return "\n".join(lines)


def write(path: Path, figures: dict[str, Any]) -> None:
    """Keep the figures."""
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
