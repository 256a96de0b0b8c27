"""The connection to one broker. It survives that broker being away, wrong or unwilling, and says which of these.

A thread of its own talks to the broker and reconnects. It never touches the store: what it learns goes through a queue
to the main thread, which reads it with `news`.
"""

import contextlib
import logging
import os
import queue
import random
import ssl
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from drukte.config.report import Broker

log = logging.getLogger(__name__)

KEEPALIVE: Final = 30
"""Seconds; the broker sends the last will after one and a half of these."""
MAX_PAYLOAD: Final = 8192
"""Largest payload that is sent, bytes. A broker that is sent more than it takes hangs up, and QoS 1 sends it again."""
IN_FLIGHT: Final = 20
"""Most messages under way at a time."""
WILL_DELAY: Final = 5
"""With MQTT 5 the broker waits this long before it says that the device is gone, s."""
SESSION: Final = 300
"""With MQTT 5 the broker keeps the session this long after a connection is lost, s."""
FIRST_DELAY: Final = 1.0
LAST_DELAY: Final = 60.0
"""Seconds before trying again: doubled at each failure."""
_OVERHEAD: Final = 200
"""Bytes of a packet besides topic and payload; generous."""


class SecretError(Exception):
    """A password or key file that cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The broker has taken the message with this mark."""

    mark: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker has refused the message with this mark, for instance because it may not write to that topic."""

    mark: int
    reason: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands; what was under way before must be sent again."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone or could not be made."""

    reason: str


News = Confirmed | Refused | Connected | Disconnected


def secret_file(name: str, base: Path) -> Path:
    """Where a password, key or certificate lies: among systemd's credentials, or relative to the site file.

    Raises:
        SecretError: others may read a file that is not one of systemd's credentials.
    """
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        # a folder given as LoadCredential=drukte:FOLDER arrives as files drukte_NAME
        for candidate in (Path(folder) / name, Path(folder) / f"drukte_{name}"):
            if "/" not in name and candidate.is_file():
                return candidate
    path = base / name
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise SecretError(
            f"{path}: {error.strerror}. Put the file there or correct its name in the site file"
        ) from None
    if mode & 0o077:
        raise SecretError(f"{path}: others may read it (mode {mode:04o}). Run: chmod 600 {path}")
    return path


def read_secret(name: str, base: Path) -> str:
    """First line of a password file.

    Raises:
        SecretError: the file cannot be read, is empty, or others may read it.
    """
    path = secret_file(name, base)
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SecretError(f"{path}: cannot be read as text. Check who owns it and what is in it") from None
    if not text:
        raise SecretError(f"{path}: its first line is empty; put the password there")
    return text.splitlines()[0].strip()


