"""One connection to the broker for one command: what is retained there, what comes in, and messages to devices."""

import contextlib
import os
import queue
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from drukte.config.report import Broker
from drukte.report.broker.connection import notice_silence, properties_of
from drukte.report.broker.news import ADVICE, condition_of
from drukte.report.broker.secret import SecretError, read_secret, tls_context, uses_tls

PATIENCE: Final = 10.0
"""The broker answers within this, s, or it counts as away."""


class FleetError(Exception):
    """What keeps a fleet command from working; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that came in."""

    topic: str
    payload: bytes
    retained: bool = False


class Bus:
    """A connection that subscribes when it is entered and says goodbye when it is left.

    Args:
        broker: how to reach it.
        base: folder that file names in `broker` start from.
        filters: topic filters to subscribe to.
    """

    def __init__(self, broker: Broker, base: Path, filters: Sequence[str]) -> None:
        self._broker = broker
        self._base = base
        self._filters = filters
        self._v5 = broker.version == "5"
        self._arrived: queue.SimpleQueue[Arrived | FleetError] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, int, ReasonCode | None]] = queue.SimpleQueue()
        self._said = ""
        self._accepted = False

    def __enter__(self) -> Self:
        """Connect and subscribe.

        Raises:
            FleetError: the broker cannot be reached, does not let us in, or does not let us read.
        """
        broker = self._broker
        try:
            self._client = self._new_client()
            self._client.connect(broker.host, broker.port, keepalive=30)
        except SecretError as error:
            raise FleetError(str(error)) from None
        except ssl.SSLCertVerificationError as error:
            raise self._error(f"its certificate is not accepted: {error.verify_message}", "certificate") from None
        except ssl.SSLError as error:
            raise self._error(f"no secure connection: {error.args[-1]}", "certificate") from None
        except (OSError, ValueError) as error:
            raise self._error(f"cannot be reached: {error}", "unreachable") from None
        self._client.loop_start()
        try:
            self._come_in()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def next(self, seconds: float) -> Arrived | None:
        """The next message; None when none comes within `seconds`.

        Raises:
            FleetError: the connection was lost.
        """
        with contextlib.suppress(queue.Empty):
            arrived = self._arrived.get(timeout=max(0.001, seconds))
            if isinstance(arrived, FleetError):
                raise arrived
            return arrived
        return None

    def until_quiet(self, quiet: float) -> Iterator[Arrived]:
        """Messages until no retained one came for `quiet` seconds; the devices' new ones go on all the time."""
        end = time.monotonic() + quiet
        while (left := end - time.monotonic()) > 0 and (arrived := self.next(left)) is not None:
            if arrived.retained:
                end = time.monotonic() + quiet
            yield arrived

    def publish(self, topic: str, payload: bytes, expiry: int) -> None:
        """Send with QoS 1 and wait until the broker has it; it may drop it after `expiry` seconds (MQTT 5).

        Raises:
            FleetError: the broker refused or did not answer.
        """
        properties = None
        if self._v5:
            properties = properties_of(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = expiry
        mid = self._client.publish(topic, payload, qos=1, properties=properties).mid
        reason = self._answer("published", mid)
        if reason is not None and reason.is_failure:
            raise self._error(f"does not take a message on {topic}: {reason}", condition_of(reason, "refused"))

    def _come_in(self) -> None:
        reason = self._answer("connected", 0)
        if reason is not None and reason.is_failure:
            raise self._error(f"refused the connection: {reason}", "refused")
        self._accepted = True
        if not self._filters:
            return
        _, mid = self._client.subscribe([(name, 1) for name in self._filters])
        reason = self._answer("subscribed", mid or 0)
        if reason is not None and reason.is_failure:
            raise self._error(f"does not let us read {', '.join(self._filters)}: {reason}", "not_authorized")

    def _answer(self, what: str, mid: int) -> ReasonCode | None:
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                kind, answered, reason = self._answers.get(timeout=left)
                if kind == "lost":
                    hint = f" ({self._said})" if self._said else ""
                    raise self._error(f"hung up{hint}", "certificate" if uses_tls(self._broker) else "refused")
                if (kind, answered) == (what, mid):
                    return reason
        raise self._error(f"did not answer within {PATIENCE:.0f} s", "unreachable")

    def _error(self, text: str, condition: Any) -> FleetError:
        return FleetError(f"broker {self._broker.host}:{self._broker.port}: {text}. {ADVICE[condition]}")

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id or f"drukte-fleet-{os.urandom(4).hex()}",
            protocol=paho.MQTTv5 if self._v5 else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        set_credentials(client, self._broker, self._base)
        client.on_connect = lambda _c, _d, _f, reason, _p: self._answers.put(("connected", 0, reason))
        client.on_subscribe = self._on_subscribe
        client.on_publish = lambda _c, _d, mid, reason, _p: self._answers.put(("published", mid, reason))
        client.on_message = lambda _c, _d, m: self._arrived.put(Arrived(m.topic, bytes(m.payload), m.retain))
        client.on_disconnect = self._on_disconnect
        client.on_log = self._on_log
        client.on_socket_open = notice_silence
        return client

    def _on_subscribe(self, _client: paho.Client, _data: Any, mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        worst = next((reason for reason in reasons if reason.is_failure), None)
        self._answers.put(("subscribed", mid, worst))

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _p: Any) -> None:
        self._answers.put(("lost", 0, reason))
        self._arrived.put(self._error(f"connection lost: {reason}", condition_of(reason, "lost")))

    def _on_log(self, _client: paho.Client, _data: Any, level: int, text: str) -> None:
        if level == paho.MQTT_LOG_ERR:
            self._said = text


def set_credentials(client: paho.Client, broker: Broker, base: Path) -> None:
    """Give a client the user name, password and TLS of a broker's settings.

    Raises:
        SecretError: a password, certificate or key file cannot be used.
    """
    if broker.username:
        password = read_secret(broker.password_file, base) if broker.password_file else None
        client.username_pw_set(broker.username, password)
    if uses_tls(broker):
        client.tls_set_context(tls_context(broker, base))
