"""The sampler as a program: what has to hold before it may keep anything, and what it leaves behind.

Nothing heavy is imported at the top, see `drukte.sense.process`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from drukte.config import Site, SiteError
from drukte.config.radar import RADARS
from drukte.exits import Exit
from drukte.models import ModelError, read
from drukte.order import Order, OrderError, accept, read_signers
from drukte.sample.acts import note
from drukte.sample.expire import finish, read_clocks, tidy
from drukte.sample.folder import MOST_FILE, ORDER, RECEIPT, FolderError, prepare
from drukte.sample.plan import sampling
from drukte.sense.lock.seal import SealError, early
from drukte.sense.process import devices, lights, recordings
from drukte.settings import load_trusted

AGAIN: Final = (Exit.SOURCE, Exit.NOT_ALIVE, Exit.CLOSED)
"""Why a room may end and be started again while its order runs."""
RETRY: Final = 5.0
"""Pause before that, s."""


def load(site_file: Path, order_file: Path, signers_file: Path, state: Path) -> tuple[Site, Order]:
    """The site and the order, if this device may carry it out.

    Raises:
        SiteError, OrderError: it may not; the text says why.
    """
    site = load_trusted(site_file)
    try:
        data = order_file.read_bytes()
    except OSError as error:
        raise OrderError(f"order {order_file}: cannot be read ({error.strerror})") from None
    now = datetime.now(UTC)
    order = accept(data, read_signers(signers_file), site, now)
    if (state / order.id / RECEIPT).exists():
        raise OrderError(f"order {order.id} has been carried out and its pictures were deleted; make a new order")
    return site, order


def main(site_file: Path, order_file: Path, signers_file: Path, state: Path, door_fd: int) -> Exit:
    """Carry out an order. Returns why it ended.

    This process never sees a picture: the room is a second one, so that what is left can be put in order after it
    has ended, however it ended.
    """
    for line in tidy(state, read_clocks()):
        _say(Exit.OK, line)
    try:
        site, order = load(site_file, order_file, signers_file, state)
        sampling(order)
    except SiteError as error:
        return _say(Exit.SITE, str(error))
    except OrderError as error:
        if state.is_dir():
            note(state, "validation_refused", "", time.time(), reason=str(error).splitlines()[0])
        return _say(Exit.USAGE, str(error))
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    note(state, "validation_started", order.id, time.time(), pictures=order.pictures, until=order.end)
    files = ["--site", site_file, "--order", order_file, "--signers", signers_file, "--state", state]
    command = [sys.executable, "-m", "drukte", "sample", *map(str, files), "--door", str(door_fd), "--room"]
    ending = threading.Event()
    with contextlib.ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, lambda *_: ending.set()))
        status = _rooms(command, door_fd, site, order.ends.timestamp(), ending)
    kept = finish(state, state / order.id, read_clocks()) if (state / order.id).is_dir() else 0
    _say(Exit.OK, f"order {order.id}: {kept} of {order.pictures} pictures kept")
    if ending.is_set():
        return Exit.OK
    return Exit(status) if status in list(Exit) else Exit.INTERNAL


def _rooms(command: list[str], door_fd: int, site: Site, ends: float, ending: threading.Event) -> int:
    """Run one room after another until one ends for good; its exit status.

    A camera that hangs is tried again; one that the schedule has closed is opened at its next opening. What a room has
    kept stays, and the next one goes on with the moments that are still to come.
    """
    while True:
        child = subprocess.Popen(command, pass_fds=[door_fd])
        while child.poll() is None:
            if ending.wait(0.1):
                child.terminate()
                child.wait()
        status = child.returncode
        if status not in AGAIN or ending.is_set() or time.time() + RETRY >= ends:
            return status
        ending.wait(RETRY)
        while not (looking := site.may_look(datetime.now(UTC))).allowed:
            if looking.until is None or time.time() >= ends or ending.wait(RETRY):
                return status


def pending(site_file: Path, order_file: Path, signers_file: Path, state: Path) -> bool:
    """Whether an order was begun that is to be gone on with, as after a power cut."""
    try:
        _, order = load(site_file, order_file, signers_file, state)
    except (SiteError, OrderError):
        return False
    return (state / order.id / ORDER).exists()


def room(site_file: Path, order_file: Path, signers_file: Path, state: Path, door_fd: int) -> Exit:
    """The sealed part: sees pictures. Started by `main`."""
    try:
        site, order = load(site_file, order_file, signers_file, state)
        plan = sampling(order)
        model = b"" if site.source.kind in RADARS else read(site.model.name, site.model.size)
    except SiteError as error:
        return _say(Exit.SITE, str(error))
    except OrderError as error:
        return _say(Exit.USAGE, str(error))
    except ModelError as error:
        return _say(Exit.MODEL, str(error))
    looking = site.may_look(datetime.now(UTC))
    if looking.why_not == "purpose":
        return _say(Exit.PURPOSE, f"{site_file}: purpose.valid_until has passed, so nothing is kept")
    moments = [m for m in plan.moments if m.at > time.time()]
    if not moments:
        return _say(Exit.OK, f"order {order.id}: no moment is left")
    os.umask(0o077)
    size = MOST_FILE
    try:
        slots = prepare(state, order, [m.index for m in moments], size)
        early(
            read=(site_file, *recordings(site, site_file.parent), *lights(site)),
            devices=devices(site),
            door=state / order.id,
        )
    except (FolderError, OrderError) as error:
        return _say(Exit.USAGE, str(error))
    except SealError as error:
        return _say(Exit.SEAL, str(error))
    from drukte.sample.room import run_sampler  # imports what starts threads, so not before the line above

    why, text = run_sampler(site, site_file.parent, model, door_fd, slots, order, moments)
    return _say(why, text) if text else why


def _say(why: Exit, text: str) -> Exit:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"sample: {text}\n")
        sys.stderr.flush()
    return why
