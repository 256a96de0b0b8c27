"""Zones and counting lines on the ground plane, and what counts as near."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from drukte.config.base import Name, Point, Section, quantity, unique

MAX_ZONES = 16
MAX_LINES = 2


class CountingLine(Section):
    """A directed segment. Standing at `from` and looking at `to`, 'in' is crossing it from left to right."""

    name: Name
    from_: Point = Field(alias="from", description="Start [m]")
    to: Point = Field(description="End [m]")

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
