"""Made-up devices at a real Mosquitto: everything arrives, nothing confirmed is lost, identities are their own."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from tests.report.conftest import Mosquitto, listening
from tests.tools.fleet.test_simulated import VALIDATORS

from drukte_tools.fleet.cli import fleet


def test_what_is_confirmed_has_arrived(broker: Mosquitto) -> None:
    arguments = [
        "simulate",
        "--port",
        str(broker.port),
        "--devices",
        "20",
        "--window",
        "5",
        "--seconds",
        "11",
        "--json",
    ]
    with listening(broker.port, "drukte/#") as seen:
        done = CliRunner().invoke(fleet, [*arguments, "--spread", "1"])
        assert done.exit_code == 0, done.output
        figures = json.loads(done.stdout)
        seen.wait(lambda s: len(s.of("/obs")) == figures["observations_confirmed"])
        seen.wait(lambda s: sum(not m.payload for m in s.messages if m.topic.endswith("/status")) == 20)
    for message in seen.messages:
        if message.payload:
            tree = json.loads(message.payload)
            VALIDATORS[tree["schema"]].validate(tree)
    observations = {(t["device"], t["boot"], t["seq"]) for t in map(json.loads, seen.of("/obs"))}
    assert len(observations) == figures["observations_made"] >= 20 * 2
    assert {device for device, _, _ in observations} == {f"sim-{n:04d}" for n in range(20)}
    assert figures["connections_made"] == 20
    assert 0 < figures["puback"]["q0.5"] <= figures["puback"]["q0.99"] <= figures["puback"]["q1"]
    assert figures["refused"] == {}
    with listening(broker.port, "drukte/#") as later:
        time.sleep(0.5)
    assert later.messages == [], "nothing is left at the broker"


def test_a_broker_that_dies_loses_nothing(broker: Mosquitto) -> None:
    def interrupt() -> None:
        time.sleep(4)
        broker.stop(kill=True)
        time.sleep(1)
        broker.start()

    arguments = [
        "simulate",
        "--port",
        str(broker.port),
        "--devices",
        "10",
        "--window",
        "5",
        "--seconds",
        "14",
        "--json",
    ]
    thread = threading.Thread(target=interrupt)
    thread.start()
    done = CliRunner().invoke(fleet, arguments)
    thread.join()
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["connections_broken"] == 10
    assert figures["connections_made"] == 20
    assert figures["observations_made"] == figures["observations_confirmed"] > 0


def test_a_broker_that_binds_names_refuses_the_others(new_broker: Callable[..., Mosquitto], tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("pattern write drukte/v1/simulated/%c/#\n")  # client ids begin with the organisation: none fits
    acl.chmod(0o644)
    broker = new_broker(f"user root\nallow_anonymous true\nacl_file {acl}\n")
    arguments = ["simulate", "--port", str(broker.port), "--devices", "2", "--window", "5", "--seconds", "6"]
    done = CliRunner().invoke(fleet, arguments)
    assert done.exit_code == 1
    assert "0 confirmed" in done.output
    assert "message refused: Not authorized" in done.output


def test_what_is_missing_is_said_in_a_line(broker: Mosquitto, tmp_path: Path) -> None:
    port = ["--port", str(broker.port)]
    for arguments, expected in [
        (["--port", "1"], "cannot be reached"),
        ([*port, "--certificates", str(tmp_path)], "sim-0000.crt: is missing"),
        ([*port, "--node", "here"], "write HOST:PORT"),
    ]:
        done = CliRunner().invoke(fleet, ["simulate", "--seconds", "1", *arguments])
        assert done.exit_code == 1
        assert expected in done.output
        assert "Traceback" not in done.output
