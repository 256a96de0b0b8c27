"""The examples in docs/city-data.md, taken from the page and run."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from drukte.report.broker.desk import HOST
from drukte.report.formats.base import Format, Outgoing
from drukte.report.formats.registry import OWN
from tests.report.conftest import Mosquitto, make_site
from tests.report.formats.conftest import Told

PAGE = (Path(__file__).parents[3] / "docs/city-data.md").read_text()
NODE_RED = os.environ.get("DRUKTE_NODE_RED")


def blocks(language: str, section: str) -> list[str]:
    body = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"```{language}\n(.*?)```", body, re.DOTALL)


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


def test_site_snippets_are_right() -> None:
    indented = re.findall(r"\n\n((?:    .*\n)+)", PAGE)
    found = [yaml.safe_load(text) for text in indented if text.lstrip().startswith("mqtt:")]
    assert len(found) == 2
    for snippet in found:
        make_site(mqtt=json.dumps(snippet["mqtt"]))


def test_a_format_of_your_own(told: list[Told]) -> None:
    (code,) = blocks("python", "Formats of your own")
    space: dict[str, Any] = {}
    exec(code, space)
    one = space["FORMAT"]
    assert isinstance(one, Format)
    (message,) = one.observation(told[-1].observations[0], told[-1].device)
    assert (message.topic, message.payload) == ("drukte/v1/testville/dev-1/square/number", "7")


class ContextBroker(BaseHTTPRequestHandler):
    """A stand-in: takes batches of entities to replace, in JSON-LD, as NGSI-LD (ETSI GS CIM 009) lays it down."""

    entities: dict[str, dict[str, Any]]

    def do_POST(self) -> None:
        right = self.path == "/ngsi-ld/v1/entityOperations/upsert?options=replace"
        right &= self.headers["Content-Type"] == "application/ld+json"
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for entity in batch:
            right &= {"id", "type", "@context"} <= set(entity)
            self.entities[entity["id"]] = entity
        self.send_response(204 if right else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def context_broker() -> Iterator[ThreadingHTTPServer]:
    ContextBroker.entities = {}
    server = ThreadingHTTPServer((HOST, 0), ContextBroker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def wait(ready: Callable[[], bool], say: Callable[[], None] = lambda: None, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until
        say()
        time.sleep(0.2)


@pytest.mark.skipif(not (shutil.which("mosquitto_sub") and shutil.which("curl")), reason="needs mosquitto_sub and curl")
def test_fiware(
    broker: Mosquitto, publish: Callable[..., None], context_broker: ThreadingHTTPServer, told: list[Told]
) -> None:
    (script,) = blocks("sh", "FIWARE")
    script = script.replace("-h localhost", f"-h {HOST} -p {broker.port}")
    url = f"http://{HOST}:{context_broker.server_port}"
    env = os.environ | {"CONTEXT_BROKER": url, "no_proxy": HOST}
    day = told[0]
    hall = [o for o in day.observations if o.zone == "hall" and day.device.product(o) == "obs" and not o.merged]
    full = next(o for o in hall if o.people.mean)
    few = next(o for o in hall if o.people.status == "under_5")
    name = "urn:ngsi-ld:CrowdFlowObserved:testville:dev-1:hall"

    def tell(o: Any) -> None:
        publish(*OWN["ngsi-ld"].observation(o, day.device))

    with subprocess.Popen(["bash", "-c", script], env=env, start_new_session=True) as bridge:
        try:
            wait(lambda: name in ContextBroker.entities, lambda: tell(full))
            assert ContextBroker.entities[name]["peopleCount"]["value"] == round(full.people.mean or 0)
            tell(few)
            wait(lambda: "peopleCount" not in ContextBroker.entities[name])
        finally:
            os.killpg(bridge.pid, 15)


@pytest.mark.slow
def test_node_red(
    broker: Mosquitto,
    publish: Callable[..., None],
    told: list[Told],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not NODE_RED:
        pytest.skip("DRUKTE_NODE_RED is not set: run `make node-red`")
    (flow,) = blocks("json", "Node-RED")
    nodes = json.loads(flow)
    nodes[0] |= {"broker": HOST, "port": str(broker.port)}
    tab = {"id": "tab", "type": "tab", "label": "drukte"}
    (tmp_path / "flows.json").write_text(json.dumps([tab, *({"z": "tab", "x": 0, "y": 0} | n for n in nodes)]))
    day = told[0]
    hall = [o for o in day.observations if o.zone == "hall" and day.device.product(o) == "obs" and not o.merged]
    full = next(o for o in hall if o.people.mean)
    few = next(o for o in hall if o.people.status == "under_5")
    log = tmp_path / "log"
    command = ["node", NODE_RED, "--userDir", str(tmp_path), "--port", "0", str(tmp_path / "flows.json")]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as red:
        try:
            wait(lambda: "[debug:people]" in log.read_text(), lambda: _tell(publish, day, full), 60)
            _tell(publish, day, full)
            _tell(publish, day, few)
            wait(lambda: "status: 'under_5'" in log.read_text())
        finally:
            red.terminate()
    text = re.sub(r"\x1b\[\d+m", "", log.read_text())
    assert text.count(f"people: {full.people.mean:g}") == 1, "what comes twice is dropped"
    assert "people: null" in text
    with capsys.disabled():
        print("\n" + "\n".join(line for line in text.splitlines() if "Node-RED version" in line or "people:" in line))


def _tell(publish: Callable[..., None], day: Told, o: Any) -> None:
    publish(*OWN["native"].observation(o, day.device))
