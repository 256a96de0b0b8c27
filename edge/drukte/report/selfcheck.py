"""The weekly self-check: does what was published agree with itself? Needs no picture and nobody who counts.

It is no proof of accuracy: a counter can miss every third person both ways and balance. It tells when something breaks:
a line that loses people, a poster that is counted all night. Everything is reckoned from published numbers, so that it
can tell nothing more than these do.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from drukte.config import Site
from drukte.config.zones import Zone
from drukte.report.formats.native import (
    Agreement,
    Checked,
    Conservation,
    LinePair,
    Nights,
    Observation,
    SelfCheck,
    ZoneCheck,
    moment,
    seconds,
)
from drukte.report.history import DETAIL, History
from drukte.report.merge import HOUR

FEWEST: Final = 100
"""Fewest crossings, of the kind that has more, that are compared: they are rounded to 5, which is little of 100."""
FEWEST_HOURS: Final = 5
"""Fewest hours with people before both of two sensors from which their agreement is told."""
OBSERVED: Final = 0.9
"""Least part of the week that must be known."""
NIGHT: Final = (2, 5)
"""Hours of the night, local time."""


def last_week(now: float, time_zone: str) -> tuple[int, int]:
    """Start and end (s since 1970) of the last week, Monday to Monday in local time, of which only hours are kept.

    That is so `DETAIL` after its end; reading a week of hours is little work, and a week of windows is not.
    """
    zone = ZoneInfo(time_zone)
    known = datetime.fromtimestamp(now - DETAIL - 2 * HOUR, UTC).astimezone(zone)
    monday = known.date() - timedelta(days=known.weekday())
    start, end = (datetime.combine(day, time(), zone) for day in (monday - timedelta(days=7), monday))
    return int(start.timestamp()), int(end.timestamp())


class SelfChecks:
    """Makes the message once a week. Zones of which nothing is expected are left out."""

    def __init__(self, site: Site, history: History) -> None:
        self._site, self._history = site, history
        self._zones = [zone for zone in site.zones if zone.expect or site.second is not None]
        self._week: tuple[int, int] | None = None
        self._made: SelfCheck | None = None

    def look(self, now: float) -> SelfCheck | None:
        """The check of the last week at `now` (s since 1970); None when nothing is expected or nothing is known."""
        if not self._zones:
            return None
        week = last_week(now, self._site.place.time_zone)
        if week != self._week:
            self._week, self._made = week, self._make(*week)
        return self._made

    def _make(self, start: int, end: int) -> SelfCheck | None:
        hours = {zone.name: self._history.between(start, end, zone.name) for zone in self._zones}
        if not any(hours.values()):
            return None
        return SelfCheck(
            organisation=self._site.organisation,
            device=self._site.device,
            from_=moment(start),
            to=moment(end),
            zones=[self._check(zone, hours[zone.name], end - start) for zone in self._zones],
        )

    def _check(self, zone: Zone, hours: Sequence[Observation], span: int) -> ZoneCheck:
        seen = sum(o.observed * (seconds(o.to) - seconds(o.from_)) for o in hours)
        sums, known = _sums(zone, hours, span)
        return ZoneCheck(
            zone=zone.name,
            observed=round(min(1.0, seen / span), 3),
            conservation=_conservation(zone, sums, known) if "conservation" in zone.expect else None,
            line_pair=_line_pair(zone, sums, known) if "line_pair" in zone.expect else None,
            nights=self._nights(hours) if "empty_nights" in zone.expect else None,
            agreement=_agreement(hours) if self._site.second is not None else None,
        )

    def _nights(self, hours: Sequence[Observation]) -> Nights:
        zone = ZoneInfo(self._site.place.time_zone)
        night = [
            o
            for o in hours
            if NIGHT[0] <= datetime.fromtimestamp(seconds(o.from_), UTC).astimezone(zone).hour < NIGHT[1]
            and o.people.status != "not_observed"
        ]
        if not night:
            return Nights(status="not_observed", hours=0, empty=None)
        if self._site.disclosure.policy in ("open", "noise"):
            return Nights(status="hidden", hours=len(night), empty=None)
        empty = sum(o.people.status == "shown" and o.people.max == 0 for o in night)
        return Nights(status="shown", hours=len(night), empty=round(empty / len(night), 3))


def _sums(zone: Zone, hours: Sequence[Observation], span: int) -> tuple[dict[str, tuple[float, float]], float]:
    """Crossings in and out of each line, and the part of the span that they are of."""
    sums = {line.name: (0.0, 0.0) for line in zone.lines}
    known = 0.0
    for o in hours:
        if o.crossings is None or o.crossings.status != "shown":
            continue
        known += (o.crossings.observed or 0.0) * (seconds(o.to) - seconds(o.crossings.from_))
        for line in o.crossings.lines:
            if line.line in sums:
                a, b = sums[line.line]
                sums[line.line] = (a + (line.in_ or 0.0), b + (line.out or 0.0))
    return sums, min(1.0, known / span)


def _status(known: float, least: float) -> Checked:
    if known == 0:
        return "not_observed"
    return "gaps" if known < OBSERVED else "too_few" if least < FEWEST else "shown"


def _conservation(zone: Zone, sums: dict[str, tuple[float, float]], known: float) -> Conservation:
    came = went = 0.0
    for line in zone.lines:
        inwards, outwards = sums[line.name]
        if line.leads_in(zone.polygon) < 0:
            inwards, outwards = outwards, inwards
        came, went = came + inwards, went + outwards
    status = _status(known, max(came, went))
    if status != "shown":
        return Conservation(status=status, in_=None, out=None, difference=None)
    return Conservation(status=status, in_=came, out=went, difference=_apart(came, went))


def _line_pair(zone: Zone, sums: dict[str, tuple[float, float]], known: float) -> LinePair:
    first, second = (sum(sums[line.name]) for line in zone.lines)
    status = _status(known, max(first, second))
    if status != "shown":
        return LinePair(status=status, first=None, second=None, difference=None)
    return LinePair(status=status, first=first, second=second, difference=_apart(first, second))


def _agreement(hours: Sequence[Observation]) -> Agreement:
    shares = [o.quality.agreed for o in hours if o.quality.agreed is not None]
    if len(shares) < FEWEST_HOURS:
        return Agreement(status="too_few" if shares else "not_observed", hours=len(shares), agreed=None)
    return Agreement(status="shown", hours=len(shares), agreed=round(sum(shares) / len(shares), 3))


def _apart(a: float, b: float) -> float:
    return round((a - b) / ((a + b) / 2), 3)
