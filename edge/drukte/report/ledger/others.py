"""Takes acts that other programs wrote down over into the ledger, each exactly once.

How far each file was read stands in the ledger itself, in the lines that were taken over: there is no second place that
a power cut could leave behind.
"""

import logging
from pathlib import Path
from typing import Final

from drukte import acts
from drukte.report.ledger.ledger import ACTS, Ledger, LedgerError, read

log = logging.getLogger(__name__)

MOST_AT_A_TIME: Final = 200
_OWN: Final = frozenset({"begin", "repair", "act", "software", "settings", "purpose", "signature", "refused"})
"""Acts that only the open room itself writes."""


class OthersActs:
    """Reads the files of a folder again when they change.

    Args:
        ledger: where the lines go.
        folder: where the files lie; it need not exist.
    """

    def __init__(self, ledger: Ledger, folder: Path | None = None) -> None:
        self._ledger = ledger
        self._folder = folder or acts.folder()
        self._taken: dict[str, int] = {}
        self._seen: dict[Path, tuple[int, int]] = {}
        for entry in read(ledger.path):
            source, line = entry.details.get("source"), entry.details.get("line")
            if isinstance(source, str) and isinstance(line, int):
                self._taken[source] = max(line, self._taken.get(source, -1))

    def take(self) -> int:
        """Take over what is new; returns how many lines.

        Raises:
            LedgerError: the ledger cannot be written; what was not taken over is tried again.
        """
        taken = 0
        for path in sorted(self._folder.glob("*.jsonl")):
            try:
                facts = path.stat()
            except OSError:
                continue
            state = (facts.st_size, facts.st_mtime_ns)
            if self._seen.get(path) == state:
                continue
            for act in acts.read_file(path):
                if act.line <= self._taken.get(act.source, -1):
                    continue
                if taken == MOST_AT_A_TIME:
                    return taken  # the rest in the next turn
                self._record(act)
                taken += 1
            self._seen[path] = state
        return taken

    def _record(self, act: acts.Act) -> None:
        what = str(act.content["act"])
        kind = what.partition("_")[0]
        known = kind if kind in ACTS and kind not in _OWN else "act"
        details = {k: v for k, v in act.content.items() if k != "act"}
        try:
            self._ledger.record(known, did=what, source=act.source, line=act.line, details=details)
        except (ValueError, RecursionError):  # a number that JSON has no word for
            self._ledger.record(known, did=what, source=act.source, line=act.line, details={})
        self._taken[act.source] = act.line


def take_acts(others: OthersActs | None) -> OthersActs | None:
    """Take over what is new, and go on without when the ledger does not hold."""
    try:
        if others is not None and (taken := others.take()):
            log.info("%d acts of other programs noted in the ledger", taken)
    except LedgerError as error:
        log.error("%s", error)
        return None
    return others
