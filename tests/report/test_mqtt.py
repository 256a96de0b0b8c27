"""The connection to a broker: secure, sparing, and clear about what is wrong. Against a real Mosquitto."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from drukte.config.report import Broker
from drukte.report.broker import free_port
from drukte.report.deliver import Delivery, Outgoing
from drukte.report.formats.native import Observation
from drukte.report.mqtt import Link
from drukte.report.outbox import Outbox
from drukte.report.secret import SecretError, read_secret
from drukte.report.wake import Wake
from tests.report.conftest import Mosquitto, listening
from tests.report.pki import Authority
from tests.report.test_outbox import observations

NewBroker = Callable[..., Mosquitto]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drukte.report.backoff.FIRST", 0.1)


@pytest.fixture
def city(tmp_path: Path) -> Authority:
    folder = tmp_path / "pki"
    folder.mkdir()
    made = Authority(folder)
    made.issue("broker")
    return made


def tls(city: Authority, more: str = "") -> str:
    folder = city.folder
    # Mosquitto drops its rights when started by root; then the key must be readable
    (folder / "broker.key").chmod(0o644)
    return (
        f"cafile {city.path}\ncertfile {folder}/broker.crt\nkeyfile {folder}/broker.key\n"
        f"user root\nallow_anonymous true\n{more}"
    )


def both_ways(city: Authority) -> str:
    acl = city.folder / "acl"
    acl.write_text("pattern write drukte/v1/testville/%u/#\npattern read drukte/v1/testville/%u/cmd/#\n")
    return tls(city, f"require_certificate true\nuse_identity_as_username true\nacl_file {acl}\n")


class Bench:
    """One link with its store, turned by hand."""

    def __init__(self, folder: Path, device: str = "dev-1", name: str = "primary", **settings: Any) -> None:
        self.box = Outbox(None, [name])
        self.wake = Wake()
        broker = Broker.model_validate({"host": "127.0.0.1"} | settings)
        will = (f"drukte/v1/testville/{device}/status", '{"online":false}')
        self.link = Link(name, broker, client_id=device, will=will, wake=self.wake, base=folder)
        self.delivery = Delivery(self.link, self.box, self._render, time.monotonic)
        self.device = device

    def _render(self, o: Observation) -> list[Outgoing]:
        return [Outgoing(f"drukte/v1/testville/{self.device}/square/obs", o.model_dump_json(by_alias=True))]

    def turn_until(self, ready: Callable[[], bool], seconds: float = 15) -> None:
        until = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < until, (self.link.condition, self.link.problem, len(self.box))
            self.delivery.turn(time.time())
            time.sleep(0.01)


@contextmanager
def bench(*arguments: Any, **settings: Any) -> Iterator[Bench]:
    made = Bench(*arguments, **settings)
    made.link.start()
    yield made
    made.link.stop()
    made.wake.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_tls_with_client_certificates_and_an_access_list(new_broker: NewBroker, city: Authority, version: str) -> None:
    city.issue("dev-1")
    broker = new_broker(both_ways(city))
    settings = {"port": broker.port, "version": version, "ca_file": "ca.crt"}
    own = {"certificate_file": "dev-1.crt", "key_file": "dev-1.key"}
    with bench(city.folder, **settings, **own) as b:
        b.box.store(observations(0, 5), {}, 0)
        b.turn_until(lambda: not len(b.box))
        assert b.delivery.condition == "connected"
        assert b.delivery.pace.told() == (0, 0)  # these windows are of a time to come
    with bench(city.folder, device="dev-2", **settings, **own) as b:
        b.box.store(observations(0, 2), {}, 0)
        if version == "5":
            b.turn_until(lambda: b.delivery.condition == "not_authorized")
            assert len(b.box) == 2
    with bench(city.folder, device="dev-3", **settings) as b:
        b.turn_until(lambda: b.link.condition == "certificate")
        assert "certificate" in (b.link.problem or "").lower()


def test_an_access_list_that_is_mended_lets_the_windows_through(
    new_broker: NewBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("drukte.report.deliver.REFUSED_WAIT", 0.2)
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    broker = new_broker(f"user root\nallow_anonymous true\nacl_file {acl}\n")
    with bench(tmp_path, port=broker.port) as b, listening(broker.port, "drukte/#") as seen:
        b.box.store(observations(0, 30), {}, 0)
        b.turn_until(lambda: b.delivery.condition == "not_authorized")
        assert "access list" in caplog.text
        assert caplog.text.count("does not take messages") == 1
        acl.write_text("topic readwrite #\n")
        assert broker.child
        broker.child.send_signal(1)
        b.turn_until(lambda: not len(b.box))
        assert b.delivery.condition == "connected"
        seen.wait(lambda s: len(s.messages) >= 30)


def test_certificates_that_are_not_right_are_told_apart(
    new_broker: NewBroker, city: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    Authority(stranger, "other")
    city.issue("old", days=-1)
    broker = new_broker(both_ways(city))
    with bench(city.folder, port=broker.port, ca_file=str(stranger / "other.crt")) as b:
        b.turn_until(lambda: b.link.condition == "certificate")
        assert "not accepted" in (b.link.problem or "")
    expired = {"ca_file": "ca.crt", "certificate_file": "old.crt", "key_file": "old.key"}
    with bench(city.folder, port=broker.port, **expired) as b:
        b.turn_until(lambda: b.link.condition == "certificate")  # the alert that says why is often lost with the line
    assert "Check ca_file" in caplog.text


def test_a_pinned_certificate_needs_no_authority(new_broker: NewBroker, city: Authority) -> None:
    fingerprint = city.issue("broker")
    broker = new_broker(tls(city))
    with bench(city.folder, port=broker.port, certificate_sha256=fingerprint) as b:
        b.turn_until(lambda: b.link.connected)
    with bench(city.folder, port=broker.port, certificate_sha256="0" * 64) as b:
        b.turn_until(lambda: b.link.condition == "certificate")
        assert fingerprint in (b.link.problem or ""), "the technician needs the fingerprint to pin"


def test_a_password_comes_from_a_file_and_never_into_the_log(
    new_broker: NewBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import subprocess

    caplog.set_level(logging.DEBUG)
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "dev-1", "open-sesame"], check=True)
    broker = new_broker(f"user root\nallow_anonymous false\npassword_file {passwords}\n")
    secret = tmp_path / "password"
    secret.write_text("open-sesame\n")
    secret.chmod(0o600)
    login = {"port": broker.port, "username": "dev-1", "password_file": "password"}
    with bench(tmp_path, **login) as b:
        b.turn_until(lambda: b.link.connected)
    secret.write_text("wrong-sesame\n")
    with bench(tmp_path, **login) as b:
        b.turn_until(lambda: b.link.condition == "refused")
    assert "sesame" not in caplog.text
    assert "username" in caplog.text


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "password"
    secret.write_text("open-sesame\n")
    secret.chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600") as caught:
        read_secret("password", tmp_path)
    assert "sesame" not in str(caught.value)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "password").write_text("from-systemd\n")
    (credentials / "password").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert read_secret("password", tmp_path) == "from-systemd"


def test_a_message_longer_than_the_broker_takes_is_not_sent(new_broker: NewBroker, tmp_path: Path) -> None:
    broker = new_broker("allow_anonymous true\nmax_packet_size 700\n")
    with bench(tmp_path, port=broker.port) as b:
        b.turn_until(lambda: b.link.connected)
        b.box.store(observations(0, 1), {}, 0)
        b.turn_until(lambda: b.delivery.condition == "too_large")
        assert len(b.box) == 1
        assert b.link.connected, "a message that is too long must not cost the connection"


def test_topic_aliases_spare_bytes_and_change_nothing(new_broker: NewBroker, tmp_path: Path) -> None:
    broker = new_broker()
    with listening(broker.port) as seen, bench(tmp_path, port=broker.port) as b:
        b.box.store(observations(0, 12), {}, 0)
        b.turn_until(lambda: not len(b.box))
        seen.wait(lambda s: len(s.messages) >= 12)
    assert {m.topic for m in seen.messages} == {"drukte/v1/testville/dev-1/square/obs"}
    assert all(m.properties.MessageExpiryInterval > 0 for m in seen.messages)  # type: ignore[union-attr]


def test_the_will_waits_and_a_quick_return_takes_it_back(
    new_broker: NewBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drukte.report.mqtt.WILL_DELAY", 2)
    broker = new_broker()

    def cut(b: Bench) -> None:
        connection = b.link._connection
        assert connection
        b.link._stop.set()
        sock = connection.client.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_RDWR)

    with listening(broker.port, "drukte/#") as seen, bench(tmp_path, port=broker.port) as b:
        b.turn_until(lambda: b.link.connected)
        cut(b)
        with bench(tmp_path, port=broker.port) as again:
            again.turn_until(lambda: again.link.connected)
            time.sleep(2.5)
            assert seen.messages == []
            cut(again)
            lost = time.monotonic()
            seen.wait(lambda s: bool(s.messages))
            assert time.monotonic() - lost > 1.0


@pytest.mark.parametrize(
    ("code", "condition"), [(0x97, "quota"), (0x9F, "quota"), (0x87, "refused"), (0x86, "refused")]
)
def test_what_a_broker_says_when_it_does_not_let_in(tmp_path: Path, code: int, condition: str) -> None:
    """Mosquitto has no quota on connections, so this end of the protocol is played by hand."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            peer.recv(4096)
            peer.sendall(bytes([0x20, 3, 0, code, 0]))
            peer.recv(4096)
            peer.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with bench(tmp_path, port=port) as b:
            b.turn_until(lambda: b.link.condition == condition)
        thread.join(5)


def test_a_quota_on_publishing_is_told(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            peer.recv(4096)
            peer.sendall(bytes([0x20, 3, 0, 0, 0]))
            data = peer.recv(65536)
            end = 2 + int(data[1] > 127) + 1 - 1
            length = int.from_bytes(data[end : end + 2], "big")
            mid = data[end + 2 + length : end + 4 + length]
            peer.sendall(bytes([0x40, 3, *mid, 0x97]))
            while peer.recv(4096):
                pass
            peer.close()

        threading.Thread(target=answer, daemon=True).start()
        with bench(tmp_path, port=port) as b:
            b.turn_until(lambda: b.link.connected)
            b.box.store(observations(0, 1), {}, 0)
            b.turn_until(lambda: b.delivery.condition == "quota")
            assert len(b.box) == 1


def test_settings_that_do_not_go_together() -> None:
    for wrong in (
        {"certificate_file": "a.crt"},
        {"certificate_file": "a.crt", "key_file": "a.key"},
        {"password_file": "p"},
        {"certificate_sha256": "AB"},
    ):
        with pytest.raises(ValidationError):
            Broker.model_validate(wrong)
