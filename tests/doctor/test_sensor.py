"""Sensors that are there, are not, or are something else."""

from pathlib import Path

import yaml

from drukte.config import Site
from drukte.doctor import sensor
from drukte.doctor.machine import Finding, Machine

DEMO = Path(__file__).parents[2] / "firmware_config" / "sites"


def site(source: dict[str, object]) -> Site:
    radar = str(source["kind"]).startswith("radar")
    tree = yaml.safe_load((DEMO / ("radar-demo.yaml" if radar else "demo-street.yaml")).read_text())
    return Site.model_validate({**tree, "source": source})


def look(root: Path, source: dict[str, object], programs: dict[tuple[str, ...], str] | None = None) -> list[Finding]:
    return list(sensor.look(Machine(root, programs or {}), site(source)))


def put(root: Path, name: str, text: str = "") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_a_camera_that_is_not_there(tmp_path: Path) -> None:
    put(tmp_path, "dev/video3")
    (finding,) = look(tmp_path, {"kind": "camera", "device": "/dev/video0"})
    assert finding.verdict == "fix"
    assert "/dev/video3" in finding.text


def test_something_that_is_no_camera(tmp_path: Path) -> None:
    put(tmp_path, "dev/video0")
    (finding,) = look(tmp_path, {"kind": "camera", "device": "/dev/video0"})
    assert "does not answer as a camera" in finding.text


def test_a_pi_camera_without_its_library(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, {"kind": "picamera"})
    assert "python3-picamera2" in finding.do


RADAR = {"kind": "radar-ld2450", "port": "/dev/ttyUSB0"}


def test_a_radar_and_its_unit(tmp_path: Path) -> None:
    assert look(tmp_path, dict(RADAR))[0].verdict == "fix"
    put(tmp_path, "dev/ttyUSB0")
    put(tmp_path, "usr/share/drukte/radar.conf")
    port, unit = look(tmp_path, dict(RADAR))
    assert port.verdict == "fine"
    assert unit.verdict == "fix"
    assert sensor.RADAR_UNIT in unit.do
    put(tmp_path, sensor.RADAR_UNIT.lstrip("/"))
    assert look(tmp_path, dict(RADAR))[1].verdict == "fine"


def test_a_port_that_others_use(tmp_path: Path) -> None:
    put(tmp_path, "dev/ttyUSB0")
    busy = {("systemctl", "is-active", "ModemManager"): "active"}
    assert "ModemManager" in look(tmp_path, dict(RADAR), busy)[0].do
    put(tmp_path, "dev/serial0")
    put(tmp_path, "proc/cmdline", "console=serial0,115200 root=x")
    assert "console" in look(tmp_path, {**RADAR, "port": "/dev/serial0"})[0].text


def test_a_recording_needs_no_sensor(tmp_path: Path) -> None:
    assert look(tmp_path, {"kind": "video", "path": "x.avi"})[0].verdict == "fine"
