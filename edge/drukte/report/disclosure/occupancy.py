"""What is known of crossings from how many people there were: who must have come, and who must have gone.

Where people enter a zone over its lines alone, a rise from 2 to 8 people tells that at least 6 came. What is left of a
total after that is the room in which a hidden part of it can lie. `crossings.py` asks for that room.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

ROOM: Final = 4
"""People that a hidden part of a span must be able to differ by: all that "under 5" can mean."""
_CONTRADICTED: Final = 1.0
"""Where occupancy asks for so many more people than crossed, it contradicts the crossings and tells nothing of them."""


@dataclass
class Reckoned:
    """What the published occupancy of a cluster of zones tells of the crossings of a span, in people.

    Only what is published goes in, so that whether a span is shown tells nothing of the people who are hidden. Of all
    courses that fit what was published the one with the fewest crossings counts: whoever is not seen to move stays.

    Attributes:
        before: fewest and most people who can be in each zone now.
        came: fewest who can have come into each zone.
        went: fewest who can have gone from each zone.
        moved: fewest who can have crossed any line on the way through all zones of the cluster.
    """

    before: dict[int, tuple[float, float]] = field(default_factory=dict)
    came: dict[int, float] = field(default_factory=dict)
    went: dict[int, float] = field(default_factory=dict)
    moved: float = 0.0

    def add(self, told: Mapping[int, tuple[float, float]]) -> None:
        """Take in the next window: fewest and most people of each zone, as published, where it was observed."""
        rises = falls = 0.0
        for zone, (fewest, most) in told.items():
            low, high = self.before.get(zone, (fewest, most))
            rise, fall = max(fewest - high, 0.0), max(low - most, 0.0)
            self.came[zone] = self.came.get(zone, 0.0) + rise
            self.went[zone] = self.went.get(zone, 0.0) + fall
            rises, falls = rises + rise, falls + fall
            self.before[zone] = min(max(low, fewest), most), max(min(high, most), fewest)
        self.moved += max(rises, falls)

    def begin(self) -> None:
        """A new span begins with the next window."""
        self.came, self.went, self.moved = {}, {}, 0.0

    def leaves_room(self, totals: Iterable[tuple[int, int, int]], alone: bool) -> bool:
        """Whether totals of a span leave a hidden part of it open.

        Args:
            totals: a zone, how many came over all its lines, and how many went.
            alone: whether the cluster is one zone.
        """
        least = [
            pair
            for zone, came, went in totals
            for pair in ((came, self.came.get(zone, 0.0)), (went, self.went.get(zone, 0.0)))
        ]
        if any(n < needed - _CONTRADICTED for n, needed in least):
            return True
        return all(n == 0 or n - (needed if alone else self.moved) >= ROOM for n, needed in least)

    @property
    def memory(self) -> dict[str, Any]:
        """What must be remembered over a restart, as JSON values."""
        return asdict(self)

    @classmethod
    def recall(cls, memory: Mapping[str, Any]) -> Self:
        """What an earlier process remembered."""
        before = {int(z): (float(low), float(high)) for z, (low, high) in memory.get("before", {}).items()}
        came, went = ({int(z): float(n) for z, n in memory.get(k, {}).items()} for k in ("came", "went"))
        return cls(before, came, went, float(memory.get("moved", 0.0)))
