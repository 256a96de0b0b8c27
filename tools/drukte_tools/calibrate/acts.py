"""Acts that somebody must be able to look up later: who made pixels visible, where, when and for how long."""

from collections.abc import Mapping
from pathlib import Path

from drukte.report.ledger import Ledger, LedgerError


class RecordError(Exception):
    """An act could not be recorded, so it must not be done."""


def record(act: str, details: Mapping[str, str], ledger: Path) -> None:
    """Keep an act in the device's ledger, before it is done.

    Args:
        act: what is done, one of the ledger's ACTS, as `plate`.
        details: who, where, until when; never anything about people.
        ledger: the device's ledger file.

    Raises:
        RecordError: the ledger cannot keep it.
    """
    try:
        Ledger(ledger).record(act, **details)
    except (LedgerError, OSError) as error:
        raise RecordError(f"the ledger {ledger} cannot keep '{act}': {error}. Nothing was shown") from None
