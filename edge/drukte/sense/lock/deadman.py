"""Ends this process when no frame has been reduced for long, whatever hangs: the service manager starts it anew.

The sealed room cannot speak to systemd's watchdog (that takes a socket), so it has a thread that does nothing but look
at a clock. Start it before the seal: no thread can be started after it.
"""

import os
import threading
import time

from drukte.exits import Exit


class Deadman:
    """Ends the process with `Exit.NOT_ALIVE` when it was not fed for `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._fed = time.monotonic()
        threading.Thread(target=self._watch, name="deadman", daemon=True).start()

    def feed(self) -> None:
        """A frame was reduced."""
        self._fed = time.monotonic()

    def _watch(self) -> None:
        while (left := self._fed + self._patience - time.monotonic()) > 0:
            time.sleep(left)
        # No clean-up: what hangs may hold anything. The kernel wipes the memory before anybody else gets it.
        os._exit(Exit.NOT_ALIVE)
