# ruff: noqa: F811 - the broker fixtures are imported
"""Both rooms, a real broker, and things that go wrong: a killed room, a broker that goes away, Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from drukte.exits import Exit
from drukte.report.formats.native import json_schema, seconds
from tests.report.conftest import Listener, Mosquitto, broker, listening, new_broker  # noqa: F401 - fixtures
from tests.scenes import drukte, moving_square, site_file

OBSERVATION = jsonschema.Draft202012Validator(json_schema("observation-1"))
TICK = 5


class Both:
    """`drukte run` on a made recording."""

    def __init__(self, folder: Path, port: int, **changes: Any) -> None:
        video = moving_square(folder / "square.avi", size=(768, 576))
        settings = {"source__path": str(video), "source__rate": 10, "tick": TICK, "window": TICK}
        self.site = site_file(folder, mqtt={"host": "127.0.0.1", "port": port}, **(settings | changes))
        self.log = folder / "log"
        self.environment = self.surroundings(folder)
        self.start()

    @staticmethod
    def surroundings(folder: Path) -> dict[str, str]:
        """Environment in which all state is below `folder`."""
        return os.environ | {"XDG_STATE_HOME": str(folder / "state")}

    def start(self) -> None:
        with self.log.open("w") as log:
            self.child = subprocess.Popen(drukte("run", "--site", self.site), stderr=log, env=self.environment)

    def pid_of(self, room: str) -> int:
        """Process number of one of the two rooms."""
        for place in Path("/proc").glob("[0-9]*"):
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
                parent = int(re.search(r"PPid:\s*(\d+)", (place / "status").read_text())[1])  # type: ignore[index]
            except OSError:
                continue
            if parent == self.child.pid and room.encode() in words:
                return int(place.name)
        raise AssertionError(f"{room} does not run")

    def end(self) -> int:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
        try:
            return self.child.wait(90)
        finally:
            if self.child.poll() is None:
                self.child.kill()


@pytest.fixture
def both(tmp_path: Path, broker: Mosquitto, model_store: Path) -> Iterator[Both]:
    rooms = Both(tmp_path, broker.port)
    yield rooms
    rooms.end()


def observations(listener: Listener, many: int, timeout: float = 60) -> list[dict[str, Any]]:
    """The first `many` observations that arrived, each checked against the schema."""
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up:
        found = [json.loads(m.payload) for m in list(listener.messages) if m.topic.endswith("/obs")]
        if len(found) >= many:
            for message in found:
                OBSERVATION.validate(message)
            return found
        time.sleep(0.1)
    raise AssertionError(f"{len(found)} observations in {timeout} s")


def seen(message: dict[str, Any]) -> float:
    return float(message["observed"])


def test_numbers_arrive_and_ctrl_c_ends_cleanly(both: Both, broker: Mosquitto) -> None:
    with listening(broker.port) as listener:
        # The first window has begun before the start; a busy machine may lose frames of others.
        assert 1.0 in (seen(message) for message in observations(listener, 6)[1:])
        assert both.end() == Exit.OK
        time.sleep(0.5)
        status = [json.loads(m.payload) for m in listener.messages if m.topic.endswith("/status")]
    assert status[0]["online"] is True
    assert status[-1]["online"] is False
    assert "Traceback" not in both.log.read_text()


def test_a_killed_sealed_room_is_back_in_seconds_and_the_gap_shows(both: Both, broker: Mosquitto) -> None:
    with listening(broker.port) as listener:
        observations(listener, 2)
        victim, report = both.pid_of("sense"), both.pid_of("report")
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        while time.monotonic() - killed < 3:
            time.sleep(0.05)
            try:
                if both.pid_of("sense") != victim:
                    break
            except AssertionError:
                continue
        else:
            raise AssertionError("not started again within 3 s")
        later = observations(listener, 6)
    assert both.pid_of("report") == report
    assert any(0 <= seen(m) < 1 for m in later[1:-1])
    assert seen(later[-1]) == 1.0
    assert "sense was ended by signal 9; starting again" in both.log.read_text()


def test_a_broker_that_goes_away_does_not_stop_the_counting(both: Both, broker: Mosquitto) -> None:
    with listening(broker.port) as listener:
        first = observations(listener, 2)
    rooms = both.pid_of("sense"), both.pid_of("report")
    broker.stop()
    time.sleep(3 * TICK)
    broker.start()
    with listening(broker.port) as listener:
        later = observations(listener, 4)
    assert (both.pid_of("sense"), both.pid_of("report")) == rooms
    numbers = sorted({m["seq"] for m in first + later})
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "a window was lost while the broker was away"


def test_a_site_without_purpose_ends_everything_with_a_reason(tmp_path: Path, broker: Mosquitto) -> None:
    rooms = Both(tmp_path, broker.port, purpose__valid_until="2020-01-31")
    assert rooms.child.wait(30) == Exit.PURPOSE
    assert "ended on 2020-01-31" in rooms.log.read_text()


def test_settings_that_came_by_command_are_put_in_place_and_both_rooms_start_on_them(
    both: Both, broker: Mosquitto
) -> None:
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    from drukte.command import Command, Settings, until_text
    from drukte.config import load_site
    from tests.settings.people import COMMANDER, sheet_for, sign_and_put, trust

    both.end()
    trust(both.site.parent)
    sign_and_put(both.site, 1)
    old = both.site.read_text()
    both.site.write_text(old.replace(f"window: {TICK}", f"window: {2 * TICK}"))
    parcel = Settings(site=both.site.read_text(), sheet=sheet_for(both.site, 2, ("technician",)))
    both.site.write_text(old)
    site = load_site(both.site)
    command = Command(
        organisation=site.organisation,
        device=site.device,
        act="settings",
        serial=1,
        until=until_text(time.time() + 600),
        settings=parcel,
    ).sign(COMMANDER)
    both.start()
    with listening(broker.port) as listener:
        before = observations(listener, 1)[0]
        rooms = both.pid_of("sense"), both.pid_of("report")
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        client.publish(f"drukte/v1/{site.organisation}/{site.device}/cmd/settings", command.dump(), qos=1)
        listener.wait(lambda s: any(length(json.loads(t)) == 2 * TICK for t in s.of("/obs")), 60)
        client.disconnect()
        client.loop_stop()
    assert length(before) == TICK
    assert not {both.pid_of("sense"), both.pid_of("report")} & set(rooms)
    assert "settings with serial 2 put in place" in both.log.read_text()


def length(message: dict[str, Any]) -> int:
    """Span of an observation, s."""
    return seconds(message["to"]) - seconds(message["from"])
