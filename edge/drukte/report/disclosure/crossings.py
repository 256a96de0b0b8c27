"""Crossings of lines: shown when nothing small is among them, and else carried into the next span.

The numbers of a cluster (zones between which passers-by may be counted twice) are shown together or not at all. They
are shown when each is 0 or at least 5, and when in every zone of the cluster neither the last window nor the one before
the first hides how many people there were: else occupancy could be reckoned from in and out. What is not shown is
carried on, so the sum over a day is right. Rounding leaves a rest, which is carried on too. A span that holds hidden
parts is shown only if it leaves them open: see `occupancy.py`.

Riders have a gate of their own: a few of them must not hide the many who walk. How many riders there are at one moment
is never told beside their crossings (see `disclose.py`), so that neither gives the other away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from drukte.config import Site
from drukte.report.disclosure.neighbours import connected
from drukte.report.disclosure.occupancy import Reckoned
from drukte.report.disclosure.rules import STEP, Rule
from drukte.report.formats.native import Crossing, Crossings, RiderCrossings, Stays, moment
from drukte.report.windows.window import Tally

LONGEST: Final = 86_400
"""What could not be shown for this long is given up, s."""
_LENGTHS: Final = (
    ("under_1_min", "dwell_1"),
    ("to_5_min", "dwell_5"),
    ("to_15_min", "dwell_15"),
    ("over_15_min", "dwell_over"),
)


@dataclass
class _Cluster:
    """What is carried by zones that count the same passers-by."""

    zones: list[int]
    clean: bool = True  # nothing was hidden in the window before the span
    carried: dict[int, Tally] = field(default_factory=dict)
    rest: dict[str, float] = field(default_factory=dict)
    reckoned: Reckoned = field(default_factory=Reckoned)  # since the span began


class CrossingGate:
    """Decides for each span of crossings whether it is shown. It remembers what is carried.

    Args:
        site: the checked site file.
        rule: how numbers are treated.
        release: what becomes of a number that may be shown, instead of rounding it.
        who: "" for those on foot, "riders_" for riders.
    """

    def __init__(
        self,
        site: Site,
        rule: Rule,
        release: Callable[[int, int], float | None] | None = None,
        who: Literal["", "riders_"] = "",
    ) -> None:
        self._who = who
        self._lines = [[line.name for line in zone.lines] for zone in site.zones]
        self._rule = rule
        self._release = release
        numbers = connected(site.zones)
        self._clusters = [
            _Cluster([zone for zone, cluster in enumerate(numbers) if cluster == number and self._lines[zone]])
            for number in sorted(set(numbers))
        ]
        self._clusters = [cluster for cluster in self._clusters if cluster.zones]

    @property
    def memory(self) -> list[dict[str, Any]]:
        """What must be remembered over a restart, as JSON values."""
        return [
            {
                "zones": c.zones,
                "clean": c.clean,
                "rest": c.rest,
                "carried": {z: asdict(t) for z, t in c.carried.items()},
                "reckoned": c.reckoned.memory,
            }
            for c in self._clusters
        ]

    def recall(self, memory: Sequence[Mapping[str, Any]]) -> None:
        """Take up what was remembered; of zones that are no longer together nothing is kept."""
        for cluster in self._clusters:
            for old in memory:
                if old["zones"] == cluster.zones:
                    cluster.clean, cluster.rest = bool(old["clean"]), dict(old["rest"])
                    cluster.carried = {int(z): _tally(t) for z, t in old["carried"].items()}
                    cluster.reckoned = Reckoned.recall(old.get("reckoned", {}))

    def decide(
        self, spans: Mapping[int, Tally], hiding: Mapping[int, bool], told: Mapping[int, tuple[float, float]]
    ) -> dict[int, Crossings]:
        """What may be said of the spans of crossings that ended with one window, by zone.

        Args:
            spans: the true crossings of each zone whose span ended.
            hiding: for each zone, whether this window hides how many people are in it.
            told: fewest and most people in each zone, as published; none where that is never told, or was not observed.
        """
        found: dict[int, Crossings] = {}
        for cluster in self._clusters:
            cluster.reckoned.add({zone: told[zone] for zone in cluster.zones if zone in told})
            mine = {zone: spans[zone] for zone in cluster.zones if zone in spans}
            if mine:
                found |= self._together(cluster, mine, any(hiding.get(zone, False) for zone in cluster.zones))
        return found

    def _together(self, cluster: _Cluster, spans: dict[int, Tally], hides: bool) -> dict[int, Crossings]:
        """All zones of a cluster, or none; `hides`: whether this window hides how many people one of them has."""
        if self._release is not None or self._rule.exact:
            return {zone: self._block(zone, cluster, t, not t.observed) for zone, t in spans.items()}
        whole = {z: cluster.carried[z] + t if z in cluster.carried else t for z, t in spans.items()}
        numbers = [v for zone, t in whole.items() for pair in self._pairs(zone, t) for v in pair]
        # Where nobody left (or nobody came) in all that time, occupancy tells how many came in the hidden part of it.
        one_way = bool(cluster.carried) and any(self._one_way(zone, t) for zone, t in whole.items())
        telling = one_way or (bool(cluster.carried) and not self._leaves_room(cluster, whole))
        shown = cluster.clean and not hides and not telling and not self._rule.hidden(*numbers)
        blocks = {zone: self._block(zone, cluster, t, not shown) for zone, t in whole.items()}
        too_long = any(t.span >= LONGEST for t in whole.values())
        if shown or too_long or not cluster.clean:
            # After a start in a window that hides people, counting begins anew where one does not.
            cluster.carried = {}
            cluster.clean = not hides
            cluster.reckoned.begin()
        else:
            cluster.carried = whole
        return blocks

    def _pairs(self, zone: int, t: Tally) -> list[tuple[int, int]]:
        sides = "ab"[: len(self._lines[zone])]
        return [(t.total(f"{self._who}in_{side}"), t.total(f"{self._who}out_{side}")) for side in sides]

    def _both_ways(self, zone: int, t: Tally) -> tuple[int, int]:
        """How many crossed all lines of a zone inwards, and outwards."""
        pairs = self._pairs(zone, t)
        return sum(inwards for inwards, _ in pairs), sum(outwards for _, outwards in pairs)

    def _one_way(self, zone: int, t: Tally) -> bool:
        inwards, outwards = self._both_ways(zone, t)
        return (inwards == 0) != (outwards == 0)

    def _leaves_room(self, cluster: _Cluster, whole: Mapping[int, Tally]) -> bool:
        totals = [(zone, *self._both_ways(zone, t)) for zone, t in whole.items()]
        return cluster.reckoned.leaves_room(totals, alone=len(cluster.zones) == 1)

    def _block(self, zone: int, cluster: _Cluster, t: Tally, hide: bool) -> Crossings:
        names = self._lines[zone]
        start, observed = moment(t.start), round(t.share_observed, 3)
        if not t.observed or hide:
            status: Any = "suppressed" if t.observed else "not_observed"
            lines = [Crossing(line=name) for name in names]
            return _whole(status, start, observed, lines, Stays(status=status))
        lines = []
        for name, (inwards, outwards) in zip(names, self._pairs(zone, t), strict=True):
            values = [self._show(zone, cluster, f"{name} {way}", v) for way, v in (("in", inwards), ("out", outwards))]
            lines.append(Crossing(line=name, in_=values[0], out=values[1]))
        status = "shown" if all(v is not None for line in lines for v in (line.in_, line.out)) else "suppressed"
        return _whole(status, start, observed, lines, self._stays(t))

    def _show(self, zone: int, cluster: _Cluster, name: str, value: int) -> float | None:
        if self._release is not None:
            return self._release(zone, value)
        if self._rule.exact:
            return float(value)
        key = f"{zone} {name}"
        due = value + cluster.rest.get(key, 0.0)
        shown = float(STEP * int(due / STEP + 0.5))
        cluster.rest[key] = due - shown
        return shown

    def _stays(self, t: Tally) -> Stays:
        if t.mode != "tracks":
            return Stays(status="not_measured")
        lengths = {name: t.total(total) for name, total in _LENGTHS}
        if self._release is not None or self._rule.hidden(*lengths.values()):
            return Stays(status="suppressed")
        step = self._rule.protection.crossings_rounded_to
        return Stays(status="shown", **{name: float(step * int(v / step + 0.5)) for name, v in lengths.items()})


def with_riders(crossings: Crossings, riders: Crossings) -> Crossings:
    """The crossings of those on foot, with what may be said of the riders."""
    block = RiderCrossings(status=riders.status, from_=riders.from_, lines=riders.lines)
    return crossings.model_copy(update={"riders": block})


def _whole(status: Any, start: str, observed: float, lines: list[Crossing], stays: Stays) -> Crossings:
    unsaid = RiderCrossings(
        status="suppressed" if status == "shown" else status,
        from_=start,
        lines=[Crossing(line=line.line) for line in lines],
    )
    return Crossings(status=status, from_=start, observed=observed, lines=lines, riders=unsaid, stays=stays)


def _tally(values: Mapping[str, Any]) -> Tally:
    fields: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in values.items()}
    tally = Tally(**fields)
    empty = Tally(start=0, end=0)
    if any(len(getattr(tally, n)) != len(getattr(empty, n)) for n in ("means", "sums", "states")):
        raise ValueError("it is of another version of drukte")
    return tally
