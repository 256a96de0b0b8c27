"""The messages of drukte itself: one model for each, from which their JSON Schemas are made.

Every block of an observation has a `status`, and its numbers are null unless the status is `shown`. So nobody being
there (`shown` and 0), few people (`under_5`) and not having looked (`not_observed`) cannot be confused.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["shown", "under_5", "suppressed", "not_observed", "not_measured"]
"""shown: the numbers are given. under_5: they are small (policy operational: 1 to 4; open: 0 to 4). suppressed: hidden
because they, or a number they could be combined with, are small. not_observed: no frame was seen in the whole span.
not_measured: this device does not measure it."""

Policy = Literal["operational", "open", "noise", "none"]
Count = Annotated[float, Field(ge=0, le=1_000_000)] | None
Share = Annotated[float, Field(ge=0, le=1)] | None
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Id = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
State = Literal["running", "covered", "dark", "frozen", "starved", "validation", "blurred", "absent"]
"""running: frames are counted. covered: something is before the lens. dark: too dark to see anybody. frozen: the same
picture for ever. starved: no frames. validation: an ordered, encrypted sample is being taken. blurred: the picture is
much less sharp than usual (rain on the lens, fog, out of focus); counting goes on, but not all are seen. absent: the
sensing process was not heard of. In the states covered, dark and frozen nothing is counted: no observation."""
Condition = Literal[
    "connecting", "connected", "unreachable", "certificate", "refused", "not_authorized", "quota", "too_large", "lost"
]
"""connecting: not yet. unreachable: no answer from address and port. certificate: TLS failed, on either side. refused:
the broker does not let this device in. not_authorized: it is in, but may not write to a topic. quota: the broker takes
no more for now. too_large: a message is longer than the broker takes. lost: it was connected, and is trying again."""


def moment(seconds: float) -> str:
    """UTC time as it stands in messages."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(moment: str) -> int:
    """Seconds since 1970 of a time in a message."""
    return int(datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


class Message(BaseModel):
    """A part of a message: no keys but these."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _status() -> Any:
    return Field(description="Whether the numbers of this block are given; only `shown` means that they are")


class People(Message):
    """People in the zone."""

    status: Status = _status()
    mean: Count = Field(None, description="Mean number of people over the observed time [person]")
    max: Count = Field(None, description="Most people at one moment [person]")


class Levels(Message):
    """How the people are spread over closeness levels; the distances stand in the meta message."""

    status: Status = _status()
    safe: Share = Field(None, description="Share of people with nobody near [1]")
    low_risk: Share = Field(None, description="Share of people with the nearest other in the low-risk range [1]")
    high_risk: Share = Field(None, description="Share of people with the nearest other in the high-risk range [1]")
    undetermined: Share = Field(None, description="Share of people for whom the sensor cannot tell [1]")


class Pairs(Message):
    """Pairs of people near each other, mean number at one moment."""

    status: Status = _status()
    low_risk: Count = Field(None, description="Pairs in the low-risk range [pair]")
    high_risk: Count = Field(None, description="Pairs in the high-risk range [pair]")
    together: Share = Field(None, description="Share of these pairs that walk together [1]")


class Groups(Message):
    """Groups of people, mean number at one moment."""

    status: Status = _status()
    two: Count = Field(None, description="Groups of two [group]")
    three_four: Count = Field(None, description="Groups of three or four [group]")
    five_up: Count = Field(None, description="Groups of five and more [group]")


class Riders(Message):
    """People on bicycles and the like."""

    status: Status = _status()
    mean: Count = Field(None, description="Mean number of riders at one moment [person]")


class Speed(Message):
    """Walking speed."""

    status: Status = _status()
    mean: Annotated[float, Field(ge=0, le=4)] | None = Field(None, description="Mean walking speed [m/s]")


class Stays(Message):
    """Stays in the zone that ended in the span of the crossings, by length."""

    status: Status = _status()
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

    status: Status = _status()
    from_: Moment = Field(alias="from", description="Start of the span, earlier when numbers were carried [UTC]")
    lines: list[Crossing] = Field(max_length=2)


class Crossings(Message):
    """Crossings of the zone's lines on foot, over a span of their own that ends with this window.

    What could not be shown is carried into the next span, which then begins earlier: sums over a day stay right.
    """

    model_config = ConfigDict(populate_by_name=True)

    status: Status = _status()
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


class PersonHours(Message):
    """How busy a day was."""

    status: Status = _status()
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


Seconds = Annotated[float, Field(ge=0)] | None


class BrokerStatus(Message):
    """How things are between the device and one broker."""

    condition: Condition = Field(
        description="connected: takes what it is sent. Else what is wrong: unreachable, certificate (either side's), "
        "refused (login), not_authorized (access list), quota, too_large, lost (trying again), connecting (at start)"
    )
    waiting: int = Field(ge=0, description="Windows that this broker has not confirmed yet [window]")
    publish_median: Seconds = Field(
        None,
        description="From the end of a window until this broker had confirmed it: half of those that it confirmed in "
        "the last 24 hours, since the start at most, took no longer; null without any [s]",
    )
    publish_95: Seconds = Field(None, description="95 % of these took no longer [s]")


class CommandCounts(Message):
    """Commands that came in over the broker."""

    obeyed: int = Field(0, ge=0, description="Signed by a listed key, and carried out [command]")
    ignored: dict[str, int] = Field(default_factory=dict, description="Anything else, by reason [command]")


class DeviceStatus(Message):
    """Retained: how the device is. The broker itself sends the last will, in which only `online` is known."""

    schema_: Literal["drukte/status/1"] = Field("drukte/status/1", alias="schema")
    organisation: Id
    device: Id
    online: bool = Field(description="Whether the publishing process is connected")
    sensing: bool = Field(description="Whether frames are being turned into numbers at this moment")
    state: State | Literal["closed", "expired", "refused", "unknown"] = Field(
        description="State of the sensor; validation: an ordered, encrypted sample is being taken; absent: the sensing "
        "process is not heard of; closed: outside the schedule; expired: past the purpose's last day; refused: the "
        "site file may not be used, see refusal; unknown: device not connected"
    )
    opens: Moment | None = Field(None, description="When the schedule opens the camera again, if it is closed [UTC]")
    refusal: str | None = Field(None, max_length=400, description="Why the site file may not be used, if it may not")
    reason: Literal["connection_lost", "stopped"] | None = Field(description="Why the device is not online")
    since: Moment | None = Field(description="Since when state has this value [UTC]")
    at: Moment | None = Field(description="When this status was written; null in the last will [UTC]")
    boot: str = Field(pattern=r"^[0-9a-f]{8}$", description="Changes at every start of the publishing process")
    software: str = Field(max_length=40, description="Version of drukte")
    last_record_age: int | None = Field(ge=0, description="Age of the last record from the sensing process [s]")
    accepted: int = Field(ge=0, description="Records accepted since the start [record]")
    rejected: dict[str, int] = Field(description="Records refused since the start, by reason [record]")
    sensing_starts: int = Field(ge=0, description="Starts of the sensing process seen [1]")
    seal: int | None = Field(ge=0, le=255, description="What the sensing process says its kernel enforces [bits]")
    waiting: int = Field(ge=0, description="Windows that wait to be delivered [window]")
    merged: int = Field(ge=0, description="Windows put together to hours since the start to save room [window]")
    lost: int = Field(ge=0, description="Windows given up since the start because the store was full [window]")
    store: Literal["fine", "full", "replaced"] = Field(
        description="full: the disk takes nothing, windows are held in memory; replaced: it was damaged at the start, "
        "and an empty one was begun"
    )
    brokers: dict[str, BrokerStatus] = Field(description="`primary` and each mirror")
    observed: Share = Field(
        None, description="Part of the last 24 hours that was observed, over all zones; null without any window [1]"
    )
    good: Share = Field(None, description="Part of the last 24 hours' windows whose quality is good [1]")
    commands: CommandCounts = Field(description="Commands that came in since the start")
    purpose_valid_until: str | None = Field(
        pattern=r"^\d{4}-\d\d-\d\d$", description="Last day of counting; null if the site file tells none"
    )

    model_config = ConfigDict(populate_by_name=True)


class Level(Message):
    """A closeness level."""

    name: Id
    nearer_than: float = Field(description="People nearer to each other than this are in this level or a worse one [m]")


class ZoneMeta(Message):
    """A zone."""

    name: Id
    area: float = Field(gt=0, description="Area [m2]")
    lines: list[Id] = Field(description="Names of its counting lines")


class Sensor(Message):
    """What one sensor can and cannot do, from its data sheet and where it hangs; see also `quality` of observations."""

    kind: str = Field(description="Kind of sensor, with the module if there are several of a kind")
    max_targets: int | None = Field(
        ge=1, description='People from which a count means "at least" [person]; null: no such limit'
    )
    range: float | None = Field(gt=0, description="Farthest at which people are seen [m]; null: not known")
    decidable: dict[Literal["low_risk", "high_risk"], float] | None = Field(
        description="For each level the distance from the sensor up to which two people side by side, as far apart as "
        "the level says, are seen as two [m]; null: not limited by the sensor's angle. Nearer pairs or farther people "
        "may be `undetermined`"
    )


class Meta(Message):
    """Retained: what the device is for and how its messages are to be read."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["drukte/meta/1"] = Field("drukte/meta/1", alias="schema")
    organisation: Id
    device: Id
    place: str
    latitude: float | None = Field(description="WGS 84 [deg]")
    longitude: float | None = Field(description="WGS 84 [deg]")
    time_zone: str = Field(description="IANA time zone of the place")
    what_for: str
    controller: str
    legal_ground: str
    legal_basis: str | None
    contact: str
    valid_until: str = Field(pattern=r"^\d{4}-\d\d-\d\d$", description="Last day of counting")
    sensor: str = Field(description="Kind of sensor")
    sensors: list[Sensor] = Field(max_length=2, description="What each sensor of the device can do")
    tick: int = Field(description="Span over which frames are summed before anything leaves the sealed room [s]")
    window: int = Field(description="Span of one observation [s]")
    crossings_window: int = Field(description="Span over which crossings are added up [s]")
    open_window: int | None = Field(description="Span of one observation of the second, public product; null: none [s]")
    levels: dict[Literal["low_risk", "high_risk"], Level]
    group_distance: float = Field(description="People linked by distances under this form a group [m]")
    zones: list[ZoneMeta]
    disclosure_policy: Policy
    disclosure_reason: str | None
    software: str


SealName = Literal["filtered", "refused", "no_dump", "landlock", "locked", "no_swap", "wiped", "deadly"]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Privacy(Message):
    """Retained: what keeps frames in, as it is and not as it is meant to be."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: Literal["drukte/privacy/1"] = Field("drukte/privacy/1", alias="schema")
    organisation: Id
    device: Id
    at: Moment = Field(description="When this was written [UTC]")
    sealed: bool | None = Field(
        description="Whether the kernel enforces the seal on every thread of the process that sees frames, every "
        "forbidden act was tried and refused, and it cannot be dumped; null before its first record"
    )
    enforced: list[SealName] | None = Field(description="Everything that is in force, as the kernel says")
    free_bits_per_hour: float = Field(ge=0, description="What a dishonest sealed room could choose freely [bit/h]")
    software: str
    code: Hash = Field(description="SHA-256 over the installed files of drukte")
    model: Hash | None = Field(description="SHA-256 of the person detector; null if the sensor needs none")
    settings: Hash = Field(description="SHA-256 of the site file")
    settings_serial: int | None = Field(
        ge=1, description="Serial number of the signed site file; null if this device takes unsigned ones"
    )
    indicator: Literal["none", "led", "gpio", "file"] = Field(
        description="Light that has to be on before the camera opens, and goes off when it is closed"
    )
    schedule: list[str] = Field(description="When the camera may be open, in the place's own time; empty: always")
    purpose_valid_until: str = Field(pattern=r"^\d{4}-\d\d-\d\d$", description="Last day of counting")
    ledger: Hash | None = Field(description="Hash of the ledger's last line; null if the ledger does not hold")
    ledger_lines: int | None = Field(ge=0, description="Number of that line, from 0 [1]")
    audit: str | None = Field(max_length=20, description="Verdict of the last audit; null if there was none")
    audit_at: Moment | None = Field(description="When that was [UTC]")


MODELS: Final[dict[str, type[Message]]] = {
    "observation-1": Observation,
    "day-1": Day,
    "busyness-1": Busyness,
    "selfcheck-1": SelfCheck,
    "status-1": DeviceStatus,
    "meta-1": Meta,
    "privacy-1": Privacy,
}


def dump(message: Message) -> str:
    """A message as compact JSON."""
    return message.model_dump_json(by_alias=True)


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a message of `MODELS`. Every key is always there, so every key is required."""
    schema = MODELS[name].model_json_schema(by_alias=True, mode="serialization")
    _tidy(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:drukte:schema:{name}", **schema}


def _tidy(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    elif isinstance(node, dict):
        if isinstance(properties := node.get("properties"), dict):
            node["required"] = list(properties)
            for field in properties.values():
                field.pop("title", None)
                field.pop("default", None)
        for value in node.values():
            _tidy(value)
