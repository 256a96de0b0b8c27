"""Commands that come in over the primary broker: only what a listed key has signed is obeyed, and each only once."""

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from drukte.command import Act, Command, CommandError, parse_command
from drukte.config import Site, SiteError
from drukte.report.broker.news import Received
from drukte.report.formats.native import CommandCounts
from drukte.report.store.outbox import Outbox
from drukte.settings.files import SIGNERS
from drukte.settings.put import INBOX, Parcel, judge_for, write_whole
from drukte.settings.trust import demanded
from drukte.signing import SigningError, read_signers

log = logging.getLogger(__name__)

_SERIAL: Final = "command serial"


class Commands:
    """Judges what came in, counts it, and does what was asked.

    Args:
        site: the checked site file.
        outbox: where the last serial number is remembered.
        trusted: public keys of those who may send commands.
        now: wall clock, s since 1970.
        acts: what to do for each act; raises CommandError if it cannot be done.
    """

    def __init__(
        self,
        site: Site,
        outbox: Outbox,
        trusted: list[str],
        now: Callable[[], float],
        acts: Mapping[Act, Callable[[Command], None]],
    ) -> None:
        self._site = site
        self._outbox = outbox
        self._trusted = trusted
        self._now = now
        self._acts = acts
        self._serial = int(outbox.remembered(_SERIAL) or 0)
        self._obeyed = 0
        self._ignored: Counter[str] = Counter()

    @property
    def counts(self) -> CommandCounts:
        """How many were obeyed and ignored since the start."""
        return CommandCounts(obeyed=self._obeyed, ignored=dict(sorted(self._ignored.items())))

    def dropped(self, many: int) -> None:
        """Messages that were not even read, because they were too long or too many."""
        self._ignored["dropped"] += many

    def take(self, message: Received) -> Command | None:
        """Obey a message, or count it as ignored. The command if it was obeyed."""
        try:
            command = self._judge(message.payload)
            self._acts[command.act](command)
        except CommandError as error:
            self._ignored[str(error)] += 1
            log.warning("a message on %.120s was ignored: %s", message.topic, error)
            return None
        self._obeyed += 1
        log.info("obeyed command %s, serial %d", command.act, command.serial)
        return command

    def _judge(self, payload: bytes) -> Command:
        command = parse_command(payload, self._trusted)
        if (command.organisation, command.device) != (self._site.organisation, self._site.device):
            raise CommandError("other_device")
        if command.ends < self._now():
            raise CommandError("too_late")
        if command.serial <= self._serial:
            raise CommandError("replayed")
        try:
            # before it is obeyed: a power cut in between must not let it come twice
            self._outbox.memorise(_SERIAL, str(command.serial))
        except sqlite3.Error:
            raise CommandError("disk") from None
        self._serial = command.serial
        return command


def trusted_keys(site_file: Path) -> list[str]:
    """Keys of those who may send commands; none where the file of keys is missing or not right, which is said."""
    path = site_file.with_name(SIGNERS)
    if not path.exists():
        return []
    try:
        return read_signers(path).commands
    except SigningError as error:
        log.error("no command is obeyed: %s", error)
        return []


def take_settings(command: Command, site_file: Path, state: Path) -> None:
    """Judge settings that came by command, and lay them ready for the program that may write them.

    Raises:
        CommandError: they may not be used.
    """
    if command.settings is None:
        raise CommandError("not_a_command")
    try:
        if not demanded(site_file):
            raise CommandError("settings_not_signed_here")  # without signatures the file belongs to the technician
        parcel = Parcel(command.settings.site.encode(), command.settings.sheet)
        judge_for(parcel, site_file)
        write_whole(state / INBOX, parcel.dump(), 0o600)
    except SiteError as error:
        log.warning("settings that came by command are not used: %s", error)
        raise CommandError("settings_refused") from None
    except OSError as error:
        log.error("settings that came by command could not be laid ready: %s", error)
        raise CommandError("disk") from None
