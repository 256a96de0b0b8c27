"""A radar's echoes drawn from above, for people to count in; and from that drawing back to metres."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.config.radar import RadarGround
from drukte.sample.container import ContainerError, Header
from drukte.sample.echo_memory import SECONDS, unpack_echoes
from drukte_tools.validate.report.svg import Svg

Floats = NDArray[np.float64]

DRAWING: Final = (1200, 900)
"""Width and height of the drawing, px."""
MARGIN: Final = 60
AROUND: Final = 1.5
"""Metres drawn around the zone."""
HIGHEST: Final = 2.5
"""Echoes higher than this are no person, m."""


@dataclass(frozen=True, slots=True)
class PlanView:
    """Scale and place of a drawing. North of the site's plane (y) is up.

    Attributes:
        left, top: metres at the drawing's left edge and upper edge.
        scale: px per metre.
    """

    left: float
    top: float
    scale: float

    @classmethod
    def of(cls, polygon: Floats) -> "PlanView":
        """The view that shows a zone (n, 2), m, as large as it fits."""
        low, high = polygon.min(axis=0) - AROUND, polygon.max(axis=0) + AROUND
        room = np.array(DRAWING, float) - 2 * MARGIN
        scale = float(min(room / (high - low)))
        middle = (low + high) / 2
        return cls(float(middle[0] - DRAWING[0] / 2 / scale), float(middle[1] + DRAWING[1] / 2 / scale), scale)

    def to_pixels(self, xy: Floats) -> Floats:
        """(n, 2) px of (n, 2) m."""
        return np.column_stack([(xy[:, 0] - self.left) * self.scale, (self.top - xy[:, 1]) * self.scale])

    def to_metres(self, pixels: Floats) -> Floats:
        """(n, 2) m of (n, 2) px."""
        return np.column_stack([self.left + pixels[:, 0] / self.scale, self.top - pixels[:, 1] / self.scale])


def on_the_ground(points: NDArray[np.float32], ground: RadarGround) -> Floats:
    """(n, 3) site's x, y and height above the ground, m, of (n, 3) sensor coordinates: the tilt, then the bearing."""
    x, y, z = points.astype(np.float64).T
    c, s = math.cos(math.radians(ground.tilt)), math.sin(math.radians(ground.tilt))
    level, height = c * y + s * z, -s * y + c * z + ground.height
    right = -x if ground.upside_down else x
    cos, sin = math.cos(math.radians(ground.bearing)), math.sin(math.radians(ground.bearing))
    return np.column_stack([ground.at[0] + cos * right + sin * level, ground.at[1] - sin * right + cos * level, height])


def outline(header: Header) -> list[tuple[float, float]]:
    """The zone in the drawing, px."""
    polygon = np.array(header.polygon, np.float64)
    return [(round(x, 1), round(y, 1)) for x, y in PlanView.of(polygon).to_pixels(polygon).tolist()]


def draw(header: Header, content: bytes) -> bytes:
    """The drawing, SVG: a point for each echo of the last seconds, the newer the darker, the higher the larger.

    Raises:
        ContainerError: header and content do not belong to a radar.
    """
    try:
        rows = unpack_echoes(content)
        ground = RadarGround.model_validate(header.ground)
    except ValueError:
        raise ContainerError("not echoes of a radar") from None
    view = PlanView.of(np.array(header.polygon, np.float64))
    spots = on_the_ground(rows[:, 1:4], ground)
    spots[:, 2] = np.nan_to_num(spots[:, 2], nan=1.0)
    art = Svg(*DRAWING, title="Echoes of a radar, seen from above")
    art.box(0, 0, *DRAWING, fill="#fff")
    _grid(art, view)
    art.polygon(outline(header), fill="#fff7d6", stroke="#8a6d00", width=2)
    at = view.to_pixels(np.array([ground.at], np.float64))[0]
    art.text(at[0], at[1], "radar", anchor="middle", size=16)
    order = np.argsort(-rows[:, 0])
    places = view.to_pixels(spots[:, :2])
    for i in order[(spots[order, 2] > -0.5) & (spots[order, 2] < HIGHEST)]:
        age, height = float(rows[i, 0]), float(spots[i, 2])
        strength = 1 - 0.75 * min(1.0, age / SECONDS)
        art.circle(places[i, 0], places[i, 1], 3 + 2.5 * min(2.0, max(0.0, height)), "#114488", strength)
    return art.done().encode()


def _grid(art: Svg, view: PlanView) -> None:
    """A line every metre, and which way is which."""
    for x in range(math.ceil(view.left), math.floor(view.left + DRAWING[0] / view.scale) + 1):
        px = (x - view.left) * view.scale
        art.line(px, 0, px, DRAWING[1], "#e2e2e2")
        art.text(px, DRAWING[1] - 8, f"{x} m", anchor="middle", size=14, fill="#777")
    for y in range(math.ceil(view.top - DRAWING[1] / view.scale), math.floor(view.top) + 1):
        py = (view.top - y) * view.scale
        art.line(0, py, DRAWING[0], py, "#e2e2e2")
        art.text(6, py - 4, f"{y} m", size=14, fill="#777")
