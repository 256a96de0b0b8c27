"""What is made of many windows: the sum of a day, what is usual and to be expected, the weekly self-check."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from drukte.report.formats.native.parts import Count, Id, Message, Moment, Policy, Share, Status, status_field


class PersonHours(Message):
    """How busy a day was."""

    status: Status = status_field()
    person_hours: Count = Field(
        None, description="People times hours over the observed time: ten people for half an hour are five [person h]"
    )


class Day(Message):
    """Retained: what one zone was like over the last whole day, few people included. See `noise`."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["drukte/day/1"] = Field("drukte/day/1", alias="schema")
    organisation: Id
    device: Id
    zone: Id
    date: str = Field(pattern=r"^\d{4}-\d\d-\d\d$", description="The day, in the place's own time")
    from_: Moment = Field(alias="from", description="Start of what was added up [UTC]")
    to: Moment = Field(description="End of what was added up [UTC]")
    observed: float = Field(ge=0, le=1, description="Part of this span in which frames were seen [1]")
    people: PersonHours
    policy: Policy
    noise: float | None = Field(
        ge=0, description="Scale of the discrete Laplace noise in the sum; null: it is exact [person h]"
    )


class Usually(Message):
    """What is usual in the zone at this hour of the week, from what this device has published before."""

    status: Literal["known", "not_enough_history"]
    people: Count = Field(description="Median over days of the hour's mean number of people [person]")
    spread: Count = Field(description="How much it differs from day to day, as a standard deviation [person]")
    days: int = Field(ge=0, le=90, description="Earlier days on which this rests [day]")


class Expected(Message):
    """What may come in one hour, by what is usual and how today compares."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Moment = Field(alias="from", description="Start of the hour [UTC]")
    people: Count = Field(description="Expected mean number of people [person]")
    low: Count = Field(description="Lower end of an interval meant to hold 80 % of such hours [person]")
    high: Count = Field(description="Upper end [person]")


class Busyness(Message):
    """Retained: what the last window means. Reckoned from published numbers alone."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["drukte/busyness/1"] = Field("drukte/busyness/1", alias="schema")
    organisation: Id
    device: Id
    zone: Id
    from_: Moment = Field(alias="from", description="Start of the window [UTC]")
    to: Moment = Field(description="End of the window, not part of it [UTC]")
    level: Literal["quiet", "normal", "busy", "very_busy"] | None = Field(
        description="null: not observed, or not shown"
    )
    level_from: Literal["density", "setting"] = Field(
        description="density: people per square metre, by Fruin's levels of service; setting: the site's own thresholds"
    )
    compared: Literal["less", "as_usual", "more", "much_more"] | None = Field(
        description="With what is usual at this hour of the week; null: not observed, not shown, or too little history"
    )
    usual: Usually
    forecast: list[Expected] = Field(max_length=3, description="The next hours, as far as there is history")
    note: Literal["An indication from counts that can be wrong: a person decides what follows from it."] = (
        "An indication from counts that can be wrong: a person decides what follows from it."
    )


Checked = Literal["shown", "too_few", "gaps", "hidden", "not_observed"]
"""shown: the figures are given. too_few: too few crossings to compare. gaps: too much of the week was not observed or
not shown. hidden: the disclosure policy does not tell nobody from few. not_observed: nothing is known of the week."""
Difference = Annotated[float, Field(ge=-2, le=2)] | None


class Conservation(Message):
    """Whoever comes must go: crossings into and out of a zone that has no other way, over a week."""

    status: Checked
    in_: Count = Field(alias="in", description="People who came over its lines [person]")
    out: Count = Field(description="People who went [person]")
    difference: Difference = Field(description="In minus out over their mean; 0 when nobody was lost or invented [1]")

    model_config = ConfigDict(populate_by_name=True)


class LinePair(Message):
    """Two lines that the same people cross, both ways together, over a week."""

    status: Checked
    first: Count = Field(description="Crossings of the first line [person]")
    second: Count = Field(description="Crossings of the second line [person]")
    difference: Difference = Field(description="First minus second over their mean; 0 when they agree [1]")


class Nights(Message):
    """Hours from 2 to 5 at night, the place's own time, in which nobody should be there."""

    status: Checked
    hours: int = Field(ge=0, le=28, description="Hours that were observed [h]")
    empty: Share = Field(description="Part of these in which nobody was seen all the time [1]")


class Agreement(Message):
    """Two sensors of different kinds that look at the same ground: do they see the same people?"""

    status: Checked
    hours: int = Field(ge=0, le=169, description="Hours in which there were people to compare [h]")
    agreed: Share = Field(description="Mean of these hours: share that both saw of the people whom both could see [1]")


class ZoneCheck(Message):
    """The self-check of one zone. What its site file does not expect is null."""

    zone: Id
    observed: float = Field(ge=0, le=1, description="Part of the week in which frames were seen [1]")
    conservation: Conservation | None
    line_pair: LinePair | None
    nights: Nights | None
    agreement: Agreement | None = Field(None, description="null with one sensor")


class SelfCheck(Message):
    """Retained: what the last whole week's published numbers say about the counting, without any picture."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["drukte/selfcheck/1"] = Field("drukte/selfcheck/1", alias="schema")
    organisation: Id
    device: Id
    from_: Moment = Field(alias="from", description="Start of the week, Monday in the place's own time [UTC]")
    to: Moment = Field(description="End of the week [UTC]")
    zones: list[ZoneCheck]