def tls_context(settings: Broker, base: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with the site's authority and, when given, this device's certificate.

    Raises:
        SecretError: a file cannot be read or used, or others may read the key.
    """
    try:
        context = ssl.create_default_context(cafile=str(base / (settings.ca_file or "")))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.certificate_file and settings.key_file:
            context.load_cert_chain(base / settings.certificate_file, secret_file(settings.key_file, base))
    except (OSError, ssl.SSLError) as error:
        raise SecretError(
            f"TLS for broker {settings.host}: {error}. Check ca_file, certificate_file and key_file in the site file"
        ) from None
    return context


class Link:
    """One broker.

    Every connection has a paho client of its own: what an earlier one had under way is sent again from the store and
    from nowhere else, and nothing sent before a connection was lost can come back out of order.

    Args:
        name: what the broker is called in the log and the store.
        settings: how to reach it.
        client_id: identifier of this client at the broker.
        will: topic and payload that the broker publishes, retained, when this process disappears.
        wake: called from another thread when there is news.
        base: folder that relative file names in the settings start from.

    Raises:
        SecretError: a password, certificate or key file cannot be used.
    """

    def __init__(
        self,
        name: str,
        settings: Broker,
        *,
        client_id: str,
        will: tuple[str, str],
        wake: Callable[[], None],
        base: Path = Path(),
    ) -> None:
        self.name = name
        self._settings = settings
        self._v5 = settings.version == "5"
        self._client_id = client_id
        self._will = will
        self._wake = wake
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {name}", daemon=True)
        self._complaint: str | None = ""
        self._connection: _Connection | None = None
        self._password = read_secret(settings.password_file, base) if settings.password_file else None
        self._tls = tls_context(settings, base) if settings.ca_file else None
        self.problem: str | None = "not connected yet"

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

    def publish(
        self,
        topic: str,
        payload: str,
        *,
        mark: int | None = None,
        retain: bool = False,
        expiry: int | None = None,
        schema: str | None = None,
    ) -> bool:
        """Send with QoS 1. False when there is no connection to send it on.

        Args:
            topic: where to.
            payload: JSON text.
            mark: number that comes back in `Confirmed` or `Refused`; None when nobody waits for it.
            retain: whether the broker keeps it for later subscribers.
            expiry: seconds after which the broker may drop it (MQTT 5).
            schema: name of the payload's schema, as a user property (MQTT 5).
        """
        connection = self._connection
        if connection is None or not self.connected:
            return False
        data = payload.encode()
        if len(data) > min(MAX_PAYLOAD, connection.packet_limit - len(topic) - _OVERHEAD):
            reason = f"{len(data)} bytes are more than the broker takes"
            log.error("broker %s: message for %s is not sent: %s", self.name, topic, reason)
            if mark is not None:
                self._tell(Refused(mark, reason))
            return True
        properties = None
        if self._v5:
            properties = _properties(PacketTypes.PUBLISH)
            properties.ContentType = "application/json"
            properties.PayloadFormatIndicator = 1
            if expiry is not None:
                properties.MessageExpiryInterval = max(1, expiry)
            if schema is not None:
                properties.UserProperty = ("schema", schema)
            topic = connection.alias(topic, properties)
        info = connection.client.publish(topic, data, qos=1, retain=retain, properties=properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return False
        if (answer := connection.sent(info.mid, mark)) is not None:
            self._answered(mark, answer)
        return True

    def _run(self) -> None:
        delay = FIRST_DELAY
        while not self._stop.is_set():
            connection = self._connection = _Connection(self._new_client())
            began = time.monotonic()
            try:
                self._connect(connection.client)
                connection.client.loop_forever(retry_first_connection=False)
            except ssl.SSLCertVerificationError as error:
                self._lost(f"its certificate is not accepted: {error.verify_message}. Check ca_file and the host name")
            except ssl.SSLError as error:
                self._lost(f"no secure connection: {error.reason or error}. Check port, certificates and their dates")
            except (OSError, ValueError) as error:
                self._lost(f"cannot be reached: {error}. Check address, port and network")
            self._connection = None
            if time.monotonic() - began > 2 * KEEPALIVE:
                delay = FIRST_DELAY
            # Half of the delay is left to chance, so that a fleet does not come back all at once.
            self._stop.wait(delay * (0.5 + random.random() / 2))  # noqa: S311 - not for secrets
            delay = min(LAST_DELAY, 2 * delay)

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5 if self._v5 else paho.MQTTv311,
            reconnect_on_failure=False,
            clean_session=None if self._v5 else True,
        )
        client.max_inflight_messages_set(IN_FLIGHT)
        will = None
        if self._v5:
            will = _properties(PacketTypes.WILLMESSAGE)
            will.WillDelayInterval = WILL_DELAY
            will.ContentType = "application/json"
        client.will_set(*self._will, qos=1, retain=True, properties=will)
        if self._settings.username:
            client.username_pw_set(self._settings.username, self._password)
        if self._tls:
            client.tls_set_context(self._tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _connect(self, client: paho.Client) -> None:
        extra: dict[str, Any] = {}
        if self._v5:
            session = _properties(PacketTypes.CONNECT)
            session.SessionExpiryInterval = SESSION
            # The session is taken up again: a clean start would make the broker send the last will at once.
            extra = {"clean_start": False, "properties": session}
        client.connect(self._settings.host, self._settings.port, keepalive=KEEPALIVE, **extra)

    def _tell(self, news: News) -> None:
        self._news.put(news)
        self._wake()

    def _lost(self, problem: str) -> None:
        """Note why there is no connection; log a change of condition, not every attempt."""
        self.problem = problem
        if problem != self._complaint and not self._stop.is_set():
            log.warning("%s: %s; trying again, nothing is lost", self._where, problem)
        self._complaint = problem
        self._tell(Disconnected(problem))

    @property
    def _where(self) -> str:
        return f"broker {self.name} ({self._settings.host}:{self._settings.port})"

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        connection = self._connection
        if reason.is_failure or connection is None:
            self._lost(f"refused the connection: {reason}. Check username, password, certificate and access list")
            client.disconnect()
            return
        connection.accepted(properties)
        self.problem = None
        self._complaint = None
        log.info("%s: connected", self._where)
        self._tell(Connected())

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if self.problem is None:
            self._lost(f"connection lost: {reason}")

    def _on_publish(
        self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if connection := self._connection:
            known, mark = connection.answered(mid, reason)
            if known:
                self._answered(mark, reason)

    def _answered(self, mark: int | None, reason: ReasonCode) -> None:
        if mark is not None:
            self._tell(Refused(mark, str(reason)) if reason.is_failure else Confirmed(mark))
        elif reason.is_failure:
            log.warning("%s refused a message: %s. Check its access list", self._where, reason)


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


class _Connection:
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


class Wake:
    """Lets other threads and signals end a wait on file descriptors."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)

    def __call__(self) -> None:
        """End the present wait, or the next one. Safe in any thread and in a signal handler."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._write, b"\0")

    def drain(self) -> None:
        """Forget wake-ups that have been seen."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 4096):
                pass

    def close(self) -> None:
        """Release both descriptors."""
        os.close(self.fd)
        os.close(self._write)
