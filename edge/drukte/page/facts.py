"""What the page and the metrics tell, gathered from the history file and the status file. Nothing here is written."""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from drukte.config import Site
from drukte.report.formats.native import Busyness, Observation, seconds
from drukte.report.history import KEEP, between, newest, read_only
from drukte.report.interpret import Interpreter
from drukte.report.merge import HOUR
from drukte.report.service import DAY, Completeness
from drukte.report.usual import Usual, people_of

STALE: Final = 120.0
"""A status older than this is that of a process that has gone, s."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything at one moment.

    Attributes:
        at: the moment, s since 1970.
        latest: the last window of each zone that has one.
        meaning: what these mean.
        status: the last status message's content; None if there is none, or it is old.
        observed, good: of the last day, the part that was observed and the part of windows of good quality; None
            without any window.
        today: for each zone, hours (0 to 23, local) to mean people.
        usual: for each zone, hours to (people, spread).
    """

    at: float
    latest: dict[str, Observation]
    meaning: dict[str, Busyness]
    status: dict[str, Any] | None
    observed: float | None
    good: float | None
    today: dict[str, dict[int, float]] = field(default_factory=dict)
    usual: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)


class Reader:
    """Reads one device's files.

    Args:
        site: the checked site file.
        history: file of what has been published.
        health: file in which the publishing process keeps its status.
    """

    def __init__(self, site: Site, history: Path, health: Path) -> None:
        self._site = site
        self._history = history
        self._health = health
        self._usual = Usual(site.place.time_zone)
        self._interpreter = Interpreter(site, self._usual)
        self._learned = 0

    def facts(self, now: float) -> Facts:
        """What is known at `now`, s since 1970."""
        try:
            db = read_only(self._history)
            try:
                return self._read(db, now)
            finally:
                db.close()
        except sqlite3.Error:  # not there yet, or being replaced
            return Facts(now, {}, {}, self._status(now), None, None)

    def _read(self, db: sqlite3.Connection, now: float) -> Facts:
        whole = int(now) // HOUR * HOUR
        since = max(self._learned, int(now) - KEEP)
        self._usual.learn(self._ours(between(db, since, whole)))
        self._learned = whole
        midnight = self._usual.midnight(now)
        day = self._ours(between(db, int(now) - 2 * DAY, int(now) + DAY))
        latest = newest(day)
        recent = [o for o in day if seconds(o.to) > now - DAY]
        today: dict[str, dict[int, list[tuple[float, float]]]] = {}
        for o in day:
            if seconds(o.from_) >= midnight and (people := people_of(o)) is not None:
                hour = (seconds(o.from_) - midnight) // HOUR
                today.setdefault(o.zone, {}).setdefault(hour, []).append((people, o.observed))
        usual = {
            zone.name: {
                hour: (known.people, known.spread)
                for hour in range(24)
                if (known := self._usual.at(zone.name, midnight + hour * HOUR)) is not None
            }
            for zone in self._site.zones
        }
        complete = Completeness(len(self._site.zones))
        complete.take(recent)
        observed, good = complete.told(now)
        return Facts(
            at=now,
            latest=latest,
            meaning={zone: self._interpreter.read(o) for zone, o in latest.items()},
            status=self._status(now),
            observed=observed,
            good=good,
            today={zone: {hour: _mean(values) for hour, values in hours.items()} for zone, hours in today.items()},
            usual=usual,
        )

    def _ours(self, observations: list[Observation]) -> list[Observation]:
        """Without the second, public product, which is made of the first."""
        return [o for o in observations if o.disclosure.policy == self._site.disclosure.policy]

    def _status(self, now: float) -> dict[str, Any] | None:
        try:
            status = json.loads(self._health.read_text(encoding="utf-8"))
            fresh = isinstance(status, dict) and abs(now - self._health.stat().st_mtime) < STALE
        except (OSError, ValueError):
            return None
        return status if fresh else None


def _mean(values: list[tuple[float, float]]) -> float:
    weight = sum(observed for _, observed in values)
    return sum(people * observed for people, observed in values) / weight if weight else 0.0
