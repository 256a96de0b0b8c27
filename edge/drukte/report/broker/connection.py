"""What belongs to one connection to a broker and ends with it."""

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from drukte.config.report import Broker

KEEPALIVE: Final = 30
"""Seconds; the broker sends the last will after one and a half of these."""
IN_FLIGHT: Final = 20
"""Most messages under way at a time."""
WILL_DELAY: Final = 5
"""With MQTT 5 the broker waits this long before it says that the device is gone, s."""
SESSION: Final = 300
"""With MQTT 5 the broker keeps the session this long after a connection is lost, s."""
SILENCE: Final = 20
"""What was sent and not acknowledged by the network for this long ends the connection, s: one that was cut without a
word is noticed, and does not wait for the next try of TCP, which comes ever later."""


def notice_silence(_client: paho.Client, _data: Any, sock: Any) -> None:
    """Let TCP give up early on a peer that does not answer (RFC 5482; Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * SILENCE)


def properties_of(packet: int) -> Properties:
    """Empty MQTT 5 properties for a kind of packet."""
    return Properties(packet)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message under way: its topic, and the number that comes back with the answer, if anybody waits for it."""

    topic: str
    mark: int | None


class Connection:
    """What holds for one connection only: messages under way, topic aliases, the broker's limits."""

    def __init__(self, client: paho.Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._sent: dict[int, Sent] = {}
        self._early: dict[int, ReasonCode] = {}
        self.packet_limit = 2**28
        self._aliases: dict[str, int] = {}
        self._most_aliases = 0

    def sent(self, mid: int, message: Sent) -> ReasonCode | None:
        """Note what a packet is; the broker's answer when that came before this was known.

        paho calls back while it holds a lock of its own, so no lock may be held around its `publish`.
        """
        with self._lock:
            if mid in self._early:
                return self._early.pop(mid)
            self._sent[mid] = message
            return None

    def answered(self, mid: int, reason: ReasonCode) -> Sent | None:
        """What a packet was that the broker answered; None if that is not known yet."""
        with self._lock:
            if mid not in self._sent:
                self._early[mid] = reason
            return self._sent.pop(mid, None)

    def accepted(self, properties: Properties | None) -> None:
        """Note the limits that the broker named when it accepted the connection."""
        self.packet_limit = getattr(properties, "MaximumPacketSize", self.packet_limit)
        self._most_aliases = getattr(properties, "TopicAliasMaximum", 0)

    def alias(self, topic: str, properties: Properties) -> str:
        """The topic to write into the packet: empty when the broker knows it by a number already."""
        if topic in self._aliases:
            properties.TopicAlias = self._aliases[topic]
            return ""
        if len(self._aliases) < self._most_aliases:
            properties.TopicAlias = self._aliases[topic] = len(self._aliases) + 1
        return topic


def new_client(
    settings: Broker,
    v5: bool,
    client_id: str,
    will: tuple[str, str] | None,
    password: str | None,
    tls: ssl.SSLContext | None,
) -> paho.Client:
    """A client for one connection, not connected yet.

    Args:
        settings: how to reach the broker.
        v5: whether to speak MQTT 5, else 3.1.1.
        client_id: identifier of this client at the broker.
        will: topic and payload that the broker publishes, retained, when this process disappears; None for none.
        password: of `settings.username`.
        tls: for a secure connection.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5 if v5 else paho.MQTTv311,
        reconnect_on_failure=False,
        clean_session=None if v5 else True,
    )
    client.max_inflight_messages_set(IN_FLIGHT)
    properties = None
    if v5:
        properties = properties_of(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = WILL_DELAY
    if will is not None:
        client.will_set(*will, qos=1, retain=True, properties=properties)
    if settings.username:
        client.username_pw_set(settings.username, password)
    if tls:
        client.tls_set_context(tls)
    client.on_socket_open = notice_silence
    return client


def connect(client: paho.Client, settings: Broker, v5: bool) -> None:
    """Connect a client of `new_client`.

    Raises:
        OSError, ValueError: the broker cannot be reached.
    """
    extra: dict[str, Any] = {}
    if v5:
        session = properties_of(PacketTypes.CONNECT)
        session.SessionExpiryInterval = SESSION
        # The session is taken up again: a clean start would make the broker send the last will at once.
        extra = {"clean_start": False, "properties": session}
    client.connect(settings.host, settings.port, keepalive=KEEPALIVE, **extra)
