"""The sealed room as a program: open the source, load the model, try the whole way of a frame, seal, loop.

The order is the point. Everything that needs a file, a thread or a device happens before the seal; what is refused
after it is refused for ever. Nothing heavy is imported at the top, since the first step restricts the program's files
before any library starts a thread.
"""

import contextlib
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from drukte.config import Site, SiteError, load_site
from drukte.exits import Exit
from drukte.models import ModelError, read
from drukte.sense.seal import SealError, early, seal, wakers
from drukte.summary import RUNNING, STARVED, Summary, encode

if TYPE_CHECKING:
    from drukte.sense.frame import Frame
    from drukte.sense.pipeline import Pipeline
    from drukte.sense.sources import Source

WARM_UP = 12
"""Frames that go the whole way before the seal, so that every library has started what it needs."""


def main(site_file: Path, door_fd: int) -> Exit:
    """Run the sealed room until its source ends or its camera is lost. Returns why it ended.

    Args:
        site_file: the device's site file.
        door_fd: descriptor of the writing end of the door, a pipe or FIFO.
    """
    try:
        site = load_site(site_file)
    except SiteError as error:
        return _say(Exit.SITE, str(error))
    if refusal := purpose_refusal(site):
        return _say(Exit.PURPOSE, f"{site_file}: {refusal}")
    try:
        model = read(site.model.name, site.model.size)
    except ModelError as error:
        return _say(Exit.MODEL, str(error))
    try:
        early(read=(site_file, *_recordings(site, site_file.parent)), devices=_devices(site))
    except SealError as error:
        return _say(Exit.SEAL, str(error))
    return _room(site, site_file.parent, model, door_fd)


def purpose_refusal(site: Site) -> str | None:
    """Why this device may not count today, or None when it may."""
    today = datetime.now(ZoneInfo(site.place.time_zone)).date()
    if site.purpose.expired(today):
        return (
            f"purpose.valid_until: the purpose ended on {site.purpose.valid_until}, so nothing is counted. "
            "If counting has to go on, have the controller decide it anew and set a new date"
        )
    return None


def _room(site: Site, folder: Path, model: bytes, door_fd: int) -> Exit:
    from drukte.sense.calibration import CalibrationError, GroundError
    from drukte.sense.frame import Frame
    from drukte.sense.liveness import KnownPicture, NotAliveError, confirm_frames
    from drukte.sense.pipeline import Pipeline
    from drukte.sense.sources import SourceEnded, SourceError, open_source

    try:
        source = open_source(site.source, folder)
    except SourceError as error:
        return _say(Exit.SOURCE, str(error))
    frame = Frame(source.height, source.width)
    try:
        pipeline = Pipeline(site, folder, model, source.width, source.height)
    except (CalibrationError, GroundError) as error:
        return _say(Exit.CALIBRATION, str(error))
    try:
        known = KnownPicture(pipeline.answer, source.height, source.width)
        _warm_up(source, frame, pipeline)
        os.set_blocking(door_fd, False)
        report = seal(door_fd, ioctl_types=source.ioctls, wake_fds=wakers())
        with frame:
            confirm_frames(lambda: None if source.read(frame) is None else frame.image)
        known.confirm()
    except (SourceError, SourceEnded) as error:
        return _say(Exit.SOURCE, str(error))
    except NotAliveError as error:
        return _say(Exit.NOT_ALIVE, str(error))
    except SealError as error:
        return _say(Exit.SEAL, str(error))
    try:
        return _loop(site, source, frame, pipeline, door_fd, int(report.bits))
    except SourceError:
        return Exit.SOURCE
    except BrokenPipeError:
        return Exit.DOOR
    except Exception:
        return Exit.INTERNAL
    finally:
        frame.wipe()
        pipeline.wipe()


def _warm_up(source: "Source", frame: "Frame", pipeline: "Pipeline") -> None:
    """Let frames go the whole way; a slow camera gets its time."""
    seen = 0
    give_up = time.monotonic() + 30
    while seen < WARM_UP and time.monotonic() < give_up:
        with frame:
            at = source.read(frame)
            if at is not None:
                pipeline.step(frame.image, at)
                seen += 1
    pipeline.forget()


def _loop(site: Site, source: "Source", frame: "Frame", pipeline: "Pipeline", door_fd: int, seal_bits: int) -> Exit:
    from drukte.sense.sources import SourceEnded
    from drukte.sense.tick import Ticker

    ticker = Ticker(site.tick, len(site.zones), seal_bits, time.time(), time.monotonic())
    door = Door(door_fd)
    patience = max(2.0, 3 / source.rate) if source.rate else 2.0
    last_seen = time.monotonic()
    state = RUNNING
    ended = False
    while True:
        if not ended:
            try:
                with frame:
                    at = source.read(frame)
                    if at is not None:
                        result = pipeline.step(frame.image, at)
                        last_seen = time.monotonic()
                        state = result.state
                        ticker.add(result.zones, last_seen, state, result.calibration, result.mode)
            except SourceEnded:
                ended = True
        else:
            time.sleep(0.1)
        steady = time.monotonic()
        if steady - last_seen > patience:
            state = STARVED
        records = ticker.due(time.time(), steady, state)
        for record in records:
            door.send(record)
        if ended and records:
            return Exit.OK


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
        values = {name: getattr(record, name) for name in record.__slots__} | {"seq": self._seq}
        with contextlib.suppress(BlockingIOError):
            os.write(self._fd, encode(Summary(**values)))
            self._seq += 1


def _recordings(site: Site, folder: Path) -> list[Path]:
    """Files that the site file names and that the room reads before it is sealed."""
    path = getattr(site.source, "path", None)
    files = [folder / path] if path else []
    imported = getattr(site.ground, "path", None)
    return files + ([folder / imported] if imported else [])


def _devices(site: Site) -> list[Path]:
    """Devices that the source uses."""
    match site.source.kind:
        case "camera":
            return [Path(site.source.device)]
        case "picamera":
            dev = Path("/dev")
            return [*dev.glob("video*"), *dev.glob("media*"), *dev.glob("dma_heap/*")]
        case _:
            return []


def _say(why: Exit, text: str) -> Exit:
    """Tell the technician, while there still is somebody to tell it to."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"sense: {text}\n")
        sys.stderr.flush()
    return why
