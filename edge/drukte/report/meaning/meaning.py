"""Keeps what the last window of each zone means, ready to be said."""

from collections.abc import Sequence

from drukte.config import Site
from drukte.report.disclosure.public import is_first
from drukte.report.formats.native import Busyness, Observation, dump
from drukte.report.meaning.interpret import Interpreter
from drukte.report.meaning.usual import Usual
from drukte.report.store.history import KEEP, History


class Meaning:
    """Interprets windows as they are published, and learns from them what is usual.

    Args:
        site: the checked site file.
        history: what has been published before.
        now: wall clock, s since 1970.
    """

    def __init__(self, site: Site, history: History, now: float) -> None:
        self._site = site
        self._usual = Usual(site.place.time_zone)
        self._usual.learn(o for o in history.between(int(now) - KEEP, int(now)) if is_first(o, site))
        self._interpreter = Interpreter(site, self._usual)
        self._latest: dict[str, Busyness] = {}
        self._new: set[str] = set()

    def take(self, observations: Sequence[Observation]) -> None:
        """Take in windows that were just published, oldest first."""
        ours = [o for o in observations if is_first(o, self._site)]
        for o in ours:
            self._latest[o.zone] = self._interpreter.read(o)
            self._new.add(o.zone)
        self._usual.learn(ours)

    def to_say(self, everything: bool) -> dict[str, str]:
        """Messages by zone: those that were not said yet, or all."""
        zones = list(self._latest) if everything else [zone for zone in self._latest if zone in self._new]
        self._new.clear()
        return {zone: dump(self._latest[zone]) for zone in zones}
