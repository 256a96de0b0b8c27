"""The open room's own log, besides the journal, which many devices keep in memory only. Bounded; holds no secret."""

import logging
import logging.handlers
from pathlib import Path
from typing import Final

NAME: Final = "report.log"
MAX_BYTES: Final = 256 * 1024
KEPT: Final = 4


class LogFile(logging.handlers.RotatingFileHandler):
    """A log in the state folder that is begun anew when it is full, or on command. A full disk is borne in silence."""

    def __init__(self, state: Path) -> None:
        super().__init__(state / NAME, maxBytes=MAX_BYTES, backupCount=KEPT, delay=True, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        """A log that cannot be written is no reason to stop, and there is nowhere else to say so."""
        del record

    def begin_anew(self) -> None:
        """Put the log aside and begin a new one."""
        self.acquire()
        try:
            self.doRollover()
        finally:
            self.release()
