"""The sealed room as a program: what has to hold before it may see anything.

Nothing heavy is imported at the top: `early` restricts the program's files before any library starts a thread. The
room itself is in room.py.
"""

import contextlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from drukte.config import Site, SiteError
from drukte.config.radar import RADARS
from drukte.exits import Exit
from drukte.indicator import hold
from drukte.models import ModelError, read
from drukte.sense.lock.seal import SealError, early
from drukte.settings import TrustError, load_trusted
from drukte.settings.files import named_files

NAP = 20.0
"""Seconds between looks at the clock while the schedule keeps the camera closed."""


def main(site_file: Path, door_fd: int) -> Exit:
    """Run the sealed room until its source ends or its camera is lost. Returns why it ended.

    Args:
        site_file: the device's site file.
        door_fd: descriptor of the writing end of the door, a pipe or FIFO.
    """
    try:
        site = load_trusted(site_file)
    except TrustError as error:
        return _say(Exit.UNSIGNED, str(error))
    except SiteError as error:
        return _say(Exit.SITE, str(error))
    if refusal := wait_until_allowed(site):
        return _say(Exit.PURPOSE, f"{site_file}: {refusal}")
    try:
        model = b"" if all(s.source.kind in RADARS for s in site.sensors()) else read(site.model.name, site.model.size)
    except ModelError as error:
        return _say(Exit.MODEL, str(error))
    try:
        files = [path for sensor in site.sensors() for path in recordings(sensor, site_file.parent)]
        used = [path for sensor in site.sensors() for path in devices(sensor)]
        early(read=(site_file, *files, *lights(site)), devices=used)
    except SealError as error:
        return _say(Exit.SEAL, str(error))
    from drukte.sense.room import run_room  # imports what starts threads, so not before the line above

    why, text = run_room(site, site_file.parent, model, door_fd)
    return _say(why, text) if text else why


def wait_until_allowed(site: Site) -> str | None:
    """Sleep until the schedule allows to look; nothing is open meanwhile. Returns why it never will, or None."""
    while not (looking := site.may_look(datetime.now(UTC))).allowed:
        if looking.why_not == "purpose":
            return (
                f"purpose.valid_until: the purpose ended on {site.purpose.valid_until}, so nothing is counted. "
                "If counting has to go on, have the controller decide it anew and set a new date"
            )
        if looking.until is None:
            return "schedule: no opening is left before the purpose ends, so nothing is counted"
        # short naps, since the clock may be set meanwhile
        time.sleep(min(NAP, max(0.0, looking.until.timestamp() - time.time())))
    return None


def lights(site: Site) -> list[Path]:
    """Folder in which the room asks for its indicator, if it has one."""
    place = hold.folder()
    return [place] if site.indicator.kind != "none" and place.is_dir() else []


def recordings(site: Site, folder: Path) -> list[Path]:
    """Files that the site file names and that the room reads before it is sealed."""
    path = getattr(site.source, "path", None)
    files = [folder / path] if path else []
    return files + [folder / name for name in named_files(site)]


def devices(site: Site) -> list[Path]:
    """Devices that the source uses."""
    match site.source.kind:
        case "camera":
            return [Path(site.source.device)]
        case "picamera":
            dev = Path("/dev")
            return [*dev.glob("video*"), *dev.glob("media*"), *dev.glob("dma_heap/*")]
        case kind if kind in RADARS:
            ports = [getattr(site.source, key, None) for key in ("port", "command_port")]
            return [path for port in ports if port for path in _port(port)]
        case _:
            return []


def _port(pattern: str) -> list[Path]:
    """The serial port that a pattern names; none when it is not there, which the room will say."""
    from drukte.sense.sources.radar_port import RadarError, find_port

    try:
        return [find_port(pattern)]
    except RadarError:
        return []


def _say(why: Exit, text: str) -> Exit:
    """Tell the technician, while there still is somebody to tell it to."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"sense: {text}\n")
        sys.stderr.flush()
    return why
