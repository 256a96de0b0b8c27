"""Put signed settings in place: judged, written whole, and never an older one again.

At any moment, also after a power cut, the three files say either the old or the new: sheet and record are written after
the site file, and a room that finds the halfway state refuses it until this is run again.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drukte.config import Site, SiteError
from drukte.settings.files import MAX_BYTES, TrustError
from drukte.settings.judge import judge
from drukte.settings.record import Record, guarded, read_record, record_of
from drukte.settings.sheet import Sheet, parse_sheet, sheet_of
from drukte.signing import SigningError

INBOX: Final = "settings-inbox.json"
"""Name of the file, in the open room's state folder, in which settings that came by command wait to be put in place."""
_MOST: Final = 4 * MAX_BYTES


@dataclass(frozen=True, slots=True)
class Parcel:
    """A site file and its sheet, as they travel together."""

    data: bytes
    sheet: Sheet

    def dump(self) -> bytes:
        """One file with both."""
        return json.dumps({"site": self.data.decode(), "sheet": self.sheet.model_dump()}).encode()

    @classmethod
    def load(cls, content: bytes) -> "Parcel":
        """Both from one file.

        Raises:
            SigningError: it is no such file.
        """
        try:
            tree = json.loads(content[:_MOST])
            return cls(str(tree["site"]).encode(), parse_sheet(json.dumps(tree["sheet"]).encode()))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise SigningError("these are not a site file and its signature sheet") from None


def judge_for(parcel: Parcel, site_file: Path) -> Site:
    """The site of a parcel, if it may be put in place as `site_file`.

    Raises:
        TrustError, SiteError: it may not; the text says why.
    """
    try:
        record = read_record(site_file)
    except ValueError as error:
        raise TrustError(str(site_file), str(error)) from None
    return judge(parcel.data, parcel.sheet, site_file, record)


def put_in_place(parcel: Parcel, site_file: Path) -> Site:
    """Judge a parcel and write it as the device's site file, sheet and record.

    Raises:
        TrustError, SiteError: it may not be used; nothing was written.
        OSError: it could not be written.
    """
    site = judge_for(parcel, site_file)
    record = Record(serial=parcel.sheet.serial, sha256=parcel.sheet.sha256, guarded=guarded(site))
    write_whole(site_file, parcel.data)
    write_whole(sheet_of(site_file), parcel.sheet.dump())
    write_whole(record_of(site_file), record.model_dump_json().encode() + b"\n")
    return site


def empty_inbox(inbox: Path, site_file: Path, say: Callable[[str], None]) -> bool:
    """Put in place what waits in an inbox. True if the rooms have to start again.

    The inbox is written by the process that talks to the network, so all of it is judged here once more.
    """
    try:
        fd = os.open(inbox, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(fd, "rb") as file:
        content = file.read(_MOST)
    inbox.unlink(missing_ok=True)
    try:
        parcel = Parcel.load(content)
        put_in_place(parcel, site_file)
    except (SigningError, SiteError, OSError) as error:
        say(f"settings that came by command were not put in place: {error}")
        return False
    say(f"settings with serial {parcel.sheet.serial} put in place")
    return True


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file in one step and to the disk: whoever looks sees the old one or the new one.

    Raises:
        OSError: it could not be written; the old one is as it was.
    """
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, mode)
        file.write(data)
        file.flush()
        os.fsync(fd)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
