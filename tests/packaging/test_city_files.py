"""Node-RED's flow and RabbitMQ's rights: the parts of the city's files that hold rules of their own."""

import json
import re
import runpy
import shutil
import subprocess
from typing import Any

import pytest
from tests.packaging.database import CITY

FLOW = json.loads((CITY / "node-red/flow.json").read_text())
NODE = shutil.which("node")


def test_every_wire_of_the_flow_has_two_ends() -> None:
    ids = {node["id"] for node in FLOW}
    assert len(ids) == len(FLOW)
    for node in FLOW:
        assert {end for output in node.get("wires", []) for end in output} <= ids
        assert {
            node[key] for key in ("z", "broker", "tls") if node["type"] in ("mqtt in", "function") and key in node
        } <= ids
    (broker,) = (node for node in FLOW if node["type"] == "mqtt-broker")
    assert broker["usetls"]
    assert broker["tls"] in ids


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
def test_functions_of_the_flow() -> None:
    """Run by Node.js, with a stand-in for the context that Node-RED gives them."""

    def run(name: str, messages: list[dict[str, Any]]) -> list[Any]:
        (node,) = (node for node in FLOW if node.get("name") == name)
        script = (
            "const kept = {}, context = {get: k => kept[k], set: (k, v) => { kept[k] = v; }};"
            f"const f = new Function('msg', 'context', {json.dumps(node['func'])});"
            f"const said = {json.dumps(messages)}.map(p => {{ const m = f({{payload: p}}, context);"
            "return m && m.payload; }); console.log(JSON.stringify(said));"
        )
        done = subprocess.run([str(NODE), "-e", script], capture_output=True, text=True, check=True, timeout=30)
        return list(json.loads(done.stdout))

    place = {"organisation": "testville", "device": "dev-1", "zone": "hall"}
    few = place | {"boot": "0", "to": "12:00", "people": {"status": "under_5", "mean": None, "max": None}}
    few |= {"quality": {"grade": "good"}}
    said = run("once, few is not none", [few | {"seq": 1}, few | {"seq": 1}, few | {"seq": 2}])
    assert [s is None for s in said] == [False, True, False]
    assert said[0]["people"] is None
    assert said[0]["status"] == "under_5"

    levels = ["quiet", "very_busy", None, "very_busy", "busy", "busy", "quiet"]
    said = run("very busy, and over", [place | {"level": level, "from": "12:00", "note": "n"} for level in levels])
    assert [s and s["level"] for s in said] == [None, "very_busy", None, None, "busy", None, None]


def test_rabbitmq_binds_devices_to_their_own_topics() -> None:
    define = runpy.run_path(str(CITY / "rabbitmq/definitions.py"))["definitions"]
    tree = json.loads(json.dumps(define(["telegraf"], ["pole-1", "pole-11"])))
    rights = {right["user"]: right for right in tree["topic_permissions"]}
    assert re.search(rights["pole-1"]["write"], "drukte.v1.leiden.pole-1.square.obs")
    assert not re.search(rights["pole-1"]["write"], "drukte.v1.leiden.pole-11.square.obs")
    assert not re.search(rights["pole-1"]["write"], "drukte.v1.leiden.x.pole-1.obs")
    assert not re.search(rights["telegraf"]["write"], "drukte.v1.leiden.pole-1.square.obs")
    assert re.search(rights["telegraf"]["read"], "drukte.v1.leiden.pole-1.square.obs")
    assert not re.search(rights["pole-11"]["read"], "drukte.v1.leiden.pole-1.cmd.settings")
    assert {user["name"] for user in tree["users"]} == set(rights)
    assert all(user["password_hash"] == "" for user in tree["users"]), "the certificate is the only way in"
