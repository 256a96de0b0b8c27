"""A day of trouble: every window arrives, exactly once after duplicates are taken out, in order.

The open room runs as a process of its own on a clock that the test sets, against a real Mosquitto with TLS, client
certificates and an access list, through a network that can be cut. It is killed, its broker is restarted, its network
is cut or falls silent, and its disk is filled. The short form is part of the suite; `make soak` runs 24 hours.
"""

import contextlib
import fcntl
import itertools
import json
import mmap
import os
import random
import signal
import ssl
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from drukte.report.broker.desk import HOST
from drukte.report.formats.native import seconds
from drukte.summary import encode
from tests.report.broker.pki import Authority
from tests.report.broker.proxy import Proxy
from tests.report.broker.test_mqtt import tls
from tests.report.conftest import EXACT, Mosquitto, beat, record, site_text

ROOT = Path(__file__).parents[2]
START = 1_800_000_000 // 60 * 60
ZONES = ("square", "corner")


@dataclass
class Disk:
    """The state folder, on a file system of its own that can be filled; an ordinary one where that is not allowed."""

    place: Path
    small: bool = False

    def __post_init__(self) -> None:
        self.place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(self.place)]
        with contextlib.suppress(OSError):
            self.small = subprocess.run(command, capture_output=True, check=False).returncode == 0

    def fill(self) -> None:
        if self.small:
            with (self.place / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))

    def free(self) -> None:
        (self.place / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        if self.small:
            subprocess.run(["umount", "-l", str(self.place)], check=False)


class City:
    """An independent subscriber with a session of its own, so that the broker keeps what comes meanwhile."""

    def __init__(self, port: int, folder: Path) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="city", protocol=paho.MQTTv5)
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "city.crt", folder / "city.key")
        self.client.tls_set_context(context)
        self.client.on_message = lambda c, u, m: self.messages.append((m.topic, json.loads(m.payload)))
        self.client.on_connect = lambda c, *_: c.subscribe("drukte/#", qos=1)
        self.client.reconnect_delay_set(1, 1)
        keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        keep.SessionExpiryInterval = 3600
        self.client.connect(HOST, port, clean_start=False, properties=keep)
        self.client.loop_start()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Trial:
    """One run."""

    folder: Path
    city: Authority
    broker: Mosquitto
    proxy: Proxy
    disk: Disk
    rng: random.Random
    pause: float
    now: float = START
    seq: int = 0
    child: subprocess.Popen[bytes] | None = None
    starts: int = 0
    people: dict[tuple[str, int], int] = field(default_factory=dict)
    away: int = 0
    troubles: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.read, self.write = os.pipe()
        self.clock_file = self.folder / "clock"
        self.clock_file.write_bytes(bytes(8))
        with self.clock_file.open("r+b") as file:
            self.clock = mmap.mmap(file.fileno(), 8)
        certificate = "ca_file: pki/ca.crt, certificate_file: pki/dev-1.crt, key_file: pki/dev-1.key"
        self.site = self.folder / "site.yaml"
        self.site.write_text(site_text(60, 60, EXACT, f"{{port: {self.proxy.port}, {certificate}, host: 127.0.0.1}}"))
        self.set(self.now)

    def set(self, now: float) -> None:
        self.now = now
        self.clock[:8] = struct.pack("d", now)

    def look_after(self) -> None:
        """What systemd does: start what is not there."""
        if self.child is None or self.child.poll() is not None:
            with (self.folder / "log").open("ab") as log:
                command = [sys.executable, str(Path(__file__).with_name("soak_child.py"))]
                self.child = subprocess.Popen(
                    [*command, str(self.site), str(self.disk.place), str(self.clock_file)],
                    stdin=self.read,
                    stderr=log,
                    env=os.environ | {"PYTHONPATH": str(ROOT)},
                )
            self.starts += 1

    def kill(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()
            self.troubles["report killed"] += 1
            self.away = self.rng.randrange(4)

    def minute(self, number: int) -> None:
        """One minute of the simulated day: beats, then the records of both zones."""
        end = START + 60 * (number + 1)
        for second in (-40, -20):
            self.set(end + second)
            self.put(encode(beat(self.seq, self.now)))
            if not self.away:
                self.drained()
        self.set(end + 0.5)
        for zone, name in enumerate(ZONES):
            people = self.rng.randrange(60)
            self.people[name, end - 60] = people
            self.put(encode(record(self.seq, end, zone, people)))
        if self.away:
            self.away -= 1
        else:
            self.look_after()
            self.drained()
        time.sleep(self.pause * self.rng.random() * 2)
        self.set(end + 8)

    def put(self, data: bytes) -> None:
        os.write(self.write, data)
        self.seq += 1

    def drained(self, wait: float = 60) -> None:
        """Let the process read, if it is there to read; it takes a while to start, longer on a busy machine."""
        until = time.monotonic() + wait
        while self.waiting and self.child is not None and self.child.poll() is None:
            assert time.monotonic() < until, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.005)

    @property
    def waiting(self) -> int:
        return int(struct.unpack("i", fcntl.ioctl(self.read, termios.FIONREAD, b"\0\0\0\0"))[0])

    def stored(self) -> int:
        """Observations that wait in the store."""
        import sqlite3

        with contextlib.closing(sqlite3.connect(f"file:{self.disk.place}/outbox.sqlite?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def settle(self, city: City, last: int) -> None:
        """Everything is fine again: wait until the last window has arrived and nothing waits."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            self.look_after()
            self.set(self.now + 0.5)
            ends = {m["zone"]: m["to"] for t, m in list(city.messages) if t.endswith("/obs")}
            if all(seconds(ends.get(zone, "1970-01-01T00:00:00Z")) >= last for zone in ZONES) and not self.stored():
                return
            time.sleep(0.2)
        raise AssertionError(f"{self.stored()} windows still wait")

    def end(self) -> None:
        if self.child is not None:
            self.child.terminate()
            self.child.wait(20)
        for fd in (self.read, self.write):
            os.close(fd)


@pytest.fixture
def trial(tmp_path: Path, new_broker: Callable[..., Mosquitto]) -> Iterator[Callable[[int, float], Trial]]:
    made: list[Trial] = []

    def make(seed: int, pause: float) -> Trial:
        folder = tmp_path / "pki"
        folder.mkdir()
        city = Authority(folder)
        for name in ("broker", "dev-1", "city"):
            city.issue(name)
        acl = folder / "acl"
        acl.write_text("pattern write drukte/v1/testville/%u/#\nuser city\ntopic read drukte/#\n")
        kept = tmp_path / "kept"
        kept.mkdir()
        broker = new_broker(
            tls(city, f"require_certificate true\nuse_identity_as_username true\nacl_file {acl}\n")
            + f"persistence true\npersistence_location {kept}/\nmax_queued_messages 0\nmax_inflight_messages 0\n"
        )
        proxy = Proxy(broker.port)
        made.append(Trial(tmp_path, city, broker, proxy, Disk(tmp_path / "state"), random.Random(seed), pause))
        return made[-1]

    yield make
    for one in made:
        one.end()
        one.proxy.close()
        one.disk.close()


def plan(minutes: int, rng: random.Random) -> dict[int, list[str]]:
    """What goes wrong at which minute. Spans of one kind do not overlap."""
    out: dict[int, list[str]] = {}

    def at(minute: int, what: str) -> None:
        out.setdefault(min(minute, minutes - 2), []).append(what)

    def spans(first: int, between: tuple[int, int], long: tuple[int, int], begin: str, over: str) -> None:
        minute = first
        while minute < minutes - long[1] - 5:
            length = rng.randint(*long)
            at(minute, begin)
            at(minute + length, over)
            minute += length + rng.randint(*between)

    spans(7, (60, 120), (5, 45), "broker stops", "broker starts")
    spans(50, (70, 140), (3, 40), "network is cut", "network is back")
    spans(80, (90, 160), (10, 60), "network falls silent", "network is back")
    spans(25, (110, 200), (5, 30), "disk is full", "disk has room")
    minute = 4
    while minute < minutes - 6:
        at(minute, "kill")
        minute += rng.randint(3, 12)
    return out


SHORT = {
    3: ["kill"],
    6: ["broker stops"],
    9: ["kill"],
    12: ["broker starts"],
    15: ["network is cut"],
    18: ["kill"],
    20: ["network is back"],
    24: ["disk is full"],
    28: ["disk has room"],
    33: ["kill"],
}


@pytest.mark.parametrize(
    ("minutes", "seed", "pause"), [(40, 4, 0.02), pytest.param(1440, 1, 0.1, marks=pytest.mark.slow)]
)
def test_every_window_arrives_once_and_in_order(
    trial: Callable[[int, float], Trial], minutes: int, seed: int, pause: float
) -> None:
    t = trial(seed, pause)
    troubles = SHORT if minutes < 60 else plan(minutes, t.rng)
    city = City(t.broker.port, t.folder / "pki")
    begun = time.monotonic()
    fragile = 0
    t.look_after()
    while t.waiting or not (t.disk.place / "outbox.sqlite").exists():
        time.sleep(0.05)
    try:
        for number in range(minutes):
            for what in troubles.get(number, []):
                match what:
                    case "broker stops":
                        t.broker.stop()
                    case "broker starts":
                        t.broker.start()
                    case "network is cut":
                        t.proxy.cut()
                    case "network falls silent":
                        t.proxy.silence()
                    case "network is back":
                        t.proxy.mend()
                    case "disk is full":
                        t.disk.fill()
                        fragile = 10**6 * t.disk.small
                    case "disk has room":
                        t.disk.free()
                        fragile = 3
                    case "kill" if not fragile:  # what it holds in memory while the disk takes nothing would be gone
                        t.kill()
                if what != "kill":
                    t.troubles[what] += 1
            fragile = max(0, fragile - 1)
            t.minute(number)
        last = START + 60 * minutes
        t.settle(city, last)
    finally:
        city.close()
    report(t, city, minutes, time.monotonic() - begun)


def report(t: Trial, city: City, minutes: int, took: float) -> None:
    """Look at all that arrived, and print the table."""
    came = [m for topic, m in city.messages if topic.endswith("/obs")]
    first: dict[tuple[str, int], dict[str, Any]] = {}
    order = []
    for m in came:
        if (m["boot"], m["seq"]) not in first:
            first[m["boot"], m["seq"]] = m
            order.append(m["seq"])
    windows = Counter((m["zone"], seconds(m["from"])) for m in first.values())
    wanted = {(zone, START + 60 * n) for zone in ZONES for n in range(minutes)}
    missing = sorted(wanted - set(windows))
    twice = [key for key, many in windows.items() if many > 1]
    status = [m for topic, m in city.messages if topic.endswith("/status")]
    dark = sum(not m["sensing"] for m in first.values())
    wrong = [
        m for m in first.values() if m["sensing"] and m["people"]["mean"] != t.people[m["zone"], seconds(m["from"])]
    ]
    rows: list[tuple[str, object]] = [
        ("simulated", f"{minutes / 60:.1f} h in {took:.0f} s"),
        *sorted((what, many) for what, many in t.troubles.items()),
        ("report started", t.starts),
        ("windows made", len(wanted)),
        ("messages arrived", len(came)),
        ("of these again", len(came) - len(first)),
        ("windows arrived", len(windows)),
        ("missing", len(missing)),
        ("twice after taking out duplicates", len(twice)),
        ("out of order", sum(b <= a for a, b in itertools.pairwise(order))),
        ("without their numbers", dark),
        ("with wrong numbers", len(wrong)),
        ("lost, as the device says", max(m["lost"] for m in status)),
    ]
    print("\n" + "\n".join(f"{name:<36}{value}" for name, value in rows))
    assert (missing, twice, wrong) == ([], [], [])
    assert order == sorted(order)
    assert max(m["lost"] for m in status) == 0
    assert t.troubles["report killed"] > 1
    assert dark <= 2 * t.troubles["report killed"], "at most what was being read when it was killed"


@pytest.mark.slow
def test_paho_alone_loses_its_queue(broker: Mosquitto) -> None:
    """For comparison: the client library's own queue, when the publisher is killed before the broker is back."""
    program = (
        "import sys, time, paho.mqtt.client as paho\n"
        "from paho.mqtt.enums import CallbackAPIVersion\n"
        "c = paho.Client(CallbackAPIVersion.VERSION2, client_id='bare', clean_session=False)\n"
        "c.connect_async('127.0.0.1', int(sys.argv[1])); c.loop_start()\n"
        "[c.publish('drukte/bare', str(n), qos=1) for n in range(int(sys.argv[2]))]\n"
        "print(1, flush=True); time.sleep(60)"
    )
    for turn in range(4):
        broker.stop()
        for many in (30, 0):  # the second publisher, with the same name, takes up what the first one left: nothing
            child = subprocess.Popen(
                [sys.executable, "-c", program, str(broker.port), str(many)], stdout=subprocess.PIPE
            )
            assert child.stdout
            with child.stdout:
                child.stdout.readline()
            if many:
                child.kill()
                child.wait()
                broker.start()
                city = listening_all(broker.port)
        time.sleep(3)
        child.kill()
        child.wait()
        arrived = len(city[1])
        city[0].disconnect()
        city[0].loop_stop()
        print(f"turn {turn + 1}: 30 published while the broker was away, publisher killed, {arrived} arrived")
        assert arrived == 0


def listening_all(port: int) -> tuple[paho.Client, list[bytes]]:
    got: list[bytes] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda c, u, m: got.append(m.payload)
    client.on_connect = lambda c, *_: c.subscribe("drukte/#", qos=1)
    client.connect(HOST, port)
    client.loop_start()
    return client, got
