"""The frames of one tick become one summary per zone. The last step before the door."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from drukte.sense.reduction.counts import ZoneCounts
from drukte.summary import HEARTBEAT, HEARTBEAT_EVERY, MAX_PEOPLE, RANGES, RUNNING, STARVED, Summary

TOLERANCE = 2.0
"""Seconds by which the wall clock may drift from the steady one within a tick before the tick is thrown away."""

AVERAGED = (
    *("safe", "low_risk", "high_risk", "undetermined", "riders", "pairs_low", "pairs_high"),
    *("groups_2", "groups_3_4", "groups_5_up"),
)
"""Fields that are averages over frames, in tenths, with carried rounding."""
EVENTS = (
    *("in_a", "out_a", "in_b", "out_b", "riders_in_a", "riders_out_a", "riders_in_b", "riders_out_b"),
    *("dwell_1", "dwell_5", "dwell_15", "dwell_over", "moved", "appeared", "vanished"),
)
"""Fields that are sums over frames."""


@dataclass(slots=True)
class _Sums:
    """Running sums of one zone; `carry` lives on from tick to tick."""

    carry: dict[str, float] = field(default_factory=lambda: dict.fromkeys(AVERAGED, 0.0))
    total: dict[str, float] = field(default_factory=lambda: dict.fromkeys(AVERAGED, 0.0))
    events: Counter[str] = field(default_factory=Counter)
    least: int = MAX_PEOPLE
    most: int = 0
    last: int = 0
    people: int = 0
    party: float = 0.0
    speed: float = 0.0
    walkers: int = 0
    score: float = 0.0
    held: int = 0
    judged: int = 0
    agreed: int = 0
    saturated: bool = False

    def add(self, c: ZoneCounts) -> None:
        people = min(c.people, MAX_PEOPLE)
        scale = people / c.people if c.people else 1.0
        total = self.total
        total["safe"] += c.safe * scale
        total["low_risk"] += c.low_risk * scale
        total["high_risk"] += c.high_risk * scale
        total["undetermined"] += c.undetermined * scale
        total["riders"] += c.riders
        total["pairs_low"] += c.pairs_low
        total["pairs_high"] += c.pairs_high
        for name, number in zip(AVERAGED[-3:], c.groups, strict=True):
            total[name] += number * scale
        for name, number in zip(EVENTS, (*c.crossings, *c.rider_crossings, *c.stays, *c.moves), strict=True):
            if number:
                self.events[name] += number
        self.least, self.most, self.last = min(self.least, people), max(self.most, people), people
        self.people += c.people
        self.party += c.pairs_party
        self.speed += c.speed_sum
        self.walkers += c.speed_people
        self.score += c.score_sum
        self.held += c.held
        self.judged += c.judged
        self.agreed += c.agreed
        self.saturated |= c.saturated

    def fields(self, frames: int) -> dict[str, int]:
        """The record's counts; what rounding takes is carried on."""
        out: dict[str, int] = {}
        for name in AVERAGED:
            exact = 10 * self.total[name] / frames + self.carry[name]
            out[name] = _within(name, round(exact))
            self.carry[name] = min(0.5, max(-0.5, exact - out[name]))
        # events beyond a field's range wait for the next tick instead of getting lost
        for name in EVENTS:
            out[name] = _within(name, self.events[name])
            self.events[name] -= out[name]
        pairs = self.total["pairs_low"] + self.total["pairs_high"]
        if pairs and out["pairs_low"] + out["pairs_high"]:
            out["party"] = _within("party", round(10 * self.party / pairs))
        if self.people:
            out["confidence"] = _within("confidence", round(10 * self.score / self.people))
            out["held"] = _within("held", round(10 * self.held / self.people))
        if self.judged:
            out["agreed"] = _within("agreed", 1 + round(10 * self.agreed / self.judged))
        if self.walkers:
            out["speed"] = _within("speed", max(1, round(10 * self.speed / self.walkers)))
        return out | {"least": self.least, "most": self.most, "last": self.last, "saturated": int(self.saturated)}


class Ticker:
    """Sums frames and hands out records when a tick ends, or a heartbeat when one is due.

    Ticks are aligned to the wall clock. When that clock steps, the tick under way is thrown away: the open room sees
    a gap, never a wrong number.
    """

    def __init__(self, tick: int, zones: int, seal: int, wall: float, steady: float) -> None:
        """`wall` is seconds since 1970, `steady` a clock that never steps."""
        self._tick = tick
        self._seal = seal
        self._sums = [_Sums() for _ in range(zones)]
        self._begin(wall, steady)
        self._spoke = steady

    def _begin(self, wall: float, steady: float) -> None:
        self._end = (int(wall) // self._tick + 1) * self._tick
        self._offset = wall - steady
        self._frames = 0
        self._observed = 0
        self._second = -1
        self._states: Counter[int] = Counter()
        self._calibration = 0
        self._mode = 0
        self._sums = [_Sums(carry=s.carry, events=s.events) for s in self._sums]

    @property
    def empty(self) -> bool:
        """Whether the tick under way has no frame yet."""
        return self._frames == 0

    def add(self, zones: Sequence[ZoneCounts], steady: float, state: int, calibration: int, mode: int) -> None:
        """One frame, reduced; `state`, `calibration` and `mode` as in the door's record.

        A frame in which the sensor was blind has no `zones`: it tells the state, and counts as nothing seen.
        """
        if self._frames >= RANGES["frames"][1]:
            return
        self._states[state] += 1
        self._calibration = max(self._calibration, calibration)
        if not zones:
            return
        self._frames += 1
        second = int(steady)
        if second != self._second and self._observed < self._tick:
            self._observed += 1
            self._second = second
        self._mode = max(self._mode, mode)
        for sums, counts in zip(self._sums, zones, strict=True):
            sums.add(counts)

    def due(self, wall: float, steady: float, state: int) -> list[Summary]:
        """The records to send now, with sequence number 0; `state` is the sensor's state at this moment."""
        if abs(wall - steady - self._offset) > TOLERANCE:
            self._begin(wall, steady)
            return []
        if wall < self._end:
            if steady - self._spoke < HEARTBEAT_EVERY:
                return []
            self._spoke = steady
            beat = Summary(kind=HEARTBEAT, seq=0, end=int(wall), tick=self._tick, state=state, seal=self._seal)
            return [beat]
        usual = self._states.most_common(1)[0][0] if self._states else STARVED if state == RUNNING else state
        records = [
            Summary(
                seq=0,
                end=self._end,
                zone=number,
                tick=self._tick,
                state=usual,
                seal=self._seal,
                calibration=self._calibration,
                **({} if not self._frames else self._counts(sums)),
            )
            for number, sums in enumerate(self._sums)
        ]
        self._spoke = steady
        self._begin(wall, steady)
        return records

    def _counts(self, sums: _Sums) -> dict[str, int]:
        fields = sums.fields(self._frames)
        return fields | {"frames": self._frames, "observed": self._observed, "mode": self._mode}


def _within(name: str, value: int) -> int:
    low, high = RANGES[name]
    return min(high, max(low, value))
