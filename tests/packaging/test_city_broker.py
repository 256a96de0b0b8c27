"""The city's Mosquitto with its own files: made-up devices with certificates, a reader as Telegraf's, the database."""

import json
import os
import shutil
import ssl
import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.cluster.nodes import certificates
from tests.packaging.database import CITY, Database, database, programs
from tests.report.conftest import await_port

from drukte.report.broker import HOST, free_port, mosquitto
from drukte_tools.fleet.cli import fleet

BIN = programs()
DEVICES = 4


@dataclass
class City:
    """A broker that runs with the city's files, and the certificates for it."""

    folder: Path
    certs: Path
    port: int
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = mosquitto()
        assert program
        text = (CITY / "mosquitto/mosquitto.conf").read_text()
        text = text.replace("listener 8883", f"listener {self.port} {HOST}")
        text = text.replace("/etc/mosquitto/certs/server", str(self.certs / HOST))
        text = text.replace("/etc/mosquitto/certs/", f"{self.certs}/").replace(
            "/etc/mosquitto/acl", str(CITY / "mosquitto/acl")
        )
        text = text.replace("/var/lib/mosquitto/", f"{self.folder}/")
        (self.folder / "mosquitto.conf").write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
        with (self.folder / "log").open("ab") as log:
            self.child = subprocess.Popen([program, "-c", self.folder / "mosquitto.conf"], stdout=log, stderr=log)
        await_port(self.port)

    def stop(self) -> None:
        if self.child is not None:
            self.child.terminate()
            self.child.wait(10)

    def client(self, name: str | None, **more: object) -> paho.Client:
        """A connected client with the certificate of a name."""
        made = paho.Client(CallbackAPIVersion.VERSION2, **more)  # type: ignore[arg-type]
        pair = (str(self.certs / f"{name}.crt"), str(self.certs / f"{name}.key")) if name else (None, None)
        made.tls_set(str(self.certs / "ca.crt"), *pair, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        made.connect(HOST, self.port)
        made.loop_start()
        return made


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    return certificates(folder, ["fleet", "reader", *(f"sim-{n:04d}" for n in range(DEVICES))])


@pytest.fixture
def city(certs: Path, tmp_path: Path) -> Iterator[City]:
    if mosquitto() is None:
        pytest.fail("mosquitto is not installed: apt install mosquitto mosquitto-clients")
    made = City(tmp_path, certs, free_port())
    made.start()
    yield made
    made.stop()


@dataclass
class Reader:
    """Reads what Telegraf's file asks for, with the session that it asks for."""

    city: City
    messages: list[tuple[str, bytes]] = field(default_factory=list)

    def __enter__(self) -> "Reader":
        (settings,) = tomllib.loads((CITY / "telegraf/telegraf.conf").read_text())["inputs"]["mqtt_consumer"]
        granted = threading.Event()
        self._client = self.city.client("telegraf", client_id=settings["client_id"], clean_session=False)
        self._client.on_message = lambda _c, _d, m: self.messages.append((m.topic, m.payload))
        self._client.on_subscribe = lambda *_: granted.set()
        self._client.subscribe([(topic, settings["qos"]) for topic in settings["topics"]])
        assert granted.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def simulate(city: City, *more: str) -> dict[str, object]:
    options = ["--host", HOST, "--port", str(city.port), "--ca-file", str(city.certs / "ca.crt"), "--json", "--keep"]
    options += ["--certificates", str(city.certs), "--devices", str(DEVICES), "--window", "5", "--spread", "1", *more]
    done = CliRunner().invoke(fleet, ["simulate", *options])
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(BIN is None, reason="PostgreSQL is not installed: apt install postgresql")
def test_from_devices_with_certificates_to_the_dashboards_tables(city: City, tmp_path: Path) -> None:
    assert BIN is not None
    with Reader(city) as telegraf:
        figures = simulate(city, "--seconds", "7", "--confirmations", str(tmp_path / "all.csv"))
        until = time.monotonic() + 10
        while sum(t.endswith("/obs") for t, _ in telegraf.messages) < figures["observations_confirmed"]:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert figures["refused"] == {}
    assert figures["connections_made"] == DEVICES
    assert len((tmp_path / "all.csv").read_text().splitlines()) > figures["messages_confirmed"] - 1  # type: ignore[operator]
    # What comes while nobody reads waits in the session, also when the broker is started anew.
    later = simulate(city, "--seconds", "6")
    city.stop()
    city.start()
    made = int(str(figures["observations_made"])) + int(str(later["observations_made"]))
    with Reader(city) as again:
        until = time.monotonic() + 10
        while sum(t.endswith("/obs") for t, _ in telegraf.messages + again.messages) < made:
            assert time.monotonic() < until
            time.sleep(0.05)
    with database(BIN) as db:
        db.land(telegraf.messages + again.messages)
        assert db.one("SELECT count(*) FROM drukte.windows") == made
        assert db.one("SELECT count(*) FROM drukte.fleet") == DEVICES
        assert db.one("SELECT count(*) FROM drukte.rejected") == 0
        assert db.one("SELECT count(*) FROM drukte.now WHERE level IS NOT NULL") == 2 * DEVICES
        first_start(db)


def first_start(db: Database) -> None:
    """The script that sets up the database can be run on one that is set up, and sets the passwords."""
    passwords = {"DRUKTE_INGEST_PASSWORD": "a'b;--", "DRUKTE_READ_PASSWORD": "$c"}
    where = {"PGHOST": str(db.folder), "POSTGRES_USER": "drukte", "POSTGRES_DB": "drukte"}
    done = subprocess.run(
        ["sh", str(CITY / "postgresql/first-start.sh")],
        env=os.environ | passwords | where,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    roles = db.rows("SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname LIKE 'drukte\\_%' ORDER BY 1")
    assert [(r["rolname"], r["rolcanlogin"]) for r in roles] == [
        ("drukte_ingest", True),
        ("drukte_open", False),
        ("drukte_read", True),
    ]
    assert db.one("SELECT count(*) FROM pg_authid WHERE rolname LIKE 'drukte\\_%' AND rolpassword LIKE 'SCRAM%'") == 2


def test_everybody_can_do_what_the_rules_say_and_no_more(city: City) -> None:
    def may_write(name: str, topic: str) -> bool:
        answers: list[bool] = []
        client = city.client(name, protocol=paho.MQTTv5)
        client.on_publish = lambda _c, _d, _mid, reason, _p: answers.append(not reason.is_failure)
        client.publish(topic, "x", qos=1, properties=Properties(PacketTypes.PUBLISH))
        until = time.monotonic() + 10
        while not answers:
            assert time.monotonic() < until
            time.sleep(0.01)
        client.disconnect()
        client.loop_stop()
        return answers[0]

    own = "drukte/v1/simulated/sim-0000"
    assert may_write("sim-0000", f"{own}/zone-0/obs")
    assert not may_write("sim-0000", "drukte/v1/simulated/sim-0001/zone-0/obs")
    assert not may_write("sim-0000", "homeassistant/device/sim-0000/config")
    assert not may_write("telegraf", f"{own}/status")
    assert not may_write("reader", f"{own}/status")
    assert may_write("fleet", f"{own}/cmd/settings")
    assert not may_write("fleet", f"{own}/status")

    heard: dict[str, list[str]] = {name: [] for name in ("telegraf", "reader", "sim-0001")}
    clients = []
    for name, topics in heard.items():
        granted = threading.Event()
        client = city.client(name)
        client.on_message = lambda _c, _d, m, topics=topics: topics.append(m.topic)
        client.on_subscribe = lambda *_, granted=granted: granted.set()
        client.subscribe("#", qos=1)
        assert granted.wait(10)
        clients.append(client)
    sender = city.client("sim-0000")
    for topic in (f"{own}/zone-0/obs", f"{own}/zone-0/obs/ngsi-ld"):
        sender.publish(topic, "{}", qos=1).wait_for_publish(10)
    until = time.monotonic() + 10
    while len(heard["reader"]) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert heard["reader"] == [f"{own}/zone-0/obs", f"{own}/zone-0/obs/ngsi-ld"]
    assert heard["telegraf"] == [f"{own}/zone-0/obs"]
    assert heard["sim-0001"] == [], "a device reads nothing of another"
    for client in (*clients, sender):
        client.disconnect()
        client.loop_stop()


def test_nobody_comes_in_without_a_certificate(city: City, tmp_path: Path) -> None:
    refused: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.tls_set(str(city.certs / "ca.crt"), tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.on_connect = lambda _c, _d, _f, reason, _p: refused.append(reason.is_failure)
    with pytest.raises((OSError, ConnectionError)):
        client.connect(HOST, city.port)
        for _ in range(20):
            if client.loop(0.1) != paho.MQTT_ERR_SUCCESS:
                raise ConnectionError
    assert refused in ([], [True])


@pytest.mark.slow
def test_node_red_runs_the_flow_over_tls(city: City, tmp_path: Path) -> None:
    program = os.environ.get("DRUKTE_NODE_RED")
    if not program:
        pytest.skip("DRUKTE_NODE_RED is not set: run `make node-red`")
    home = tmp_path / "node-red"
    home.mkdir()
    text = (CITY / "node-red/flow.json").read_text().replace("/etc/node-red/", f"{city.certs}/")
    nodes = json.loads(text)
    for node in nodes:
        if node["type"] == "mqtt-broker":
            node |= {"broker": HOST, "port": str(city.port)}
    (home / "flows.json").write_text(json.dumps(nodes))
    log = home / "log"
    command = ["node", program, "--userDir", str(home), "--port", "0", str(home / "flows.json")]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as red:
        try:
            until = time.monotonic() + 60
            while "Connected to broker" not in log.read_text():
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            simulate(city, "--seconds", "6")
            while log.read_text().count("[debug:people]") < 2 * DEVICES:
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            sender = city.client("sim-0000")
            busy = {"organisation": "simulated", "device": "sim-0000", "zone": "zone-0", "from": "now", "note": "n"}
            for level in ("very_busy", "busy"):
                topic = "drukte/v1/simulated/sim-0000/zone-0/busyness"
                sender.publish(topic, json.dumps(busy | {"level": level}), qos=1).wait_for_publish(10)
            while log.read_text().count("[debug:very busy]") < 2:
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            sender.disconnect()
            sender.loop_stop()
        finally:
            red.terminate()


def test_the_compose_file_names_what_is_there() -> None:
    import yaml

    tree = yaml.safe_load((CITY / "compose.yaml").read_text())
    wanted = set()
    for name, service in tree["services"].items():
        assert ":" in service["image"], name
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert source.startswith("./certs") or (CITY / source).exists(), source
            else:
                assert source in tree["volumes"]
        wanted |= {v[2:].split(":")[0] for v in map(str, service.get("environment", {}).values()) if v.startswith("${")}
    given = {row.split("=")[0] for row in (CITY / ".env.example").read_text().splitlines() if "=" in row}
    assert wanted == given
    assert shutil.which("sh")
