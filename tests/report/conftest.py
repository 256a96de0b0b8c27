"""A real broker, a site and records, for the tests of the open room."""

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from drukte.config import Site, parse_site
from drukte.report.broker.desk import HOST, free_port, mosquitto
from drukte.summary import Summary

SITE = """
drukte: 1
organisation: testville
device: dev-1
purpose:
  what_for: testing
  controller: City of Testville
  legal_ground: public_task
  contact: privacy@testville.example
  valid_until: 2099-12-31
place: {name: Test square, latitude: 52.1, longitude: 4.3}
source: {kind: camera, rate: 5}
ground:
  kind: homography
  picture: [640, 480]
  points:
    - {pixel: [0, 0], metres: [0, 10]}
    - {pixel: [640, 0], metres: [10, 10]}
    - {pixel: [640, 480], metres: [10, 0]}
    - {pixel: [0, 480], metres: [0, 0]}
zones:
  - name: square
    polygon: [[0, 0], [10, 0], [10, 10], [0, 10]]
    lines: [{name: gate, from: [0, 5], to: [10, 5]}]
  - name: corner
    polygon: [[12, 0], [20, 0], [20, 8], [12, 8]]
tick: %(tick)d
window: %(window)d
disclosure: %(disclosure)s
mqtt: %(mqtt)s
"""

EXACT = "{policy: none, reason: a test}"


def make_site(
    tick: int = 60, window: int = 60, disclosure: str = "{policy: operational}", mqtt: str = "{}", extra: str = ""
) -> Site:
    return parse_site(site_text(tick, window, disclosure, mqtt, extra))


def site_text(
    tick: int = 60, window: int = 60, disclosure: str = "{policy: operational}", mqtt: str = "{}", extra: str = ""
) -> str:
    return SITE % {"tick": tick, "window": window, "disclosure": disclosure, "mqtt": mqtt} + extra


@dataclass
class Time:
    """A clock that stands still unless told."""

    wall: float = 1_800_000_000.0
    mono: float = 1000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds

    def step(self, seconds: float) -> None:
        self.wall += seconds


@pytest.fixture
def clock() -> Time:
    return Time()


@dataclass
class Pipe:
    """Both ends of a door."""

    read: int
    write: int

    def put(self, data: bytes) -> None:
        os.write(self.write, data)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    yield Pipe(read, write)
    for fd in (read, write):
        with suppress(OSError):
            os.close(fd)


def record(seq: int, end: float, zone: int = 0, people: int = 0, tick: int = 60, **more: Any) -> Summary:
    """A summary with a steady number of people, all `safe` unless said otherwise."""
    values: dict[str, Any] = {"frames": 5 * tick, "observed": tick, "safe": 10 * people, "mode": 1}
    values |= {"least": people, "most": people, "last": people, "confidence": 7 if people else 0}
    return Summary(seq=seq, end=int(end), zone=zone, tick=tick, state=more.pop("state", 0), **(values | more))


def beat(seq: int, end: float, tick: int = 60, **more: Any) -> Summary:
    return Summary(kind=2, seq=seq, end=int(end), tick=tick, state=more.pop("state", 0), **more)


@dataclass
class Mosquitto:
    """A broker that can be stopped, killed and started again on the same port."""

    folder: Path
    port: int
    settings: str = "allow_anonymous true\n"
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> "Mosquitto":
        program = mosquitto()
        assert program
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} {HOST}\npersistence false\nlog_dest stderr\n{self.settings}")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.child = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        await_port(self.port)
        return self

    def stop(self, kill: bool = False) -> None:
        if self.child:
            (self.child.kill if kill else self.child.terminate)()
            self.child.wait(5)
            self.child = None


def await_port(port: int, seconds: float = 10) -> None:
    import socket

    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((HOST, port), 0.2).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Makes brokers that are stopped after the test."""
    if not mosquitto():
        pytest.fail("mosquitto is not installed: apt install mosquitto mosquitto-clients")
    made: list[Mosquitto] = []
    number = itertools.count()

    def make(settings: str = "allow_anonymous true\n") -> Mosquitto:
        folder = tmp_path / f"broker-{next(number)}"
        folder.mkdir()
        made.append(Mosquitto(folder, free_port(), settings).start())
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def broker(new_broker: Callable[..., Mosquitto]) -> Mosquitto:
    return new_broker()


@dataclass
class Listener:
    """What an independent subscriber sees."""

    messages: list[paho.MQTTMessage] = field(default_factory=list)

    def of(self, end: str) -> list[str]:
        return [m.payload.decode() for m in list(self.messages) if m.topic.endswith(end)]

    def wait(self, ready: Callable[["Listener"], bool], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while not ready(self):
            if time.monotonic() > until:
                raise AssertionError([(m.topic, m.payload[:200]) for m in self.messages])
            time.sleep(0.01)


@contextmanager
def listening(port: int, topic: str = "#", protocol: int = paho.MQTTv5) -> Iterator[Listener]:
    seen = Listener()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)  # type: ignore[arg-type]
    subscribed: list[bool] = []
    client.on_message = lambda c, u, message: seen.messages.append(message)
    client.on_subscribe = lambda *_: subscribed.append(True)
    client.connect(HOST, port)
    client.subscribe(topic, qos=1)
    client.loop_start()
    until = time.monotonic() + 5
    while not subscribed and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield seen
    finally:
        client.disconnect()
        client.loop_stop()


def has(program: str) -> bool:
    return shutil.which(program) is not None
