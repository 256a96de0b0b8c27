"""What a message format is: small pure functions from what may be published to messages.

A format sees nothing but an `Observation` after disclosure and the device's public `Meta`. So whatever it makes tells
nothing that the native messages do not tell. A package adds one by an entry point in the group `drukte.formats` whose
value is a `Format`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drukte.report.formats.native import Meta, Observation


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it goes to the broker.

    Attributes:
        topic: where to.
        payload: its text; empty and retained takes an earlier one away from the broker.
        schema: name of its schema, sent as a user property (MQTT 5).
        retain: whether the broker keeps it for later subscribers.
        content_type: media type (MQTT 5).
    """

    topic: str
    payload: str
    schema: str | None = None
    retain: bool = False
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Device:
    """What a format may know of the device: what it publishes of itself.

    Attributes:
        meta: the retained meta message.
        prefix: start of the native topics.
        public: whether only what is for the public is told.
    """

    meta: Meta
    prefix: str
    public: bool = False

    @property
    def name(self) -> str:
        """Organisation and device as one name."""
        return f"{self.meta.organisation}-{self.meta.device}"

    def topic(self, end: str) -> str:
        """Full native topic from its end, as in `topic("status")` or `topic("square/obs")`."""
        return f"{self.prefix}/{self.meta.organisation}/{self.meta.device}/{end}"

    def product(self, o: Observation) -> str:
        """Last part of the native topic: `open` for the second product, made for the public, else `obs`."""
        return "open" if o.disclosure.policy != self.meta.disclosure_policy else "obs"

    @property
    def products(self) -> list[str]:
        """All products that are told of this device."""
        if not self.meta.open_window:
            return ["obs"]
        return ["open"] if self.public else ["obs", "open"]

    def span(self, product: str) -> int:
        """Length of an observation of a product, s."""
        return self.meta.open_window or self.meta.window if product == "open" else self.meta.window


def nothing(_device: Device) -> Sequence[Outgoing]:
    """No messages."""
    return ()


@dataclass(frozen=True, slots=True)
class Format:
    """A way to tell observations.

    Attributes:
        name: what it is called in the site file.
        about: what it is, in a few words.
        observation: the messages that tell one observation; none when the format has no word for it.
        announce: retained messages for a broker that is new, in order.
        retains: every topic under which it may leave a message at a broker, in the order in which they are taken away
            when the format is switched off.
        will: what the broker says when the connection is lost; a broker keeps one will per connection.
        farewell: messages before a proper end.
        lacks: what in the site's settings stands against it, in words; None if nothing does.
        beside: format that must be on for the same broker.
    """

    name: str
    about: str
    observation: Callable[[Observation, Device], Sequence[Outgoing]]
    announce: Callable[[Device], Sequence[Outgoing]] = nothing
    retains: Callable[[Device], Sequence[str]] = lambda _device: ()
    will: Callable[[Device], Outgoing] | None = None
    farewell: Callable[[Device], Sequence[Outgoing]] = nothing
    lacks: Callable[[Device], str | None] = lambda _device: None
    beside: str | None = None
