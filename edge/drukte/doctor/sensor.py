"""Camera or radar: is it there, and may the sealed room have it."""

import fcntl
import os
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from drukte.config import Site
from drukte.config.radar import RADARS
from drukte.doctor.machine import Finding, Machine, fine, fix

RADAR_UNIT: Final = "/etc/systemd/system/drukte-sense.service.d/radar.conf"
ALLOW_RADAR: Final = (
    f"sudo install -D -m 0644 /usr/share/drukte/radar.conf {RADAR_UNIT} && sudo systemctl daemon-reload"
)
_QUERYCAP: Final = 0x80685600
_CAPTURE: Final = 0x1
_STREAMING: Final = 0x0400_0000


def look(machine: Machine, site: Site | None) -> Iterator[Finding]:
    """What the site file names, or what there is when there is none."""
    if site is None:
        cameras, ports = machine.glob("dev/video*"), _ports(machine)
        yield fine("sensors", f"{len(cameras)} camera devices, {len(ports)} serial ports; the site file is to name one")
        return
    source = site.source
    match source.kind:
        case "camera":
            yield _camera(machine, source.device)
        case "picamera":
            yield _picamera(machine, source.camera)
        case "video" | "images":
            yield fine("sensor", f"a recording ({source.path}), no sensor")
        case kind if kind in RADARS and kind != "radar-replay":
            for key in ("port", "command_port"):
                if port := getattr(source, key, None):
                    yield _port(machine, port)
            yield _radar_unit(machine)
        case kind:
            yield fine("sensor", f"{kind}, no sensor")


def _camera(machine: Machine, device: str) -> Finding:
    path = machine.at(device)
    there = ", ".join(f"/{p.relative_to(machine.root)}" for p in machine.glob("dev/video*")) or "none"
    if not path.exists():
        return fix(
            "camera",
            f"{device} is not there (cameras here: {there})",
            "plug it in, or correct source.device: ls /dev/v4l/by-id",
        )
    try:
        name, capabilities = _ask(path)
    except PermissionError:
        return fix("camera", f"{device} may not be opened by this user", "run as root: sudo drukte doctor")
    except OSError as error:
        return fix(
            "camera",
            f"{device} does not answer as a camera ({error.strerror})",
            "choose another: v4l2-ctl --list-devices",
        )
    if not (capabilities & _CAPTURE and capabilities & _STREAMING):
        return fix(
            "camera",
            f"{device} ({name}) gives no pictures",
            "choose the camera's first device: v4l2-ctl --list-devices",
        )
    return fine("camera", f"{device}: {name}")


def _ask(path: Path) -> tuple[str, int]:
    """Name and capabilities of a V4L2 device (linux/videodev2.h, VIDIOC_QUERYCAP); opens no stream. Raises OSError."""
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        answer = bytearray(104)
        fcntl.ioctl(fd, _QUERYCAP, answer)
    finally:
        os.close(fd)
    everything, device = struct.unpack_from("<II", answer, 84)
    return answer[16:48].split(b"\0")[0].decode(errors="replace"), device if everything & 0x8000_0000 else everything


def _picamera(machine: Machine, number: int) -> Finding:
    if find_spec("picamera2") is None:
        return fix(
            "camera", "picamera2 is missing", "sudo apt install python3-picamera2 && sudo dpkg-reconfigure drukte"
        )
    if not machine.glob("dev/media*"):
        return fix(
            "camera", "no camera on the connector", "switch off, seat the flat cable, then: rpicam-hello --list-cameras"
        )
    said = machine.run("rpicam-hello", "--list-cameras")
    if said is not None and f"\n{number} :" not in f"\n{said}":
        return fix(
            "camera",
            f"camera {number} is not found by libcamera",
            "rpicam-hello --list-cameras, then set source.camera",
        )
    return fine("camera", f"camera {number} through libcamera")


def _ports(machine: Machine) -> list[Path]:
    return [p for pattern in ("ttyUSB*", "ttyACM*", "ttyAMA*") for p in machine.glob(f"dev/{pattern}")]


def _port(machine: Machine, port: str) -> Finding:
    found = machine.glob(port)
    if not found:
        there = ", ".join(f"/{p.relative_to(machine.root)}" for p in _ports(machine)) or "none"
        return fix(
            "radar",
            f"{port} is not there (ports here: {there})",
            "plug it in, or correct its name: ls -l /dev/serial/by-id",
        )
    if machine.run("systemctl", "is-active", "ModemManager") == "active":
        return fix(
            "radar", f"{port}: ModemManager tries its commands on it", "sudo systemctl disable --now ModemManager"
        )
    if port.endswith(("serial0", "ttyAMA0", "ttyS0")) and "console=serial0" in (machine.read("/proc/cmdline") or ""):
        return fix(
            "radar", f"{port} is the system's console", "sudo raspi-config nonint do_serial_cons 1 && sudo reboot"
        )
    return fine("radar", f"/{found[0].relative_to(machine.root)}")


def _radar_unit(machine: Machine) -> Finding:
    if machine.at(RADAR_UNIT).exists() or not machine.at("/usr/share/drukte/radar.conf").exists():
        return fine("radar unit", "the sealed room gets serial ports and no camera")
    return fix("radar unit", "the sealed room gets cameras and no serial port", ALLOW_RADAR)
