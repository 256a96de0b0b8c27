"""Camera, radar, and both together before one simulated crowd: which counts best."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

import numpy as np

from drukte.config import Site
from drukte.config.radar import RadarGround
from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.pair_sight import Pair
from drukte.sense.radar_pipeline import RadarPipeline
from drukte.sense.reduction.reduce import Reducer
from drukte.sense.result import FrameResult, Seen, no_boxes
from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.tracking.smooth import Smoother
from drukte.sense.tracking.track import Tracker
from drukte_tools.simulate.camera_model import CameraModel
from drukte_tools.simulate.crowd import wander
from drukte_tools.simulate.evaluate import AREA, BACK, FIRST, SETTLE, WIDE, Area, Errors, frames
from drukte_tools.simulate.scene import Mount, Scene

CAMERA: Final = ((-4.0, 1.0), 3.0)
"""Ground point and height, m, of a camera at the side of the radar's plaza."""
EVERY: Final = 4
"""Radar frames for each picture: 4.5 pictures a second."""
NAMES: Final = ("camera", "radar", "both")


def scene(site: Site, people: int, seconds: float, area: Area, seed: int) -> tuple[dict[str, Errors], float]:
    """Errors of each in one scene, and how far the two agreed, as a share of people."""
    assert isinstance(site.ground, RadarGround)  # noqa: S101 - the site is this tool's own
    module = MODULES["iwr6843isk"]
    crowd = wander(people, seconds, area, period=module.period, seed=seed)
    camera = CameraModel(*CAMERA, module.period * EVERY, seed)
    alone = RadarPipeline(site, site.ground, module, "auto")
    radar = RadarPipeline(site, site.ground, module, "auto")
    pair = Pair(site, (camera.view, radar.view), (True, False))
    tracker, smoother, reducer = (
        Tracker(site.tracking, site.model.score, camera.view),
        Smoother(view=camera.view),
        Reducer(site, camera.view),
    )
    errors = {name: Errors() for name in NAMES}
    zone = np.array(site.zones[0].polygon)
    true = {k * module.period: xy[signed_distance(xy, zone) >= 0] for k, xy in enumerate(crowd.xy)}
    judged = agreed = 0

    def add(name: str, result: FrameResult) -> None:
        if result.at < SETTLE:
            return
        here = true[result.at]
        errors[name].found.append(result.zones[0].people)
        errors[name].true.append(len(here))
        errors[name].match(result.seen.xy[result.seen.inside[0]], here)

    for moment, frame in enumerate(frames(Scene(Mount(), crowd, walls=(BACK,), seed=seed), "points", seed)):
        pair.see(1, frame.time, radar.look(frame))
        result = alone.step(frame)[0]
        if moment % EVERY:
            continue
        add("radar", result)
        found = camera(crowd.xy[moment])
        tracks = tracker.update(found, frame.time)
        for at, late in smoother.update(tracks, found, frame.time):
            zones, states = reducer.reduce(late, at)
            seen = Seen(late.xy, no_boxes, [state.inside for state in states])
            add("camera", FrameResult(at, zones, 0, 0, int(late.mode), seen))
        pair.see(0, frame.time, found)
        for both in pair.step(frame.time):
            add("both", both)
            judged += both.zones[0].judged
            agreed += both.zones[0].agreed
    return errors, agreed / max(1, judged)


def table(site: Site, people: Sequence[int], scenes: int, seconds: float, jobs: int = 1) -> Iterator[str]:
    """The lines of a table: a row for each number of people and each of camera, radar and both."""
    yield f"{'people':<18}{'counted by':<11}{'exact':>6}{'within 1':>9}{'MAE':>6}{'bias':>7}{'place m':>8}{'agreed':>8}"
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for n in people:
            for name, area in ((str(n), AREA), (f"{n} come and go", WIDE)):
                done = list(pool.map(partial(scene, site, n, seconds, area), range(FIRST, FIRST + scenes)))
                agreed = float(np.mean([share for _, share in done]))
                for kind in NAMES:
                    total = Errors()
                    for errors, _ in done:
                        total.take(errors[kind])
                    f = total.figures()
                    share = f"{agreed:.0%}" if kind == "both" else ""
                    yield (
                        f"{name:<18}{kind:<11}{f['exact']:>6.0%}{f['within_one']:>9.0%}{f['mae']:>6.2f}{f['bias']:>+7.2f}"
                        f"{f['place']:>8.2f}{share:>8}"
                    )
