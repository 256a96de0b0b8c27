"""What belongs to one connection to a broker and ends with it."""

import contextlib
import socket
import threading
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

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


class Connection:
    """What holds for one connection only: marks of messages under way, topic aliases, the broker's limits."""

    def __init__(self, client: paho.Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._marks: dict[int, int | None] = {}
        self._early: dict[int, ReasonCode] = {}
        self.packet_limit = 2**28
        self._aliases: dict[str, int] = {}
        self._most_aliases = 0

    def sent(self, mid: int, mark: int | None) -> ReasonCode | None:
        """Note the mark of a packet; the broker's answer when that came before its mark was known.

        paho calls back while it holds a lock of its own, so no lock may be held around its `publish`.
        """
        with self._lock:
            if mid in self._early:
                return self._early.pop(mid)
            self._marks[mid] = mark
            return None

    def answered(self, mid: int, reason: ReasonCode) -> tuple[bool, int | None]:
        """Whether a packet's mark is known yet, and the mark."""
        with self._lock:
            if mid in self._marks:
                return True, self._marks.pop(mid)
            self._early[mid] = reason
            return False, None

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
