"""When to try again after a broker was lost: soon after a short outage, sparingly when something has to be mended."""

import random
from collections.abc import Callable
from typing import Final

from drukte.report.formats.native import Condition

FIRST: Final = 1.0
LONGEST: Final = 4.0
"""Longest pause while the broker is merely away [s]: the device is back this soon after it returns."""
LONG_AWAY: Final = 3600.0
"""After this long without a connection the pauses may grow to `LONGEST_LATER` [s]."""
LONGEST_LATER: Final = 30.0
LONGEST_REFUSED: Final = 60.0
"""Longest pause while the broker answers and does not let this device in: a person has to change something [s]."""
_ANSWERED: Final[frozenset[Condition]] = frozenset({"refused", "certificate", "not_authorized", "quota"})


class Backoff:
    """Pauses between attempts: doubled at each failure, up to a limit.

    Half of every pause is left to chance, so that a fleet does not come back all at once.

    Args:
        chance: uniform between 0 and 1.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._pause = FIRST
        self._since: float | None = None

    def connected(self) -> None:
        """A connection was made and used: begin anew."""
        self._pause, self._since = FIRST, None

    def pause(self, condition: Condition, now: float) -> float:
        """Seconds to wait before the next attempt; `now` is monotonic, s."""
        if self._since is None:
            self._since = now
        longest = LONGEST if now - self._since < LONG_AWAY else LONGEST_LATER
        if condition in _ANSWERED:
            longest = LONGEST_REFUSED
        pause = min(self._pause, longest)
        self._pause = min(LONGEST_REFUSED, 2 * pause)
        return pause * (0.5 + self._chance() / 2)
