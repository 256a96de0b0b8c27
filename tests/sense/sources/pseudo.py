"""A radar module at the other end of a pseudo-terminal."""

import os
import select
import threading
import tty
from collections.abc import Callable
from pathlib import Path


class Pseudo:
    """A pseudo-terminal whose far end runs `answer` on every piece of bytes that arrives.

    `answer` returns bytes to send back; `say` sends bytes unasked; `unplug` takes the device away.
    """

    def __init__(self, answer: Callable[[bytes], bytes] = lambda _data: b"") -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = Path(os.ttyname(self._slave))
        self._answer = answer
        self.heard = b""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Pseudo":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.unplug()

    def say(self, data: bytes) -> None:
        while data:
            if not select.select([], [self._master], [], 1.0)[1]:
                return  # what nobody reads is lost, as on a serial line
            data = data[os.write(self._master, data[:512]) :]

    def unplug(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            os.close(self._master)
            os.close(self._slave)

    def _run(self) -> None:
        while not self._stop.is_set():
            if select.select([self._master], [], [], 0.02)[0]:
                data = os.read(self._master, 4096)
                self.heard += data
                if back := self._answer(data):
                    self.say(back)
