"""What the devices of a fleet say of themselves: their retained messages, put together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from drukte.report.formats.native import DeviceStatus, Message, Meta, Privacy, SelfCheck
from drukte_tools.fleet.bus import Arrived

KINDS: Final[dict[str, type[Message]]] = {
    "status": DeviceStatus,
    "meta": Meta,
    "privacy": Privacy,
    "selfcheck": SelfCheck,
}
Key = tuple[str, str]
"""Organisation and device."""
FEW: Final = 20
"""Up to this many devices are subscribed to one by one."""


@dataclass(slots=True)
class Device:
    """One device.

    Attributes:
        status, meta, privacy, selfcheck: what it said last; None when it has not.
        unreadable: kinds of its messages that could not be read.
        newer: kinds with keys that this version of drukte does not know; they were left out.
        foreign: kinds in which it names another device than its topic does.
    """

    organisation: str
    name: str
    status: DeviceStatus | None = None
    meta: Meta | None = None
    privacy: Privacy | None = None
    selfcheck: SelfCheck | None = None
    unreadable: set[str] = field(default_factory=set)
    newer: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)

    @property
    def full_name(self) -> str:
        """As it stands in topics and ring files."""
        return f"{self.organisation}/{self.name}"

    def take(self, kind: str, payload: bytes) -> None:
        """Take in a retained message; an empty one takes back what was said before."""
        for marks in (self.unreadable, self.newer, self.foreign):
            marks.discard(kind)
        setattr(self, kind, None)
        if not payload:
            return
        try:
            message, newer = read_message(KINDS[kind], payload)
        except ValueError:
            self.unreadable.add(kind)
            return
        told: Any = message
        if (told.organisation, told.device) != (self.organisation, self.name):
            self.foreign.add(kind)
            return
        if newer:
            self.newer.add(kind)
        setattr(self, kind, message)


class Inventory:
    """All devices that were heard of."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.devices: dict[Key, Device] = {}

    def take(self, arrived: Arrived) -> Device | None:
        """Take in a message; the device that it is from, None when it is of no kind that counts here."""
        organisation, _, rest = arrived.topic.removeprefix(f"{self._prefix}/").partition("/")
        name, _, kind = rest.partition("/")
        if kind not in KINDS or not organisation or not name:
            return None
        key = (organisation, name)
        device = self.devices.get(key)
        if device is None:
            if not arrived.payload:
                return None
            device = self.devices[key] = Device(organisation, name)
        device.take(kind, arrived.payload)
        return device

    def sorted(self) -> list[Device]:
        """The devices by name."""
        return [self.devices[key] for key in sorted(self.devices)]


def filters(prefix: str, only: Sequence[Key] | None = None) -> list[str]:
    """Topic filters for what the inventory takes in; of some devices alone when few are named."""
    places = ["+/+"] if only is None or len(only) > FEW else ["/".join(key) for key in only]
    return [f"{prefix}/{place}/{kind}" for place in places for kind in KINDS]


def read_message(model: type[Message], payload: bytes) -> tuple[Message, bool]:
    """A message, and whether it has keys that this version does not know: rings differ in version for a while.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        tree = json.loads(payload)
        return model.model_validate(tree), False
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
    except RecursionError:
        raise ValueError("nested too deeply") from None
    for where in unknown:
        node = tree
        for part in where[:-1]:
            node = node[part]
        del node[where[-1]]
    return model.model_validate(tree), True
