"""What all messages are made of: kinds of values, times, and the rule that no unknown key is taken."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

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


def status_field() -> Any:
    """The status of a block."""
    return Field(description="Whether the numbers of this block are given; only `shown` means that they are")


def dump(message: Message) -> str:
    """A message as compact JSON."""
    return message.model_dump_json(by_alias=True)
