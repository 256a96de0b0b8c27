"""What devices say of themselves is read, compared and shown; nothing that comes in from outside breaks it."""

import json
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from tests.report.conftest import (
    Mosquitto,
    site_text,
)
from tests.tools.fleet.heard import NOW, meta_of, privacy, status, text

from drukte.report.broker.desk import HOST
from drukte_tools.fleet.bus import Arrived
from drukte_tools.fleet.cli import fleet
from drukte_tools.fleet.inventory import Device, Inventory
from drukte_tools.fleet.marks import marks_of
from drukte_tools.fleet.show import health, table


def heard(*messages: tuple[str, bytes]) -> list[Device]:
    inventory = Inventory("drukte/v1")
    for topic, payload in messages:
        inventory.take(Arrived(f"drukte/v1/testville/{topic}", payload))
    return inventory.sorted()


def marks(status_more: dict[str, Any] | None = None, privacy_more: dict[str, Any] | None = None) -> list[str]:
    devices = heard(
        ("dev-1/status", text(status(**(status_more or {})))), ("dev-1/privacy", text(privacy(**(privacy_more or {}))))
    )
    return [f"{m.weight} {m.text}" for m in marks_of(devices, NOW)["testville", "dev-1"]]


def test_a_device_that_is_well_has_no_mark() -> None:
    assert marks() == []
    assert marks({"sensing": False, "state": "closed"}) == []


@pytest.mark.parametrize(
    ("status_more", "privacy_more", "expected"),
    [
        ({"online": False, "reason": "connection_lost", "state": "unknown"}, {}, "bad offline: connection lost"),
        ({"sensing": False, "state": "covered"}, {}, "bad does not count: covered"),
        ({"sensing": False, "state": "refused", "refusal": "no zones"}, {}, "bad does not use its site file: no zones"),
        ({"at": "2030-01-01T00:00:00Z"}, {}, "bad said nothing since 2030-01-01T00:00:00Z"),
        ({"store": "full"}, {}, "bad its store is full"),
        ({"lost": 3}, {}, "look 3 windows lost since its start"),
        ({"commands": {"ignored": {"unsigned": 2}}}, {}, "look commands ignored: unsigned 2"),
        ({"rejected": {"clock": 1}}, {}, "look 1 records refused at the door: clock 1"),
        ({}, {"sealed": False, "enforced": ["filtered"]}, "bad NOT SEALED: in force are only filtered"),
        ({}, {"sealed": None, "enforced": None}, "look its seal has not been shown yet"),
        ({}, {"purpose_valid_until": "2030-03-16"}, "bad its purpose ended on 2030-03-16"),
        ({}, {"purpose_valid_until": "2030-03-27"}, "look its purpose ends in 10 days"),
        ({}, {"ledger": None}, "bad its ledger does not hold"),
        ({}, {"audit": None, "audit_at": None}, "look never audited"),
        ({}, {"audit": "FAIL"}, "bad its audit of 2030-03-16 said FAIL"),
        ({}, {"audit_at": "2029-01-01T00:00:00Z"}, "look its audit is 440 days old"),
    ],
)
def test_what_needs_attention_is_marked(
    status_more: dict[str, Any], privacy_more: dict[str, Any], expected: str
) -> None:
    assert marks(status_more, privacy_more) == [expected]


def test_devices_are_compared_with_each_other() -> None:
    names = [f"dev-{i}" for i in range(4)]
    odd: dict[str, dict[str, Any]] = {"dev-3": {"code": "d" * 64}}
    devices = heard(
        *((f"{name}/privacy", text(privacy(name, **odd.get(name, {})))) for name in names),
        *((f"{name}/status", text(status(name, software="0.1.0" if name != "dev-2" else "0.0.9"))) for name in names),
    )
    found = {key[1]: [m.text for m in each] for key, each in marks_of(devices, NOW).items()}
    assert found["dev-0"] == []
    assert found["dev-2"] == ["version 0.0.9, most have 0.1.0"]
    assert found["dev-3"] == ["its program files differ from the others of version 0.1.0"]


def test_certificates_that_end_are_marked() -> None:
    devices = heard(("dev-1/status", text(status())), ("dev-1/privacy", text(privacy())))
    for days, expected in [(-1, ["its certificate has run out"]), (10, ["its certificate ends in 10 days"]), (99, [])]:
        found = marks_of(devices, NOW, {"dev-1": NOW + days * 86_400})
        assert [m.text for m in found["testville", "dev-1"]] == expected
    assert [m.text for m in marks_of(devices, NOW, {})["testville", "dev-1"]] == ["no certificate of it is known"]


def test_a_newer_version_is_read_and_said() -> None:
    tree = json.loads(text(status())) | {"colour": "green"}
    tree["commands"]["later"] = 1
    (device,) = heard(("dev-1/status", json.dumps(tree).encode()), ("dev-1/privacy", text(privacy())))
    assert device.status is not None
    assert health(device) == "counting"
    (found,) = marks_of([device], NOW).values()
    assert [m.text for m in found] == ["its status is of a newer version than this tool"]


def test_a_device_that_speaks_for_another_is_marked() -> None:
    (device,) = heard(("dev-1/status", text(status("dev-2"))), ("dev-1/privacy", text(privacy())))
    assert device.status is None
    (found,) = marks_of([device], NOW).values()
    assert [m.text for m in found] == ["its status names another device; look at the broker's access rules"]


