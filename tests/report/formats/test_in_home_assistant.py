"""Home Assistant itself, at a real broker: what it makes of the messages. `make home-assistant` sets it up."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from drukte.report.broker.desk import HOST
from drukte.report.formats.base import Outgoing
from drukte.report.formats.registry import OWN
from tests.report.conftest import Mosquitto
from tests.report.formats.conftest import Told

pytestmark = pytest.mark.slow
PYTHON = os.environ.get("DRUKTE_HA_PYTHON")


class Core:
    """The running Home Assistant."""

    def __init__(self, port: int) -> None:
        assert PYTHON
        script = Path(__file__).with_name("home_assistant_core.py")
        self.child = subprocess.Popen(
            [PYTHON, str(script), str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def shows(
        self, ready: Callable[[dict[str, Any]], bool], again: Callable[[], None] = lambda: None, seconds: float = 60
    ) -> dict[str, Any]:
        """What it shows as soon as that is right; until then the message is said again, as by the next window."""
        assert self.child.stdin and self.child.stdout
        until = time.monotonic() + seconds
        while True:
            again()
            self.child.stdin.write("\n")
            self.child.stdin.flush()
            shown: dict[str, Any] = json.loads(self.child.stdout.readline())
            if ready(shown):
                return shown
            assert time.monotonic() < until, shown
            time.sleep(0.2)


@pytest.fixture
def core(broker: Mosquitto) -> Iterator[Core]:
    if not PYTHON:
        pytest.skip("DRUKTE_HA_PYTHON is not set: run `make home-assistant`")
    running = Core(broker.port)
    yield running
    with running.child:
        running.child.terminate()


@pytest.fixture
def publish(broker: Mosquitto) -> Iterator[Callable[..., None]]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, broker.port)
    client.loop_start()

    def send(*messages: Outgoing) -> None:
        for m in messages:
            client.publish(m.topic, m.payload, qos=1, retain=m.retain).wait_for_publish(5)

    yield send
    client.disconnect()
    client.loop_stop()


def test_home_assistant_shows_what_is_published(
    core: Core, publish: Callable[..., None], told: list[Told], capsys: pytest.CaptureFixture[str]
) -> None:
    day = told[0]
    device = day.device
    known = Outgoing(device.topic("status"), '{"online": true, "sensing": true}', retain=True)
    publish(*OWN["home-assistant"].announce(device), known)
    hall = [o for o in day.observations if o.zone == "hall" and device.product(o) == "obs" and not o.merged]
    full = next(o for o in hall if o.people.mean and o.crossings and o.crossings.status == "shown")
    few = next(o for o in hall if o.people.status == "under_5")
    nobody = next(o for o in hall if o.people.mean == 0)

    def shows_of(o: Any, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return core.shows(ready, lambda: publish(*OWN["native"].observation(o, device)))

    def state(shown: dict[str, Any], what: str) -> str:
        return str(shown["states"].get(f"sensor.test_square_dev_1_hall_{what}"))

    parts = sum(3 + 2 * len(zone.lines) for zone in device.meta.zones) * 2
    shown = core.shows(lambda s: len(s["states"]) == parts)
    assert shown["entry"] == "loaded"
    assert [d["name"] for d in shown["devices"]] == [f"Test square ({device.meta.device})"]
    shown = shows_of(full, lambda s: state(s, "people") == str(full.people.mean))
    assert full.crossings
    assert state(shown, "door_in") == str(full.crossings.lines[0].in_)
    assert state(shown, "people_whether_given") == "shown"
    shown = shows_of(few, lambda s: state(s, "people_whether_given") == "under_5")
    assert state(shown, "people") == "unknown"
    shows_of(nobody, lambda s: state(s, "people") == "0.0")
    shows_of(full, lambda s: state(s, "door_in") == str(full.crossings.lines[0].in_))
    without = full.model_copy(update={"crossings": None, "people": full.people.model_copy(update={"mean": 77.0})})
    shown = shows_of(without, lambda s: state(s, "people") == "77.0")
    assert state(shown, "door_in") == str(full.crossings.lines[0].in_)
    publish(Outgoing(known.topic, '{"online": true, "sensing": false}', retain=True))
    core.shows(lambda s: state(s, "people") == "unavailable")
    publish(*(Outgoing(topic, "", retain=True) for topic in OWN["home-assistant"].retains(device)))
    gone = core.shows(lambda s: not s["states"])
    assert gone["devices"] == []
    with capsys.disabled():
        print(f"\nHome Assistant {shown['version']}: {parts} sensors found, read, made unavailable and taken away")
