"""What systemd does for the rooms elsewhere, in a container: makes the door, opens it, and becomes the room.

    room.py door           make the door and hold it, so that neither room misses the other while it starts again
    room.py sense|report   open one end of the door and become that room
    room.py fine door|report   whether it is well, for the engine's health check
    room.py imports        try every library of this image
    room.py anything else  become `drukte anything else`

Nothing but Python's standard library, since it runs before the sealed room is sealed.
"""

import fcntl
import importlib
import json
import os
import signal
import stat
import sys
import time
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NoReturn

DOOR = Path(os.environ.get("DRUKTE_DOOR", "/run/drukte/door.fifo"))
HEALTH = Path(os.environ.get("RUNTIME_DIRECTORY", "/run/drukte-report")) / "health.json"
SITE = os.environ.get("DRUKTE_SITE", "/etc/drukte/site.yaml")
PROGRAM = str(Path(sys.executable).parent / "drukte")
SIZE = 65_536
"""Of the pipe, bytes: 1,024 records, which is 17 hours of one zone with a tick of a minute."""
PATIENCE = float(os.environ.get("DRUKTE_DOOR_PATIENCE", "60"))
"""How long a room waits for the door, s."""
NO_DOOR = 16
"""As in drukte/exits.py."""


def fail(text: str) -> NoReturn:
    """Say what is wrong, and end."""
    sys.stderr.write(f"room: {text}\n")
    sys.exit(NO_DOOR)


def hold() -> None:
    """Make the FIFO if it is not there and keep it open. What waits in it is never read here."""
    try:
        if not (DOOR.exists() and stat.S_ISFIFO(DOOR.stat().st_mode)):
            DOOR.unlink(missing_ok=True)
            os.mkfifo(DOOR)
        DOOR.chmod(0o620)  # its owner, the open room, reads; the group, in which the sealed room is, writes
        fd = os.open(DOOR, os.O_RDWR)
    except OSError as error:
        fail(
            f"{DOOR} cannot be made: {error.strerror}. The volume at {DOOR.parent} has to belong to user {os.getuid()}"
        )
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, SIZE)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def enter(room: str, options: list[str]) -> NoReturn:
    """Open the room's end of the door and become the room."""
    wanted, flags = (1, os.O_WRONLY) if room == "sense" else (3, os.O_RDONLY)
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            fd = os.open(DOOR, flags | os.O_NONBLOCK | os.O_CLOEXEC)
            break
        except OSError as error:
            if time.monotonic() > give_up:
                fail(f"{DOOR}: {error.strerror}. Is the container of the door running, with the same volume?")
            time.sleep(0.2)
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        fail(f"{DOOR} is not a FIFO")
    os.set_blocking(fd, True)
    if fd == wanted:
        os.set_inheritable(fd, True)
    else:
        os.dup2(fd, wanted)
        os.close(fd)
    become(room, "--site", SITE, "--door", str(wanted), *options)


def become(*words: str) -> NoReturn:
    """Turn into `drukte`."""
    os.execv(PROGRAM, [PROGRAM, *words])  # noqa: S606


def fine(what: str) -> bool:
    """Whether the door is there, or windows are made (or the schedule keeps the sensor closed)."""
    try:
        if what == "door":
            return stat.S_ISFIFO(DOOR.stat().st_mode)
        health = json.loads(HEALTH.read_text(encoding="utf-8"))
        age = time.time() - HEALTH.stat().st_mtime
        if health.get("state") in ("closed", "expired"):
            return age < 120
        return age < 120 and time.time() - health["window_end"] < 3 * health["span"] + 60
    except (OSError, ValueError, KeyError):
        return False


def imports() -> None:
    """Import every top-level module of every installed package, and load the detector."""
    parts = {"pip", "setuptools", "_distutils_hack", "pkg_resources", "wheel"}
    names = sorted(n for n in packages_distributions() if n.isidentifier() and n not in parts)
    for name in names:
        importlib.import_module(name)
    importlib.import_module("sqlite3")
    importlib.import_module("ssl").create_default_context()
    importlib.import_module("drukte.models").read("yolox-nano")
    sys.stdout.write(f"{len(names)} modules can be imported, and the detector is the manifest's\n")


def main() -> None:
    """See the top of this file."""
    what, *rest = sys.argv[1:] or ["sense"]
    if what == "door":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        hold()
    elif what in ("sense", "report"):
        enter(what, rest)
    elif what == "fine":
        sys.exit(not fine(*rest[:1]))
    elif what == "imports":
        imports()
    else:
        become(what, *rest)


if __name__ == "__main__":
    main()
