"""Walking people with exact truth: scenes of JuPedSim, recorded walkers, and a sensor that errs in known ways.

A scene is a table of where everybody is at every instant. `observe` turns an instant into what a sensor would report:
positions with noise, people missed, things taken for people. Counting it and comparing with the scene measures the
counting alone, apart from any detector.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.people import Floats, Positions

RATE: Final = 5.0
"""Frames per second of the simulated scenes."""
SIGMA: Final = 0.1
"""Standard deviation of each coordinate that the sensor reports, m."""
STEP: Final = 0.02
"""Time step of the simulation, s."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everybody's way through a place.

    Attributes:
        name: what happens.
        times: (f,) instants, s.
        ids: for each instant the (n,) numbers of those present.
        xy: for each instant their (n, 2) positions, m.
        ground: (m, 2) polygon in which people are and false alarms arise, m.
    """

    name: str
    times: Floats
    ids: list[NDArray[np.int64]]
    xy: list[Floats]
    ground: Floats

    def __len__(self) -> int:
        return len(self.times)

    def inside(self, polygon: Floats) -> NDArray[np.int64]:
        """(f,) number of people inside a polygon (m, 2) at each instant."""
        return np.array([int((signed_distance(xy, polygon) > 0).sum()) if len(xy) else 0 for xy in self.xy])

    def crossing_times(
        self, start: tuple[float, float], end: tuple[float, float], margin: float
    ) -> tuple[list[float], list[float]]:
        """When people crossed a segment from left to right, and from right to left, s.

        Who is `margin` m beyond it on both sides has crossed. Judged person by person from their whole way, unlike the
        counter, which sees frame by frame.
        """
        a, b = np.asarray(start, float), np.asarray(end, float)
        length = float(np.hypot(*(b - a)))
        along = (b - a) / length
        right = np.array([along[1], -along[0]])
        found: tuple[list[float], list[float]] = ([], [])
        for times, way in self.ways():
            across, position = (way - a) @ right, (way - a) @ along
            firm = np.flatnonzero(np.abs(across) > margin)
            for i, j in pairwise(firm):
                if (across[i] > 0) == (across[j] > 0):
                    continue
                k = i + int(np.argmax((across[i + 1 : j + 1] > 0) != (across[i] > 0)))
                share = across[k] / (across[k] - across[k + 1])
                if 0 <= position[k] + share * (position[k + 1] - position[k]) <= length:
                    found[int(across[j] < 0)].append(float(times[k]))
        return found

    def ways(self) -> Iterator[tuple[Floats, Floats]]:
        """The (k,) instants, s, and (k, 2) positions, m, of each person in the order of time."""
        ids, xy = np.concatenate(self.ids), np.concatenate(self.xy)
        times = np.repeat(self.times, [len(x) for x in self.ids])
        order = np.argsort(ids, kind="stable")
        cuts = np.flatnonzero(np.diff(ids[order])) + 1
        yield from zip(np.split(times[order], cuts), np.split(xy[order], cuts), strict=True)


def observe(
    scene: Scene,
    frame: int,
    rng: np.random.Generator,
    sigma: float = SIGMA,
    missed: float = 0.10,
    false: float = 0.02,
) -> Positions:
    """What a sensor reports of one instant.

    Args:
        scene: the truth.
        frame: which instant.
        rng: source of chance.
        sigma: standard deviation of each coordinate, m.
        missed: probability that a person is not reported.
        false: expected false alarms for each person present.
    """
    xy = scene.xy[frame]
    xy = xy[rng.random(len(xy)) >= missed]
    xy = xy + rng.normal(0, sigma, xy.shape)
    low, high = scene.ground.min(0), scene.ground.max(0)
    alarms = rng.uniform(low, high, (rng.poisson(false * len(scene.xy[frame])), 2))
    scores = np.concatenate([rng.beta(8, 4, len(xy)).clip(0.36, 0.95), rng.uniform(0.36, 0.6, len(alarms))])
    places = np.concatenate([xy, alarms])
    return Positions(places, np.broadcast_to(np.eye(2) * sigma**2, (len(places), 2, 2)).copy(), scores)


def recorded(path: Path, rate: float, name: str) -> Scene:
    """Recorded walkers of the ETH and UCY data sets, between their annotations on straight lines, at `RATE`.

    Args:
        path: `obsmat.txt`: frame, id, x, z, y, vx, vz, vy.
        rate: frames per second of the numbers in its first column.
        name: name of the scene.
    """
    table = np.loadtxt(path)
    seconds, who, places = table[:, 0] / rate, table[:, 1].astype(np.int64), table[:, [2, 4]]
    times = np.arange(seconds.min(), seconds.max(), 1 / RATE)
    present: list[list[tuple[int, float, float]]] = [[] for _ in times]
    for person in np.unique(who):
        own = who == person
        t, xy = seconds[own], places[own]
        order = np.argsort(t)
        t, xy = t[order], xy[order]
        for k in range(*np.searchsorted(times, [t[0], t[-1]], side="left")):
            present[k].append((int(person), np.interp(times[k], t, xy[:, 0]), np.interp(times[k], t, xy[:, 1])))
    low, high = places.min(0) - 0.5, places.max(0) + 0.5
    ground = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    ids = [np.array([p[0] for p in row], np.int64) for row in present]
    return Scene(name, times, ids, [np.array([p[1:] for p in row]).reshape(-1, 2) for row in present], ground)


def corridor(seconds: float, seed: int, people_per_second: float = 1.0, until: float = math.inf) -> Scene:
    """People walk both ways through a corridor of 20 m by 5 m; after `until` seconds nobody comes any more."""
    return _simulate(
        "bidirectional corridor",
        [(0, 0), (20, 0), (20, 5), (0, 5)],
        {"west": [(0, 0), (1, 0), (1, 5), (0, 5)], "east": [(19, 0), (20, 0), (20, 5), (19, 5)]},
        lambda rng: (
            ("east", (1.5, rng.uniform(0.5, 4.5))) if rng.random() < 0.5 else ("west", (18.5, rng.uniform(0.5, 4.5)))
        ),
        seconds,
        people_per_second,
        seed,
        until,
    )


HOURLY: Final = (4, 2, 1, 1, 2, 8, 30, 80, 100, 60, 50, 60, 80, 75, 60, 65, 80, 110, 90, 60, 40, 25, 15, 8)
"""How many of the busiest hour's people walk in each hour of the day, out of 110: two rush hours, a noon, a night."""
BUSIEST: Final = 0.4
"""People who come in a second of the busiest hour."""
EMPTYING: Final = 60.0
"""End of each hour in which nobody comes any more, s: the hours are simulated one by one."""


