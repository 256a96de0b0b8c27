"""What the numbers mean: how busy it is, whether that is usual, and what may come. Never an alarm.

Everything here is reckoned from published numbers, so it tells nothing that they do not. The levels by density are
J. J. Fruin's levels of service for walkways (Pedestrian Planning and Design, 1971): up to A it is quiet, B and C are
normal, from D on people cannot choose their speed freely, from E on nobody can.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from drukte.config import Site
from drukte.config.schedule import DAYS
from drukte.report.disclosure.merge import HOUR
from drukte.report.formats.native import Busyness, Expected, Observation, Usually, moment, seconds
from drukte.report.meaning.usual import Baseline, Usual, people_of

LEVELS: Final = ("quiet", "normal", "busy", "very_busy")
COMPARED: Final = ("less", "as_usual", "more", "much_more")
BY_DENSITY: Final = (0.31, 0.72, 1.08)
"""People per square metre from which it is normal, busy and very busy: Fruin's upper bounds of A, C and D."""
BY_USUAL: Final = (-1.0, 1.0, 2.5)
"""Spreads from the usual number from which it is as usual, busier and much busier."""
STICKS: Final = 0.1
"""A level is left downwards only this part below the number from which it holds, so that it does not flutter."""
STICKS_USUAL: Final = 0.25
"""The same for comparisons with the usual, spreads."""
AHEAD: Final = 3
"""Hours that are looked ahead."""
INTERVAL: Final = 1.28
"""Spreads on either side that hold 80 % of a normal distribution."""
TODAY: Final = (0.5, 2.0)
"""How far today's ratio to the usual is believed; it fades by half with each hour ahead, on a logarithmic scale."""


class Interpreter:
    """Reads the windows of all zones.

    Args:
        site: the checked site file.
        usual: what is usual there.
    """

    def __init__(self, site: Site, usual: Usual) -> None:
        self._site = site
        self._usual = usual
        self._place = ZoneInfo(site.place.time_zone)
        self._area = {zone.name: zone.area for zone in site.zones}
        self._level: dict[str, int] = {}
        self._compared: dict[str, int] = {}

    def read(self, o: Observation) -> Busyness:
        """What one window means."""
        people = people_of(o)
        start = seconds(o.from_)
        usual = self._usual.at(o.zone, start)
        level = compared = None
        bounds, by = self._bounds(o.zone, start)
        if people is not None:
            level = _held(people, bounds, self._level.get(o.zone), [STICKS * bound for bound in bounds])
            self._level[o.zone] = level
            if usual is not None:
                away = (people - usual.people) / usual.spread
                compared = _held(away, BY_USUAL, self._compared.get(o.zone), [STICKS_USUAL] * len(BY_USUAL))
                self._compared[o.zone] = compared
        return Busyness(
            organisation=o.organisation,
            device=o.device,
            zone=o.zone,
            from_=o.from_,
            to=o.to,
            level=None if level is None else LEVELS[level],
            level_from=by,
            compared=None if compared is None else COMPARED[compared],
            usual=Usually(
                status="known" if usual else "not_enough_history",
                people=round(usual.people, 1) if usual else None,
                spread=round(usual.spread, 1) if usual else None,
                days=usual.days if usual else 0,
            ),
            forecast=self._forecast(o.zone, start, people, usual),
        )

    def _bounds(self, zone: str, at: int) -> tuple[Sequence[float], str]:
        local = datetime.fromtimestamp(at, UTC).astimezone(self._place)
        day, clock = DAYS[local.weekday()], local.strftime("%H:%M")
        for one in self._site.busyness.thresholds:
            if one.zone == zone and day in one.days and one.from_ <= clock < one.to:
                return (one.normal, one.busy, one.very_busy), "setting"
        return [bound * self._area[zone] for bound in BY_DENSITY], "density"

    def _forecast(self, zone: str, at: int, people: float | None, now: Baseline | None) -> list[Expected]:
        """The next hours: the usual, leaning towards how today compares with it."""
        low, high = TODAY
        today = 1.0 if people is None or now is None else min(max((people + 1) / (now.people + 1), low), high)
        made = []
        for ahead in range(1, AHEAD + 1):
            hour = at // HOUR * HOUR + ahead * HOUR
            if (usual := self._usual.at(zone, hour)) is None:
                continue
            people_then = usual.people * today ** (0.5**ahead)
            half = INTERVAL * usual.spread
            made.append(
                Expected(
                    from_=moment(hour),
                    people=round(people_then, 1),
                    low=round(max(people_then - half, 0), 1),
                    high=round(people_then + half, 1),
                )
            )
        return made


def _held(value: float, bounds: Sequence[float], before: int | None, slack: Sequence[float]) -> int:
    """How many bounds a value has reached; on the way down one is left only at its slack below it."""
    reached = sum(value >= bound for bound in bounds)
    if before is None or reached >= before:
        return reached
    kept = sum(value >= bound - less for bound, less in zip(bounds, slack, strict=True))
    return min(before, kept)
