"""The sealed room's side of the indicator: hold the lock, and see that the light is on before the camera opens."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

FOLDER: Final = Path("/run/drukte-indicator")
LOCK: Final = "camera.lock"
"""Held, shared, by whoever has a camera open."""
KEEPER: Final = "keeper.lock"
"""Held by the keeper while it lives."""
LIT: Final = "lit"
"""Holds 1 while the keeper has switched the light on."""
PATIENCE: Final = 3.0
"""Longest wait for the light, s."""


class IndicatorError(Exception):
    """The light does not come on, so the camera must stay closed; the text says why."""


def folder() -> Path:
    """Where keeper and sealed room meet: `DRUKTE_INDICATOR`, else the service's run-time folder."""
    return Path(os.environ.get("DRUKTE_INDICATOR") or FOLDER)


def hold(place: Path, patience: float = PATIENCE) -> int:
    """Ask for the light and wait until it is on. Returns a descriptor: the light stays on until it is closed.

    Args:
        place: where the keeper's files lie.
        patience: longest wait, s.

    Raises:
        IndicatorError: there is no keeper, or the light does not come on.
    """
    try:
        fd = os.open(place / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise IndicatorError(
            f"indicator: {place / LOCK}: {error.strerror}. Is the keeper running? systemctl status drukte-indicator"
        ) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        until = time.monotonic() + patience
        while not (_lives(place) and _lit(place)):
            if time.monotonic() > until:
                raise IndicatorError(
                    "indicator: the light does not come on, so the camera stays closed. Look at: systemctl status "
                    "drukte-indicator, and try: drukte indicator --try"
                )
            time.sleep(0.02)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _lit(place: Path) -> bool:
    try:
        return (place / LIT).read_bytes().strip() == b"1"
    except OSError:
        return False


def _lives(place: Path) -> bool:
    """Whether somebody holds the keeper's own lock."""
    try:
        fd = os.open(place / KEEPER, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