def day(seed: int, hours: Sequence[int] = range(24)) -> Iterator[Scene]:
    """A day in the corridor, hour by hour, `HOURLY` says how busy."""
    for hour in hours:
        rate = BUSIEST * HOURLY[hour] / max(HOURLY)
        scene = corridor(3600.0, seed + 1000 * hour, rate, until=3600 - EMPTYING)
        yield replace(scene, name="a day in the corridor", times=scene.times + 3600.0 * hour)


def counter_flow(seconds: float, seed: int) -> Scene:
    """A stream against single people in a passage of 3 m."""
    return _simulate(
        "counter-flow",
        [(0, 0), (16, 0), (16, 3), (0, 3)],
        {"west": [(0, 0), (1, 0), (1, 3), (0, 3)], "east": [(15, 0), (16, 0), (16, 3), (15, 3)]},
        lambda rng: (
            ("east", (1.5, rng.uniform(0.4, 2.6))) if rng.random() < 0.85 else ("west", (14.5, rng.uniform(0.4, 2.6)))
        ),
        seconds,
        1.0,
        seed,
    )


def plaza(seconds: float, seed: int, people_per_second: float = 0.5) -> Scene:
    """People cross a square of 20 m by 20 m from any side to any other."""
    sides = {
        "west": [(0, 0), (1, 0), (1, 20), (0, 20)],
        "east": [(19, 0), (20, 0), (20, 20), (19, 20)],
        "south": [(1, 0), (19, 0), (19, 1), (1, 1)],
        "north": [(1, 19), (19, 19), (19, 20), (1, 20)],
    }
    entries: dict[str, Callable[[float], tuple[float, float]]] = {
        "west": lambda v: (1.5, v),
        "east": lambda v: (18.5, v),
        "south": lambda v: (v, 1.5),
        "north": lambda v: (v, 18.5),
    }

    def arrive(rng: np.random.Generator) -> tuple[str, tuple[float, float]]:
        start, end = rng.choice(list(sides), 2, replace=False)
        return str(end), entries[str(start)](rng.uniform(3, 17))

    return _simulate("plaza", [(0, 0), (20, 0), (20, 20), (0, 20)], sides, arrive, seconds, people_per_second, seed)


