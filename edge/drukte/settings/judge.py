"""Whether a site file and its signature sheet are right for this device, here and now."""

import hashlib
from pathlib import Path

from drukte.config import Site
from drukte.settings.files import SIGNERS, TrustError, parse_bytes
from drukte.settings.record import Record, guarded
from drukte.settings.sheet import Sheet, file_hashes, parse_sheet, sheet_of
from drukte.signing import ROLES, Signers, SigningError, read_signers, signed_by


def load_sheet(site_file: Path) -> Sheet:
    """The sheet beside a site file.

    Raises:
        TrustError: there is none, or it is not right.
    """
    path = sheet_of(site_file)
    try:
        return parse_sheet(path.read_bytes())
    except FileNotFoundError:
        raise TrustError(
            str(site_file), f"is not signed: {path.name} is missing. Sign it with `drukte settings sign`"
        ) from None
    except OSError as error:
        raise TrustError(str(site_file), f"{path}: cannot be read ({error.strerror})") from None
    except SigningError as error:
        raise TrustError(str(site_file), f"{path}: {error}") from None


def judge(data: bytes, sheet: Sheet, site_file: Path, record: Record | None, signers: Signers | None = None) -> Site:
    """The site in `data`, if it is signed as this device demands and not older than what is in place.

    Nothing of the file is looked at before a signature of a trusted key covers it.

    Args:
        data: the site file.
        sheet: its signature sheet.
        site_file: where it lies or is to lie, for its neighbours (signers, calibration files) and for errors.
        record: what was put in place before; None on a new device.
        signers: whom the device trusts; those beside the site file if None.

    Raises:
        TrustError: it is not; the text says why.
        SiteError: it is signed but breaks the schema.
    """
    name = str(site_file)
    try:
        if signers is None:
            signers = read_signers(site_file.with_name(SIGNERS))
        roles = signed_by(sheet.signatures, signers, sheet.body, "signature sheet")
    except SigningError as error:
        raise TrustError(name, str(error)) from None
    if not roles:
        raise TrustError(name, "is not signed by anybody. Sign it with `drukte settings sign`")
    if hashlib.sha256(data).hexdigest() != sheet.sha256:
        raise TrustError(name, "was changed after it was signed. Have the change signed with `drukte settings sign`")
    if record is not None and (
        sheet.serial < record.serial or (sheet.serial == record.serial and sheet.sha256 != record.sha256)
    ):
        raise TrustError(
            name,
            f"serial {sheet.serial} is not newer than serial {record.serial}, which was put in place before. To use "
            "this file all the same, sign it anew",
        )
    site = parse_bytes(data, site_file)
    if (site.organisation, site.device) != (sheet.organisation, sheet.device):
        raise TrustError(name, f"the signatures are for {sheet.organisation}/{sheet.device}")
    if (record is None or record.guarded != guarded(site)) and (missing := [r for r in ROLES if r not in roles]):
        raise TrustError(
            name,
            f"{'purpose, controller or protection' if record else 'the purpose'} changed, which needs both signatures; "
            f"the {' and the '.join(missing).replace('_', ' ')}'s is missing",
        )
    try:
        found = file_hashes(site, site_file.parent)
    except SigningError as error:
        raise TrustError(name, str(error)) from None
    if changed := [file for file, digest in found.items() if sheet.files.get(file) != digest]:
        raise TrustError(name, f"{changed[0]}, which belongs to it, was changed after signing. Sign the site file anew")
    return site
