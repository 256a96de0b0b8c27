"""From the summaries of a zone to the statistics of a window.

A `Tally` adds up whole numbers only, so that ticks merge to the same result in any order and grouping. Its means are
over the seconds in which at least one frame was seen; what was not seen is said by `observed`, never counted as zero.
Tallies hold the true numbers. They stay in this process: `disclose.py` decides what of them is shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from drukte.summary import CALIBRATIONS, MODES, STATES, Summary

LEVELS: Final = ("safe", "low_risk", "high_risk", "undetermined")
MEANS: Final = (*LEVELS, "riders", "pairs_low", "pairs_high", "groups_2", "groups_3_4", "groups_5_up")
_SUMS: Final = (
    *("in_a", "out_a", "in_b", "out_b", "riders_in_a", "riders_out_a", "riders_in_b", "riders_out_b"),
    *("dwell_1", "dwell_5", "dwell_15", "dwell_over", "moved", "appeared", "vanished"),
)
MOVED_FOR_RESIDUAL: Final = 20
"""Fewest people who came or went for whom a residual is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums over the ticks of one zone in one span of time.

    Attributes:
        start, end: the span, seconds since 1970, UTC; the end is not part of it.
        ticks: ticks that were received.
        frames: frames seen.
        observed: seconds in which at least one frame was seen.
        means: for each of `MEANS`, value in tenths times observed seconds, summed.
        sums: crossings, ended stays, and who came and went, summed.
        least, most: people in the frame with the fewest and with the most; 0 without frames.
        people_seconds: people in tenths times observed seconds.
        confidence, held: tenths weighted by `people_seconds`.
        agreed, judged: tenths weighted by `people_seconds`, and the weight of the ticks in which two sensors compared.
        party: tenths weighted by pairs and seconds.
        speed, walked: speed in 0.1 m/s weighted by `people_seconds`, and the weight of the ticks that had one.
        saturated: seconds of ticks in which the sensor had more targets than it can report.
        states: ticks in each sensor state.
        last: sensor state of the latest tick and when it ended; -1 without ticks.
        calibration: the worst seen.
        mode: how the latest tick was counted.
    """

    start: int
    end: int
    ticks: int = 0
    frames: int = 0
    observed: int = 0
    means: tuple[int, ...] = (0,) * len(MEANS)
    sums: tuple[int, ...] = (0,) * len(_SUMS)
    least: int = 0
    most: int = 0
    people_seconds: int = 0
    confidence: int = 0
    held: int = 0
    agreed: int = 0
    judged: int = 0
    party: int = 0
    speed: int = 0
    walked: int = 0
    saturated: int = 0
    states: tuple[int, ...] = (0,) * len(STATES)
    last: tuple[int, int, int] = (-1, -1, 0)
    calibration: int = 0

    @classmethod
    def of(cls, s: Summary) -> Self:
        """The tally of one tick."""
        weight = s.people * s.observed
        pairs = (s.pairs_low + s.pairs_high) * s.observed
        return cls(
            start=s.end - s.tick,
            end=s.end,
            ticks=1,
            frames=s.frames,
            observed=s.observed,
            means=tuple(getattr(s, name) * s.observed for name in MEANS),
            sums=tuple(getattr(s, name) for name in _SUMS),
            least=s.least,
            most=s.most,
            people_seconds=weight,
            confidence=s.confidence * weight,
            held=s.held * weight,
            agreed=max(0, s.agreed - 1) * weight,
            judged=weight if s.agreed else 0,
            party=s.party * pairs,
            speed=s.speed * weight,
            walked=weight if s.speed else 0,
            saturated=s.saturated * s.observed,
            states=tuple(int(i == s.state) for i in range(len(STATES))),
            last=(s.end, s.state, s.mode),
            calibration=s.calibration,
        )

    def __add__(self, other: Self) -> Self:
        """Both together; the span reaches from the earlier start to the later end."""
        seen = [t for t in (self, other) if t.frames]
        added = {
            name: getattr(self, name) + getattr(other, name)
            for name in (
                "ticks", "frames", "observed", "people_seconds", "confidence", "held", "agreed", "judged", "party",
                "speed", "walked", "saturated",
            )
        }  # fmt: skip
        for name in ("means", "sums", "states"):
            added[name] = tuple(a + b for a, b in zip(getattr(self, name), getattr(other, name), strict=True))
        return type(self)(
            start=min(self.start, other.start),
            end=max(self.end, other.end),
            least=min((t.least for t in seen), default=0),
            most=max((t.most for t in seen), default=0),
            last=max(self.last, other.last),
            calibration=max(self.calibration, other.calibration),
            **added,
        )

    @property
    def span(self) -> int:
        """Length of the span, s."""
        return self.end - self.start

    @property
    def share_observed(self) -> float:
        """Observed part of the span, 0 to 1."""
        return self.observed / self.span if self.span else 0.0

    def mean(self, name: str) -> float | None:
        """Mean of a field of `MEANS` over the observed time, in persons, pairs or groups; None when unobserved."""
        return self.means[MEANS.index(name)] / self.observed / 10 if self.observed else None

    @property
    def people(self) -> float | None:
        """Mean number of people in the zone over the observed time; None when nothing was observed."""
        return self.people_seconds / self.observed / 10 if self.observed else None

    def total(self, name: str) -> int:
        """Sum of a field of `_SUMS`."""
        return self.sums[_SUMS.index(name)]

    def share(self, level: str) -> float | None:
        """Part of the people that were in a closeness level, 0 to 1; None without people."""
        return self.means[MEANS.index(level)] / self.people_seconds if self.people_seconds else None

    @property
    def together(self) -> float | None:
        """Part of the close pairs that walk together, 0 to 1; None without pairs."""
        pairs = self.means[MEANS.index("pairs_low")] + self.means[MEANS.index("pairs_high")]
        return self.party / pairs / 10 if pairs else None

    @property
    def residual(self) -> float | None:
        """What the conservation of people leaves unexplained, -1 to 1; None when too few came and went.

        Who came over the zone's edge less who left over it should be the change of how many are inside. The
        difference is who was first seen in the midst of the zone less who was last seen there, as a part of all who
        came or went over its edge.
        """
        moved = self.total("moved")
        if moved < MOVED_FOR_RESIDUAL:
            return None
        return max(-1.0, min(1.0, (self.total("appeared") - self.total("vanished")) / moved))

    @property
    def unexplained(self) -> float | None:
        """Part of all comings and goings that happened in the midst of the zone, 0 to 1; None as `residual`."""
        odd = self.total("appeared") + self.total("vanished")
        moved = self.total("moved")
        return odd / (odd + moved) if moved >= MOVED_FOR_RESIDUAL else None

    @property
    def mean_speed(self) -> float | None:
        """Mean walking speed, m/s; None when nobody walked."""
        return self.speed / self.walked / 10 if self.walked else None

    @property
    def mean_confidence(self) -> float | None:
        """Mean score of the counted, 0 to 1; None without people."""
        return self.confidence / self.people_seconds / 10 if self.people_seconds else None

    @property
    def share_held(self) -> float | None:
        """Part of the people that were held without a fresh echo, 0 to 1; None without people."""
        return self.held / self.people_seconds / 10 if self.people_seconds else None

    @property
    def share_agreed(self) -> float | None:
        """Part that both of two sensors saw of the people whom both could see, 0 to 1; None when nothing was judged."""
        return self.agreed / self.judged / 10 if self.judged else None

    @property
    def share_saturated(self) -> float:
        """Part of the observed time in which the sensor had more targets than it can report, 0 to 1."""
        return self.saturated / self.observed if self.observed else 0.0

    @property
    def state(self) -> str:
        """Sensor state at the latest tick; `absent` when no tick came."""
        return STATES[self.last[1]] if self.ticks else "absent"

    @property
    def calibration_name(self) -> str | None:
        """Worst state of the calibration; None when no tick came."""
        return CALIBRATIONS[self.calibration] if self.ticks else None

    @property
    def mode(self) -> str | None:
        """Whether counts come from tracks or from plain detections; None when no tick came."""
        return MODES[self.last[2]] if self.ticks else None


def merge(start: int, end: int, tallies: Iterable[Tally]) -> Tally:
    """All tallies that lie within a span, as one; a span without any is one that was not observed."""
    total = Tally(start=start, end=end)
    for tally in tallies:
        total += tally
    if (total.start, total.end) != (start, end):
        raise ValueError(f"a tally lies outside {start} to {end}")
    return total


GRACE: Final = 6
"""How long after its end a window waits for its last ticks, s."""
LONGEST_GAP: Final = 8 * 86_400
"""A longer gap is not told window by window, s: after a week and a day the missing sequence of times speaks."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A window that is complete, and the span of its crossings when one ended with it."""

    zone: int
    tally: Tally
    crossings: Tally | None


