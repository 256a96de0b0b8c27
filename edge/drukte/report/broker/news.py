"""What a connection to a broker has to tell, and the words for its condition."""

from dataclasses import dataclass
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from drukte.report.formats.native import Condition

_BY_CODE: Final[dict[int, Condition]] = {
    0x83: "quota",  # implementation specific error: what brokers say when they are out of room
    0x87: "not_authorized",
    0x88: "quota",  # server unavailable
    0x89: "quota",  # server busy
    0x90: "not_authorized",  # topic name invalid
    0x93: "quota",  # receive maximum exceeded
    0x95: "too_large",
    0x96: "quota",  # message rate too high
    0x97: "quota",
    0x9F: "quota",  # connection rate exceeded
}
"""Reason codes of MQTT 5.0, section 2.4."""

ADVICE: Final[dict[Condition, str]] = {
    "connecting": "",
    "connected": "",
    "unreachable": "Check address, port and network",
    "certificate": "Check ca_file, the host name, this device's certificate and both their dates",
    "refused": "Check username, password, certificate and client_id",
    "not_authorized": "Check the broker's access list for this device",
    "quota": "Check the broker's limits on rate, connections and storage",
    "too_large": "Raise the broker's largest packet size",
    "lost": "If this repeats right after connecting, check that no other client has this client_id",
}


def condition_of(reason: ReasonCode, otherwise: Condition) -> Condition:
    """The condition that a broker's reason stands for."""
    return _BY_CODE.get(reason.value, otherwise)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The broker has taken the message with this mark."""

    mark: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker has refused the message with this mark, for instance because it may not write to that topic."""

    mark: int
    topic: str
    reason: str
    condition: Condition = "refused"


@dataclass(frozen=True, slots=True)
class Received:
    """A message came in on the topic that was listened to."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands; what was under way before must be sent again."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone or could not be made."""

    reason: str


News = Confirmed | Refused | Received | Connected | Disconnected
