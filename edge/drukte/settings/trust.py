"""Which site file a room may use."""

import hashlib
from pathlib import Path

from drukte.config import Site
from drukte.settings.files import SIGNERS, TrustError, parse_bytes, read_bytes
from drukte.settings.record import Record, read_record

HOW = "run: sudo drukte settings apply FILE"


def load_trusted(site_file: Path) -> Site:
    """The checked site file, if it may be used: signed settings are looked at first, where they are switched on.

    What is checked is what is parsed: the file is read once.

    Raises:
        TrustError: signed settings are switched on and the file is not the one that was signed and put in place.
        SiteError: the file cannot be read or is not right.
    """
    data = read_bytes(site_file)
    name = str(site_file)
    if not demanded(site_file):
        return parse_bytes(data, site_file)
    from drukte.settings.judge import judge, load_sheet  # needs `cryptography`

    try:
        record = read_record(site_file)
    except ValueError as error:
        raise TrustError(name, str(error)) from None
    if record is None:
        raise TrustError(name, f"signed settings are switched on and none have been put in place yet; {HOW}")
    sheet = load_sheet(site_file)
    _is_in_place(name, data, sheet.serial, record)
    return judge(data, sheet, site_file, record)


def demanded(site_file: Path) -> bool:
    """Whether the site file has to be signed.

    Raises:
        TrustError: it cannot be told, or signatures were demanded before and are not any more.
    """
    signers_file = site_file.with_name(SIGNERS)
    try:
        record = read_record(site_file)
        if signers_file.exists():
            from drukte.signing import SigningError, read_signers

            try:
                if read_signers(signers_file).settings == "signed":
                    return True
            except SigningError as error:
                raise TrustError(str(site_file), str(error)) from None
    except ValueError as error:
        raise TrustError(str(site_file), str(error)) from None
    if record is not None:
        raise TrustError(
            str(site_file),
            f"settings were signed on this device, and {signers_file} no longer demands it. To go back to unsigned "
            f"settings on purpose, as root: rm {site_file}.accepted {site_file}.sig",
        )
    return False


def _is_in_place(name: str, data: bytes, serial: int, record: Record) -> None:
    """Raises TrustError unless this is the file that was put in place last."""
    if serial < record.serial:
        raise TrustError(
            name,
            f"is an older file, serial {serial}; {record.serial} was put in place since. Sign it anew to go back",
        )
    if hashlib.sha256(data).hexdigest() != record.sha256:
        raise TrustError(
            name,
            f"is not the signed file that was put in place (serial {record.serial}): it was changed. Have the change "
            f"signed, then {HOW}",
        )
