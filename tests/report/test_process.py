"""The whole open room: a real broker, a real pipe, a real process."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from drukte.report.formats.native import MODELS, json_schema
from drukte.summary import Summary, encode
from tests.report.conftest import EXACT, Listener, Mosquitto, beat, listening, record, site_text

ROOT = Path(__file__).parents[2]
VALIDATORS = {f"drukte/{name.replace('-', '/')}": jsonschema.Draft202012Validator(json_schema(name)) for name in MODELS}
TICK = 5


class Room:
    """`report` as a process of its own, with a pipe into it."""

    def __init__(self, folder: Path, mqtt: str, disclosure: str = EXACT) -> None:
        self.site = folder / "site.yaml"
        self.site.write_text(site_text(TICK, TICK, disclosure, mqtt))
        self.state = folder / "state"
        self.read, self.write = os.pipe()
        self.seq = 0
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> "Room":
        program = (
            "import sys, logging\nfrom pathlib import Path\nlogging.basicConfig(level=logging.INFO)\n"
            "from drukte.report.start import main\n"
            f"sys.exit(main(Path({str(self.site)!r}), 0, Path({str(self.state)!r})))"
        )
        self.child = subprocess.Popen([sys.executable, "-c", program], stdin=self.read)
        return self

    def put(self, make: Callable[..., Summary], end: float, **more: Any) -> None:
        os.write(self.write, encode(make(self.seq, end, tick=TICK, **more)))
        self.seq += 1

    def tick(self, people: int, **more: Any) -> float:
        """Both zones' records for the tick that ends next; waits for its end, which it returns."""
        end = (time.time() // TICK + 1) * TICK
        time.sleep(max(0, end - time.time()))
        self.put(record, end, people=people, **more)
        self.put(record, end, zone=1)
        return end

    def stop(self, how: int = signal.SIGTERM) -> int | None:
        if self.child is None:
            return None
        self.child.send_signal(how)
        code = self.child.wait(40)
        self.child = None
        return code


@pytest.fixture
def new_room(tmp_path: Path) -> Iterator[Callable[..., Room]]:
    made: list[Room] = []

    def make(mqtt: str, disclosure: str = EXACT) -> Room:
        folder = tmp_path / f"room-{len(made)}"
        folder.mkdir()
        made.append(Room(folder, mqtt, disclosure))
        return made[-1]

    yield make
    for room in made:
        room.stop(signal.SIGKILL)
        os.close(room.read)
        os.close(room.write)


def check(listener: Listener) -> list[dict[str, Any]]:
    """Every message seen fits its schema."""
    found = [json.loads(m.payload) for m in listener.messages]
    for message in found:
        VALIDATORS[message["schema"]].validate(message)
    return found


def statuses(seen: Listener) -> list[dict[str, Any]]:
    return [json.loads(text) for text in seen.of("/status")]


def test_from_the_door_to_the_broker_and_a_clean_end(broker: Mosquitto, new_room: Callable[..., Room]) -> None:
    with listening(broker.port) as seen:
        room = new_room(f"{{port: {broker.port}}}").start()
        seen.wait(lambda s: bool(s.of("dev-1/meta") and s.of("dev-1/status")))
        end = room.tick(3, in_a=2)
        seen.wait(lambda s: len(s.of("square/obs")) >= 1 and len(s.of("corner/obs")) >= 1)
        seen.wait(lambda s: any(status["sensing"] for status in statuses(s)))
        assert room.stop() == 0
        seen.wait(lambda s: not statuses(s)[-1]["online"])
        observations = [m for m in check(seen) if m["schema"] == "drukte/observation/1"]
    square = [m for m in observations if m["zone"] == "square" and m["sensing"]][-1]
    assert square["to"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    assert square["people"] == {"status": "shown", "mean": 3.0, "max": 3.0}
    assert square["crossings"]["lines"] == [{"line": "gate", "in": 2.0, "out": 0.0}]
    corner = [m for m in observations if m["zone"] == "corner" and m["sensing"]][-1]
    assert corner["people"]["mean"] == 0
    assert corner["crossings"] is None
    topic = {m.topic: m for m in seen.messages}
    assert "drukte/v1/testville/dev-1/square/obs" in topic
    last = statuses(seen)[-1]
    assert (last["online"], last["reason"], last["state"]) == (False, "stopped", "unknown")
    sent = next(m for m in seen.messages if m.topic.endswith("/obs"))
    assert sent.properties.ContentType == "application/json"  # type: ignore[union-attr]
    assert sent.properties.MessageExpiryInterval > 600_000  # type: ignore[union-attr]
    assert ("schema", "drukte/observation/1") in sent.properties.UserProperty  # type: ignore[union-attr]
    assert (sent.qos, sent.retain) == (1, False)


def test_what_the_door_refuses_is_told(broker: Mosquitto, new_room: Callable[..., Room]) -> None:
    with listening(broker.port) as seen:
        room = new_room(f"{{port: {broker.port}, version: '3.1.1'}}").start()
        seen.wait(lambda s: bool(s.of("/status")))
        room.put(beat, time.time(), seal=5)
        seen.wait(lambda s: statuses(s)[-1]["seal"] == 5)
        os.write(room.write, os.urandom(128))
        room.put(record, time.time() - 3600, seal=5)
        seen.wait(lambda s: sum(statuses(s)[-1]["rejected"].values()) >= 2)
        check(seen)
        assert "dev-1/corner" not in str([m.topic for m in seen.messages if b'"mean":3' in m.payload])


def await_started(room: Room, seconds: float = 60) -> None:
    """Wait until the process takes records; on a busy machine its start takes long."""
    until = time.monotonic() + seconds
    while not (room.state / "history.sqlite").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(1)


def await_stored(store: Path, seconds: float = 30) -> None:
    """Wait until a window is in the store, as it is moments after its end; on a busy machine it takes longer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not store.exists():
            time.sleep(0.05)
            continue
        with (
            contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db,
            contextlib.suppress(sqlite3.OperationalError),
        ):
            if db.execute("SELECT count(*) FROM waiting").fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("nothing was stored")


def test_no_broker_is_no_reason_to_stop_and_nothing_is_lost(broker: Mosquitto, new_room: Callable[..., Room]) -> None:
    """The broker is away at the start; report is killed before it comes back; the windows arrive all the same."""
    broker.stop()
    room = new_room(f"{{port: {broker.port}}}").start()
    await_started(room)
    room.tick(7)
    await_stored(room.state / "outbox.sqlite")
    room.stop(signal.SIGKILL)
    broker.start()
    with listening(broker.port) as seen:
        room.start()
        seen.wait(lambda s: any('"mean":7' in text for text in s.of("square/obs")))
        found = [m for m in check(seen) if m["schema"] == "drukte/observation/1"]
        room.stop()
    seqs = [m["seq"] for m in found]
    assert seqs == sorted(seqs)
    windows = [(m["zone"], m["from"]) for m in found]
    assert len(windows) == len(set(windows))


def test_the_last_will_says_that_the_device_is_gone(broker: Mosquitto, new_room: Callable[..., Room]) -> None:
    with listening(broker.port) as seen:
        room = new_room(f"{{port: {broker.port}, version: '3.1.1'}}").start()
        seen.wait(lambda s: bool(s.of("/status")))
        room.stop(signal.SIGKILL)
        seen.wait(lambda s: not statuses(s)[-1]["online"])
        check(seen)
    assert statuses(seen)[-1]["reason"] == "connection_lost"


def test_a_wrong_site_file_is_told_and_ends_it(
    tmp_path: Path, new_room: Callable[..., Room], capfd: pytest.CaptureFixture[str]
) -> None:
    room = new_room("{port: 1, username: someone, password_file: nowhere}")
    room.start()
    assert room.child is not None
    assert room.child.wait(10) == 10
    assert "nowhere" in capfd.readouterr().err
