"""Clusters of three nodes on this machine, made of the files in packaging/city: only places and ports are put in."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from drukte.report.broker import HOST, free_port
from tests.report.conftest import await_port

CITY = Path(__file__).parents[2] / "packaging/city"
READER = "telegraf"


class Node:
    """One node: can be started, killed, and started again with what it has stored."""

    def __init__(self, folder: Path, port: int, command: Sequence[str], patience: float, **environment: str) -> None:
        self.folder, self.port = folder, port
        self._command, self._patience, self._environment = command, patience, environment
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                list(self._command),
                stdout=log,
                stderr=log,
                env=os.environ | self._environment,
                cwd=self.folder,
                start_new_session=True,
            )
        await_port(self.port, self._patience)

    def kill(self) -> None:
        """Without a word, as when the power goes: SIGKILL to all that belongs to the node."""
        if self._child is not None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
            self._child = None

    @property
    def memory(self) -> int:
        """Resident memory of the node's processes, bytes."""
        if self._child is None:
            return 0
        said = subprocess.run(
            ["ps", "-o", "rss=", "-s", str(self._child.pid)], capture_output=True, text=True, check=False
        )
        return 1024 * sum(map(int, said.stdout.split()))


def certificates(folder: Path, devices: Sequence[str]) -> Path:
    """A fleet's authority with certificates for the brokers, the reader and the devices."""
    from drukte_tools.fleet import enrol

    enrol.new_authority(folder, "test", None)
    authority = enrol.Authority(folder, lambda: "")
    enrol.enrol(authority, HOST, 30, folder, server=True)
    for name in (READER, *devices):
        enrol.enrol(authority, name, 30, folder)
    return folder


def nats(folder: Path, certs: Path, _devices: Sequence[str]) -> list[Node] | None:
    """NATS with JetStream and its MQTT gateway; None where it is not installed."""
    program = shutil.which("nats-server", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return None
    routes, nodes = [free_port() for _ in range(3)], []
    text = (CITY / "nats/nats-1.conf").read_text()
    for n in range(3):
        own = folder / f"nats-{n + 1}"
        own.mkdir(parents=True)
        port = free_port()
        made = text.replace("drukte-1", f"drukte-{n + 1}").replace("127.0.0.1:4222", f"{HOST}:{free_port()}")
        made = made.replace('192.0.2.11:6222"\n  routes', f'{HOST}:{routes[n]}"\n  routes')
        for k in range(3):
            made = made.replace(f"192.0.2.{11 + k}:6222", f"{HOST}:{routes[k]}")
        made = made.replace("0.0.0.0:8883", f"{HOST}:{port}").replace("/var/lib/nats", str(own / "store"))
        made = made.replace("/etc/nats/server", str(certs / HOST)).replace("/etc/nats/", f"{certs}/")
        made = made.replace("max_file_store: 20G", "max_file_store: 2G")
        (own / "nats.conf").write_text(made)
        nodes.append(Node(own, port, [program, "-c", str(own / "nats.conf")], 60))
    return nodes


def rabbitmq(folder: Path, certs: Path, devices: Sequence[str]) -> list[Node] | None:
    """RabbitMQ with its MQTT plug-in; None where it is not installed."""
    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if not program.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".erlang.cookie").write_text(os.urandom(12).hex())
    (folder / ".erlang.cookie").chmod(0o400)
    define = runpy.run_path(str(CITY / "rabbitmq/definitions.py"))["definitions"]
    (folder / "definitions.json").write_text(json.dumps(define([READER], list(devices))))
    names = [f"drukte{n + 1}-{os.getpid()}@localhost" for n in range(3)]
    text = (CITY / "rabbitmq/rabbitmq.conf").read_text()
    for n in range(3):
        text = text.replace(f"rabbit@node-{n + 1}", names[n])
    text = text.replace("/etc/rabbitmq/server", str(certs / HOST)).replace("/etc/rabbitmq/", f"{certs}/")
    text = re.sub(r"disk_free_limit.*", "disk_free_limit.absolute = 50MB", text)
    nodes = []
    for n, name in enumerate(names):
        own = folder / f"rabbitmq-{n + 1}"
        own.mkdir()
        port = free_port()
        made = text.replace("mqtt.listeners.ssl.default = 8883", f"mqtt.listeners.ssl.local = {HOST}:{port}")
        (own / "rabbitmq.conf").write_text(f"{made}\nload_definitions = {folder}/definitions.json\n")
        shutil.copy(CITY / "rabbitmq/enabled_plugins", own / "enabled_plugins")
        environment = {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(own / "mnesia"),
            "RABBITMQ_LOG_BASE": str(own),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(own / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(own / "rabbitmq.conf"),
            "RABBITMQ_PID_FILE": str(own / "pid"),
            # Two threads for each node: they share one machine here.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
        }
        nodes.append(Node(own, port, [str(program)], 180, **environment))
    return nodes


MAKERS = {"nats": nats, "rabbitmq": rabbitmq}


def start(nodes: Sequence[Node]) -> None:
    """Start all, and give them time to find each other."""
    together = [node for node in nodes if "nats" in node.folder.name]
    for node in nodes:
        node.start()
    time.sleep(5 if together else 3)
