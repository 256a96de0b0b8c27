"""RabbitMQ and NATS as they come with Debian, on this machine and for one test."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drukte.report.broker.desk import HOST, free_port
from tests.report.conftest import Mosquitto, await_port

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@dataclass
class Other:
    """A broker that can be stopped and started again with what it has stored."""

    folder: Path
    port: int
    command: list[str]
    environment: dict[str, str]
    patience: float
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> "Other":
        with (self.folder / "log").open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                cwd=self.folder,
                start_new_session=True,
            )
        await_port(self.port, self.patience)
        return self

    def stop(self, kill: bool = False) -> None:
        if self.child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.child = None


def rabbitmq(folder: Path) -> Other | None:
    """RabbitMQ with its MQTT plug-in; None where it is not installed."""
    if not RABBITMQ.exists():
        return None
    port = free_port()
    (folder / "plugins").write_text("[rabbitmq_mqtt].\n")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.local = {HOST}:{free_port()}\nmqtt.listeners.tcp.local = {HOST}:{port}\n"
        "mqtt.allow_anonymous = true\nmqtt.default_user = guest\nmqtt.default_pass = guest\n"
    )
    environment = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"drukte{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    return Other(folder, port, [str(RABBITMQ)], environment, 120)


def nats(folder: Path) -> Other | None:
    """NATS with its MQTT gateway, which needs its own store; None where it is not installed."""
    program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/bin")
    if program is None:
        return None
    port = free_port()
    (folder / "nats.conf").write_text(
        f'server_name: drukte\nlisten: "{HOST}:{free_port()}"\njetstream {{ store_dir: "{folder}/store" }}\n'
        f'mqtt {{ listen: "{HOST}:{port}" }}\n'
    )
    return Other(folder, port, [program, "-c", str(folder / "nats.conf")], {}, 30)


def mosquitto(folder: Path) -> Mosquitto:
    """Mosquitto that keeps what it has over a restart."""
    (folder / "kept").mkdir()
    settings = f"allow_anonymous true\nuser root\npersistence true\npersistence_location {folder}/kept/\n"
    return Mosquitto(folder, free_port(), settings)


MAKERS: dict[str, Callable[[Path], Other | Mosquitto | None]] = {
    "mosquitto": mosquitto,
    "rabbitmq-server": rabbitmq,
    "nats-server": nats,
}
"""By the name of the Debian package."""
