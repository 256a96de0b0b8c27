"""Draws panels of the dashboards for the documentation: `python -m tests.packaging.picture OUT.svg`.

A PostgreSQL is filled with a week of made-up devices; each drawing shows the rows of one panel's own query.
"""

import itertools
import json
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.packaging.database import CITY, Database, database, days, expand, programs

from drukte_tools.validate.report.plots import GRID, INK, SOFT, WARM, ticks
from drukte_tools.validate.report.svg import Svg

LEFT, WIDTH, HEIGHT, GAP = 60.0, 860.0, 150.0, 76.0
COLOURS = (INK, WARM, "#4c8c4a", "#8a5a9e")
NOW = datetime(2026, 3, 13, 21, tzinfo=UTC)
"""A Friday evening, so that the picture is the same whenever it is drawn."""


def query_of(board: str, panel: str) -> str:
    """The first query of a panel."""
    panels = json.loads((CITY / f"grafana/dashboards/{board}.json").read_text())["panels"]
    (found,) = (p for p in panels if p["title"] == panel)
    return str(found["targets"][0]["rawSql"])


class Plot:
    """One drawing over time."""

    def __init__(self, art: Svg, number: int, title: str, start: datetime, end: datetime, most: float) -> None:
        self._art, self._start, self._end = art, start, end
        self._top = 40 + number * (HEIGHT + GAP)
        self._most = most * 1.05 or 1.0
        art.text(LEFT, self._top - 12, title, bold=True, size=13)
        for value in ticks(0, self._most, 4):
            art.line(LEFT, self.y(value), LEFT + WIDTH, self.y(value), GRID)
            art.text(LEFT - 8, self.y(value) + 4, f"{value:g}", anchor="end", size=11)
        hours = 3 if end - start < timedelta(days=2) else 24
        moment = start.replace(minute=0) + timedelta(hours=-start.hour % hours)
        while moment <= end:
            words = f"{moment:%H:%M}" if hours == 3 else f"{moment:%a %d}"
            art.text(self.x(moment), self._top + HEIGHT + 17, words, anchor="middle", size=11)
            art.line(self.x(moment), self._top + HEIGHT, self.x(moment), self._top + HEIGHT + 4, "#555")
            moment += timedelta(hours=hours)

    def x(self, moment: datetime) -> float:
        return LEFT + (moment - self._start) / (self._end - self._start) * WIDTH

    def y(self, value: float) -> float:
        return self._top + HEIGHT * (1 - value / self._most)

    def line(self, points: list[tuple[datetime, float | None]], colour: str) -> None:
        """Straight from point to point; a null is a gap."""
        for (a, u), (b, v) in itertools.pairwise(points):
            if u is not None and v is not None:
                self._art.line(self.x(a), self.y(u), self.x(b), self.y(v), colour, 1.4)
        for at, (moment, value) in enumerate(points):
            beside = [points[i][1] for i in (at - 1, at + 1) if 0 <= i < len(points)]
            if value is not None and all(v is None for v in beside):
                self._art.circle(self.x(moment), self.y(value), 1.4, colour)

    def band(self, points: list[tuple[datetime, float | None, float | None]], wide: timedelta) -> None:
        """The range in which a number lies."""
        for moment, low, high in points:
            if low is not None and high is not None:
                left = self.x(moment - wide)
                self._art.box(left, self.y(high), self.x(moment) - left + 0.3, self.y(low) - self.y(high), SOFT)

    def bars(self, points: list[tuple[datetime, float]], wide: timedelta, part: int, parts: int, colour: str) -> None:
        """Bars beside each other."""
        for moment, value in points:
            left, room = self.x(moment), (self.x(moment + wide) - self.x(moment)) * 0.8 / parts
            self._art.box(left + room * part, self.y(value), room - 1, self.y(0) - self.y(value), colour)

    def key(self, names: list[tuple[str, str]]) -> None:
        """What is what."""
        at = LEFT
        for name, colour in names:
            self._art.box(at, self._top + HEIGHT + 28, 10, 10, colour)
            self._art.text(at + 15, self._top + HEIGHT + 37, name, size=11)
            at += 40 + 6.4 * len(name)


def series(rows: list[dict[str, Any]]) -> dict[str, list[tuple[datetime, float | None]]]:
    """Rows with time, metric and value as Grafana takes them apart."""
    found: dict[str, list[tuple[datetime, float | None]]] = defaultdict(list)
    for row in rows:
        found[row["metric"]].append((datetime.fromisoformat(row["time"]), row["value"]))
    return dict(sorted(found.items()))


def draw(db: Database) -> str:
    """The whole picture."""
    art = Svg(LEFT + WIDTH + 20, 3 * (HEIGHT + GAP) + 10, "Panels of the dashboards, with made-up numbers")
    week = (NOW - timedelta(days=7), NOW)
    everything = {"organisation": ["simulated"], "product": "obs"}
    (zone, *_) = (row["zone_id"] for row in db.rows("SELECT zone_id FROM drukte.places ORDER BY device DESC"))

    day = (NOW - timedelta(hours=18), NOW)
    rows = db.rows(expand(query_of("place", "People"), *day, everything | {"zone": [zone]}))
    moments = [datetime.fromisoformat(row["time"]) for row in rows]
    plot = Plot(art, 0, "One place: people (line), and the range in which a protected number lies (band)", *day,
                max(row["at most"] or 0 for row in rows))  # fmt: skip
    plot.band([(m, r["at least"], r["at most"]) for m, r in zip(moments, rows, strict=True)], timedelta(minutes=5))
    plot.line([(m, r["people"]) for m, r in zip(moments, rows, strict=True)], INK)
    plot.key([("people", INK), ("at least, at most", SOFT)])

    people = series(db.rows(expand(query_of("city", "People by hour"), *week, everything)))
    plot = Plot(art, 1, "The city: people by hour (mean; no line where every window hides its number)", *week,
                max(v or 0 for points in people.values() for _, v in points))  # fmt: skip
    for colour, points in zip(COLOURS, people.values(), strict=False):
        plot.line(points, colour)
    plot.key(list(zip(people, COLOURS, strict=False)))

    sums = series(db.rows(expand(query_of("city", "Person-hours by day"), *week, everything)))
    plot = Plot(art, 2, "The city: person-hours by day, windows with few people included", *week,
                max(v or 0 for points in sums.values() for _, v in points))  # fmt: skip
    for n, (colour, points) in enumerate(zip(COLOURS, sums.values(), strict=False)):
        shown = [(m, v) for m, v in points if v is not None and m >= week[0]]
        plot.bars(shown, timedelta(days=1), n, len(sums), colour)
    plot.key(list(zip(sums, COLOURS, strict=False)))
    return art.done()


def main(out: Path) -> None:
    """Fill a database, draw, write."""
    bin_ = programs()
    if bin_ is None:
        sys.exit("PostgreSQL is not installed: apt install postgresql")
    with database(bin_) as db:
        db.sql("UPDATE drukte.keep SET days = 36500")  # these days are long past, and must not be forgotten
        db.land(days(devices=3, past=9, now=NOW.timestamp()))
        out.write_text(draw(db) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
