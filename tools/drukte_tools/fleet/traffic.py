"""Made-up devices at a real broker: each with a connection, identity, will and sessions of its own, in one thread.

Connections are made by a few other threads, since that waits for the network; everything else is one loop over all
sockets. What a broker has not confirmed when a connection breaks is sent again over the next one, as devices do.
"""

import heapq
import itertools
import queue
import random
import selectors
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import paho.mqtt.client as paho

from drukte.report.broker.wake import Wake
from drukte.report.process import STATUS_EVERY
from drukte_tools.fleet.simulated import Said
from drukte_tools.fleet.talker import Figures, Simulated

CONNECTORS: Final = 16
"""Connections that are made at the same time."""
CARE: Final = 5.0
"""Each connection is looked after (keep-alive) this often, s."""
AHEAD: Final = 0.6
"""Messages of a window are made up over the last part of it, so that making them does not delay sending them."""


class Traffic:
    """All made-up devices at once.

    Args:
        devices: them.
        window: length of a window, s.
        ramp: connections begun per second.
        spread: devices publish up to this long after a window's end, s: they share one clock.
        tell: called about once in ten seconds with the figures and the number of connected devices.
    """

    def __init__(
        self,
        devices: Sequence[Simulated],
        window: int,
        ramp: float,
        spread: float,
        figures: Figures,
        tell: Callable[[Figures, int], None],
    ) -> None:
        self._devices = devices
        self._window = window
        self._ramp = ramp
        self._spread = spread
        self._tell = tell
        self.figures = figures
        self._selector = selectors.DefaultSelector()
        self._wake = Wake()
        self._opened: queue.SimpleQueue[tuple[Simulated, paho.Client | Exception]] = queue.SimpleQueue()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._over = False
        self._pool = ThreadPoolExecutor(CONNECTORS, thread_name_prefix="connect")

    def run(self, seconds: float, clear: bool, patience: float = 15.0) -> None:
        """Publish for a while, wait for what is not confirmed yet, and say goodbye.

        Args:
            seconds: how long.
            clear: whether to take away what is retained.
            patience: how long to wait for the last confirmations, s.
        """
        self._selector.register(self._wake.fd, selectors.EVENT_READ, None)
        start = time.monotonic()
        for n, one in enumerate(self._devices):
            self._at(start + n / self._ramp, partial(self._open, one))
            self._plan(one, random.random())  # noqa: S311
            self._care(one)
        self._report()
        try:
            self._until(start + seconds, lambda: False)
            self._due.clear()
            for one in self._devices:
                self._care(one)
            self._until(time.monotonic() + patience, self._all_said)
            self._goodbye(clear)
            self._until(time.monotonic() + patience, self._all_said)
        finally:
            self._over = True
            self._pool.shutdown(wait=True, cancel_futures=True)
            for one in self._devices:
                if one.client is not None:
                    one.client.disconnect()
                    self._turn(one, True)
            self._selector.close()
            self._wake.close()

    def _all_said(self) -> bool:
        return not any(one.under_way or (one.waiting and one.connected) for one in self._devices)

    def _goodbye(self, clear: bool) -> None:
        aside = Figures()  # what follows comes all at once, as it never does from real devices
        for one in self._devices:
            one.figures = aside
            if not one.connected:
                continue
            one.publish(one.device.status(time.time(), stopped=True))
            if clear:
                for topic in one.device.retained():
                    one.publish(Said(topic, b"", "", True))
            self._turn(one, False)

    def _at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), do))

    def _plan(self, one: Simulated, chance: float) -> None:
        """Make the next window's messages some time before its end, and send them just after it."""
        end = (int(time.time()) // self._window + 1) * self._window
        left = end - time.time() + time.monotonic()
        self._at(left - AHEAD * self._window * chance, lambda: one.made.extend(one.device.window(end)))
        self._at(left + self._spread * chance, lambda: self._send(one, left + self._spread * chance, chance))

    def _send(self, one: Simulated, planned: float, chance: float) -> None:
        self.figures.lags.append(time.monotonic() - planned)
        while one.made:
            said = one.made.popleft()
            self.figures.made += said.counted
            one.publish(said)
        self._turn(one, False)
        self._plan(one, chance)

    def _care(self, one: Simulated) -> None:
        said_at = time.monotonic()

        def look() -> None:
            nonlocal said_at
            if one.client is not None:
                if one.connected and time.monotonic() - said_at >= STATUS_EVERY:
                    said_at = time.monotonic()
                    one.publish(one.device.status(time.time(), len(one.waiting)))
                one.client.loop_misc()
                self._turn(one, False)
            self._at(time.monotonic() + CARE, look)

        self._at(time.monotonic() + CARE * random.random(), look)  # noqa: S311

    def _report(self) -> None:
        self._at(time.monotonic() + 10, self._report)
        if self.figures.connects:
            self._tell(self.figures, sum(one.connected for one in self._devices))

    def _open(self, one: Simulated) -> None:
        def opening() -> None:
            try:
                self._opened.put((one, one.connect()))
            except Exception as error:  # whatever it is, it is told in the main thread
                self._opened.put((one, error))
            self._wake()

        if not self._over:
            self._pool.submit(opening)

    def _take_opened(self) -> None:
        self._wake.drain()
        while not self._opened.empty():
            one, result = self._opened.get()
            if isinstance(result, paho.Client):
                one.client = result
                one.socket = result.socket()
                if one.socket is None:
                    self._gone(one)
                    continue
                one.writes = False
                self._selector.register(one.socket, selectors.EVENT_READ, one)
                self._turn(one, False)
            elif isinstance(result, OSError):
                self.figures.refused[f"no connection: {result}"] += 1
                self._gone(one)
            else:
                raise result

    def _gone(self, one: Simulated) -> None:
        one.lost()
        self._at(time.monotonic() + one.backoff.pause("lost", time.monotonic()), lambda: self._open(one))

    def _until(self, end: float, ready: Callable[[], bool]) -> None:
        while (now := time.monotonic()) < end and not ready():
            if self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()
                self._poll(0)
            else:
                following = self._due[0][0] if self._due else end
                self._poll(max(0.0, min(end, following, now + 0.2) - now))

    def _poll(self, seconds: float) -> None:
        for key, events in self._selector.select(seconds):
            if key.data is None:
                self._take_opened()
            else:
                self._turn(key.data, bool(events & selectors.EVENT_READ))

    def _turn(self, one: Simulated, read: bool) -> None:
        """Read what came and write what waits on one connection; notice when it is gone."""
        client, sock = one.client, one.socket
        if client is None or sock is None:
            return
        if read:
            client.loop_read()
            while client.socket() is not None and getattr(sock, "pending", int)() > 0:
                client.loop_read()
        if client.socket() is not None and client.want_write():
            client.loop_write()
        if client.socket() is None:
            # the selector knows it by its object: its number is gone with the connection
            self._selector.unregister(sock)
            one.socket = None
            if not self._over:
                self.figures.broken += one.connected
                self._gone(one)
            return
        if (writes := client.want_write()) != one.writes:
            one.writes = writes
            self._selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if writes else 0), one)
