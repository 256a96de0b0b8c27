"""Acts that somebody must be able to look up later: who made pixels visible, where, when and for how long."""

import os
from collections.abc import Mapping
from pathlib import Path

from drukte.report.ledger.ledger import Ledger, LedgerError
from drukte_tools.calibrate.sitefile import SiteFile

SERVICE = Path("/var/lib/drukte-report")


class RecordError(Exception):
    """An act could not be recorded, so it must not be done."""


def ledger_of(site: SiteFile) -> Path:
    """The ledger of a site's device: the service's where it is installed, else the one `drukte run` keeps at home."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0]) / "ledger.jsonl"
    try:
        if SERVICE.exists():
            return SERVICE / "ledger.jsonl"
    except PermissionError:
        return SERVICE / "ledger.jsonl"
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    name = "-".join(str(site.tree.get(key) or "unnamed") for key in ("organisation", "device"))
    return home / "drukte" / name.replace("/", "-") / "ledger.jsonl"


def record(site: SiteFile, act: str, details: Mapping[str, str], ledger: Path | None) -> None:
    """Keep an act in the device's ledger, before it is done. Without a purpose nothing may be done.

    Args:
        site: of the device.
        act: what is done, one of the ledger's ACTS, as `plate`.
        details: who, where, until when; never anything about people.
        ledger: the ledger file; None: the device's own.

    Raises:
        SiteFileError: the site has no purpose, or it is past its last day.
        RecordError: the ledger cannot keep it.
    """
    site.purpose()
    ledger = ledger or ledger_of(site)
    try:
        Ledger(ledger).record(act, **details, site=site.name)
        if os.geteuid() == 0:  # the service must go on being able to write what root wrote
            owner = ledger.parent.stat()
            for path in (ledger, ledger.with_suffix(".head")):
                os.chown(path, owner.st_uid, owner.st_gid)
    except (LedgerError, OSError) as error:
        raise RecordError(
            f"nothing was shown, because the ledger {ledger} cannot keep '{act}': {error}. Use sudo, or name another "
            "ledger with --ledger"
        ) from None
