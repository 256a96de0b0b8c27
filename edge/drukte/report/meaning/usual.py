"""What is usual at a place at this hour of the week, learned from what the device has published itself.

A robust baseline: the median over days of the hour's mean number of people, with a spread that a single festival does
not move. It is made of protected numbers only, so it tells nothing that these do not; a window that hides few people
counts as two, as when windows are put together (`merge.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from drukte.report.disclosure.merge import HIDDEN_AS, HOUR
from drukte.report.formats.native import Observation, seconds
from drukte.report.store.history import KEEP

ENOUGH: Final = 4
"""Fewest earlier days of the same weekday on which a baseline rests."""
ENOUGH_LIKE: Final = 5
"""Fewest earlier days of the same kind (Monday to Friday, or the weekend) on which it rests until then."""
MOSTLY: Final = 0.5
"""Part of an hour that must have been observed for it to count."""
_MAD: Final = 1.4826
"""Turns a median absolute deviation into a standard deviation, for a normal distribution."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual in one hour.

    Attributes:
        people: median over days of the hour's mean number of people.
        spread: its standard deviation from day to day, robustly, and at least that of a Poisson number.
        days: on how many days it rests.
    """

    people: float
    spread: float
    days: int


class Usual:
    """Baselines of all zones, for every hour of the week.

    Args:
        time_zone: the place's own; hours of the week are local ones.
    """

    def __init__(self, time_zone: str) -> None:
        self._place = ZoneInfo(time_zone)
        # zone -> (weekday, hour) -> start of the hour [s since 1970] -> sum over observed seconds, observed seconds
        self._hours: dict[str, dict[tuple[int, int], dict[int, tuple[float, float]]]] = {}
        self._tidied = 0

    def learn(self, observations: Iterable[Observation]) -> None:
        """Take in what has been published, whole hours or windows of them, each once."""
        newest = 0
        for o in observations:
            people = people_of(o)
            start, end = seconds(o.from_), seconds(o.to)
            if people is None or end - start > HOUR:
                continue
            hour = start // HOUR * HOUR
            weight = o.observed * (end - start)
            bin_ = self._hours.setdefault(o.zone, {}).setdefault(self._key(hour), {})
            total, time = bin_.get(hour, (0.0, 0.0))
            bin_[hour] = (total + people * weight, time + weight)
            newest = max(newest, end)
        if newest // 86_400 > self._tidied:
            self._tidied = newest // 86_400
            for zone in self._hours.values():
                for key, bin_ in zone.items():
                    zone[key] = {hour: value for hour, value in bin_.items() if hour > newest - KEEP}

    def at(self, zone: str, moment: float) -> Baseline | None:
        """What is usual in the hour of `moment` (s since 1970), by earlier days; None: not enough history yet."""
        weekday, hour = self._key(int(moment))
        today = int(moment) // HOUR * HOUR
        values = self._values(zone, [weekday], hour, today)
        if len(values) < ENOUGH:
            alike = range(5) if weekday < 5 else range(5, 7)
            values = self._values(zone, alike, hour, today)
            if len(values) < ENOUGH_LIKE:
                return None
        middle = median(values)
        deviation = _MAD * median(abs(value - middle) for value in values)
        return Baseline(middle, max(deviation, max(middle, 1.0) ** 0.5), len(values))

    def midnight(self, moment: float) -> int:
        """Start of the local day of a moment, s since 1970."""
        local = datetime.fromtimestamp(moment, UTC).astimezone(self._place)
        return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())

    def _values(self, zone: str, weekdays: Iterable[int], hour: int, before: int) -> list[float]:
        bins = self._hours.get(zone, {})
        return [
            total / time
            for weekday in weekdays
            for start, (total, time) in bins.get((weekday, hour), {}).items()
            if start < before and time >= MOSTLY * HOUR
        ]

    def _key(self, moment: int) -> tuple[int, int]:
        local = datetime.fromtimestamp(moment, UTC).astimezone(self._place)
        return local.weekday(), local.hour


def people_of(o: Observation) -> float | None:
    """The number of people by what is published: few count as `HIDDEN_AS`; None where nothing is said."""
    return o.people.mean if o.people.status == "shown" else HIDDEN_AS if o.people.status == "under_5" else None
