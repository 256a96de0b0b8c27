"""The sealed room: open the source, load the model, try the whole way of a frame, seal, and then only loop.

The order is the point. Everything that needs a file, a thread, a module or a device happens before the seal; what is
refused after it is refused for ever.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from drukte.config import Site
from drukte.exits import Exit
from drukte.indicator.hold import IndicatorError, hold
from drukte.indicator.hold import folder as indicator_folder
from drukte.sense.geometry.calibration import CalibrationError, GroundError
from drukte.sense.lock.deadman import Deadman
from drukte.sense.lock.liveness import NotAliveError
from drukte.sense.lock.seal import SealError, SealReport, seal, wakers
from drukte.sense.reduction.tick import Ticker
from drukte.sense.sight import FrameResult, Sight, open_sight
from drukte.sense.sources import SourceEnded, SourceError
from drukte.summary import RUNNING, STARVED, Summary, encode

WARM_UP = 12
"""Frames that go the whole way before the seal, so that every library has started what it needs."""
PATIENCE = 30.0
"""Seconds that a camera gets to deliver them."""
LONGEST_PAUSE = 90.0
"""Without a reduced frame for this long the room is closed and opened anew, s; slower sources get five frames."""

Outcome = tuple[Exit, str]
"""Why the room ended, and what to tell the technician; nothing once the room is sealed."""


def run_room(site: Site, folder: Path, model: bytes, door_fd: int) -> Outcome:
    """Run until the source ends or the camera is lost.

    Args:
        site: the device's site.
        folder: where relative paths of the site file start.
        model: the verified graph.
        door_fd: descriptor of the writing end of the door, a pipe or FIFO.
    """

    def lock(sight: Sight) -> SealReport:
        return seal(door_fd, ioctls=sight.ioctls, wake_fds=wakers(), source_fds=sight.fds)

    return enter(site, lambda: open_sight(site, folder, model), lock, door_fd)


def enter(
    site: Site,
    open_it: Callable[[], Sight],
    lock: Callable[[Sight], SealReport],
    door_fd: int,
    usual: int = RUNNING,
) -> Outcome:
    """The start-up that every sealed program has in common, and its loop.

    Args:
        site: the device's site.
        open_it: opens the sensor and loads what its frames need.
        lock: closes the seal; called when frames have gone the whole way.
        door_fd: as for `run_room`.
        usual: state of the sensor that records give while all is well.
    """
    looking = site.may_look(datetime.now(UTC))
    if not looking.allowed:
        return Exit.CLOSED, ""
    closes = looking.until.timestamp() if looking.until else math.inf
    try:
        light = ask_for_light(site)
        sight = open_it()
    except IndicatorError as error:
        return Exit.INDICATOR, str(error)
    except SourceError as error:
        return Exit.SOURCE, str(error)
    except (CalibrationError, GroundError) as error:
        return Exit.CALIBRATION, str(error)
    try:
        _warm_up(sight)
        deadman = Deadman(max(LONGEST_PAUSE, 5 / sight.rate if sight.rate else 0.0))
        os.set_blocking(door_fd, False)
        report = lock(sight)
    except (SourceError, SourceEnded) as error:
        return Exit.SOURCE, str(error)
    except SealError as error:
        return Exit.SEAL, str(error)
    try:
        sight.confirm()
        ticker = Ticker(site.tick, len(site.zones), int(report.bits), time.time(), time.monotonic())
        return _loop(sight, ticker, Door(door_fd), closes, deadman, light, usual), ""
    except NotAliveError:
        return Exit.NOT_ALIVE, ""
    except (SourceError, SourceEnded):
        return Exit.SOURCE, ""
    except BrokenPipeError:
        return Exit.DOOR, ""
    except Exception:  # a traceback could carry what a frame holds, so none is ever made
        return Exit.INTERNAL, ""
    finally:
        sight.wipe()


def _warm_up(sight: Sight) -> None:
    """Let frames go the whole way; a slow sensor gets its time."""
    seen = 0
    give_up = time.monotonic() + PATIENCE
    while seen < WARM_UP:
        if time.monotonic() > give_up:
            raise SourceError(
                f"{seen} frames in {PATIENCE:.0f} s, {WARM_UP} are needed to begin. Check the sensor and its cable"
            )
        seen += sight.turn() is not None
    sight.forget()


def ask_for_light(site: Site) -> int | None:
    """Have the indicator lit before a camera is opened. The descriptor that keeps it on, None without indicator.

    Raises:
        IndicatorError: it does not come on.
    """
    return None if site.indicator.kind == "none" else hold(indicator_folder())


def _loop(
    sight: Sight, ticker: Ticker, door: "Door", closes: float, deadman: Deadman, light: int | None, usual: int
) -> Exit:
    """See, reduce, forget, until the recording ends or the wall clock reaches `closes`, seconds since 1970."""
    patience = max(2.0, 3 / sight.rate) if sight.rate else 2.0
    last_seen = time.monotonic()
    state = usual
    why: Exit | None = None
    while True:
        if why is None and time.time() >= closes:
            why = Exit.CLOSED
        if why is None:
            try:
                results = sight.turn()
                if results is not None:
                    last_seen = time.monotonic()
                    deadman.feed()
                    state = _add(ticker, results, last_seen, usual, usual if state == STARVED else state)
            except SourceEnded:
                why = Exit.OK
        if why is not None:
            deadman.feed()
        if why is not None and not sight.closed:
            sight.close()
            if light is not None:
                os.close(light)
            _add(ticker, sight.finish(), time.monotonic(), usual, state)
        steady = time.monotonic()
        if steady - last_seen > patience:
            state = STARVED
        for record in ticker.due(time.time(), steady, state):
            door.send(record)
        if why is not None:
            if ticker.empty:
                return why
            time.sleep(0.05)


def _add(ticker: Ticker, results: list[FrameResult], steady: float, usual: int, state: int) -> int:
    """Add what the pipeline gave out; returns the sensor's state by the last of it, or `state` if it gave nothing.

    Numbers come in batches, so that most frames give nothing and say nothing about the state.
    """
    for result in results:
        state = usual if result.state == RUNNING else result.state
        ticker.add(result.zones, steady, state, result.calibration, result.mode)
    return state


class Door:
    """The sealed room's side of the door. Whole records only; numbers them without gaps."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._seq = 0

    def send(self, record: Summary) -> None:
        """Write a record, or drop it when nobody has emptied the pipe for hours.

        Raises:
            BrokenPipeError: nobody holds the other end.
        """
        with contextlib.suppress(BlockingIOError):
            os.write(self._fd, encode(replace(record, seq=self._seq)))
            self._seq += 1
