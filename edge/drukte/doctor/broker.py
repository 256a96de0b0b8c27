"""The broker: is it reached, is it the right one, does it let this device write where it has to and nowhere else."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from drukte.config import Site
from drukte.config.report import Broker
from drukte.doctor.machine import Finding, fine, fix
from drukte.report.broker.secret import SecretError, credential, read_secret, tls_context, uses_tls

PATIENCE: Final = 8.0
"""Seconds for an answer."""
SOON: Final = timedelta(days=30)
CREDENTIALS: Final = "credentials"
"""Folder beside the site file that systemd hands to the open room."""


def look(site: Site, base: Path, now: datetime | None = None) -> Iterator[Finding]:
    """Every broker of the site.

    Args:
        site: the checked site file.
        base: folder that relative file names in it start from.
        now: wall clock; this machine's when None.
    """
    _lend_credentials(base)
    for name, broker in [("broker", site.mqtt), *((f"mirror {i}", m) for i, m in enumerate(site.mqtt.mirrors, 1))]:
        yield from certificates(name, broker, base, now or datetime.now(UTC))
        yield from _reach(name, broker, site, base)


def _lend_credentials(base: Path) -> None:
    """Find keys by the names that systemd would hand them over by, when run by hand."""
    folder = base / CREDENTIALS
    if "CREDENTIALS_DIRECTORY" not in os.environ and os.access(folder, os.R_OK):
        os.environ["CREDENTIALS_DIRECTORY"] = str(folder)


def certificates(name: str, broker: Broker, base: Path, now: datetime) -> Iterator[Finding]:
    """Whether the files for TLS can be read and until when they hold."""
    if not uses_tls(broker):
        near = broker.host in ("localhost", "127.0.0.1", "::1")
        if near:
            yield fine(f"{name} TLS", "none; the broker is on this machine")
        else:
            yield fix(
                f"{name} TLS",
                f"none: anybody on the way to {broker.host} reads along",
                "give mqtt.ca_file and port 8883",
            )
        return
    for what, given in (("authority", broker.ca_file), ("certificate", broker.certificate_file)):
        if given is None:
            continue
        try:
            path = credential(given) or base / given
            whole = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as error:
            text = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
            place = base / given if what == "authority" or "/" in given else base / CREDENTIALS / given
            yield fix(f"{name} {what}", f"{given} cannot be used: {text}", f"put a PEM file there: {place}")
            continue
        yield _lasting(
            f"{name} {what}", min(c.not_valid_after_utc for c in whole), now, "have a new one made and put in place"
        )


def _lasting(name: str, end: datetime, now: datetime, do: str) -> Finding:
    if end <= now:
        return fix(name, f"ran out on {end:%Y-%m-%d}", do)
    if end - now < SOON:
        return fix(name, f"runs out on {end:%Y-%m-%d}", do)
    return fine(name, f"until {end:%Y-%m-%d}")


def _reach(name: str, broker: Broker, site: Site, base: Path) -> Iterator[Finding]:
    where = f"{broker.host}:{broker.port}"
    try:
        with socket.create_connection((broker.host, broker.port), PATIENCE) as line:
            if uses_tls(broker):
                with tls_context(broker, base).wrap_socket(line, server_hostname=broker.host) as secure:
                    der = secure.getpeercert(binary_form=True)
                if der:
                    end = x509.load_der_x509_certificate(der).not_valid_after_utc
                    yield _lasting(f"{name}'s certificate", end, datetime.now(UTC), "tell who keeps the broker")
    except SecretError as error:
        yield fix(name, str(error), "drukte check, then put the file in place")
        return
    except socket.gaierror:
        yield fix(
            name, f"the name {broker.host} is not known", f"check mqtt.host and the network: getent hosts {broker.host}"
        )
        return
    except ssl.SSLCertVerificationError as error:
        yield fix(
            name,
            f"{where}: its certificate is not accepted: {error.verify_message}",
            "check mqtt.ca_file, mqtt.host and the clock",
        )
        return
    except ssl.SSLError as error:
        yield fix(
            name,
            f"{where}: no secure connection: {error.reason or error}",
            "check mqtt.port and this device's certificate",
        )
        return
    except OSError as error:
        yield fix(
            name,
            f"{where} does not answer: {error.strerror or error}",
            f"check the network and firewall: nc -vz {broker.host} {broker.port}",
        )
        return
    yield from _Trial(name, broker, site, base).findings()


class _Trial:
    """Connects as the device would, under a name of its own, and writes two empty messages."""

    def __init__(self, name: str, broker: Broker, site: Site, base: Path) -> None:
        self._name, self._broker, self._site = name, broker, site
        self._answers: dict[int, ReasonCode] = {}
        self._accepted: ReasonCode | None = None
        self._news = threading.Condition()
        self._v5 = broker.version == "5"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{broker.client_id or f'{site.organisation}-{site.device}'}-doctor",
            protocol=paho.MQTTv5 if self._v5 else paho.MQTTv311,
        )
        if broker.username:
            self._client.username_pw_set(
                broker.username, read_secret(broker.password_file, base) if broker.password_file else None
            )
        if uses_tls(broker):
            self._client.tls_set_context(tls_context(broker, base))
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish

    def _on_connect(self, _c: Any, _d: Any, _f: Any, reason: ReasonCode, _p: Properties | None) -> None:
        with self._news:
            self._accepted = reason
            self._news.notify_all()

    def _on_publish(self, _c: Any, _d: Any, mid: int, reason: ReasonCode, _p: Properties | None) -> None:
        with self._news:
            self._answers[mid] = reason
            self._news.notify_all()

    def findings(self) -> Iterator[Finding]:
        """Connect, write, leave."""
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=10)
        except (OSError, ValueError) as error:
            yield fix(self._name, f"hung up: {error}", "look at the broker's log")
            return
        self._client.loop_start()
        try:
            if not self._until(lambda: self._accepted is not None) or self._accepted is None:
                yield fix(
                    self._name, "hung up before it let this device in", "check this device's certificate or password"
                )
                return
            if self._accepted.is_failure:
                yield fix(
                    self._name,
                    f"refuses this device: {self._accepted}",
                    "check its certificate or password at the broker",
                )
                return
            yield fine(self._name, f"{self._broker.host}:{self._broker.port} lets this device in")
            yield from self._rights()
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _rights(self) -> Iterator[Finding]:
        prefix = self._site.mqtt.prefix
        own = f"{prefix}/{self._site.organisation}/{self._site.device}/doctor"
        other = f"{prefix}/{self._site.organisation}/{self._site.device}-x/doctor"
        if not self._v5:
            yield fine(f"{self._name} rights", "MQTT 3.1.1 does not tell whether a message was refused")
            return
        allowed, refused = self._write(own), self._write(other)
        if allowed is None:
            yield fix(f"{self._name} rights", f"no answer to a message on {own}", "look at the broker's log")
        elif allowed.is_failure:
            yield fix(
                f"{self._name} rights", f"may not write to {own}: {allowed}", f"allow it: pattern write {prefix}/+/%u/#"
            )
        elif refused is not None and not refused.is_failure:
            text = "may write in the name of other devices as well"
            yield fix(
                f"{self._name} rights", text, f"bind every device to its own topics: pattern write {prefix}/+/%u/#"
            )
        else:
            yield fine(f"{self._name} rights", "writes to its own topics and to no other's")

    def _write(self, topic: str) -> ReasonCode | None:
        mid = self._client.publish(topic, b"", qos=1).mid
        self._until(lambda: mid in self._answers)
        return self._answers.get(mid)

    def _until(self, there: Any) -> bool:
        end = time.monotonic() + PATIENCE
        with self._news:
            while not there():
                if (left := end - time.monotonic()) <= 0:
                    return False
                self._news.wait(left)
        return True
