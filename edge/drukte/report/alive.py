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


class Alive:
    """Tells those who look after this process on the device.

    Args:
        span: length of a window, s.
        mono: monotonic clock at the start, s.
    """

    def __init__(self, span: int, mono: float) -> None:
        folder = os.environ.get("RUNTIME_DIRECTORY")
        self._file = Path(folder.split(":")[0]) / NAME if folder else None
        self._notify = os.environ.get("NOTIFY_SOCKET")
        self._patience = 2 * span + SLACK
        self._span = span
        self._made = mono
        self._turned = mono - EVERY
        self._window: dict[str, Any] = {"window_end": None, "observed": None}
        self._tell("READY=1")

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
            self._tell("WATCHDOG=1")
        return True

    def status(self, status: DeviceStatus) -> None:
        """Keep the status, with the last window, in the file. A full disk costs the file only."""
        if self._file is None:
            return
        text = json.dumps({**status.model_dump(mode="json"), "span": self._span, **self._window})
        new = self._file.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.write_text(text)
            new.chmod(0o644)
            new.replace(self._file)

    def _tell(self, text: str) -> None:
        if not self._notify:
            return
        address = f"\0{self._notify[1:]}" if self._notify.startswith("@") else self._notify
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(text.encode(), address)
