"""Kills a node of a cluster under the traffic of a city: `python -m tests.cluster.run --engine nats --devices 2000`.

Three nodes on this machine, over TLS, each device with its own certificate. A consumer with a session of its own reads
along at the node that is killed. Prints what came of it; ends with status 1 when a window is missing.
"""

import csv
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from drukte.report.broker.desk import HOST
from drukte_tools.fleet.simulated import quantiles
from tests.cluster.nodes import MAKERS, READER, Node, certificates, start


class Consumer:
    """Reads observations as a city's database would: QoS 1, a session that is kept, another node when one is gone."""

    def __init__(self, nodes: Sequence[Node], certs: Path) -> None:
        self._nodes, self._at = list(nodes), 0
        self.seen: dict[tuple[str, str, int], int] = {}
        self.connects = 0
        self.broken: list[float] = []
        self.subscribed = threading.Event()
        self._over = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="city-database", protocol=paho.MQTTv311, clean_session=False,
            reconnect_on_failure=False,
        )  # fmt: skip
        self._client.tls_set(
            str(certs / "ca.crt"),
            str(certs / f"{READER}.crt"),
            str(certs / f"{READER}.key"),
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._client.connect(HOST, self._nodes[self._at].port, keepalive=15)
                while not self._over.is_set() and self._client.loop(0.5) == paho.MQTT_ERR_SUCCESS:
                    pass
            except OSError:
                pass
            if not self._over.is_set():
                self.broken.append(time.time())
                self._at = (self._at + 1) % len(self._nodes)
                time.sleep(1)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self.connects += 1
            client.subscribe("drukte/v1/+/+/+/obs", qos=1)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        tree = json.loads(message.payload)
        key = (tree["device"], tree["boot"], tree["seq"])
        self.seen[key] = self.seen.get(key, 0) + 1

    def stop(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._client.disconnect()


@dataclass
class Outcome:
    """What came of a run."""

    figures: dict[str, Any]
    arrived: int
    doubles: int
    phases: list[tuple[str, float, list[float]]]
    consumer_connects: int
    memory: list[int] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Confirmed windows that did not arrive, at least."""
        return max(0, int(self.figures["observations_confirmed"]) - self.arrived)

    @property
    def lines(self) -> list[str]:
        f = self.figures
        lag = f["own_lag"]
        lines = [
            f"windows made {f['observations_made']}, confirmed {f['observations_confirmed']}, arrived {self.arrived}, "
            f"missing {self.missing}, twice {self.doubles}",
            f"connections broken {f['connections_broken']}, windows sent again {f['sent_again']}, "
            f"refused {f['refused'] or 'nothing'}, consumer connected {self.consumer_connects} times",
            f"tool's own delay 90 % {1000 * (lag['q0.9'] or 0):.0f} ms, 99 % {1000 * (lag['q0.99'] or 0):.0f} ms, "
            f"all {1000 * (lag['q1'] or 0):.0f} ms; "
            f"memory of the nodes {', '.join(f'{m / 1e6:.0f} MB' for m in self.memory)}",
            "| | messages/s | PUBACK half within | 90 % | 99 % | all |",
            "|---|---|---|---|---|---|",
        ]
        for name, seconds, latencies in self.phases:
            words = (
                [f"{1000 * v:.0f} ms" for v in quantiles(latencies, (0.5, 0.9, 0.99, 1))] if latencies else ["-"] * 4
            )
            lines.append(f"| {name} | {len(latencies) / seconds:.0f} | {' | '.join(words)} |")
        return lines


def run(
    engine: str, folder: Path, devices: int, window: int, seconds: float, kill_at: float, back_at: float, ramp: float,
    spread: float, certs: Path | None = None,
) -> Outcome | None:  # fmt: skip
    """One run; None where the engine is not installed.

    Args:
        engine: of MAKERS.
        folder: for everything that is stored.
        devices: how many.
        window: length of a window, s.
        seconds: how long devices publish.
        kill_at: when a node is killed, s from the beginning.
        back_at: when it is started again, s from the beginning.
        ramp: connections begun per second.
        spread: devices publish within so long, s.
        certs: folder with the certificates; made when None.
    """
    names = [f"sim-{n:04d}" for n in range(devices)]
    certs = certs or certificates(folder / "certificates", names)
    nodes = MAKERS[engine](folder / engine, certs, names)
    if nodes is None:
        return None
    out = folder / f"{engine}.csv"
    consumer = None
    try:
        start(nodes)
        consumer = Consumer(nodes, certs)
        if not consumer.subscribed.wait(60):
            raise click.ClickException(f"the consumer cannot subscribe; see {folder}")
        command: list[object] = [
            *(sys.executable, "-m", "drukte", "fleet", "simulate", "--json", "--mqtt", "3.1.1", "--devices", devices),
            *("--window", window, "--seconds", seconds, "--ramp", ramp, "--spread", spread, "--confirmations", out),
            *(
                "--host",
                HOST,
                "--port",
                nodes[0].port,
                "--ca-file",
                certs / "ca.crt",
                "--certificates",
                certs,
                "--keep",
            ),
        ]
        for node in nodes[1:]:
            command += ["--node", f"{HOST}:{node.port}"]
        begun = time.time()
        with subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True) as tool:
            try:
                time.sleep(kill_at)
                memory = [node.memory for node in nodes]
                nodes[0].kill()
                killed = time.time()
                time.sleep(back_at - kill_at)
                nodes[0].start()
                back = time.time()
                said, _ = tool.communicate()
            finally:
                tool.kill()
        figures = json.loads(said)
        until = time.monotonic() + 60
        while len(consumer.seen) < figures["observations_made"] and time.monotonic() < until:
            time.sleep(0.5)
    finally:
        if consumer is not None:
            consumer.stop()
        for node in nodes:
            node.kill()
    with out.open() as file:
        points = [(float(row["time"]), float(row["latency"])) for row in csv.DictReader(file)]
    settled = begun + devices / ramp + 5
    spans = [
        ("devices connect", begun, settled), ("before", settled, killed), ("15 s after the kill", killed, killed + 15),
        ("without the node", killed + 15, back), ("the node is back", back, begun + seconds),
    ]  # fmt: skip
    # A message is told in the span in which it was sent, so that one that waited for long is seen where it began.
    phases = [(name, b - a, [late for at, late in points if a <= at - late < b]) for name, a, b in spans if b > a]
    doubles = sum(n > 1 for n in consumer.seen.values())
    return Outcome(figures, len(consumer.seen), doubles, phases, consumer.connects, memory)


@click.command()
@click.option("--engine", type=click.Choice(list(MAKERS)), required=True)
@click.option("--devices", default=2000, show_default=True)
@click.option("--seconds", default=300.0, show_default=True)
@click.option("--window", default=60, show_default=True)
@click.option("--ramp", default=40.0, show_default=True)
@click.option("--spread", default=40.0, show_default=True)
def main(engine: str, devices: int, seconds: float, window: int, ramp: float, spread: float) -> None:
    """Kill a node under the traffic of a city."""
    folder = Path(tempfile.mkdtemp(prefix="drukte-cluster-"))
    try:
        outcome = run(engine, folder, devices, window, seconds, 0.5 * seconds, 0.7 * seconds, ramp, spread)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if outcome is None:
        raise click.ClickException(f"not installed: apt install {engine}-server")
    click.echo(f"{engine}: 3 nodes, {devices} devices, windows of {window} s, {seconds:.0f} s")
    for line in outcome.lines:
        click.echo(line)
    sys.exit(outcome.missing > 0 or outcome.figures["observations_made"] != outcome.arrived)


if __name__ == "__main__":
    main()
