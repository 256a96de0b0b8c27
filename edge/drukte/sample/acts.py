"""What was done with samples, one JSON line each, for the device's ledger and its public status.

The open room takes new lines over into its ledger; the sampler itself cannot reach it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from drukte import acts

FILE: Final = "sample.jsonl"
Act = Literal["validation_started", "validation_stopped", "validation_refused", "validation_deleted"]


def acts_file(state: Path) -> Path:
    """Where the lines are written: the folder that the open room reads, or the samples' own where there is none."""
    shared = acts.folder()
    return (shared if shared.is_dir() else state) / FILE


def note(state: Path, act: Act, order: str, at: float, **details: Any) -> bool:
    """Append a line and bring it to the disk. Returns whether that worked: a full disk must not stop a deletion."""
    return acts.append(acts_file(state), {"act": act, "order": order, "at": round(at), **details})


def read_acts(state: Path) -> Iterator[dict[str, Any]]:
    """All whole lines, oldest first; half a line, as a power cut leaves it, is passed over."""
    for act in acts.read_file(acts_file(state)):
        yield act.content
