"""How busy a zone was over a whole day: the true sum, few people included, with noise of its own.

Windows that hide few people make sums of what is published too rough, above all in quiet hours. So each zone tells one
more number a day: its person-hours (people times hours, over the observed time) plus discrete Laplace noise. What one
window hides changes the sum by at most half of the noise's scale, so that nothing follows from it with certainty, also
not together with everything else that is published. The noise is drawn once; what was told is remembered over restarts.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from secrets import SystemRandom
from typing import Any, Final
from zoneinfo import ZoneInfo

from drukte.config import Site
from drukte.report.disclosure.rules import SMALLEST
from drukte.report.formats.native import Day, PersonHours, moment
from drukte.report.windows.window import Tally

LEAST_SCALE: Final = 2.0
"""Smallest scale of the noise, person-hours: an hour of one person is half of it. A floor in code."""
_WINDOWS: Final = 8
"""The scale is also at least this many windows with one person, so two with the most that a window can hide."""


def scale_of(window: int) -> float:
    """Scale of the noise for windows of so many seconds, person-hours."""
    return max(LEAST_SCALE, _WINDOWS * window / 3600)


def discrete_laplace(scale: float) -> int:
    """A whole number with probability proportional to exp(-|x|/scale): the difference of two geometric numbers."""
    first, second = (int(-scale * math.log(1 - SystemRandom().random())) for _ in range(2))
    return first - second


@dataclass(slots=True)
class _Sum:
    """A day under way: its local date, its span (s since 1970), observed seconds and tenths of person-seconds."""

    day: str
    start: int
    end: int
    observed: int = 0
    people_seconds: int = 0


class DayTotals:
    """Adds up windows to days of the place's own time and says what may be told of each when it is over.

    Args:
        site: the checked site file. Policy `noise` has a budget of its own, so there are no day totals with it.
        draw: noise of a scale.
    """

    def __init__(self, site: Site, draw: Callable[[float], int] = discrete_laplace) -> None:
        self._site = site
        self._zone = ZoneInfo(site.place.time_zone)
        self._scale = scale_of(site.window)
        self._draw = draw
        self._sums: dict[int, _Sum] = {}

    @property
    def memory(self) -> dict[str, Any]:
        """What must be remembered over a restart, as JSON values."""
        return {str(zone): asdict(total) for zone, total in self._sums.items()}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take up what was remembered."""
        self._sums = {int(zone): _Sum(**values) for zone, values in memory.items()}

    def add(self, zone: int, tally: Tally) -> list[Day]:
        """Take in a window, in order of time. The days that are over by it: none, or one, or two after a gap."""
        if self._site.disclosure.policy == "noise":
            return []
        over = []
        today = self._date(tally.start)
        if (total := self._sums.get(zone)) is not None and total.day != today.isoformat():
            over.append(self._tell(zone, self._sums.pop(zone)))
        total = self._sums.setdefault(zone, _Sum(today.isoformat(), tally.start, tally.start))
        total.end = tally.end
        total.observed += tally.observed
        total.people_seconds += tally.people_seconds
        if self._date(tally.end) != today:
            over.append(self._tell(zone, self._sums.pop(zone)))
        return over

    def _date(self, moment_: int) -> date:
        return datetime.fromtimestamp(moment_, UTC).astimezone(self._zone).date()

    def _tell(self, zone: int, total: _Sum) -> Day:
        exact = self._site.disclosure.policy == "none"
        hours = total.people_seconds / 36_000
        told = round(hours, 1) if exact else float(round(hours) + self._draw(self._scale))
        if not total.observed:
            people = PersonHours(status="not_observed")
        elif exact or told >= SMALLEST:
            people = PersonHours(status="shown", person_hours=told)
        else:
            people = PersonHours(status="under_5")
        return Day(
            organisation=self._site.organisation,
            device=self._site.device,
            zone=self._site.zones[zone].name,
            date=total.day,
            from_=moment(total.start),
            to=moment(total.end),
            observed=round(total.observed / (total.end - total.start), 3),
            people=people,
            policy=self._site.disclosure.policy,
            noise=None if exact else self._scale,
        )
