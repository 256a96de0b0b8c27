"""The keeper: switches the light on while somebody has a camera open."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from drukte.indicator.hold import KEEPER, LIT, LOCK
from drukte.indicator.lamps import Lamp

LOOK_EVERY: Final = 0.1
"""While the light is off, the lock is looked at this often, s. Whoever opens a camera waits for the light."""


class Stopped(Exception):  # noqa: N818 - being asked to end is no error
    """A signal asked the keeper to end."""


def keep(place: Path, lamp: Lamp) -> None:
    """Switch the light until a signal comes. A camera that is open then keeps its light.

    Args:
        place: folder of the lock; made if it is not there.
        lamp: the light.

    Raises:
        OSError: the folder cannot be used, or another keeper is at work in it (BlockingIOError).
        LampError: the light cannot be switched.
    """
    place.mkdir(parents=True, exist_ok=True, mode=0o755)
    with _open(place / KEEPER) as own, _open(place / LOCK) as camera:
        _write(place / LIT, on=False)
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with _until_signal():
            lamp.switch(False)
            while True:
                while _free(camera):
                    time.sleep(LOOK_EVERY)
                lamp.switch(True)
                _write(place / LIT, on=True)
                fcntl.flock(camera, fcntl.LOCK_EX)  # sleeps until nobody holds it: closed, ended or killed
                _write(place / LIT, on=False)
                lamp.switch(False)
                fcntl.flock(camera, fcntl.LOCK_UN)


def _free(fd: int) -> bool:
    """Whether nobody holds the lock."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True


def _write(path: Path, on: bool) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(f"{on:d}\n")
    new.chmod(0o644)
    new.replace(path)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _until_signal() -> Iterator[None]:
    def stop(_number: int, _frame: object) -> NoReturn:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
