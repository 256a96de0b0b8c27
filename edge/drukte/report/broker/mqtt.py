"""The connection to one broker. It survives that broker being away, wrong or unwilling, and says which of these.

A thread of its own talks to the broker and reconnects. It never touches the store: what it learns goes through a queue
to the main thread, which reads it with `news`.
"""

import contextlib
import logging
import queue
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import LogLevel
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from drukte.config.report import Broker
from drukte.report.broker.backoff import Backoff
from drukte.report.broker.connection import Connection, Sent, connect, new_client, properties_of
from drukte.report.broker.news import (
    ADVICE,
    Confirmed,
    Connected,
    Disconnected,
    News,
    Received,
    Refused,
    condition_of,
)
from drukte.report.broker.secret import read_secret, tls_context, uses_tls
from drukte.report.formats.native import Condition

log = logging.getLogger(__name__)

MAX_PAYLOAD: Final = 8192
"""Largest payload that is sent, bytes. A broker that is sent more than it takes hangs up, and QoS 1 sends it again."""
MOST_COMMANDS: Final = 50
"""More than this many that wait to be read are dropped."""
OTHER_VERSION: Final = 0x84
"""Reason code of a broker that does not speak this version of MQTT."""
HANG_UPS: Final = 2
"""After this many silent refusals in a row the other version of MQTT is tried."""
SETTLED: Final = 5.0
"""A connection that held this long was one, s; shorter ones count as failures, so that two clients with one name do
not throw each other out as fast as they can."""
_OVERHEAD: Final = 200
"""Bytes of a packet besides topic and payload; generous."""


