"""Proof on the device itself that windows are made: a file for `drukte doctor`, and systemd's watchdog.

Says nothing that the status message does not say. `man 3 sd_notify` tells the datagrams, `man 5 systemd.service` the
watchdog.
"""

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any, Final

from drukte.report.formats.native import DeviceStatus, Observation, seconds

NAME: Final = "health.json"
EVERY: Final = 5.0
"""Seconds between looks."""
SLACK: Final = 120.0
"""Seconds that a window may be late, beside two windows, before the watchdog is no longer fed."""


def notify(text: str) -> None:
    """Tell systemd; nothing happens where it did not start this process."""
    if not (given := os.environ.get("NOTIFY_SOCKET")):
        return
    address = f"\0{given[1:]}" if given.startswith("@") else given
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(text.encode(), address)


def keep(status: DeviceStatus, **more: Any) -> None:
    """Keep a status in the file, if there is a place for it. A full disk costs the file only."""
    if not (folder := os.environ.get("RUNTIME_DIRECTORY")):
        return
    file = Path(folder.split(":")[0]) / NAME
    new = file.with_suffix(".new")
    with contextlib.suppress(OSError):
        new.write_text(json.dumps({**status.model_dump(mode="json"), **more}))
        new.chmod(0o644)
        new.replace(file)


class Alive:
    """Tells those who look after this process on the device.

    Args:
        span: length of a window, s.
        mono: monotonic clock at the start, s.
    """

    def __init__(self, span: int, mono: float) -> None:
        self._patience = 2 * span + SLACK
        self._span = span
        self._made = mono
        self._turned = mono - EVERY
        self._window: dict[str, Any] = {"window_end": None, "observed": None}
        notify("READY=1")

    def windows(self, made: list[Observation], mono: float) -> None:
        """Windows were closed and stored."""
        if made:
            self._made = mono
            newest = max(made, key=lambda o: o.to)
            self._window = {"window_end": seconds(newest.to), "observed": newest.observed}

    def turn(self, mono: float) -> bool:
        """The loop goes round: feed the watchdog unless no window was made for long. Whether to say the status."""
        if mono - self._turned < EVERY:
            return False
        self._turned = mono
        if mono - self._made < self._patience:
            notify("WATCHDOG=1")
        return True

    def status(self, status: DeviceStatus) -> None:
        """Keep the status, with the last window, in the file."""
        keep(status, span=self._span, **self._window)
