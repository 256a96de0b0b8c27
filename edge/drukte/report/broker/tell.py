"""What one broker is told, in the formats that the site file names for it, and what is taken away from it again."""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Final

from drukte.config import Site
from drukte.config.report import Broker
from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation
from drukte.report.formats.registry import NATIVE, choose
from drukte.report.messages import meta
from drukte.report.store.outbox import Outbox

log = logging.getLogger(__name__)

_RETAINED: Final = "retained at"


def brokers(site: Site) -> dict[str, Broker]:
    """The brokers of a site by the names that they have in the log and the store."""
    return {"primary": site.mqtt} | {f"mirror-{i}": mirror for i, mirror in enumerate(site.mqtt.mirrors, 1)}


def wants(site: Site, broker: str, observation: Observation) -> bool:
    """Whether an observation is meant for a broker: one for the public gets nothing but the open product."""
    return brokers(site)[broker].gets == "all" or observation.disclosure.policy == "open"


def device_of(site: Site, broker: str = "primary") -> Device:
    """What formats for a broker may know of a site."""
    return Device(meta(site), site.mqtt.prefix, brokers(site)[broker].gets == "open")


def formats_of(site: Site) -> dict[str, Sequence[Format]]:
    """The formats of each broker.

    Raises:
        FormatError: they are not there, do not go together or do not fit the site; names the key.
    """
    keys = {name: "mqtt" if name == "primary" else f"mqtt.mirrors[{i - 1}]" for i, name in enumerate(brokers(site))}
    return {
        name: choose(broker.formats, device_of(site, name), f"{keys[name]}.formats")
        for name, broker in brokers(site).items()
    }


def client_id(site: Site, name: str) -> str:
    """The client identifier at one broker: two connections to the same broker must differ in it."""
    settings = brokers(site)[name]
    if settings.client_id:
        return settings.client_id
    first = next(n for n, b in brokers(site).items() if (b.host, b.port) == (settings.host, settings.port))
    return f"{site.organisation}-{site.device}" + ("" if first == name else f"-{name}")


class Teller:
    """Speaks the formats of one broker.

    Args:
        name: the broker.
        formats: what it is told in.
        device: what formats may know of the device.
        outbox: remembers what is retained at the broker.

    Attributes:
        native: whether it is told the native messages: status, meta, privacy and day go with these.
    """

    def __init__(self, name: str, formats: Sequence[Format], device: Device, outbox: Outbox) -> None:
        self._name = name
        self._formats = formats
        self._device = device
        self._outbox = outbox
        self.native = NATIVE in formats

    def render(self, observation: Observation) -> list[Outgoing]:
        """All messages that tell an observation. What a format cannot tell is left out, and said in the log."""
        found: list[Outgoing] = []
        for one in self._formats:
            found += self._guarded(one, lambda one=one: one.observation(observation, self._device))  # type: ignore[misc]
        return found

    @property
    def will(self) -> Outgoing | None:
        """What the broker says when the connection is lost, unless it is the native status."""
        return next((one.will(self._device) for one in self._formats if one.will), None)

    def greet(self) -> list[Outgoing]:
        """What to tell a broker that is new: what formats announce, and the end of what is no longer told."""
        kept = [topic for one in self._formats for topic in one.retains(self._device)]
        before = json.loads(self._outbox.remembered(f"{_RETAINED} {self._name}") or "[]")
        gone = [Outgoing(topic, "", retain=True) for topic in before if topic not in kept]
        if gone:
            log.info("broker %s: taking %d retained messages away that are no longer told", self._name, len(gone))
        return gone + [
            message
            for one in self._formats
            for message in self._guarded(one, lambda one=one: one.announce(self._device))  # type: ignore[misc]
        ]

    def greeted(self) -> None:
        """What was told to be taken away has been sent; from here on the present topics are remembered."""
        kept = [topic for one in self._formats for topic in one.retains(self._device)]
        self._outbox.keep(f"{_RETAINED} {self._name}", json.dumps(kept))

    def farewell(self) -> list[Outgoing]:
        """What to say before a proper end."""
        return [message for one in self._formats for message in one.farewell(self._device)]

    def _guarded(self, one: Format, make: Callable[[], Sequence[Outgoing]]) -> Sequence[Outgoing]:
        try:
            return make()
        except Exception as error:  # a package's format may fail in any way; the others go on
            log.error("broker %s: format %s failed (%s: %s)", self._name, one.name, type(error).__name__, error)
            return ()
