# ruff: noqa: F811 - the broker fixtures are imported
"""A camera that must stay closed is not opened, as the kernel saw it, and the status topic says why.

The tracer that sees no opening is the one that sees it when the same site may be used.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.report.conftest import Mosquitto, broker, listening, new_broker  # noqa: F401 - fixtures
from tests.scenes import drukte, moving_square, site_file
from tests.settings.people import sign_and_put, trust

from drukte.exits import Exit

YESTERDAY = (date.today() - timedelta(days=1)).isoformat()
LATER = {"events": [{"from": "2090-01-01 10:00", "to": "2090-01-01 11:00"}]}


class Device:
    """Both rooms of a device, the sealed one under the eyes of strace."""

    def __init__(self, folder: Path, port: int, **changes: Any) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.video = moving_square(folder / "watched.avi", size=(768, 576))
        self.log = folder / "strace"
        settings = {"source__path": "watched.avi", "source__rate": 10, "tick": 5, "window": 5}
        self.site = site_file(folder, mqtt={"host": "127.0.0.1", "port": port}, **(settings | changes))

    def change(self, **changes: Any) -> None:
        """Change the site file in place, as somebody without a key would."""
        tree = yaml.safe_load(self.site.read_text())
        tree |= changes
        self.site.write_text(yaml.safe_dump({k: v for k, v in tree.items() if v is not None}, sort_keys=False))

    def sense(self, seconds: float, until: bytes | None = None) -> int | None:
        """Run the sealed room for a while or until the trace shows something; its exit status if it ended."""
        self.log.unlink(missing_ok=True)
        trace = ["strace", "-f", "-qq", "-s", "300", "-e", "trace=open,openat,openat2", "-o", str(self.log)]
        readable, writable = os.pipe()
        child = subprocess.Popen(
            [*trace, *drukte("sense", "--site", self.site, "--door", "1")], stdout=writable, start_new_session=True
        )
        os.close(writable)
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up and child.poll() is None:
            if until and self.log.exists() and until in self.log.read_bytes():
                break
            time.sleep(0.1)
        status = child.poll()
        if status is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        os.close(readable)
        return status

    @property
    def opened(self) -> list[str]:
        """Lines of the trace in which what is to be watched was opened; devices count, too."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if "watched" in line or "/dev/video" in line or "/dev/media" in line]

    def status(self, port: int, state: str) -> dict[str, Any]:
        """Run the open room until its status says `state`."""
        readable, writable = os.pipe()
        child = subprocess.Popen(
            drukte("report", "--site", self.site, "--door", "0"),
            stdin=readable,
            env=os.environ | {"STATE_DIRECTORY": str(self.folder / "state")},
        )
        try:
            with listening(port, "drukte/#") as seen:
                seen.wait(lambda s: any(json.loads(text)["state"] == state for text in s.of("/status")), 30)
                found: dict[str, Any] = next(m for t in seen.of("/status") if (m := json.loads(t))["state"] == state)
        finally:
            child.terminate()
            assert child.wait(15) == Exit.OK
            os.close(readable)
            os.close(writable)
        return found


@pytest.fixture
def port(broker: Mosquitto) -> Iterator[int]:
    if not shutil.which("strace"):
        pytest.fail("strace is not installed: apt install strace")
    return broker.port


def test_the_tracer_sees_a_recording_that_may_be_opened(tmp_path: Path, port: int, model_store: Path) -> None:
    device = Device(tmp_path / "device", port)
    device.sense(60, until=b"watched.avi")
    assert device.opened


def test_the_tracer_sees_a_camera_that_may_be_opened(tmp_path: Path, port: int, model_store: Path) -> None:
    camera = tmp_path / "watched-camera"
    camera.touch()
    device = Device(tmp_path / "device", port, source={"kind": "camera", "device": str(camera)})
    assert device.sense(60) == Exit.SOURCE  # it is none, which shows only when it is opened
    assert any("watched-camera" in line for line in device.opened)


def test_past_the_last_day(tmp_path: Path, port: int, model_store: Path) -> None:
    device = Device(tmp_path / "device", port, purpose__valid_until=YESTERDAY, place__time_zone="UTC")
    assert device.sense(60) == Exit.PURPOSE
    assert device.opened == []
    status = device.status(port, "expired")
    assert (status["online"], status["sensing"], status["purpose_valid_until"]) == (True, False, YESTERDAY)


def test_outside_the_schedule(tmp_path: Path, port: int, model_store: Path) -> None:
    device = Device(tmp_path / "device", port, purpose__valid_until="2099-12-31", schedule=LATER)
    device.sense(6)
    assert device.log.stat().st_size > 0
    assert device.opened == []
    assert device.status(port, "closed")["sensing"] is False


def test_an_unsigned_change(tmp_path: Path, port: int, model_store: Path) -> None:
    device = Device(tmp_path / "device", port)
    trust(device.folder)
    sign_and_put(device.site)
    device.sense(60, until=b"watched.avi")
    assert device.opened
    assert device.status(port, "absent")["refusal"] is None
    device.change(tick=10, window=10)
    assert device.sense(60) == Exit.UNSIGNED
    assert device.opened == []
    status = device.status(port, "refused")
    assert (status["online"], status["sensing"]) == (True, False)
    assert "it was changed" in status["refusal"]
    ledger = (device.folder / "state" / "ledger.jsonl").read_text()
    assert '"act":"signature"' in ledger
    assert ledger.count('"act":"refused"') == 1


def test_no_purpose(tmp_path: Path, port: int, model_store: Path) -> None:
    device = Device(tmp_path / "device", port)
    device.change(purpose=None)
    assert device.sense(60) == Exit.SITE
    assert device.opened == []
    status = device.status(port, "refused")
    assert status["refusal"] == "purpose: is missing and must be given"
    assert status["purpose_valid_until"] is None
