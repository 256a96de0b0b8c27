"""Zones and counting lines on the ground plane, and what counts as near."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from drukte.config.base import Name, Point, Section, quantity, unique

MAX_ZONES = 16
MAX_LINES = 2
BESIDE: Final = 0.3
"""A line is on a border when one of its sides, this far off, is inside and the other is not, m."""
_STEPS: Final = 10


class CountingLine(Section):
    """A directed segment. Standing at `from` and looking at `to`, 'in' is crossing it from left to right."""

    name: Name
    from_: Point = Field(alias="from", description="Start [m]")
    to: Point = Field(description="End [m]")

    def leads_in(self, polygon: Sequence[Point]) -> int:
        """Whether 'in' leads into this polygon (1) or out of it (-1); 0 when the line does not lie on its border."""
        (ax, ay), (bx, by) = self.from_, self.to
        length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
        # 'in' ends on the right-hand side of the line, seen from its start to its end
        x, y = BESIDE * (by - ay) / length, -BESIDE * (bx - ax) / length
        steps = [(i + 0.5) / _STEPS for i in range(_STEPS)]
        spots = [(ax + t * (bx - ax), ay + t * (by - ay)) for t in steps]
        right = sum(_inside(px + x, py + y, polygon) for px, py in spots)
        left = sum(_inside(px - x, py - y, polygon) for px, py in spots)
        return (right - left > _STEPS / 2) - (left - right > _STEPS / 2)

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if (self.from_[0] - self.to[0]) ** 2 + (self.from_[1] - self.to[1]) ** 2 < 0.5**2:
            raise ValueError("the line is shorter than 0.5 m; move its ends apart")
        return self


class Zone(Section):
    """A polygon on the ground in which people are counted, with up to two counting lines."""

    name: Name
    polygon: Annotated[list[Point], Field(min_length=3, max_length=64)] = Field(
        description="Corners in order, either way round [m]"
    )
    lines: Annotated[list[CountingLine], Field(max_length=MAX_LINES), unique("name")] = Field(
        default_factory=list, description="Counting lines that belong to this zone"
    )
    expect: Annotated[list[Literal["conservation", "line_pair", "empty_nights"]], Field(max_length=3)] = Field(
        default_factory=list,
        description="What holds at this place, for the weekly self-check. conservation: nobody comes or goes but over "
        "the zone's lines, which lie on its border; line_pair: whoever crosses one of the two lines crosses the other "
        "too; empty_nights: nobody is there from 2 to 5 at night",
    )

    @property
    def area(self) -> float:
        """Area of the polygon, m2 (shoelace formula)."""
        p = self.polygon
        return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(p, p[1:] + p[:1], strict=True))) / 2

    @model_validator(mode="after")
    def _is_a_place(self) -> Self:
        if crossing := _self_crossing(self.polygon):
            raise ValueError(
                f"sides {crossing[0] + 1} and {crossing[1] + 1} of the polygon cross; list the corners in order"
            )
        if self.area < MIN_AREA:
            raise ValueError(
                f"the zone is {self.area:.2f} m2; at least {MIN_AREA:g} m2, so that a count is not about one spot"
            )
        if "conservation" in self.expect:
            if not self.lines:
                raise ValueError("expect conservation: the zone has no line to come and go over")
            for line in self.lines:
                if not line.leads_in(self.polygon):
                    raise ValueError(
                        f"expect conservation: line '{line.name}' does not lie on the zone's border; move it there, or "
                        "leave conservation out"
                    )
        if "line_pair" in self.expect and len(self.lines) != 2:
            raise ValueError(f"expect line_pair: needs two lines, the zone has {len(self.lines)}")
        return self


MIN_AREA = 4.0
"""Smallest zone, m2. A floor in code: a smaller one would watch a doorbell or a desk, not a place."""


class Closeness(Section):
    """Distances under which two people count as near each other. A person's level is that of the nearest other."""

    low_risk: float = quantity(1.80, "m", "A pair nearer than this is `low_risk`", gt=0.2, le=10)
    high_risk: float = quantity(1.50, "m", "A pair nearer than this is `high_risk`", gt=0.1, le=10)
    low_risk_name: Name = Field("low-risk", description="Name of the level in messages")
    high_risk_name: Name = Field("high-risk", description="Name of the level in messages")
    group: float = quantity(1.50, "m", "People linked by distances under this form a group", gt=0.1, le=10)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high_risk >= self.low_risk:
            raise ValueError("high_risk must be a smaller distance than low_risk")
        return self


def _self_crossing(polygon: list[Point]) -> tuple[int, int] | None:
    """First two sides (by number) that properly cross, or None."""
    n = len(polygon)

    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    for i in range(n):
        for j in range(i + 2, n - (i == 0)):
            a, b, c, d = polygon[i], polygon[(i + 1) % n], polygon[j], polygon[(j + 1) % n]
            if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
                return i, j
    return None


def _inside(x: float, y: float, polygon: Sequence[Point]) -> bool:
    """Even-odd rule."""
    odd = False
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            odd = not odd
    return odd
