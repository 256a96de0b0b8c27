"""Lets other threads and signals end a wait on file descriptors."""

import contextlib
import os


class Wake:
    """A pipe that is readable when somebody called."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)

    def __call__(self) -> None:
        """End the present wait, or the next one. Safe in any thread and in a signal handler."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._write, b"\0")

    def drain(self) -> None:
        """Forget wake-ups that have been seen."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 4096):
                pass

    def close(self) -> None:
        """Release both descriptors."""
        os.close(self.fd)
        os.close(self._write)
