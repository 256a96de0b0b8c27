"""The open room as a program: reads its settings, opens its store, and runs until it is asked to end."""

import contextlib
import logging
import os
import signal
import sqlite3
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType

from drukte.config import Site, SiteError
from drukte.exits import Exit
from drukte.report.broker.commands import take_settings, trusted_keys
from drukte.report.broker.secret import SecretError
from drukte.report.broker.tell import brokers, wants
from drukte.report.disclosure.noise import NoiseError
from drukte.report.formats.registry import FormatError
from drukte.report.health.logfile import LogFile
from drukte.report.ledger.attest import Attestation
from drukte.report.ledger.changes import note_refusal
from drukte.report.ledger.ledger import LedgerError
from drukte.report.places import given_folder, named_folder, state_folder
from drukte.report.process import Report
from drukte.report.refused import Refused, address, keep, reason
from drukte.report.store.history import History
from drukte.report.store.outbox import Outbox
from drukte.settings import TrustError, load_trusted

log = logging.getLogger(__name__)


def is_pipe(fd: int) -> bool:
    """Whether a descriptor is open and a pipe or FIFO."""
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False


def main(site_path: Path, door_fd: int, state: Path | None = None) -> Exit:
    """Run the open room until SIGTERM or SIGINT.

    Args:
        site_path: the site file.
        door_fd: descriptor of the pipe or FIFO from the sealed room.
        state: folder for the store; `state_folder` when None.

    Returns:
        `Exit.OK` after a clean end, else why it could not start; the reason is in the log.
    """
    stop = Stop()
    with stop.on(signal.SIGTERM, signal.SIGINT):
        try:
            site = _usable_site(site_path, state, stop)
            if site is None:
                return Exit.OK
            if not is_pipe(door_fd):
                log.error("descriptor %d is not the door: it has to be the reading end of a pipe or FIFO", door_fd)
                return Exit.DOOR
            folder = state_folder(site) if state is None else state
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            keep(site_path, folder)
            logfile = LogFile(folder)
            os.set_blocking(door_fd, False)
            outbox = Outbox(folder / "outbox.sqlite", list(brokers(site)), wants=partial(wants, site))
            history = History(folder / "history.sqlite")
            report = Report(
                site,
                door_fd,
                outbox,
                history,
                site_path.parent,
                attestation=Attestation(site, site_path, folder),
                trusted=trusted_keys(site_path),
                acts={
                    "rotate_log": lambda _command: logfile.begin_anew(),
                    "settings": lambda command: take_settings(command, site_path, folder),
                },
            )
        except SiteError as error:
            log.error("%s", error)
            return Exit.UNSIGNED if isinstance(error, TrustError) else Exit.SITE
        except FormatError as error:
            log.error("%s: %s", site_path, error)
            return Exit.SITE
        except (SecretError, NoiseError) as error:
            log.error("%s", error)
            return Exit.SITE
        except (OSError, sqlite3.Error) as error:
            log.error("cannot start: %s. Check the state folder's owner, mode and free space", error)
            return Exit.INTERNAL
        logging.getLogger().addHandler(logfile)
        try:
            stop.call = report.stop
            if not stop.asked:
                report.run()
        finally:
            logging.getLogger().removeHandler(logfile)
            logfile.close()
            outbox.close()
            history.close()
        return Exit.OK


def _usable_site(site_path: Path, state: Path | None, stop: "Stop") -> Site | None:
    """The site; while its file may not be used, that is said at the broker. None if asked to stop meanwhile.

    Raises:
        SiteError: it may not be used, and nobody knows where to say so.
    """
    while True:
        try:
            return load_trusted(site_path)
        except SiteError as error:
            folder = state or given_folder()
            where = address(site_path, folder)
            if where is None:
                raise
            log.error("%s\nNothing is counted; this is said at the broker until the file is right", error)
            _note_refusal(site_path, folder or named_folder(where.organisation, where.device), reason(error))
            refused = Refused(where, site_path, error, site_path.parent)
            stop.call = refused.stop
            if stop.asked or not refused.run():
                return None


def _note_refusal(site_path: Path, folder: Path, why: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        note_refusal(folder / "ledger.jsonl", why, site_path)
    except (OSError, LedgerError) as error:
        log.error("not written to the ledger: %s", error)


class Stop:
    """What a signal to end calls; it may change while the program runs."""

    def __init__(self) -> None:
        self.asked = False
        self.call: Callable[[], None] | None = None

    @contextlib.contextmanager
    def on(self, *signals: signal.Signals) -> Iterator[None]:
        """Listen to signals while the context lasts."""

        def end(_signum: int, _frame: FrameType | None) -> None:
            self.asked = True
            if self.call is not None:
                self.call()

        before = {number: signal.signal(number, end) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
