"""What a radar meets in a place: people in front of and behind each other, walls that mirror, fans, furniture."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from drukte_tools.simulate.bodies import POINTS, Bodies
from drukte_tools.simulate.crowd import Crowd
from drukte_tools.simulate.cube import Scatterers

Floats = npt.NDArray[np.float64]

BODY_LOSS: Final = 10 ** (-20 / 10)  # behind a person, to and fro (60 GHz human blockage: 10-20 dB one way)
WALL_LOSS: Final = 10 ** (-10 / 10)  # one reflection at a plastered wall at 60 GHz (ITU-R P.2040: 6-12 dB)
BLOCKING_RADIUS: Final = 0.22
_STEP: Final = 1e-3  # s, over which speeds are differences of positions


@dataclass(frozen=True, slots=True)
class Mount:
    """A radar above the origin of its own floor frame: x to the right, y forward, z up from the ground.

    Attributes:
        height: of the sensor above the ground, m.
        tilt: of the boresight below the horizon, rad; pi/2 looks straight down.
    """

    height: float = 2.0
    tilt: float = float(np.deg2rad(15.0))

    @property
    def position(self) -> Floats:
        """Of the sensor in the floor frame, m."""
        return np.array([0.0, 0.0, self.height])

    def to_sensor(self, points: Floats) -> Floats:
        """Turn positions (..., 3) in the floor frame into the sensor frame."""
        x, y, z = points[..., 0], points[..., 1], points[..., 2] - self.height
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        return np.stack([x, c * y - s * z, s * y + c * z], axis=-1)


@dataclass(frozen=True, slots=True)
class Wall:
    """A vertical mirror from `start` to `end` on the ground, m."""

    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fan:
    """Turning blades in a plane across the line of sight, tipped so that they also come and go.

    Attributes:
        position: of the hub in the floor frame, m.
        radius: of the blades, m.
        turns: per second.
        section: of all blades together, m2.
    """

    position: tuple[float, float, float]
    radius: float = 0.2
    turns: float = 3.0
    section: float = 0.05

    def points(self, time: float) -> Floats:
        """Positions (6, 3) of points on three blades, m."""
        angle = 2 * np.pi * (self.turns * time + np.repeat(np.arange(3) / 3, 2))
        reach = self.radius * np.tile([0.5, 1.0], 3)
        x, z = reach * np.cos(angle), reach * np.sin(angle)
        return np.asarray(self.position) + np.column_stack([0.8 * x, 0.6 * x, z])


@dataclass(frozen=True, slots=True)
class Curtain:
    """A strip of cloth that moves in the draught.

    Attributes:
        position: of its middle in the floor frame, m.
        width: m.
        amplitude: of the movement to and fro, m.
        frequency: Hz.
        section: m2.
    """

    position: tuple[float, float, float]
    width: float = 1.0
    amplitude: float = 0.08
    frequency: float = 0.4
    section: float = 0.1

    def points(self, time: float) -> Floats:
        """Positions (12, 3), m."""
        across = np.linspace(-0.5, 0.5, 12) * self.width
        wave = self.amplitude * np.sin(2 * np.pi * self.frequency * time + 3 * across)
        return np.asarray(self.position) + np.column_stack([across, wave, np.linspace(-0.8, 0.8, 12)])


@dataclass(slots=True)
class Scene:
    """A place with its people, seen from one radar.

    Attributes:
        mount: where the radar is.
        crowd: exact tracks in the floor frame of `mount`.
        walls: mirrors.
        fans, curtains: what moves and is nobody.
        clutter: furniture, as a number of strong points that stand still.
        occlusion: False to let people see through each other.
        seed: of bodies and clutter.
    """

    mount: Mount
    crowd: Crowd
    walls: tuple[Wall, ...] = ()
    fans: tuple[Fan, ...] = ()
    curtains: tuple[Curtain, ...] = ()
    clutter: int = 30
    occlusion: bool = True
    seed: int = 0
    _bodies: Bodies = field(init=False)
    _clutter: tuple[Floats, Floats] = field(init=False)

    def __post_init__(self) -> None:
        self._bodies = Bodies(self.crowd.height, self.seed)
        rng = np.random.default_rng(self.seed + 1)
        places = rng.uniform([-4, 0.5, 0], [4, 8, 2.5], (self.clutter, 3))
        self._clutter = places, rng.exponential(1.0, self.clutter)

    def at(self, moment: int) -> Scatterers:
        """All scatterers at a moment of the crowd."""
        time = moment * self.crowd.period
        now, then = self._points(moment, time, 0.0), self._points(moment, time, _STEP)
        section, owner = self._sections(moment, now[0]), self._owners()
        parts = [self._seen(now[0], then[0], section, owner)]
        for wall in self.walls:
            parts += self._mirrored(wall, now[0], then[0], section, owner)
        if len(now[1]):
            still = np.full(len(now[1]), -1)
            parts.append(self._seen(now[1], then[1], now[2], still))
        fields = [np.concatenate([getattr(p, name) for p in parts]) for name in Scatterers.__dataclass_fields__]
        return Scatterers(*fields)

    def _points(self, moment: int, time: float, later: float) -> tuple[Floats, Floats, Floats]:
        """People's points (n, POINTS, 3), the rest's (m, 3), and the rest's cross-sections, `later` seconds on."""
        crowd = self.crowd
        speed = np.linalg.norm(crowd.velocity[moment], axis=1)
        people = self._bodies.points(
            crowd.xy[moment] + later * crowd.velocity[moment],
            crowd.heading[moment],
            crowd.phase[moment] + 2 * np.pi * 0.9 * speed * later,
            speed,
            time + later,
        )
        rest = [self._clutter[0]]
        sections = [self._clutter[1]]
        things: list[Fan | Curtain] = [*self.fans, *self.curtains]
        for thing in things:
            points = thing.points(time + later)
            rest.append(points)
            sections.append(np.full(len(points), thing.section / len(points)))
        return people, np.concatenate(rest), np.concatenate(sections)

    def _sections(self, moment: int, points: Floats) -> Floats:
        xy = self.crowd.xy[moment]
        section = self._bodies.sections(points, xy, self.mount.position)
        if self.occlusion and len(xy) > 1:
            section = section * self._shadow(points, xy)
        return section

    def _shadow(self, points: Floats, xy: Floats) -> Floats:
        """Loss (n, POINTS) of the points that stand behind a nearer person."""
        to = points[:, :, None, :2]  # ray on the ground, from the sensor to each point
        length = np.linalg.norm(to, axis=3)
        along = (to * xy).sum(axis=3) / np.maximum(length, 1e-6)  # nearest approach to each person
        aside = np.abs(to[..., 0] * xy[:, 1] - to[..., 1] * xy[:, 0]) / np.maximum(length, 1e-6)
        h = self.mount.height
        height = h + (points[:, :, None, 2] - h) * along / np.maximum(length, 1e-6)
        hidden = (along > 0) & (along < length - 0.3) & (aside < BLOCKING_RADIUS) & (height < self.crowd.height)
        n = np.arange(len(xy))
        hidden[n, :, n] = False
        return np.where(hidden.any(axis=2), BODY_LOSS, 1.0)

    def _owners(self) -> npt.NDArray[np.intp]:
        n = len(self.crowd)
        return np.repeat(np.arange(n), POINTS)

    def _seen(self, now: Floats, then: Floats, section: Floats, owner: npt.NDArray[np.intp]) -> Scatterers:
        here, there = (self.mount.to_sensor(p).reshape(-1, 3) for p in (now, then))
        distance, later = np.linalg.norm(here, axis=1), np.linalg.norm(there, axis=1)
        return Scatterers(
            here / np.maximum(distance, 1e-6)[:, None], distance, (later - distance) / _STEP, section.ravel(), owner
        )

    def _mirrored(
        self, wall: Wall, now: Floats, then: Floats, section: Floats, owner: npt.NDArray[np.intp]
    ) -> list[Scatterers]:
        """Echoes that meet the wall on the way there, on the way back, or both.

        Way and Doppler of a mixed path are the means of the direct and the mirrored one; it arrives from where its
        last leg comes.
        """
        start, end = np.array(wall.start), np.array(wall.end)
        along = (end - start) / np.linalg.norm(end - start)
        normal = np.array([-along[1], along[0]])

        def image(points: Floats) -> Floats:
            out = points.copy()
            out[..., :2] -= 2 * ((points[..., :2] - start) @ normal)[..., None] * normal
            return out

        mirror = image(now)
        # The ray to the image must cross the wall, between its ends, from the side on which both are.
        to = mirror[..., :2]
        across = to @ normal
        wall_at = (start @ normal) / np.where(np.abs(across) > 1e-9, across, np.inf)
        foot = (to * wall_at[..., None] - start) @ along
        real = (wall_at > 0) & (wall_at < 1) & (foot > 0) & (foot < np.linalg.norm(end - start))
        real = real.ravel()
        direct = self._seen(now, then, section, owner)
        both = self._seen(mirror, image(then), section * WALL_LOSS**2, owner)
        between = Scatterers(
            direct.direction,
            (direct.distance + both.distance) / 2,
            (direct.speed + both.speed) / 2,
            section.ravel() * WALL_LOSS,
            owner,
        )
        back = Scatterers(both.direction, between.distance, between.speed, between.section, owner)
        return [_only(s, real) for s in (both, between, back)]


def _only(s: Scatterers, which: npt.NDArray[np.bool_]) -> Scatterers:
    return Scatterers(s.direction[which], s.distance[which], s.speed[which], s.section[which], s.owner[which])
