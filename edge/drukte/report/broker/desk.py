"""A broker for a desk: Mosquitto when it is installed, else one in this process (MQTT 3.1.1 only). Loopback only."""

import asyncio
import contextlib
import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

HOST: Final = "127.0.0.1"
SECONDS_TO_START: Final = 5.0
_PLACES: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"


class BrokerError(Exception):
    """No broker could be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """A broker that runs: where, what MQTT version it speaks, and what it is."""

    host: str
    port: int
    version: Literal["5", "3.1.1"]
    name: str


def mosquitto() -> str | None:
    """Path of an installed Mosquitto; it often lies in a folder that is not on a user's path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_PLACES)


@contextlib.contextmanager
def local_broker(port: int | None = None) -> Iterator[Running]:
    """A broker on the loopback interface while the context lasts; on a free port unless one is given.

    Raises:
        BrokerError: none could be started.
    """
    port = free_port() if port is None else port
    if program := mosquitto():
        running = Running(HOST, port, "5", "Mosquitto")
    elif importlib.util.find_spec("amqtt"):
        running = Running(HOST, port, "3.1.1", "embedded (amqtt)")
    else:
        raise BrokerError(
            "no broker is installed. Install Mosquitto (apt install mosquitto) or the demo extra (pip install "
            "'drukte[demo]')"
        )
    with tempfile.TemporaryDirectory(prefix="drukte-broker-") as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(f"listener {port} {HOST}\nallow_anonymous true\npersistence false\nlog_dest stderr\n")
        own = [sys.executable, "-m", "drukte.report.broker.desk", str(port)]
        with _child([program, "-c", str(config)] if program else own, port, Path(folder) / "log"):
            yield running


def free_port() -> int:
    """A TCP port on the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _child(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _await(port, lambda: child.poll() is not None, lambda: log.read_text(errors="replace").strip())
        yield
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


async def serve(port: int) -> None:
    """Be a broker until cancelled. It has a process of its own, so that it ends when that is ended."""
    from amqtt.broker import Broker

    settings: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    await Broker(settings).start()
    await asyncio.Event().wait()


def _await(port: int, died: Callable[[], bool], why: Callable[[], str]) -> None:
    """Wait until something listens on the port.

    Raises:
        BrokerError: it does not within `SECONDS_TO_START`, or the broker has ended.
    """
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        if died():
            break
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 0.2):
            return
        time.sleep(0.02)
    raise BrokerError(f"the broker does not start on port {port}: {why() or 'it says nothing'}. Is the port in use?")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1])))
