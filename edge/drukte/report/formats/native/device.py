"""Messages about the device: how it is, what it is for, and what keeps frames in."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from drukte.report.formats.native.parts import Condition, Id, Message, Moment, Policy, Share, State

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
