"""Find, open and read the serial port of a radar module."""

import errno
import os
import select
import time
from pathlib import Path
from typing import Final

import serial

from drukte.sense.sources.base import SourceError
from drukte.sense.sources.radar import RadarFrame

BY_ID: Final = Path("/dev/serial/by-id")
_MOMENT_MS: Final = 100


class RadarError(SourceError):
    """A radar module that cannot be used; the text says where, what and what to do."""


def find_port(pattern: str, root: Path = Path("/")) -> Path:
    """The one device that matches a path or a pattern such as `/dev/serial/by-id/*CP2105*-if01-port0`.

    Raises:
        RadarError: nothing matches, or more than one device does.
    """
    if not pattern.startswith("/dev/"):
        raise RadarError(f"radar port '{pattern}': must begin with /dev/; best is a name under {BY_ID}, which stays")
    found = sorted(root.glob(pattern.lstrip("/")))
    # Several names may lead to one device.
    devices = {path.resolve(): path for path in reversed(found)}
    if len(devices) == 1:
        return next(iter(devices.values()))
    if devices:
        names = ", ".join(str(p) for p in found)
        raise RadarError(f"radar port '{pattern}' matches {len(devices)} devices ({names}); write one that matches one")
    others = sorted(p.name for p in (root / str(BY_ID).lstrip("/")).glob("*"))
    seen = f"connected are: {', '.join(others)}" if others else "no USB serial device is connected"
    raise RadarError(f"radar port '{pattern}': not there; {seen}. Check cable and power")


def open_port(path: Path, baud: int) -> serial.Serial:
    """Open a port for one user, without waiting on reads.

    Raises:
        RadarError: it cannot be opened.
    """
    try:
        return serial.Serial(str(path), baud, timeout=0, write_timeout=2.0, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.EACCES:
            advice = "not allowed; add the user to the group 'dialout' and log in again"
        elif number in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
            advice = "not there; check cable and power"
        elif number in {errno.EAGAIN, errno.EBUSY}:
            advice = (
                "in use by another program; stop it (ModemManager also takes ports: `systemctl disable ModemManager`)"
            )
        else:
            advice = f"cannot be opened at {baud} bit/s ({error})"
        raise RadarError(f"radar port {path}: {advice}") from None


class PortStream:
    """An open port as a stream of bytes; see `ByteStream`.

    Args:
        port: the open port.
        name: for errors.
        period: seconds between the module's frames.
    """

    patient = False

    def __init__(self, port: serial.Serial, name: str, period: float) -> None:
        self.name, self._port, self._came = name, port, 0.0
        self.rate: float | None = 1 / period
        self.fds: tuple[int, ...] = (port.fileno(),)
        self._poll = select.poll()
        self._poll.register(port.fileno(), select.POLLIN)

    def read(self, room: memoryview) -> int:
        """See `ByteStream.read`."""
        if not self._poll.poll(_MOMENT_MS):
            return 0
        reason = "the device went away"
        try:
            n = os.readv(self.fds[0], [room])
        except OSError as error:
            n, reason = 0, str(error)
        if not n:
            raise RadarError(f"radar {self.name}: lost ({reason}). Check cable and power")
        self._came = time.monotonic()
        return n

    def stamp(self, frame: RadarFrame) -> float:
        """See `ByteStream.stamp`. A frame's time is when its last bytes were read."""
        frame.time = self._came
        return 0.0

    def close(self) -> None:
        """See `ByteStream.close`."""
        self._port.close()
