"""From ticks to stored observations: what happens when a window ends, and what is remembered in between."""

import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable, Sequence, Set
from typing import Final

from drukte.config import Site
from drukte.report.disclose import Discloser
from drukte.report.formats.native import Crossings, Day, Observation, dump
from drukte.report.history import History
from drukte.report.messages import observation
from drukte.report.outbox import Outbox
from drukte.report.public import for_the_public, not_told
from drukte.report.window import GRACE, LONGEST_GAP, Windows
from drukte.summary import Summary

log = logging.getLogger(__name__)

HELD: Final = 5000
"""Most observations held in memory while the disk takes none."""
COMPLAIN_EVERY: Final = 60.0
"""A full disk is said again after this long, s."""
_PUBLIC: Final = "public"
_DISCLOSED: Final = "disclosed"
_DAYS: Final = "days"


class Closing:
    """Takes in ticks, closes windows, protects their numbers and puts them into the store.

    Args:
        site: the checked site file.
        outbox: the store.
        history: what has been published, on this device.
        boot: the process's name for itself in messages.
        now: wall clock, s since 1970.
        record: writes an act into the ledger.

    Attributes:
        days: the last whole day of each zone, as it is in the store.

    Raises:
        NoiseError: the disclosure policy needs a package that is not installed.
    """

    def __init__(
        self,
        site: Site,
        outbox: Outbox,
        history: History,
        boot: str,
        now: Callable[[], float],
        record: Callable[..., None] | None = None,
    ) -> None:
        self._site = site
        self._outbox = outbox
        self._history = history
        self._boot = boot
        self._now = now
        self._record = record
        self._zones = [zone.name for zone in site.zones]
        self._discloser = Discloser(site)
        delay = site.window if site.disclosure.policy == "open" else 0
        self._windows = Windows(len(self._zones), site.window, site.tick, site.crossings_span, delay)
        self._complain_at = 0.0
        self._held: list[Observation] = []
        self._positions: dict[str, int] = {}
        self.days: dict[str, Day] = {}
        self._recall()

    @property
    def held(self) -> int:
        """Observations that the disk has not taken yet."""
        return len(self._held)

    def _recall(self) -> None:
        """Go on where the process before this one stopped."""
        for zone, end in enumerate(self._outbox.positions(self._zones)):
            if end is not None:
                self._windows.start_at(zone, end)
        self.begin()
        new = {zone: end for zone, end in zip(self._zones, self._windows.closed, strict=True) if end is not None}
        with contextlib.suppress(sqlite3.OperationalError):
            self._outbox.store([], new)  # so that also the first window survives a power cut
        for tick in self._outbox.ticks():
            if tick.zone < len(self._zones) and tick.tick == self._site.tick:
                self._windows.recall(tick)
        for day in json.loads(self._outbox.remembered(_DAYS) or "[]"):
            self.days[day["zone"]] = Day.model_validate(day)
        if kept := self._outbox.remembered(_DISCLOSED):
            try:
                self._discloser.recall(kept)
            except (ValueError, KeyError, TypeError) as error:
                log.error("what was carried from before the restart cannot be used (%s); crossings begin anew", error)

    def begin(self) -> None:
        """The clock was set, or this is the start: windows go on at the present time."""
        self._windows.begin(self._now())

    def add(self, summaries: Sequence[Summary]) -> None:
        """Take in ticks."""
        ticks = [summary for summary in summaries if self._windows.add(summary)]
        try:
            self._outbox.remember(ticks)
        except sqlite3.OperationalError as error:
            self._complain(error)

    def close(self, under_way: Set[int] = frozenset()) -> list[Observation]:
        """Close the windows that are due and store them; what has been stored by this.

        Args:
            under_way: numbers of observations that are on the line at this moment.
        """
        closed = self._windows.due(self._now())
        if closed:
            blocks = self._discloser.disclose(closed)
            self._held += [observation(self._site, self._boot, 0, c, b) for c, b in zip(closed, blocks, strict=True)]
            self._positions |= {self._zones[c.zone]: c.tally.end for c in closed}
        stored = self._store(under_way) if self._held else []
        return stored + self._publish_open(under_way)

    def _store(self, under_way: Set[int]) -> list[Observation]:
        numbered = self._number(self._held)
        days = self.days | {day.zone: day for day in self._discloser.days}
        memory = {_DISCLOSED: self._discloser.memory, _DAYS: f"[{','.join(map(dump, days.values()))}]"}
        try:
            self._outbox.store(numbered, self._positions, self._windows.needed_from(), under_way, memory)
        except sqlite3.OperationalError as error:
            self._complain(error)
            if len(self._held) > HELD:
                self._outbox.lost += len(self._held) - HELD
                self._held = self._held[-HELD:]
            return []
        self._held = []
        self._discloser.days.clear()
        while self._discloser.spent:
            day, spent = self._discloser.spent.pop(0)
            if self._record:
                self._record("noise", day=day, spent=spent, budget=self._site.disclosure.daily_epsilon)
        self.days = days
        self._history.keep(numbered)
        return numbered

    def _complain(self, error: sqlite3.OperationalError) -> None:
        """Say that the disk takes nothing, once in a while and not at every attempt."""
        if self._now() >= self._complain_at:
            self._complain_at = self._now() + COMPLAIN_EVERY
            log.error("the store takes nothing (%s): free disk space; holding %d windows", error, len(self._held))

    def _number(self, observations: Sequence[Observation]) -> list[Observation]:
        first = self._outbox.next_seq
        return [o.model_copy(update={"seq": seq, "boot": self._boot}) for seq, o in enumerate(observations, first)]

    def _carried(self) -> dict[str, Crossings | None]:
        """Crossings that the public has not been told yet, by zone."""
        kept = json.loads(self._outbox.remembered(_PUBLIC) or "{}")
        return {zone: Crossings.model_validate(crossings) for zone, crossings in kept.items()}

    def _publish_open(self, under_way: Set[int]) -> list[Observation]:
        """The public product of the span before the last one, once that is over."""
        span = self._site.disclosure.open_window
        if span is None or self._held:
            return []
        last = (int(self._now() - GRACE) - self._site.window) // span * span - span
        (told,) = self._outbox.positions([_PUBLIC])
        first = last if told is None else max(told + span, last - LONGEST_GAP // span * span)
        if first > last:
            return []
        made: list[Observation] = []
        carried = self._carried()
        for end in range(first, last + 1, span):
            for zone in self._zones:
                if parts := self._history.between(end - span, end, zone):
                    made.append(for_the_public(parts, carried.get(zone)))
                    carried[zone] = not_told(parts, carried.get(zone), made[-1])
        made = self._number(made)
        kept = {zone: crossings.model_dump(by_alias=True) for zone, crossings in carried.items() if crossings}
        try:
            self._outbox.store(made, {_PUBLIC: last}, 0, under_way, {_PUBLIC: json.dumps(kept)})
        except sqlite3.OperationalError as error:
            self._complain(error)
            return []
        return made