def queue(seconds: float, seed: int, people_per_second: float = 0.25, service: float = 4.0) -> Scene:
    """People wait in a line of twelve places for a counter, which serves one every `service` seconds."""
    import jupedsim as jps

    rng = np.random.default_rng(seed)
    area = [(0, 0), (20, 0), (20, 5), (0, 5)]
    simulation = jps.Simulation(model=jps.CollisionFreeSpeedModel(), geometry=area, dt=STEP)
    line = simulation.add_queue_stage([(14 - 0.9 * k, 2.5) for k in range(12)])
    way_out = simulation.add_exit_stage([(19, 0), (20, 0), (20, 5), (19, 5)])
    path = jps.JourneyDescription([line, way_out])
    path.set_transition_for_stage(line, jps.Transition.create_fixed_transition(way_out))
    journey = simulation.add_journey(path)
    waiting = simulation.get_stage(line)

    def tick(k: int) -> None:
        if k % round(service / STEP) == 0 and waiting.count_enqueued():
            waiting.pop(1)

    def place(rng: np.random.Generator) -> tuple[int, int, tuple[float, float]]:
        return journey, line, (0.6, rng.uniform(0.5, 4.5))

    return _run("queue", simulation, area, place, seconds, people_per_second, rng, tick, most=14)


def _simulate(
    name: str,
    area: Sequence[tuple[float, float]],
    exits: Mapping[str, Sequence[tuple[float, float]]],
    arrive: Callable[[np.random.Generator], tuple[str, tuple[float, float]]],
    seconds: float,
    people_per_second: float,
    seed: int,
    until: float = math.inf,
) -> Scene:
    import jupedsim as jps

    simulation = jps.Simulation(model=jps.CollisionFreeSpeedModel(), geometry=area, dt=STEP)
    stages = {where: simulation.add_exit_stage(polygon) for where, polygon in exits.items()}
    journeys = {where: simulation.add_journey(jps.JourneyDescription([stage])) for where, stage in stages.items()}

    def place(rng: np.random.Generator) -> tuple[int, int, tuple[float, float]]:
        where, xy = arrive(rng)
        return journeys[where], stages[where], xy

    return _run(name, simulation, area, place, seconds, people_per_second, np.random.default_rng(seed), until=until)


def _run(
    name: str,
    simulation: Any,
    area: Sequence[tuple[float, float]],
    place: Callable[[np.random.Generator], tuple[int, int, tuple[float, float]]],
    seconds: float,
    people_per_second: float,
    rng: np.random.Generator,
    tick: Callable[[int], None] = lambda _: None,
    most: int = 1000,
    until: float = math.inf,
) -> Scene:
    """Run a simulation in which people arrive at random, and note everybody's place `RATE` times a second."""
    import jupedsim as jps

    times, ids, places = [], [], []
    next_arrival = 0.0
    for k in range(int(seconds / STEP)):
        if next_arrival <= k * STEP < until:
            next_arrival += rng.exponential(1 / people_per_second)
            journey, stage, xy = place(rng)
            if simulation.agent_count() < most and not list(simulation.agents_in_range(xy, 0.6)):
                simulation.add_agent(
                    jps.CollisionFreeSpeedModelAgentParameters(
                        position=xy,
                        journey_id=journey,
                        stage_id=stage,
                        desired_speed=float(np.clip(rng.normal(1.34, 0.26), 0.6, 2.2)),
                        radius=0.2,
                    )
                )
        tick(k)
        simulation.iterate()
        if k % round(1 / RATE / STEP) == 0:
            agents = [(a.id, *a.position) for a in simulation.agents()]
            times.append(k * STEP)
            ids.append(np.array([a[0] for a in agents], np.int64))
            places.append(np.array([a[1:] for a in agents]).reshape(-1, 2))
    return Scene(name, np.array(times), ids, places, np.asarray(area, float))
