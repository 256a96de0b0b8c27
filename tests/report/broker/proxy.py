"""A network between a device and its broker that can be cut, in two ways."""

import contextlib
import socket
import threading
import time

from drukte.report.broker.desk import HOST


class Proxy:
    """Forwards TCP to a port on this machine.

    `cut` ends every connection and takes no new one. `silence` takes connections and forwards nothing, as a network
    does in which packets vanish.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server((HOST, 0))
        self.port = int(self._server.getsockname()[1])
        self._pairs: list[socket.socket] = []
        self._lock = threading.Lock()
        self.is_cut = False
        self.is_silent = False
        self._over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut the wire until `mend`."""
        self.is_cut = True
        with self._lock:
            for one in self._pairs:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """Let nothing through until `mend`."""
        self.is_silent = True

    def mend(self) -> None:
        """Let everything through again. What was silent for a while is gone for good, as after a reboot of a router."""
        if self.is_silent:
            self.cut()
        self.is_cut = self.is_silent = False

    def close(self) -> None:
        """End it."""
        self._over = True
        self.cut()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while not self._over:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            try:
                broker = socket.create_connection((HOST, self._target), 2)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._pairs += [client, broker]
            for one, other in ((client, broker), (broker, client)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.settimeout(None)
            while data := one.recv(65536):
                while self.is_silent and not self._over:
                    time.sleep(0.05)
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._pairs = [end for end in self._pairs if end not in (one, other)]
