"""Acts that somebody must be able to look up later: who made pixels visible, where, when and for how long."""

from collections.abc import Callable, Mapping
from importlib import import_module


class RecordError(Exception):
    """An act could not be recorded, so it is not done."""


Recorder = Callable[[str, Mapping[str, str]], None]
_recorders: list[Recorder] = []


def hook(recorder: Recorder) -> None:
    """From now on `record` hands every act to `recorder` too; it raises RecordError or OSError if it cannot keep it."""
    _recorders.append(recorder)


def unhook(recorder: Recorder) -> None:
    """Undo `hook`."""
    _recorders.remove(recorder)


def record(act: str, details: Mapping[str, str]) -> bool:
    """Keep an act in the device's ledger, before it is done.

    Args:
        act: what is done, as `plate shown`.
        details: who, where, until when; never anything about people.

    Returns:
        Whether there is a ledger on this machine that keeps it.

    Raises:
        RecordError: there is a ledger and it cannot keep the act.
    """
    recorders = list(_recorders)
    try:
        keep = getattr(import_module("drukte.report.ledger"), "record_act", None)
    except ModuleNotFoundError:
        keep = None
    if keep is not None:
        recorders.append(keep)
    for recorder in recorders:
        try:
            recorder(act, details)
        except OSError as error:
            raise RecordError(f"the ledger cannot keep '{act}': {error}. Nothing was shown") from None
    return bool(recorders)
