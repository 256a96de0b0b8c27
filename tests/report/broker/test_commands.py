# ruff: noqa: F811 - a fixture is imported
"""Commands over a real broker: signed ones are obeyed once, anything else is counted and has no effect."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from drukte.command import LONGEST, Command, CommandError, Settings, parse_command, until_text
from drukte.command_cli import command as command_line
from drukte.report.broker.commands import Commands, trusted_keys
from drukte.report.broker.news import Received
from drukte.report.ledger.ledger import read
from drukte.report.store.outbox import Outbox
from drukte.settings import load_trusted
from drukte.settings.put import INBOX, empty_inbox
from drukte.signing import new_key, public_text
from tests.report.conftest import Listener, Mosquitto, Time, listening, make_site
from tests.report.test_process import Room, new_room  # noqa: F401 - a fixture
from tests.settings.people import COMMANDER, sheet_for, sign_and_put, trust

TOPIC = "drukte/v1/testville/dev-1/cmd/"


def made(serial: int, act: str = "status", key: Ed25519PrivateKey = COMMANDER, **more: Any) -> bytes:
    facts = {"organisation": "testville", "device": "dev-1", "act": act, "until": until_text(time.time() + 600)}
    return Command.model_validate(facts | {"serial": serial} | more).sign(key).dump()


def judge(clock: Time, outbox: Outbox | None = None) -> tuple[Commands, list[int]]:
    obeyed: list[int] = []

    def fails(_command: Command) -> None:
        raise CommandError("disk")

    keys = [public_text(COMMANDER.public_key())]
    acts = {"status": lambda command: obeyed.append(command.serial), "rotate_log": fails}
    return Commands(make_site(), Outbox(None, ["primary"]) if outbox is None else outbox, keys, clock.now, acts), obeyed  # type: ignore[arg-type]


def test_each_reason_is_told_apart(clock: Time) -> None:
    commands, obeyed = judge(clock)
    later = until_text(clock.wall + 60)
    good = made(5, until=later)
    stranger = Ed25519PrivateKey.generate()
    unsigned = Command.model_validate_json(good).model_copy(update={"signature": None}).dump()
    for message, reason in [
        (good, None),
        (good, "replayed"),
        (made(4, until=later), "replayed"),
        (made(6, until=until_text(clock.wall - 1)), "too_late"),
        (made(6, until=later, device="dev-2"), "other_device"),
        (made(6, until=later, key=stranger), "unknown_key"),
        (good.replace(b'"serial":5', b'"serial":6'), "signature"),
        (unsigned, "unsigned"),
        (b"x" * (LONGEST + 1), "too_long"),
        (b"{}", "not_a_command"),
        (b"[" * 60_000, "not_a_command"),
        (made(7, "rotate_log", until=later), "disk"),
        (made(8, until=later), None),
    ]:
        before = dict(commands.counts.ignored)
        done = commands.take(Received(TOPIC, message))
        if reason is None:
            assert done is not None
        else:
            assert dict(commands.counts.ignored) == before | {reason: before.get(reason, 0) + 1}
    assert obeyed == [5, 8]
    assert commands.counts.obeyed == 2


def test_a_restart_does_not_let_a_command_come_twice(clock: Time, tmp_path: Path) -> None:
    message = made(5, until=until_text(clock.wall + 60))
    for expected in ([5], []):
        with Outbox(tmp_path / "o.sqlite", ["primary"]) as outbox:
            commands, obeyed = judge(clock, outbox)
            commands.take(Received(TOPIC, message))
            assert obeyed == expected


def test_without_a_right_file_of_keys_nobody_is_obeyed(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    assert trusted_keys(site) == []
    file = trust(tmp_path, settings="unsigned")
    assert trusted_keys(site) == [public_text(COMMANDER.public_key())]
    file.chmod(0o666)
    assert trusted_keys(site) == []


def test_the_command_line_makes_what_a_device_obeys(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    public = new_key(key, b"secret")
    arguments = ["status", "--device", "testville/dev-1", "--key", str(key)]
    done = CliRunner().invoke(command_line, arguments, input="secret\n")
    assert done.exit_code == 0, done.output
    assert "topic: drukte/v1/testville/dev-1/cmd/status" in done.stderr
    assert parse_command(done.stdout.encode(), [public]).act == "status"
    assert CliRunner().invoke(command_line, arguments, input="wrong\n").exit_code == 1
    assert CliRunner().invoke(command_line, ["settings", *arguments[1:]], input="secret\n").exit_code == 2


@pytest.fixture
def speak(broker: Mosquitto) -> Iterator[Callable[[bytes], None]]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield lambda message: client.publish(TOPIC + "status", message, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def counts(seen: Listener) -> dict[str, Any]:
    told = seen.of("dev-1/status")
    return json.loads(told[-1])["commands"] if told else {}  # type: ignore[no-any-return]


def test_over_a_broker(broker: Mosquitto, new_room: Callable[..., Room], speak: Callable[[bytes], None]) -> None:
    room = new_room(f"{{port: {broker.port}}}")
    trust(room.site.parent)
    sign_and_put(room.site)
    with listening(broker.port, "drukte/#") as seen:
        room.start()
        seen.wait(lambda s: bool(s.of("dev-1/status") and s.of("/meta")))
        time.sleep(0.5)
        metas = len(seen.of("/meta"))
        message = made(1)
        speak(message)
        seen.wait(lambda s: counts(s).get("obeyed") == 1)
        seen.wait(lambda s: len(s.of("/meta")) > metas)
        for bad in (message, b"{}", b"\xff" * 100, b"y" * (LONGEST + 1), made(2).replace(b'"serial":2', b'"serial":3')):
            speak(bad)
        wanted = {"dropped": 1, "not_a_command": 2, "replayed": 1, "signature": 1}
        seen.wait(lambda s: counts(s).get("ignored") == wanted)
        speak(made(4, "rotate_log"))
        seen.wait(lambda s: counts(s).get("obeyed") == 2)
        assert (room.state / "report.log.1").exists()
        assert "obeyed command status" in (room.state / "report.log.1").read_text()

        old = room.site.read_bytes()
        room.site.write_bytes(old + b"closeness: {low_risk: 2.5}\n")
        parcel = Settings(site=room.site.read_text(), sheet=sheet_for(room.site, 2, ("technician",)))
        forged = parcel.model_copy(update={"site": parcel.site.replace("2.5", "9.5")})
        room.site.write_bytes(old)
        speak(made(5, "settings", settings=forged.model_dump()))
        seen.wait(lambda s: counts(s).get("ignored", {}).get("settings_refused") == 1)
        assert not (room.state / INBOX).exists()
        speak(made(6, "settings", settings=parcel.model_dump()))
        seen.wait(lambda s: counts(s).get("obeyed") == 3)
        assert room.stop() == 0
    assert room.site.read_bytes() == old, "the process that talks to the network puts nothing in place"
    assert empty_inbox(room.state / INBOX, room.site, print)
    assert load_trusted(room.site).closeness.low_risk == 2.5
    commands = [e.details for e in read(room.state / "ledger.jsonl") if e.act == "command"]
    assert [(c["did"], c["serial"]) for c in commands] == [("status", 1), ("rotate_log", 4), ("settings", 6)]


def test_settings_by_command_need_signed_settings(
    broker: Mosquitto,
    new_room: Callable[..., Room],
    speak: Callable[[bytes], None],
) -> None:
    room = new_room(f"{{port: {broker.port}}}")
    trust(room.site.parent, settings="unsigned")
    with listening(broker.port, "drukte/#") as seen:
        room.start()
        seen.wait(lambda s: bool(s.of("dev-1/status")))
        time.sleep(0.3)
        parcel = Settings(site=room.site.read_text(), sheet=sheet_for(room.site, 2))
        speak(made(6, "settings", settings=parcel.model_dump()))
        seen.wait(lambda s: counts(s).get("ignored") == {"settings_not_signed_here": 1})
