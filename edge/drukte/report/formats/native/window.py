"""The message of a window.

Every block of an observation has a `status`, and its numbers are null unless the status is `shown`. So nobody being
there (`shown` and 0), few people (`under_5`) and not having looked (`not_observed`) cannot be confused.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from drukte.report.formats.native.parts import Count, Id, Message, Moment, Policy, Share, State, Status, status_field


class People(Message):
    """People in the zone."""

    status: Status = status_field()
    mean: Count = Field(None, description="Mean number of people over the observed time [person]")
    max: Count = Field(None, description="Most people at one moment [person]")


class Levels(Message):
    """How the people are spread over closeness levels; the distances stand in the meta message."""

    status: Status = status_field()
    safe: Share = Field(None, description="Share of people with nobody near [1]")
    low_risk: Share = Field(None, description="Share of people with the nearest other in the low-risk range [1]")
    high_risk: Share = Field(None, description="Share of people with the nearest other in the high-risk range [1]")
    undetermined: Share = Field(None, description="Share of people for whom the sensor cannot tell [1]")


class Pairs(Message):
    """Pairs of people near each other, mean number at one moment."""

    status: Status = status_field()
    low_risk: Count = Field(None, description="Pairs in the low-risk range [pair]")
    high_risk: Count = Field(None, description="Pairs in the high-risk range [pair]")
    together: Share = Field(None, description="Share of these pairs that walk together [1]")


class Groups(Message):
    """Groups of people, mean number at one moment."""

    status: Status = status_field()
    two: Count = Field(None, description="Groups of two [group]")
    three_four: Count = Field(None, description="Groups of three or four [group]")
    five_up: Count = Field(None, description="Groups of five and more [group]")


class Riders(Message):
    """People on bicycles and the like."""

    status: Status = status_field()
    mean: Count = Field(None, description="Mean number of riders at one moment [person]")


class Speed(Message):
    """Walking speed."""

    status: Status = status_field()
    mean: Annotated[float, Field(ge=0, le=4)] | None = Field(None, description="Mean walking speed [m/s]")


class Stays(Message):
    """Stays in the zone that ended in the span of the crossings, by length."""

    status: Status = status_field()
    under_1_min: Count = Field(None, description="Shorter than 1 minute [stay]")
    to_5_min: Count = Field(None, description="1 to 5 minutes [stay]")
    to_15_min: Count = Field(None, description="5 to 15 minutes [stay]")
    over_15_min: Count = Field(None, description="Longer than 15 minutes [stay]")


class Crossing(Message):
    """Crossings of one line; `in` is from left to right, seen from the line's start to its end."""

    model_config = ConfigDict(populate_by_name=True)

    line: Id = Field(description="Name of the line")
    in_: Count = Field(None, alias="in", description="People who crossed inwards [person]")
    out: Count = Field(None, description="People who crossed outwards [person]")


class RiderCrossings(Message):
    """Crossings of the zone's lines by people on bicycles and the like, who are not among the other crossings."""

    model_config = ConfigDict(populate_by_name=True)

    status: Status = status_field()
    from_: Moment = Field(alias="from", description="Start of the span, earlier when numbers were carried [UTC]")
    lines: list[Crossing] = Field(max_length=2)


class Crossings(Message):
    """Crossings of the zone's lines on foot, over a span of their own that ends with this window.

    What could not be shown is carried into the next span, which then begins earlier: sums over a day stay right.
    """

    model_config = ConfigDict(populate_by_name=True)

    status: Status = status_field()
    from_: Moment = Field(alias="from", description="Start of the span, earlier when numbers were carried [UTC]")
    observed: Share = Field(description="Part of this span in which frames were seen [1]")
    lines: list[Crossing] = Field(max_length=2)
    riders: RiderCrossings
    stays: Stays


