"""People who walk, stand, turn and go together on a flat ground, with their exact positions at any moment.

The motion is a plain social-force model (Helbing and Molnar 1995): everybody heads for a goal at their own pace and
keeps clear of others; on arrival they stand for a while or go on. Members of a group share a goal and stand together.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WALKING_SPEED: Final = (1.3, 0.2)  # mean and spread, m/s (Weidmann 1993: 1.34 +- 0.26 on level ground)
RELAXATION: Final = 0.5  # s in which a person takes up their pace (Helbing and Molnar)
REPULSION: Final = (2.1, 0.3)  # m/s2 and m (Helbing and Molnar)
BODY_RADIUS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Habits:
    """How the people of a scene behave.

    Attributes:
        stand: probability of standing still on arrival at a goal.
        stand_for: shortest and longest stay, s.
        group: people per group; the last group may be smaller.
        speed: mean and spread of the pace, m/s.
    """

    stand: float = 0.4
    stand_for: tuple[float, float] = (3.0, 20.0)
    group: int = 1
    speed: tuple[float, float] = WALKING_SPEED


@dataclass(frozen=True, slots=True)
class Crowd:
    """Exact tracks of n people over T moments.

    Attributes:
        period: between two moments, s.
        xy: (T, n, 2) positions on the ground, m.
        velocity: (T, n, 2) m/s.
        heading: (T, n) direction in which they look, rad from +x towards +y.
        phase: (T, n) of the gait, rad.
        height: (n,) m.
    """

    period: float
    xy: Floats
    velocity: Floats
    heading: Floats
    phase: Floats
    height: Floats

    def __len__(self) -> int:
        return int(self.xy.shape[1])

    @property
    def moments(self) -> int:
        """Number of moments T."""
        return int(self.xy.shape[0])


def wander(
    people: int,
    duration: float,
    area: tuple[float, float, float, float],
    *,
    period: float,
    seed: int,
    habits: Habits | None = None,
) -> Crowd:
    """Let `people` wander in a rectangle for `duration` seconds.

    Args:
        people: how many; they are there all the time.
        duration: s.
        area: left, right, near, far edge of the rectangle, m.
        period: between moments, s.
        seed: the same seed gives the same crowd.
        habits: how they behave.
    """
    habits = habits or Habits()
    rng = np.random.default_rng(seed)
    low, high = np.array(area)[[0, 2]], np.array(area)[[1, 3]]
    moments = max(2, round(duration / period))
    steps = max(1, int(np.ceil(period / 0.05)))
    dt = period / steps
    leader = np.arange(people) // habits.group * habits.group
    speed = np.maximum(0.5, rng.normal(*habits.speed, people))[leader]
    place = _apart(rng, low, high, people)
    beside = rng.normal(0, 0.1, (people, 2)) + _round_the_leader(people, habits.group)
    goal = rng.uniform(low, high, (people, 2))[leader]
    rest = np.zeros(people)
    velocity = np.zeros((people, 2))
    heading = rng.uniform(-np.pi, np.pi, people)
    turn = np.zeros(people)
    phase = rng.uniform(0, 2 * np.pi, people)
    out = Crowd(
        period,
        np.empty((moments, people, 2)),
        np.empty((moments, people, 2)),
        np.empty((moments, people)),
        np.empty((moments, people)),
        rng.normal(1.72, 0.09, people),
    )
    for moment in range(moments):
        for _ in range(steps):
            way = np.clip(goal + beside, low, high) - place
            distance = np.linalg.norm(way, axis=1)
            arrived = (distance < 0.35) & (rest <= 0)
            for i in np.flatnonzero(arrived & (leader == np.arange(people))):
                group = leader == i
                rest[group] = rng.uniform(*habits.stand_for) if rng.random() < habits.stand else 0.0
                goal[group] = rng.uniform(low, high)
            rest = np.maximum(0, rest - dt)
            # Someone who stands drifts back to their spot no more; they only make room.
            wish = np.where((rest > 0)[:, None], 0.0, way / np.maximum(distance, 0.3)[:, None] * speed[:, None])
            velocity += ((wish - velocity) / RELAXATION + _keep_clear(place)) * dt
            pace = np.linalg.norm(velocity, axis=1)
            velocity *= np.minimum(1.0, 1.3 * speed / np.maximum(pace, 1e-9))[:, None]
            velocity[(rest > 0) & (pace < 0.1)] = 0.0
            place = np.clip(place + velocity * dt, low, high)
            pace = np.linalg.norm(velocity, axis=1)
            walking = pace > 0.2
            along = np.arctan2(velocity[:, 1], velocity[:, 0])
            heading += np.where(walking, _wrapped(along - heading) * min(1.0, 4 * dt), turn * dt)
            turn += (-turn + rng.normal(0, 1.0, people)) * dt
            phase += 2 * np.pi * 0.9 * pace * dt
        out.xy[moment], out.velocity[moment] = place, velocity
        out.heading[moment], out.phase[moment] = heading, phase
    return out


def still(places: Floats, duration: float, period: float, seed: int = 0) -> Crowd:
    """People who stand at `places`, (n, 2) m, and do not walk."""
    n, moments = len(places), max(2, round(duration / period))
    rng = np.random.default_rng(seed)
    zeros = np.zeros((moments, n))
    return Crowd(
        period,
        np.broadcast_to(places, (moments, n, 2)).copy(),
        np.zeros((moments, n, 2)),
        zeros + rng.uniform(-np.pi, np.pi, n),
        zeros,
        rng.normal(1.72, 0.09, n),
    )


def walk(points: Floats, period: float, speed: float = 1.3, stand: float = 0.0, seed: int = 0) -> Crowd:
    """One person who walks along `points`, (k, 2) m, and stands at the last one for `stand` seconds."""
    legs = np.diff(points, axis=0)
    length = np.linalg.norm(legs, axis=1)
    at = np.concatenate([[0.0], np.cumsum(length)])
    walking = max(2, round(at[-1] / speed / period))
    way = np.minimum(np.arange(walking + round(stand / period)) * speed * period, at[-1])
    xy = np.column_stack([np.interp(way, at, points[:, k]) for k in range(2)])
    velocity = np.gradient(xy, period, axis=0)
    moving = np.linalg.norm(velocity, axis=1) > 0.05
    last = np.maximum.accumulate(np.where(moving, np.arange(len(xy)), 0))
    heading = np.arctan2(velocity[last, 1], velocity[last, 0])
    phase = 2 * np.pi * 0.9 * way
    height = np.random.default_rng(seed).normal(1.72, 0.09, 1)
    return Crowd(period, xy[:, None], velocity[:, None], heading[:, None], phase[:, None], height)


def _keep_clear(place: Floats) -> Floats:
    away = place[:, None] - place[None]
    distance = np.linalg.norm(away, axis=2)
    np.fill_diagonal(distance, np.inf)
    strength, reach = REPULSION
    force = strength * np.exp((2 * BODY_RADIUS - distance) / reach)
    np.fill_diagonal(distance, 1.0)
    return np.asarray((away / np.maximum(distance, 1e-6)[..., None] * force[..., None]).sum(axis=1))


def _apart(rng: np.random.Generator, low: Floats, high: Floats, people: int) -> Floats:
    """Places at least 0.6 m apart where the area allows it."""
    places = rng.uniform(low, high, (people, 2))
    for i in range(1, people):
        for _ in range(50):
            if np.linalg.norm(places[:i] - places[i], axis=1).min() >= 0.6:
                break
            places[i] = rng.uniform(low, high)
    return places


def _round_the_leader(people: int, group: int) -> Floats:
    """Members stand on a circle in which neighbours are about 0.7 m apart."""
    if group == 1:
        return np.zeros((people, 2))
    angle = 2 * np.pi * (np.arange(people) % group) / group
    radius = 0.35 / np.sin(np.pi / group)
    return np.asarray(radius * np.column_stack([np.cos(angle), np.sin(angle)]))


def _wrapped(angle: Floats) -> Floats:
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)
