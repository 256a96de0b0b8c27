# ruff: noqa: F811 - a fixture is imported
"""The same on Mosquitto, RabbitMQ and NATS: publish, retained messages, last will, reconnect. Run by `make brokers`."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from tests.report.broker.other_brokers import MAKERS, Other
from tests.report.conftest import Listener, Mosquitto, listening
from tests.report.test_process import Room, await_stored, check, new_room, statuses  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


@pytest.fixture(params=list(MAKERS))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mosquitto | Other]:
    folder = tmp_path / "broker"
    folder.mkdir()
    made = MAKERS[request.param](folder)
    if made is None:
        pytest.skip(f"not installed: apt install {request.param}, or run `make brokers`")
    made.start()
    yield made
    made.stop()


TOPIC = "drukte/v1/testville/dev-1/"


def is_rabbitmq(broker: Mosquitto | Other) -> bool:
    """RabbitMQ 3.10 sends retained messages to exact topics only, not to a filter with + or #."""
    return isinstance(broker, Other) and "rabbitmq" in broker.command[0]


def settings(broker: Mosquitto | Other) -> str:
    return f"{{port: {broker.port}, version: '3.1.1'}}"


def windows(seen: Listener) -> list[tuple[str, int]]:
    return [(m["boot"], m["seq"]) for text in seen.of("/obs") if (m := json.loads(text))]


def test_publish_and_a_clean_end(broker: Mosquitto | Other, new_room: Callable[..., Room]) -> None:
    with listening(broker.port, "drukte/#", paho.MQTTv311) as seen:
        room = new_room(settings(broker)).start()
        seen.wait(lambda s: bool(s.of("/meta") and s.of("/privacy") and statuses(s)), 60)
        for people in (3, 4, 5):
            room.tick(people)
        seen.wait(lambda s: any('"mean":5' in text for text in s.of("square/obs")), 60)
        assert room.stop() == 0
        seen.wait(lambda s: statuses(s)[-1]["reason"] == "stopped")
        time.sleep(2)
        check(seen)
        assert statuses(seen)[-1]["reason"] == "stopped", "no last will after a clean end"
        seqs = [seq for _, seq in windows(seen)]
        assert seqs == list(range(seqs[0], seqs[-1] + 1))
        assert {m.qos for m in seen.messages} == {1}


def test_retained_messages_reach_who_comes_later(broker: Mosquitto | Other, new_room: Callable[..., Room]) -> None:
    with listening(broker.port, "drukte/#", paho.MQTTv311) as seen:
        room = new_room(settings(broker)).start()
        seen.wait(lambda s: bool(s.of("/meta") and s.of("/privacy") and statuses(s)), 60)
    for end in ("status", "meta", "privacy"):
        with listening(broker.port, TOPIC + end, paho.MQTTv311) as later:
            later.wait(lambda s: any(m.retain for m in s.messages), 60)
    if not is_rabbitmq(broker):
        with listening(broker.port, "drukte/#", paho.MQTTv311) as later:
            later.wait(lambda s: bool(s.of("/meta") and s.of("/privacy") and statuses(s)), 60)
    room.stop()


def test_the_last_will(broker: Mosquitto | Other, new_room: Callable[..., Room]) -> None:
    with listening(broker.port, "drukte/#", paho.MQTTv311) as seen:
        room = new_room(settings(broker)).start()
        seen.wait(lambda s: bool(statuses(s)), 60)
        room.stop(signal.SIGKILL)
        seen.wait(lambda s: statuses(s)[-1]["reason"] == "connection_lost", 60)
    with listening(broker.port, TOPIC + "status", paho.MQTTv311) as later:
        later.wait(lambda s: bool(statuses(s)), 60)
        assert statuses(later)[-1]["reason"] == "connection_lost", "retained"


@pytest.mark.parametrize("killed", [False, True], ids=["broker-restarted", "report-killed-meanwhile"])
def test_reconnect(broker: Mosquitto | Other, new_room: Callable[..., Room], killed: bool) -> None:
    with listening(broker.port, "drukte/#", paho.MQTTv311) as seen:
        room = new_room(settings(broker)).start()
        seen.wait(lambda s: bool(statuses(s)), 60)
        room.tick(3)
        seen.wait(lambda s: any('"mean":3' in text for text in s.of("square/obs")), 60)
        broker.stop()
        first = windows(seen)
    for people in (6, 7):
        room.tick(people)
    await_stored(room.state / "outbox.sqlite")
    if killed:
        room.stop(signal.SIGKILL)
    broker.start()
    with listening(broker.port, "drukte/#", paho.MQTTv311) as seen:
        if killed:
            room.start()
        seen.wait(lambda s: any('"mean":7' in text for text in s.of("square/obs")), 90)
        seqs = [seq for _, seq in windows(seen)]
    assert set(windows(seen)) - set(first), "new ones came"
    numbers = sorted({seq for _, seq in first} | set(seqs))
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "none is missing"
    assert sorted(set(seqs)) == list(dict.fromkeys(seqs)), "in order"
    room.stop()


def test_a_broker_that_does_not_speak_mqtt_5_is_spoken_to_in_3_1_1(
    broker: Mosquitto | Other, new_room: Callable[..., Room]
) -> None:
    with listening(broker.port, "drukte/#", paho.MQTTv311) as seen:
        room = new_room(f"{{port: {broker.port}}}").start()
        seen.wait(lambda s: bool(s.of("/meta") and statuses(s)), 90)
        room.stop()