def test_an_empty_message_takes_back() -> None:
    (device,) = heard(("dev-1/meta", text(meta_of())), ("dev-1/status", text(status())), ("dev-1/status", b""))
    assert device.status is None
    assert device.meta is not None
    assert heard(("dev-9/status", b"")) == []


@given(
    st.sampled_from(["status", "meta", "privacy", "selfcheck"]),
    st.binary(max_size=80) | st.integers(1, 50_000).map(lambda deep: b"[" * deep),
)
def test_anything_may_come_in(kind: str, payload: bytes) -> None:
    devices = heard((f"dev-1/{kind}", payload))
    assert all(d.unreadable == {kind} for d in devices)
    assert list(table(devices, marks_of(devices, NOW), NOW))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_value_may_stand_in_a_message(value: Any) -> None:
    tree = json.loads(text(status()))
    for key in tree:
        devices = heard(("dev-1/status", json.dumps(tree | {key: value}).encode()))
        assert list(table(devices, marks_of(devices, NOW), NOW))


def retain(port: int, *messages: tuple[str, bytes]) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, port)
    client.loop_start()
    for topic, payload in messages:
        client.publish(f"drukte/v1/testville/{topic}", payload, qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def told(broker: Mosquitto) -> list[str]:
    """A broker with two devices, and the options to reach it."""
    retain(
        broker.port,
        ("dev-1/status", text(status(at="2099-01-01T00:00:00Z"))),
        ("dev-1/privacy", text(privacy(audit_at="2099-01-01T00:00:00Z", settings_serial=7))),
        ("dev-1/meta", text(meta_of())),
        ("dev-2/status", text(status("dev-2", online=False, reason="stopped", state="unknown"))),
    )
    return ["--port", str(broker.port), "--quiet", "0.5"]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_over_a_broker(told: list[str], version: str) -> None:
    done = CliRunner().invoke(fleet, ["inventory", *told, "--mqtt", version])
    assert done.exit_code == 1, done.output
    assert "  testville/dev-1  counting  0.1.0    55555555 #7  sealed" in done.output
    assert "! testville/dev-2: offline: stopped" in done.output
    tree = json.loads(CliRunner().invoke(fleet, ["inventory", *told, "--json"]).output)
    assert [(d["device"], d["health"], d["attention"]) for d in tree] == [
        ("dev-1", "counting", "fine"),
        ("dev-2", "offline", "bad"),
    ]
    assert tree[0]["meta"]["place"] == "Test square"


def test_the_ansible_inventory_has_groups(told: list[str], tmp_path: Path) -> None:
    (tmp_path / "canary.txt").write_text("testville/dev-1  # the desk\ntestville/new-1\n")
    arguments = ["export", *told, "--ring", str(tmp_path / "canary.txt"), "--domain", "sensors.example.org"]
    done = CliRunner().invoke(fleet, arguments)
    assert done.exit_code == 0, done.output
    tree = yaml.safe_load(done.output)["drukte"]
    assert tree["hosts"]["testville.dev-1"]["ansible_host"] == "dev-1.sensors.example.org"
    assert tree["hosts"]["testville.dev-1"]["drukte_version"] == "0.1.0"
    assert set(tree["children"]["ring_canary"]["hosts"]) == {"testville.dev-1", "testville.new-1"}
    assert set(tree["children"]["attention_bad"]["hosts"]) == {"testville.dev-2"}


def test_settings_are_compared_with_the_intended_ones(broker: Mosquitto, tmp_path: Path) -> None:
    from drukte.config import settings_hash

    sites = tmp_path / "sites"
    sites.mkdir()
    for name in ("dev-1", "dev-2", "dev-3"):
        (sites / f"{name}.yaml").write_text(site_text().replace("dev-1", name))
    (sites / "generic.yaml").write_text("mqtt: {}\n")
    (sites / "ground.yaml").write_text("intrinsics: {}\n")
    retain(
        broker.port,
        ("dev-1/privacy", text(privacy(settings=settings_hash(sites / "dev-1.yaml")))),
        ("dev-2/privacy", text(privacy("dev-2"))),
        ("dev-4/privacy", text(privacy("dev-4"))),
    )
    arguments = ["diff", str(sites), "--port", str(broker.port), "--quiet", "0.5", "--json"]
    done = CliRunner().invoke(fleet, arguments)
    assert done.exit_code == 1
    found = {d["device"]: d["verdict"] for d in json.loads(done.output)}
    assert found == {"dev-1": "same", "dev-2": "differs", "dev-3": "missing", "dev-4": "unintended"}
    (sites / "generic.yaml").write_text("mqtt: {port: 1884}\n")
    done = CliRunner().invoke(fleet, arguments)
    assert {d["device"]: d["verdict"] for d in json.loads(done.output)}["dev-1"] == "differs"


def test_a_broker_that_is_away_is_said_in_a_line() -> None:
    done = CliRunner().invoke(fleet, ["inventory", "--port", "1"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: broker localhost:1: cannot be reached")


@pytest.mark.parametrize(
    ("text_", "expected"),
    [("hots: x\n", "hots"), ("[1]\n", "must hold the keys"), ("a: [\n", "is not YAML"), ("port: 0\n", "port")],
)
def test_a_wrong_broker_file_is_said_in_a_line(tmp_path: Path, text_: str, expected: str) -> None:
    file = tmp_path / "broker.yaml"
    file.write_text(text_)
    done = CliRunner().invoke(fleet, ["inventory", "--broker", str(file)])
    assert done.exit_code == 1
    assert expected in done.output
    assert "Traceback" not in done.output
