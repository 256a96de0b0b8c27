"""`drukte bench --people N`: what following and reducing a crowd costs, apart from any picture."""

import math
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from drukte.config import Site
from drukte.config.ground import MountGround
from drukte.config.zones import Zone
from drukte.sense.geometry.calibration import ground_from
from drukte.sense.people import Floats, Positions
from drukte.sense.pipeline import view_of
from drukte.sense.reduction.closeness import closeness
from drukte.sense.reduction.parties import Parties
from drukte.sense.reduction.zones import ZoneCounter
from drukte.sense.tracking.smooth import Smoother
from drukte.sense.tracking.track import Tracker

RATE: Final = 5.0
"""Frames per second."""
DENSITY: Final = 0.35
"""People per square metre: a busy square, Fruin's level B to C for walkways."""
SIGMA, MISSED, FALSE = 0.1, 0.1, 0.02
"""Noise of a place [m], part of the people missed in a frame, false alarms for each person."""
CALIBRATED: Final = {"height": 0.03, "tilt": 0.1, "roll": 0.1, "fov": 0.003}
"""Standard errors of the camera's calibration [m, deg, deg, 1]: what some ten ground points give."""
WARM_UP: Final = 15
"""Frames before anything is timed: the smoother's window must be full."""

STAGES: Final = (
    ("tracker", "tracks"),
    ("smoother", "smoothing"),
    ("zones", "zone, two lines, stays"),
    ("parties", "who walks together"),
    ("closeness", "distances, levels, groups"),
)

Spent = dict[str, list[float]]


class Crowd:
    """Walkers on a square of constant density, who turn back at its edges, as a camera on its side would see them.

    Attributes:
        side: length of the square's sides, from the origin, m.
        ground: how the camera sees it.

    Args:
        people: how many.
        seed: of chance; the same gives the same crowd.
    """

    def __init__(self, people: int, seed: int = 1) -> None:
        self._rng = np.random.default_rng(seed)
        self.side = math.sqrt(people / DENSITY)
        mount = {"kind": "mount", "picture": (1280, 720), "height": 9, "tilt": 30, "at": (self.side / 2, -8)}
        mount |= {"lens": {"fov": 90}, "error": CALIBRATED}
        self.ground = ground_from(MountGround.model_validate(mount), Path())
        self._xy = self._rng.uniform(0, self.side, (people, 2))
        way = self._rng.uniform(0, 2 * np.pi, people)
        speed = self._rng.normal(1.34, 0.26, people).clip(0.4, 2.2)[:, None]
        self._velocity: Floats = speed * np.column_stack([np.cos(way), np.sin(way)])

    def step(self) -> Positions:
        """Walk on for a frame, and what the sensor reports then."""
        self._xy = self._xy + self._velocity / RATE
        over = (self._xy < 0) | (self._xy > self.side)
        self._velocity[over] *= -1
        self._xy = self._xy.clip(0, self.side)
        rng = self._rng
        seen = self._xy[rng.random(len(self._xy)) >= MISSED]
        wrong = rng.uniform(0, self.side, (rng.poisson(FALSE * len(self._xy)), 2))
        places = np.concatenate([seen + rng.normal(0, SIGMA, seen.shape), wrong])
        scores = np.concatenate([rng.beta(8, 4, len(seen)).clip(0.36, 0.95), rng.uniform(0.36, 0.6, len(wrong))])
        moves = self.ground.shared(places)
        return Positions(places, np.eye(2) * SIGMA**2 + moves @ moves.transpose(0, 2, 1), scores)


def measure(site: Site, people: int, frames: int) -> Spent:
    """Seconds of processor time for each stage and frame; `whole` is all of them.

    The site gives settings; the square, its zone with two lines and the camera are made here.
    """
    crowd = Crowd(people)
    side, ground = crowd.side, crowd.ground
    view = view_of(ground)
    low, high, middle = 0.1 * side, 0.9 * side, side / 2
    square = Zone.model_validate(
        {
            "name": "square",
            "polygon": [(low, low), (high, low), (high, high), (low, high)],
            "lines": [
                {"name": "across", "from": (0, middle), "to": (side, middle)},
                {"name": "along", "from": (middle, 0), "to": (middle, side)},
            ],
        }
    )
    tracker = Tracker(site.tracking, site.model.score, view)
    smoother = Smoother(shared=ground.shared, view=view)
    zone, parties, limits = ZoneCounter(square, site.tracking, view), Parties(), site.closeness
    spent: Spent = defaultdict(list)
    for number in range(frames + WARM_UP):
        positions, t = crowd.step(), number / RATE
        took = dict.fromkeys([name for name, _ in STAGES], 0.0)
        clock = time.process_time()

        def lap(name: str, took: dict[str, float] = took) -> None:
            nonlocal clock
            now = time.process_time()
            took[name] += now - clock
            clock = now

        tracks = tracker.update(positions, t)
        lap("tracker")
        released = smoother.update(tracks, positions, t)
        lap("smoother")
        for then, smooth in released:
            state = zone.update(smooth, then)
            lap("zones")
            party = parties.update(smooth, then)
            lap("parties")
            counted = smooth.confirmed
            xy = smooth.xy[counted]
            near = closeness(
                xy,
                smooth.cov[counted],
                limits.high_risk,
                limits.low_risk,
                limits.group,
                shared=ground.shared(xy),
                party=party[counted],
            )
            near.counts(state.inside[counted])
            lap("closeness")
        if number >= WARM_UP:
            for name, seconds in took.items():
                spent[name].append(seconds)
            spent["whole"].append(sum(took.values()))
    return spent


def table(measured: Sequence[tuple[int, Spent]]) -> str:
    """Milliseconds of processor time a frame for each stage and crowd, and how they grow.

    Medians over seconds: the smoother hands frames on in batches, so that one frame costs little and the next all.
    """
    medians = [(n, {name: _median_of_seconds(spent[name]) for name in spent}) for n, spent in measured]
    rows = [f"{'':<28}" + "".join(f"{n:>7} people" for n, _ in medians) + "   [ms a frame, one core]"]
    for name, meaning in (*STAGES, ("whole", "all of it")):
        rows.append(f"{meaning:<28}" + "".join(f"{1000 * median[name]:14.2f}" for _, median in medians))
    for (n, before), (m, after) in pairwise(medians):
        grew = after["whole"] / before["whole"]
        rows.append(f"from {n} to {m} people: {grew:.2f} times; n log n: {m * math.log(m) / (n * math.log(n)):.2f}")
    return "\n".join(rows)


def _median_of_seconds(spent: Sequence[float]) -> float:
    whole = len(spent) - len(spent) % round(RATE)
    return float(np.median(np.reshape(spent[:whole], (-1, round(RATE))).mean(axis=1)))