class Windows:
    """Cuts the time line of every zone into windows aligned to the UTC clock and says which are complete.

    Crossings are added up over a span of their own, a multiple of the window, and are handed out with the window that
    ends it. With a `delay` every window is closed that many seconds later. Nothing is closed twice: the clock may stand
    still or go back a little without a window being said again.
    """

    def __init__(self, zones: int, span: int, tick: int, crossings_span: int | None = None, delay: int = 0) -> None:
        self._span = span
        self._delay = delay
        self._tick = tick
        self._crossings_span = crossings_span or span
        self._open: list[dict[int, Tally]] = [{} for _ in range(zones)]
        self._crossings: list[dict[int, Tally]] = [{} for _ in range(zones)]
        self._closed: list[int | None] = [None] * zones
        self.late = 0

    @property
    def closed(self) -> list[int | None]:
        """End of the last closed window of each zone, s since 1970; None before the first."""
        return list(self._closed)

    def needed_from(self) -> int:
        """Ticks that end after this moment are still needed to go on after a restart, s since 1970."""
        return min((end - end % self._crossings_span for end in self._closed if end is not None), default=0)

    def start_at(self, zone: int, end: int) -> None:
        """Go on after the window that ended at `end`, as remembered from before a restart."""
        self._closed[zone] = end - end % self._span

    def begin(self, now: float) -> None:
        """Give every zone that has no position, or one too far away, the window that holds `now` as its next."""
        first = int(now) - int(now) % self._span
        for zone, end in enumerate(self._closed):
            if end is None or not -self._span <= first - end <= LONGEST_GAP:
                self._closed[zone] = first
                self._open[zone].clear()
                self._crossings[zone].clear()

    def recall(self, summary: Summary) -> None:
        """Take in a tick that was received before a restart."""
        closed = self._closed[summary.zone]
        start = summary.end - summary.tick
        if closed is None or start - start % self._span >= closed:
            self.add(summary)
        else:
            _into(self._crossings[summary.zone], self._crossings_span, Tally.of(summary))

    def add(self, summary: Summary) -> bool:
        """Take in one tick. False, and counted as late, when its window has been closed already."""
        tally = Tally.of(summary)
        closed = self._closed[summary.zone]
        if closed is not None and tally.start - tally.start % self._span < closed:
            self.late += 1
            return False
        _into(self._open[summary.zone], self._span, tally)
        return True

    def due(self, now: float) -> list[Closed]:
        """Windows that are complete at `now`, in order of time; they are closed by this.

        A window is complete when all of its ticks came or `GRACE` seconds after its end. All zones of one moment are
        closed at once, because what is shown of one can depend on its neighbours.
        """
        found: list[Closed] = []
        while ends := [closed + self._span for closed in self._closed if closed is not None]:
            end = min(ends)
            zones = [zone for zone, closed in enumerate(self._closed) if closed == end - self._span]
            tallies = {zone: self._open[zone].get(end - self._span) for zone in zones}
            complete = all(t is not None and t.ticks >= self._span // self._tick for t in tallies.values())
            if now < end + self._delay + GRACE and not (complete and (not self._delay or now >= end + self._delay)):
                break
            for zone, waiting in tallies.items():
                tally = merge(end - self._span, end, [] if waiting is None else [waiting])
                self._open[zone].pop(end - self._span, None)
                self._closed[zone] = end
                found.append(Closed(zone, tally, self._cross(zone, tally)))
        return found

    def _cross(self, zone: int, tally: Tally) -> Tally | None:
        _into(self._crossings[zone], self._crossings_span, tally)
        if tally.end % self._crossings_span:
            return None
        start = tally.end - self._crossings_span
        whole = merge(start, tally.end, [self._crossings[zone][start]])
        self._crossings[zone].clear()
        return whole


def _into(tallies: dict[int, Tally], span: int, tally: Tally) -> None:
    """Add a tally to that of the span in which it begins."""
    start = tally.start - tally.start % span
    tallies[start] = tallies[start] + tally if start in tallies else tally
