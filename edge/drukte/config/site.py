"""The site file as a whole: its sections, and what must hold between them."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from drukte.config.base import Name, Section, quantity, unique
from drukte.config.busyness import Busyness
from drukte.config.ground import Ground
from drukte.config.indicator import Indicator, NoIndicator
from drukte.config.purpose import Place, Purpose
from drukte.config.report import Disclosure, Mqtt
from drukte.config.schedule import Schedule
from drukte.config.source import Model, Source
from drukte.config.tracking import Tracking
from drukte.config.zones import MAX_ZONES, Closeness, Zone

MIN_TICK = 5
"""Shortest tick, s. A floor in code: shorter ticks would let a record follow a single person."""


class Looking(NamedTuple):
    """Whether a camera may be open.

    Attributes:
        allowed: whether it may.
        until: when that changes, UTC; None if never again.
        why_not: "purpose" (past its last day) or "schedule" (outside its hours); None if it may.
    """

    allowed: bool
    until: datetime | None
    why_not: Literal["purpose", "schedule"] | None


class Second(Section):
    """A second sensor on the site's ground plane, for instance a radar beside a camera."""

    source: Source
    ground: Ground


class Site(Section):
    """One device at one place."""

    drukte: Literal[1] = Field(description="Version of this file's format")
    organisation: Name = Field(description="Short name of the controller, used in topics")
    device: Name = Field(description="Name of this device, unique within the organisation")
    purpose: Purpose
    place: Place
    schedule: Schedule = Field(default_factory=Schedule)
    indicator: Indicator = Field(default_factory=NoIndicator)
    source: Source
    model: Model = Field(default_factory=Model)
    ground: Ground
    zones: Annotated[list[Zone], Field(min_length=1, max_length=MAX_ZONES), unique("name")]
    second: Second | None = Field(
        None, description="Another sensor that looks at the same ground plane; the two give one count"
    )
    closeness: Closeness = Field(default_factory=Closeness)
    tracking: Tracking = Field(default_factory=Tracking)
    tick: int = quantity(
        60,
        "s",
        "Span over which frames are summed before anything leaves the sealed room",
        ge=MIN_TICK,
        le=60,
    )
    window: int = quantity(
        60,
        "s",
        "Span of one published message; a multiple of the tick that divides a day",
        ge=MIN_TICK,
        le=86_400,
    )
    mqtt: Mqtt = Field(default_factory=Mqtt)
    disclosure: Disclosure = Field(default_factory=Disclosure)
    busyness: Busyness = Field(default_factory=Busyness)

    def sensors(self) -> "list[Site]":
        """The site as each sensor sees it, cameras first: one, or two that share ground plane, zones and settings."""
        if self.second is None:
            return [self]
        other = {"source": self.second.source, "ground": self.second.ground}
        both = [self.model_copy(update={"second": None}), self.model_copy(update={**other, "second": None})]
        return sorted(both, key=lambda site: site.ground.kind == "radar")

    def may_look(self, now: datetime) -> Looking:
        """Whether the camera may be open at `now`: within the schedule, and not past the purpose's last day."""
        zone = ZoneInfo(self.place.time_zone)
        end = datetime.combine(self.purpose.valid_until + timedelta(days=1), time(), zone).astimezone(UTC)
        if now >= end:
            return Looking(False, None, "purpose")
        now_open, change = self.schedule.change(now, zone)
        if now_open:
            return Looking(True, end if change is None else min(change, end), None)
        return Looking(False, change if change is not None and change < end else None, "schedule")

    @property
    def crossings_span(self) -> int:
        """Span over which crossings are added up, s."""
        return self.window if self.disclosure.policy == "none" else max(self.window, self.disclosure.crossings)

    @model_validator(mode="after")
    def _ground_fits_sensor(self) -> Self:
        for where, sensor in (("", self), ("second.", self.second)):
            if sensor is None:
                continue
            if sensor.source.kind.startswith("radar") != (sensor.ground.kind == "radar"):
                raise ValueError(
                    f"{where}source.kind {sensor.source.kind} and {where}ground.kind {sensor.ground.kind} do not go "
                    "together: a radar has ground.kind radar, a camera one of the others"
                )
            if self.second is not None and sensor.source.kind in ("video", "images") and sensor.source.rate == "max":
                raise ValueError(
                    f"{where}source.rate: with a second sensor a recording has to be played in real time; give the "
                    "pictures per second"
                )
        return self

    @model_validator(mode="after")
    def _thresholds_name_zones(self) -> Self:
        names = [zone.name for zone in self.zones]
        for number, threshold in enumerate(self.busyness.thresholds):
            if threshold.zone not in names:
                raise ValueError(
                    f"busyness.thresholds[{number}].zone: there is no zone '{threshold.zone}'; the zones are "
                    f"{', '.join(names)}"
                )
        return self

    @model_validator(mode="after")
    def _spans_fit(self) -> Self:
        if 60 % self.tick:
            raise ValueError(
                f"tick: {self.tick} s does not divide a minute; allowed are 5, 6, 10, 12, 15, 20, 30 and 60"
            )
        if self.window % self.tick or 86_400 % self.window:
            raise ValueError(
                f"window: {self.window} s must be a multiple of the tick ({self.tick} s) and divide a day (86400 s)"
            )
        if self.disclosure.policy != "none":
            floor = 900 if self.disclosure.policy in ("open", "noise") else 60
            if self.window < floor:
                raise ValueError(
                    f"window: {self.window} s is too short for disclosure policy {self.disclosure.policy}; at least "
                    f"{floor} s, or policy none with a reason"
                )
            if self.crossings_span % self.window:
                raise ValueError(
                    f"disclosure.crossings: {self.disclosure.crossings} s must be a multiple of the window "
                    f"({self.window} s)"
                )
        self._open_window_fits()
        self._budget_lasts()
        return self

    def _open_window_fits(self) -> None:
        if (longer := self.disclosure.open_window) is not None and longer % self.crossings_span:
            raise ValueError(
                f"disclosure.open_window: {longer} s must be a multiple of the span of crossings "
                f"({self.crossings_span} s)"
            )

    def _budget_lasts(self) -> None:
        """Floor in code: noise is worth little once its budget is spent before the day is over."""
        if self.disclosure.policy != "noise":
            return
        lines = max(len(zone.lines) for zone in self.zones)
        numbers = 86_400 // self.window + 2 * lines * (86_400 // self.crossings_span)
        if numbers * self.disclosure.epsilon > self.disclosure.daily_epsilon:
            raise ValueError(
                f"disclosure: {numbers} numbers a day with epsilon {self.disclosure.epsilon:g} spend "
                f"{numbers * self.disclosure.epsilon:g}, more than daily_epsilon ({self.disclosure.daily_epsilon:g}): "
                f"make the window longer, epsilon smaller or the budget larger"
            )
