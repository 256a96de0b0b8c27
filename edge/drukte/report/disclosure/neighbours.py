"""Which zones of a site count the same people, so that their numbers could be subtracted from each other."""

from collections.abc import Callable, Sequence
from typing import Final

from drukte.config.base import Point
from drukte.config.zones import Zone

NEAR: Final = 2.0
"""Lines and zones nearer to each other than this may count the same passers-by, m."""
_GRID: Final = 40


def overlapping(zones: Sequence[Zone]) -> list[int]:
    """For each zone the number of its cluster: zones in one cluster share ground, directly or through others."""
    return _clusters(len(zones), lambda i, j: _share_ground(zones[i].polygon, zones[j].polygon))


def connected(zones: Sequence[Zone]) -> list[int]:
    """For each zone the number of its cluster: zones with lines between which passers-by may be counted twice.

    These share ground, or a line of the one lies within `NEAR` of a line or a side of the other.
    """
    return _clusters(len(zones), lambda i, j: _share_stream(zones[i], zones[j]))


def _clusters(count: int, joined: Callable[[int, int], bool]) -> list[int]:
    cluster = list(range(count))
    for i in range(count):
        for j in range(i):
            if cluster[i] != cluster[j] and joined(i, j):
                low, high = sorted((cluster[i], cluster[j]))
                cluster = [low if c == high else c for c in cluster]
    return cluster


def _share_ground(a: Sequence[Point], b: Sequence[Point]) -> bool:
    """Whether two polygons overlap by more than a sliver, looked up on a grid over what their boxes share."""
    low = [max(min(p[k] for p in a), min(p[k] for p in b)) for k in (0, 1)]
    high = [min(max(p[k] for p in a), max(p[k] for p in b)) for k in (0, 1)]
    if low[0] >= high[0] or low[1] >= high[1]:
        return False
    steps = [(high[k] - low[k]) / _GRID for k in (0, 1)]
    return any(
        _inside(x, y, a) and _inside(x, y, b)
        for x in (low[0] + steps[0] * (i + 0.5) for i in range(_GRID))
        for y in (low[1] + steps[1] * (j + 0.5) for j in range(_GRID))
    )


def _inside(x: float, y: float, polygon: Sequence[Point]) -> bool:
    """Even-odd rule."""
    odd = False
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            odd = not odd
    return odd


def _share_stream(a: Zone, b: Zone) -> bool:
    if not a.lines or not b.lines:
        return False
    if _share_ground(a.polygon, b.polygon):
        return True
    sides = [[(zone.polygon[i - 1], zone.polygon[i]) for i in range(len(zone.polygon))] for zone in (a, b)]
    lines = [[(line.from_, line.to) for line in zone.lines] for zone in (a, b)]
    return any(
        _distance(one, other) < NEAR
        for mine, others in ((lines[0], lines[1] + sides[1]), (lines[1], sides[0]))
        for one in mine
        for other in others
    )


def _distance(a: tuple[Point, Point], b: tuple[Point, Point]) -> float:
    """Distance between two segments, m."""
    if _cross(a, b):
        return 0.0
    return min(_to_segment(p, s) for p, s in ((a[0], b), (a[1], b), (b[0], a), (b[1], a)))


def _cross(a: tuple[Point, Point], b: tuple[Point, Point]) -> bool:
    def side(s: tuple[Point, Point], p: Point) -> float:
        return (s[1][0] - s[0][0]) * (p[1] - s[0][1]) - (s[1][1] - s[0][1]) * (p[0] - s[0][0])

    return side(a, b[0]) * side(a, b[1]) < 0 and side(b, a[0]) * side(b, a[1]) < 0


def _to_segment(p: Point, s: tuple[Point, Point]) -> float:
    dx, dy = s[1][0] - s[0][0], s[1][1] - s[0][1]
    t = max(0.0, min(1.0, ((p[0] - s[0][0]) * dx + (p[1] - s[0][1]) * dy) / (dx * dx + dy * dy)))
    return float(((s[0][0] + t * dx - p[0]) ** 2 + (s[0][1] + t * dy - p[1]) ** 2) ** 0.5)
