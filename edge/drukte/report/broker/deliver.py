"""From the store to one broker: in order, not too fast, and forgotten only when the broker has confirmed."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from drukte.report.broker.connection import IN_FLIGHT
from drukte.report.broker.mqtt import Link
from drukte.report.broker.news import ADVICE, Confirmed, Connected, Disconnected, Received, Refused
from drukte.report.formats.base import Outgoing
from drukte.report.formats.native import Condition, Observation, Policy, seconds
from drukte.report.health.service import Pace
from drukte.report.store.outbox import KEEP, Outbox

log = logging.getLogger(__name__)

RATE: Final = 25.0
"""Most observations sent in a second, so that coming back after an outage does not flood broker and network."""
REFUSED_WAIT: Final = 60.0
"""After a refusal the same observation is tried again this much later, s."""
FORGET_WAIT: Final = 5.0
"""When the disk is full, the store is asked again this much later to forget what the broker has, s."""


class Delivery:
    """Delivers what waits in the store over one link.

    Args:
        link: the broker.
        outbox: the store.
        render: the messages that make up one observation.
        monotonic: clock, s.
        product: the disclosure policy of the windows whose delay is told; None for all.
    """

    def __init__(
        self,
        link: Link,
        outbox: Outbox,
        render: Callable[[Observation], Sequence[Outgoing]],
        monotonic: Callable[[], float],
        product: Policy | None = None,
    ) -> None:
        self.link = link
        self._outbox = outbox
        self._render = render
        self._monotonic = monotonic
        self._under_way: dict[int, int] = {}  # observation -> messages of it that are not confirmed
        self._windows: dict[int, tuple[int, int]] = {}  # observation under way -> its end, and windows in it
        self._confirmed: set[int] = set()  # the broker has them, and the store does not know yet
        self._forget_at = 0.0
        self._cursor = -1
        self._resume = 0.0
        self._tokens = RATE
        self._filled = monotonic()
        self._product = product
        self.pace = Pace()
        self.refusal: str | None = None
        self._refused: Condition = "refused"
        self.delivered = 0
        self.received: list[Received] = []

    def turn(self, now: float) -> bool:
        """Take in news and send what may be sent. True when a connection has just been made."""
        made = self._take_news(now)
        if self.link.connected and self._monotonic() >= self._resume:
            self._send(now)
        return made

    def take_received(self) -> list[Received]:
        """Messages that came in since the last call."""
        received, self.received = self.received, []
        return received

    @property
    def under_way(self) -> set[int]:
        """Observations that have been sent, and that the store does not know as confirmed yet."""
        return self._under_way.keys() | self._confirmed

    @property
    def condition(self) -> Condition:
        """How things are with the broker: connected only when it also takes what it is sent."""
        return self._refused if self.refusal and self.link.connected else self.link.condition

    @property
    def wait(self) -> float | None:
        """Seconds after which another turn is useful, None when only news can change something."""
        mono = self._monotonic()
        if not self.link.connected:
            return None
        if mono < self._resume:
            return self._resume - mono
        return 0.1 if self._tokens < 1 else None

    def _take_news(self, now: float) -> bool:
        made = False
        confirmed: list[int] = []
        for news in self.link.news():
            match news:
                case Connected():
                    made = True
                    self._again()
                case Disconnected():
                    self._again()
                case Confirmed(seq) if seq in self._under_way:
                    self._under_way[seq] -= 1
                    if not self._under_way[seq]:
                        del self._under_way[seq]
                        confirmed.append(seq)
                        if window := self._windows.pop(seq, None):
                            self.pace.confirmed(window[0], now, window[1])
                        self.refusal = None
                case Received():
                    self.received.append(news)
                case Refused(seq, topic, reason, condition) if seq in self._under_way:
                    if reason != self.refusal:
                        log.warning(
                            "broker %s does not take messages for %s: %s. %s; trying again every %d s, nothing is lost",
                            self.link.name, topic, reason, ADVICE[condition], REFUSED_WAIT,
                        )  # fmt: skip
                    self.refusal, self._refused = reason, condition
                    self._again()
                    self._resume = self._monotonic() + REFUSED_WAIT
        self.delivered += len(confirmed)
        self._forget(confirmed)
        return made

    def _forget(self, confirmed: Sequence[int]) -> None:
        """Take what the broker has from the store. A full disk does not even take that: then again, a little later."""
        self._confirmed.update(confirmed)
        if not self._confirmed or self._monotonic() < self._forget_at:
            return
        try:
            self._outbox.confirm(self.link.name, self._confirmed)
        except sqlite3.OperationalError:
            self._forget_at = self._monotonic() + FORGET_WAIT  # said by whoever stores
            return
        self._confirmed.clear()

    def _again(self) -> None:
        """Whatever is not confirmed will be sent again, oldest first."""
        self._under_way.clear()
        self._windows.clear()
        self._cursor = -1
        self._resume = 0.0

    def _send(self, now: float) -> None:
        mono = self._monotonic()
        self._tokens = min(RATE, self._tokens + (mono - self._filled) * RATE)
        self._filled = mono
        room = min(IN_FLIGHT - len(self._under_way), int(self._tokens))
        if room <= 0:
            return
        for waiting in self._outbox.batch(self.link.name, self._cursor, room):
            if waiting.seq in self._confirmed:
                self._cursor = waiting.seq
                continue
            messages = self._render(waiting.observation)
            if not messages:
                self._outbox.confirm(self.link.name, [waiting.seq])
                continue
            self._under_way[waiting.seq] = len(messages)
            if self._product in (None, waiting.observation.disclosure.policy):
                merged = waiting.observation.merged
                self._windows[waiting.seq] = seconds(waiting.observation.to), merged.windows if merged else 1
            expiry = int(KEEP - (now - waiting.made))
            for message in messages:
                if not self.link.publish(
                    message.topic,
                    message.payload,
                    mark=waiting.seq,
                    retain=message.retain,
                    expiry=None if message.retain else expiry,
                    schema=message.schema,
                    content_type=message.content_type,
                ):
                    self._again()
                    return
            self._cursor = waiting.seq
            self._tokens -= 1
