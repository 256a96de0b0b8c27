"""The connection of one made-up device: as a real one's, with an identity, a last will and a session of its own."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from drukte.config.report import Broker
from drukte.report.backoff import Backoff
from drukte.report.connection import Connection, properties_of
from drukte.report.mqtt import IN_FLIGHT, KEEPALIVE, SESSION, WILL_DELAY
from drukte.report.outbox import KEEP
from drukte_tools.fleet.bus import set_credentials
from drukte_tools.fleet.simulated import Said, SimulatedDevice


@dataclass(slots=True)
class Figures:
    """What was measured.

    Attributes:
        made, confirmed: observations that were made, and that the broker confirmed.
        messages: messages of all kinds that the broker confirmed.
        bytes: their payload.
        by_second: messages confirmed in each second of the monotonic clock.
        again: messages sent again after a broken connection.
        latencies: from sending a message to its PUBACK, s.
        times: when each of these PUBACKs came, s of the monotonic clock.
        lags: how late an observation was sent because this program was busy, s.
        connects: from the beginning of a connection to CONNACK, s.
        broken: connections that broke.
        refused: what the broker refused, by reason.
    """

    made: int = 0
    confirmed: int = 0
    messages: int = 0
    bytes: int = 0
    by_second: Counter[int] = field(default_factory=Counter)
    again: int = 0
    latencies: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    connects: list[float] = field(default_factory=list)
    broken: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Simulated:
    """One made-up device and its connection."""

    def __init__(
        self, device: SimulatedDevice, nodes: Sequence[Broker], base: Path, first: int, figures: Figures, v5: bool
    ) -> None:
        self.device = device
        self.nodes = deque(nodes)
        self.nodes.rotate(-first)
        self.base = base
        self.v5 = v5
        self.figures = figures
        self.client: paho.Client | None = None
        self.connection: Connection | None = None
        self.connected = False
        self.backoff = Backoff()
        self.under_way: dict[int, tuple[Said, float]] = {}
        self.waiting: deque[Said] = deque()
        self.made: deque[Said] = deque()
        self.problem = ""
        self.began = 0.0
        self.writes = False
        self.socket: Any = None

    def new_client(self) -> paho.Client:
        """A client as the device's own: last will, session, credentials. Raises SecretError."""
        node, site = self.nodes[0], self.device.site
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{site.organisation}-{site.device}",
            protocol=paho.MQTTv5 if self.v5 else paho.MQTTv311,
            reconnect_on_failure=False,
            clean_session=None if self.v5 else True,
        )
        client.max_inflight_messages_set(IN_FLIGHT)
        will_properties = None
        if self.v5:
            will_properties = properties_of(PacketTypes.WILLMESSAGE)
            will_properties.WillDelayInterval = WILL_DELAY
        will = self.device.will
        client.will_set(will.topic, will.payload, qos=1, retain=True, properties=will_properties)
        set_credentials(client, node, self.base)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        return client

    def connect(self) -> paho.Client:
        """Open a connection; waits for the network. Raises OSError, SecretError."""
        client = self.new_client()
        self.began = time.monotonic()
        extra: dict[str, Any] = {}
        if self.v5:
            session = properties_of(PacketTypes.CONNECT)
            session.SessionExpiryInterval = SESSION
            extra = {"clean_start": False, "properties": session}
        client.connect(self.nodes[0].host, self.nodes[0].port, keepalive=KEEPALIVE, **extra)
        return client

    def publish(self, said: Said) -> None:
        """Send a message, or keep one that counts until there is a connection."""
        if not self.connected or self.client is None or self.connection is None:
            if said.counted:
                self.waiting.append(said)
            return
        properties, topic = None, said.topic
        if self.v5:
            properties = properties_of(PacketTypes.PUBLISH)
            properties.ContentType = "application/json"
            properties.PayloadFormatIndicator = 1
            properties.UserProperty = ("schema", said.schema)
            if said.counted:
                properties.MessageExpiryInterval = KEEP
            topic = self.connection.alias(topic, properties)
        at = time.monotonic()
        info = self.client.publish(topic, said.payload, qos=1, retain=said.retain, properties=properties)
        self.under_way[info.mid] = (said, at)

    def lost(self) -> None:
        """The connection is gone: what counts and is not confirmed waits for the next one."""
        again = [said for said, _ in self.under_way.values() if said.counted]
        self.figures.again += len(again)
        self.waiting.extendleft(reversed(again))
        self.under_way.clear()
        self.client = self.connection = None
        self.connected = False
        self.nodes.rotate(-1)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self.problem = f"connection refused: {reason}"
            self.figures.refused[self.problem] += 1
            client.disconnect()
            return
        self.figures.connects.append(time.monotonic() - self.began)
        self.connection = Connection(client)
        self.connection.accepted(properties)
        self.connected = True
        waiting, self.waiting = list(self.waiting), deque()
        for said in [*self.device.greet(time.time(), len(waiting)), *waiting]:
            self.publish(said)

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        said, at = self.under_way.pop(mid, (None, 0.0))
        if said is None:
            return
        if reason.is_failure:
            self.figures.refused[f"message refused: {reason}"] += 1
            return
        now = time.monotonic()
        self.figures.latencies.append(now - at)
        self.figures.times.append(now)
        self.figures.by_second[int(now)] += 1
        self.figures.messages += 1
        self.figures.bytes += len(said.payload)
        self.figures.confirmed += said.counted