class Link:
    """One broker.

    Every connection has a paho client of its own: what an earlier one had under way is sent again from the store and
    from nowhere else, and nothing sent before a connection was lost can come back out of order.

    Args:
        name: what the broker is called in the log and the store.
        settings: how to reach it.
        client_id: identifier of this client at the broker.
        will: topic and payload that the broker publishes, retained, when this process disappears; None for none.
        wake: called from another thread when there is news.
        base: folder that relative file names in the settings start from.
        listen: topic filter of messages to receive, None for none.
        longest: longer messages that come in are dropped unread, bytes.

    Raises:
        SecretError: a password, certificate or key file cannot be used.
    """

    def __init__(
        self,
        name: str,
        settings: Broker,
        *,
        client_id: str,
        will: tuple[str, str] | None,
        wake: Callable[[], None],
        base: Path = Path(),
        listen: str | None = None,
        longest: int = 4096,
    ) -> None:
        self.name = name
        self._settings = settings
        self._v5 = settings.version == "5"
        self._client_id = client_id
        self._will = will
        self._hung_up = 0
        self._wake = wake
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {name}", daemon=True)
        self._complaint: str | None = ""
        self._connection: Connection | None = None
        self._password = read_secret(settings.password_file, base) if settings.password_file else None
        self._tls = tls_context(settings, base) if uses_tls(settings) else None
        self._listen, self._longest = listen, longest
        self._since: float | None = None  # when the broker accepted the connection
        self._said = ""  # paho's last complaint: it keeps the alert of a TLS peer to its log
        self.problem: str | None = "not connected yet"
        self.condition: Condition = "connecting"
        self._dropped = 0
        self._refused_topics: set[str] = set()  # of messages that nobody waits for; said once each

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and has not been lost since."""
        return self.problem is None

    def start(self) -> None:
        """Begin to connect; does not wait."""
        self._thread.start()

    def stop(self, wait: float = 5.0) -> None:
        """Say goodbye properly, so that the broker does not send the last will."""
        self._stop.set()
        if connection := self._connection:
            connection.client.disconnect()
        if self._thread.is_alive():
            self._thread.join(wait)

    def news(self) -> list[News]:
        """What happened since the last call, oldest first."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._news.get_nowait())
        return found

    def take_dropped(self) -> int:
        """Messages since the last call that were dropped because they were too long or too many."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def publish(
        self,
        topic: str,
        payload: str,
        *,
        mark: int | None = None,
        retain: bool = False,
        expiry: int | None = None,
        schema: str | None = None,
        content_type: str = "application/json",
    ) -> bool:
        """Send with QoS 1. False when there is no connection to send it on.

        Args:
            topic: where to.
            payload: text.
            mark: number that comes back in `Confirmed` or `Refused`; None when nobody waits for it.
            retain: whether the broker keeps it for later subscribers.
            expiry: seconds after which the broker may drop it (MQTT 5).
            schema: name of the payload's schema, as a user property (MQTT 5).
            content_type: media type of the payload (MQTT 5).
        """
        connection = self._connection
        if connection is None or not self.connected:
            return False
        data = payload.encode()
        if len(data) > min(MAX_PAYLOAD, connection.packet_limit - len(topic) - _OVERHEAD):
            reason = f"{len(data)} bytes are more than the broker takes"
            log.error("broker %s: message for %s is not sent: %s", self.name, topic, reason)
            if mark is not None:
                self._tell(Refused(mark, topic, reason, "too_large"))
            return True
        message = Sent(topic, mark)
        properties = None
        if self._v5:
            properties = properties_of(PacketTypes.PUBLISH)
            properties.ContentType = content_type
            properties.PayloadFormatIndicator = 1
            if expiry is not None:
                properties.MessageExpiryInterval = max(1, expiry)
            if schema is not None:
                properties.UserProperty = ("schema", schema)
            topic = connection.alias(topic, properties)
        info = connection.client.publish(topic, data, qos=1, retain=retain, properties=properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return False
        if (answer := connection.sent(info.mid, message)) is not None:
            self._answered(message, answer)
        return True

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            connection = self._connection = Connection(self._new_client())
            self._said = ""
            self._since = None
            try:
                connect(connection.client, self._settings, self._v5)
                connection.client.loop_forever(retry_first_connection=False)
            except ssl.SSLCertVerificationError as error:
                self._lost("certificate", f"its certificate is not accepted: {error.verify_message}")
            except ssl.SSLError as error:
                self._lost("certificate", f"no secure connection: {error.args[-1]}")
            except (OSError, ValueError) as error:
                self._lost("unreachable", f"cannot be reached: {error}")
            self._connection = None
            if self._since is not None and time.monotonic() - self._since > SETTLED:
                backoff.connected()
            self._stop.wait(backoff.pause(self.condition, time.monotonic()))

    def _new_client(self) -> paho.Client:
        client = new_client(self._settings, self._v5, self._client_id, self._will, self._password, self._tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_log = self._on_log
        return client

    def _tell(self, news: News) -> None:
        self._news.put(news)
        self._wake()

    def _lost(self, condition: Condition, problem: str) -> None:
        """Note why there is no connection; log a change of condition, not every attempt."""
        self.condition, self.problem = condition, problem
        if problem != self._complaint and not self._stop.is_set():
            log.warning("%s: %s. %s; trying again, nothing is lost", self._where, problem, ADVICE[condition])
        self._complaint = problem
        self._tell(Disconnected(problem))

    @property
    def _where(self) -> str:
        return f"broker {self.name} ({self._settings.host}:{self._settings.port})"

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        connection = self._connection
        if reason.value == OTHER_VERSION and self._v5:
            self._v5 = False
            log.warning("%s: does not speak MQTT 5; going on with MQTT 3.1.1", self._where)
            self.condition, self.problem = "refused", "does not speak MQTT 5"
            client.disconnect()
            return
        if reason.is_failure or connection is None:
            condition = condition_of(reason, "refused")
            self._lost("refused" if condition == "not_authorized" else condition, f"refused the connection: {reason}")
            client.disconnect()
            return
        if self._stop.is_set():
            client.disconnect()
            return
        connection.accepted(properties)
        self.condition, self.problem = "connected", None
        self._hung_up = 0
        self._since = time.monotonic()
        self._complaint = None
        log.info("%s: connected", self._where)
        if self._listen:
            client.subscribe(self._listen, qos=1)
        self._tell(Connected())

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if "SSL" in self._said and "alert" in self._said.lower():
            self._lost("certificate", f"ended the secure connection: {self._said}")
        elif self.problem is None:
            self._lost(condition_of(reason, "lost"), f"connection lost: {reason}")
        elif self.condition in ("connecting", "unreachable", "lost"):
            # The alert of a broker that refuses a certificate is often lost with the connection.
            condition: Condition = "certificate" if self._settings.certificate_file else "unreachable"
            self._lost(condition, "hung up before it let this device in")
            self._hung_up += 1
            if self._settings.version == "5" and self._hung_up % HANG_UPS == 0:
                self._v5 = not self._v5  # some brokers say so to a version that they do not speak

    def _on_log(self, _client: paho.Client, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._said = text

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if len(message.payload) > self._longest or self._news.qsize() > MOST_COMMANDS:
            self._dropped += 1
            self._wake()
        else:
            self._tell(Received(message.topic, bytes(message.payload)))

    def _on_publish(
        self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        connection = self._connection
        if connection and (message := connection.answered(mid, reason)):
            self._answered(message, reason)

    def _answered(self, message: Sent, reason: ReasonCode) -> None:
        topic, condition = message.topic, condition_of(reason, "refused")
        if message.mark is not None:
            refused = Refused(message.mark, topic, str(reason), condition)
            self._tell(refused if reason.is_failure else Confirmed(message.mark))
        elif not reason.is_failure:
            self._refused_topics.discard(topic)
        elif topic not in self._refused_topics:
            self._refused_topics.add(topic)
            log.warning("%s refused a message for %s: %s. %s", self._where, topic, reason, ADVICE[condition])
