"""What was done with samples, one JSON line each, for the device's ledger and its public status.

The open room takes new lines over into its ledger; the sampler itself cannot reach it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

FILE: Final = "acts.jsonl"
Act = Literal["validation_started", "validation_stopped", "validation_refused", "validation_deleted"]


def note(state: Path, act: Act, order: str, at: float, **details: Any) -> bool:
    """Append a line and bring it to the disk. Returns whether that worked: a full disk must not stop a deletion."""
    line = json.dumps({"act": act, "order": order, "at": round(at), **details}, sort_keys=True) + "\n"
    try:
        fd = os.open(state / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(fd, line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        return False
    return True


def read_acts(state: Path) -> Iterator[dict[str, Any]]:
    """All whole lines, oldest first; half a line, as a power cut leaves it, is passed over."""
    try:
        text = (state / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            act = json.loads(line)
        except ValueError:
            continue
        if isinstance(act, dict) and "act" in act:
            yield act