class Quality(Message):
    """How far the numbers can be trusted."""

    grade: Literal["good", "fair", "poor", "none"] = Field(
        description="good: observed at least 0.9 of the time, people followed, confident, comings and goings add up; "
        "fair: at least half of the time, and the rest nearly so; poor: less, or calibration not good, or the sensor "
        "not running at the end; none: nothing observed. The limits stand in city-data.md"
    )
    frames: int = Field(ge=0, le=5_184_000, description="Frames seen [frame]")
    ticks_missing: int = Field(ge=0, le=17_280, description="Spans of sums that never came [tick]")
    calibration: Literal["good", "suspect", "none"] | None = Field(description="State of the ground calibration")
    counted_from: Literal["tracks", "detections"] | None = Field(description="What was counted")
    confidence: Share = Field(None, description="Mean score of the counted [1]; null when people are not shown")
    residual: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        None,
        description="Change of how many people are in the zone that comings and goings over its edge do not explain, "
        "as a part of these; null when people are not shown or fewer than 20 came and went [1]",
    )
    held: Share = Field(None, description="Share held without a fresh echo (radar) [1]; null when people are not shown")
    saturated: Share = Field(None, description="Part of the time with more targets than the sensor can report [1]")
    agreed: Share = Field(
        None,
        description="Share that both of two sensors saw of the people whom both could see [1]; null with one sensor, "
        "without such people, and when people are not shown",
    )


class Protection(Message):
    """How small numbers were protected in this message."""

    policy: Policy = Field(
        description="operational: few people are not shown; open: for the public, and nobody is not shown either; "
        "noise: counts with calibrated noise; none: exact"
    )
    hidden_under: int = Field(ge=0, le=100, description="Numbers from 1 up to below this are not given [1]")
    rounded_to: int = Field(
        ge=0, le=100, description="Counts are rounded to multiples of this; 0: tenths are given [1]"
    )
    crossings_rounded_to: int = Field(ge=1, le=100, description="Crossings are rounded to multiples of this [1]")
    shares_rounded_to: float = Field(
        ge=0, le=1, description="Shares are rounded to multiples of this: the fewer people, the coarser [1]"
    )
    noise: float | None = Field(
        None,
        ge=0,
        description="Scale of the discrete Laplace noise on each number; null without. It protects one person's "
        "presence in one window, or one crossing, not a person's day [1]",
    )


class Merged(Message):
    """An hour put together from windows that waited too long for the broker; numbers hidden in them stay hidden."""

    windows: int = Field(ge=1, description="Windows that were put together [window]")
    hidden: int = Field(ge=0, description="Windows of these that hide few people; each counts as 2 persons [window]")
    crossings_hidden: int = Field(
        ge=0, description="Spans of crossings that were hidden; they are missing in the sum [1]"
    )


class Observation(Message):
    """What one zone was like during one window."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["drukte/observation/1"] = Field("drukte/observation/1", alias="schema")
    organisation: Id = Field(description="Short name of the controller")
    device: Id = Field(description="Name of the device within the organisation")
    zone: Id = Field(description="Name of the zone within the device")
    boot: str = Field(pattern=r"^[0-9a-f]{8}$", description="Changes at every start of the publishing process")
    seq: int = Field(ge=0, le=2**53, description="Number of this message; (device, boot, seq) is unique")
    from_: Moment = Field(alias="from", description="Start of the window [UTC]")
    to: Moment = Field(description="End of the window, not part of it [UTC]")
    observed: float = Field(ge=0, le=1, description="Part of the window in which frames were seen [1]")
    sensing: bool = Field(description="Whether anything was observed")
    state: State = Field(description="State of the sensor at the end; absent: the sensing process was not heard of")
    people: People
    levels: Levels
    pairs: Pairs
    groups: Groups
    riders: Riders
    speed: Speed
    crossings: Crossings | None = Field(description="null when no span of crossings ended with this window")
    quality: Quality
    disclosure: Protection
    merged: Merged | None = Field(None, description="null for a window as it was made")
