"""What the open room tells the device it runs on."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drukte.report.formats.native import DeviceStatus
from drukte.report.health.alive import EVERY, NAME, SLACK, Alive


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(tmp_path / "notify"))
    heard.settimeout(0.2)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with heard:
        yield heard


def said(line: socket.socket) -> list[str]:
    out = []
    try:
        while True:
            out.append(line.recv(100).decode())
    except TimeoutError:
        return out


def test_watchdog_is_fed_only_while_windows_are_made(line: socket.socket) -> None:
    alive = Alive(60, 1000.0)
    assert said(line) == ["READY=1"]
    assert alive.turn(1001.0)
    assert not alive.turn(1002.0)
    assert alive.turn(1001.0 + EVERY)
    assert said(line) == ["WATCHDOG=1"] * 2
    late = 1000.0 + 2 * 60 + SLACK
    assert alive.turn(late)
    assert said(line) == []


def test_the_file_holds_the_status_and_the_last_window(line: socket.socket, tmp_path: Path) -> None:
    status = DeviceStatus.model_construct(device="d", state="running", sensing=True)
    Alive(60, 0.0).status(status)
    written = json.loads((tmp_path / NAME).read_text())
    assert written["window_end"] is None
    assert written["span"] == 60
    assert written["state"] == "running"
