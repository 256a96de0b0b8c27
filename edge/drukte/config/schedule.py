"""When the device may look. Outside these times its camera is closed, not just ignored."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from drukte.config.base import Section

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2} ([01]\d|2[0-3]):[0-5]\d$")]
Interval = tuple[datetime, datetime]
AHEAD = 370
"""Days that are looked ahead for the next opening."""


class Hours(Section):
    """The same hours on some days of every week, in the place's own time."""

    days: Annotated[list[Day], Field(min_length=1)] = Field(list(DAYS), description="Days of the week")  # type: ignore[arg-type]
    from_: Hour = Field(alias="from", description='Start, as "07:00"')
    to: Hour = Field(description='End, as "19:00" or "24:00"; earlier than the start means on the next day')

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("starts and ends at the same time; for the whole day write 00:00 to 24:00")
        return self


class Event(Section):
    """One event, in the place's own time."""

    from_: Moment = Field(alias="from", description='Start, as "2027-04-27 10:00"')
    to: Moment = Field(description='End, as "2027-04-27 23:30"')

    @field_validator("from_", "to")
    @classmethod
    def _is_a_date(cls, text: str) -> str:
        try:
            datetime.strptime(text, "%Y-%m-%d %H:%M")
        except ValueError:
            raise ValueError(f"'{text}' is not a date of the calendar") from None
        return text

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("ends before it starts")
        return self


class Schedule(Section):
    """Weekly hours and single events; the camera is open in any of them. Without either it may always be open."""

    weekly: Annotated[list[Hours], Field(max_length=50)] = Field(default_factory=list, description="Hours of the week")
    events: Annotated[list[Event], Field(max_length=200)] = Field(default_factory=list, description="Single events")

    @property
    def always(self) -> bool:
        """Whether there is no restriction."""
        return not self.weekly and not self.events

    def words(self) -> list[str]:
        """Each opening in plain words."""
        weekly = [f"{' '.join(hours.days)} {hours.from_}-{hours.to}" for hours in self.weekly]
        return weekly + [f"{event.from_} to {event.to}" for event in self.events]

    def change(self, now: datetime, zone: ZoneInfo) -> tuple[bool, datetime | None]:
        """Whether the camera may be open at `now`, and when that changes next (UTC); None if it never does.

        Daylight saving is the zone's: an hour that a clock change leaves out is not there, one that comes twice counts
        twice.
        """
        if self.always:
            return True, None
        now = now.astimezone(UTC)
        today = now.astimezone(zone).date()
        horizon = _utc(today + timedelta(days=AHEAD - 1), "00:00", zone, fold=0)
        for start, end in _merged(self._intervals(today, zone)):
            if now < start:
                return False, start
            if now < end:
                # hours that join up over all the days looked at have no end
                return True, end if end < horizon else None
        return False, None

    def _intervals(self, today: date, zone: ZoneInfo) -> Iterator[Interval]:
        for offset in range(-1, AHEAD):
            day = today + timedelta(days=offset)
            for hours in self.weekly:
                if DAYS[day.weekday()] in hours.days:
                    end_day = day if hours.to > hours.from_ else day + timedelta(days=1)
                    yield _utc(day, hours.from_, zone, fold=0), _utc(end_day, hours.to, zone, fold=1)
        for event in self.events:
            first, last = (moment.split(" ") for moment in (event.from_, event.to))
            start = _utc(date.fromisoformat(first[0]), first[1], zone, fold=0)
            yield start, _utc(date.fromisoformat(last[0]), last[1], zone, fold=1)


def _utc(day: date, clock: str, zone: ZoneInfo, fold: int) -> datetime:
    """A local time in UTC; `fold` picks the first (0) or second (1) of the two when the clock goes back."""
    if clock == "24:00":
        day, clock = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(clock).replace(fold=fold), zone).astimezone(UTC)


def _merged(intervals: Iterator[Interval]) -> list[Interval]:
    """Intervals in order, with those that touch made one."""
    out: list[Interval] = []
    for start, end in sorted(i for i in intervals if i[0] < i[1]):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
