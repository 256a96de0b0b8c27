"""Somebody who has everything that was published and knows the rules, and tries to find hidden counts.

People are whole and stay for whole windows, nobody enters a zone but over its lines: easier for an attacker than any
real street. What is published then bounds the running totals of each line by differences only, and for such systems
the shortest path gives the exact range that each hidden count can have in whole numbers. No solver can do better.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drukte.config import Site, parse_site
from drukte.report.disclose import Discloser
from drukte.report.formats.native import Day as DayTotal
from drukte.report.formats.native import Observation, seconds
from drukte.report.messages import observation
from drukte.report.public import for_the_public, not_told
from drukte.report.window import Closed, Tally
from tests.report.conftest import site_text

T = 1_800_000_000 - 1_800_000_000 % 86_400
WINDOW = 900
HIDDEN_MOST = 4


def town(policy: str = "operational", window: int = WINDOW, crossings: int = WINDOW) -> Site:
    """A hall with a door; a corridor into a room, sharing a line; a square with a bench in it and the rest of it."""
    zones = """
  - name: hall
    polygon: [[0, 0], [10, 0], [10, 10], [0, 10]]
    lines: [{name: door, from: [0, 1], to: [10, 1]}]
  - name: corridor
    polygon: [[20, 0], [30, 0], [30, 10], [20, 10]]
    lines: [{name: street, from: [20, 0], to: [20, 10]}, {name: inner, from: [30, 0], to: [30, 10]}]
  - name: room
    polygon: [[30, 0], [40, 0], [40, 10], [30, 10]]
    lines: [{name: inner, from: [30, 0], to: [30, 10]}, {name: exit, from: [40, 0], to: [40, 10]}]
  - name: square
    polygon: [[60, 0], [80, 0], [80, 10], [60, 10]]
  - name: bench
    polygon: [[60, 0], [65, 0], [65, 10], [60, 10]]
  - name: paving
    polygon: [[65, 0], [80, 0], [80, 10], [65, 10]]
"""
    text = site_text(60, window, f"{{policy: {policy}, crossings: {crossings}}}")
    return parse_site(text[: text.index("zones:")] + "zones:" + zones + text[text.index("tick:") :])


EMPTY = Tally(start=0, end=0)
FLOWS = ("in_a", "out_a", "in_b", "out_b", "riders_in_a", "riders_out_a", "riders_in_b", "riders_out_b")


def steady(start: int, people: int, span: int = WINDOW, **sums: int) -> Tally:
    """A window in which so many people stood still from its first to its last moment."""
    return Tally(
        start=start,
        end=start + span,
        ticks=span // 60,
        frames=span,
        observed=span,
        means=(10 * people * span, *EMPTY.means[1:]),
        sums=(*(sums.get(name, 0) for name in FLOWS), *EMPTY.sums[len(FLOWS) :]),
        least=people,
        most=people,
        people_seconds=10 * people * span,
        states=(span // 60, *[0] * 6),
        last=(start + span, 0, 0),
    )


@dataclass
class Day:
    """What truly happened, per zone and window: people on foot, and crossings in the order of `FLOWS`."""

    people: np.ndarray
    flows: np.ndarray

    @property
    def riding(self) -> np.ndarray:
        """Riders in each zone at the end of each window."""
        flows = dict(zip(FLOWS, np.moveaxis(self.flows, 2, 0), strict=True))
        came, went = (flows[f"riders_{way}_a"] + flows[f"riders_{way}_b"] for way in ("in", "out"))
        return (came - went).cumsum(axis=1)


def random_day(seed: int, windows: int = 96) -> Day:
    """A day that is quiet at night, with a scale and shape of its own."""
    rng = np.random.default_rng(seed)
    hours = np.arange(windows) * 24 / windows
    busy = rng.uniform(0.3, 25) * np.exp(-((hours - rng.uniform(9, 18)) ** 2) / rng.uniform(4, 20)) + rng.uniform(0, 1)
    people = np.zeros((6, windows), int)
    flows = np.zeros((6, windows, len(FLOWS)), int)
    people[:3] = _streams(rng, busy * 3, flows[:, :, :4])
    for w in range(windows):
        people[4, w], people[5, w] = rng.poisson(busy[w] / 2), rng.poisson(busy[w])
        people[3, w] = people[4, w] + people[5, w]
    _streams(rng, busy * 3 * rng.uniform(0, 1), flows[:, :, 4:])
    return Day(people, flows)


def _streams(rng: np.random.Generator, come: np.ndarray, flows: np.ndarray) -> np.ndarray:
    """Who comes and goes in the hall, the corridor and the room, into `flows`; how many are in each, by window."""
    inside = [0, 0, 0]
    people = np.zeros((3, len(come)), int)
    for w, rate in enumerate(come):
        arrive, enter = rng.poisson(rate), rng.poisson(rate)
        leave = rng.binomial(inside[0], 0.6) + rng.binomial(arrive, 0.7)
        through = rng.binomial(inside[1], 0.7) + rng.binomial(enter, 0.6)
        gone = rng.binomial(inside[2], 0.5) + rng.binomial(through, 0.4)
        leave, through = min(leave, inside[0] + arrive), min(through, inside[1] + enter)
        gone = min(gone, inside[2] + through)
        inside = [inside[0] + arrive - leave, inside[1] + enter - through, inside[2] + through - gone]
        people[:, w] = inside
        flows[0, w, :2] = arrive, leave
        flows[1, w] = enter, 0, 0, through
        flows[2, w] = through, 0, 0, gone
    return people


def publish(site: Site, day: Day, span: int = WINDOW, totals: list[DayTotal] | None = None) -> list[list[Observation]]:
    """Everything that the device publishes of a day, by zone; sums of days go into `totals`."""
    discloser = Discloser(site)
    windows = day.people.shape[1]
    found: list[list[Observation]] = [[] for _ in site.zones]
    for w in range(windows):
        start = T + w * span
        closed = []
        for zone, settings in enumerate(site.zones):
            sums = dict(zip(FLOWS, map(int, day.flows[zone, w]), strict=True))
            tally = steady(start, int(day.people[zone, w]), span, **sums)
            closed.append(Closed(zone, tally, tally if settings.lines else None))
        for zone, blocks in enumerate(discloser.disclose(closed)):
            found[zone].append(observation(site, "00000000", w, closed[zone], blocks))
    if totals is not None:
        totals += discloser.days
    return found


def publish_for_the_public(zone: Sequence[Observation], together: int = 4) -> list[Observation]:
    """The second product of one zone, of so many windows each."""
    made: list[Observation] = []
    carried = None
    for i in range(0, len(zone), together):
        parts = zone[i : i + together]
        made.append(for_the_public(parts, carried))
        carried = not_told(parts, carried, made[-1])
    return made


def span_of(o: Observation) -> tuple[int, int]:
    """What an observation tells of how many people there were: fewest and most."""
    block = o.people
    if block.status == "shown":
        assert block.mean is not None
        step = o.disclosure.rounded_to
        if step <= 1 or block.mean == 0:
            return int(block.mean), int(block.mean)
        return max(5, int(block.mean) - step // 2), int(block.mean) + step // 2
    if block.status == "under_5":
        return (1 if o.disclosure.policy == "operational" else 0), HIDDEN_MOST
    # Who knows the program knows that nothing small is called suppressed; here every window is observed.
    return HIDDEN_MOST + 1, 10**6


class Totals:
    """Bounds on differences of running totals. A node is a total just after one window; node 0 of each is at the start.

    `bound(a, b, low, high)` says low <= b - a <= high.
    """

    def __init__(self, chains: int, windows: int) -> None:
        self._windows = windows + 1
        size = chains * self._windows
        self.upper = np.full((size, size), np.inf)
        np.fill_diagonal(self.upper, 0)
        for chain in range(chains):
            for w in range(windows):
                self.bound(self.node(chain, w), self.node(chain, w + 1), 0, math.inf)

    def node(self, chain: int, w: int) -> int:
        return chain * self._windows + w

    def bound(self, a: int, b: int, low: float, high: float) -> None:
        self.upper[a, b] = min(self.upper[a, b], high)
        self.upper[b, a] = min(self.upper[b, a], -low)

    def solve(self) -> np.ndarray:
        """Tightest upper bound on each difference (column minus row)."""
        return _closure(self.upper)


def _closure(upper: np.ndarray) -> np.ndarray:
    """Floyd and Warshall's shortest paths, one row at a time."""
    found = upper.copy()
    for k in range(len(found)):
        np.minimum(found, found[:, k, None] + found[None, k, :], out=found)
    if (np.diag(found) < 0).any():
        raise AssertionError("what was published contradicts itself")
    return found


def bound_chain(totals: Totals, chain: int, told: Sequence[tuple[int, int, float | None]]) -> None:
    """What the published crossings of one direction of one line tell about its running total.

    Args:
        totals: where to.
        chain: the running total.
        told: first window, window after the last, number or None, for each published span.
    """
    run: list[tuple[int, int, float]] = []
    for first, after, number in told:
        if number is None:
            continue
        if run and run[-1][1] != first:
            run = []
        run.append((first, after, number))
        at_start = run[0][0] == 0
        for i, (begin, _, _) in enumerate(run):
            total = sum(n for _, _, n in run[i:])
            slack = 2 if i == 0 and at_start else 4  # what rounding carried in, and what it carries out
            low = max(total - slack, 5 * sum(n > 0 for _, _, n in run[i:]))
            high = total + slack if total else 0
            totals.bound(totals.node(chain, begin), totals.node(chain, after), low, high)


@dataclass(frozen=True)
class Hidden:
    """A hidden number: what it counts ("people", "riders" or one of `FLOWS`), and the windows that it is about."""

    zone: int
    what: str
    first: int
    after: int

    def truth(self, day: Day) -> int:
        """What the attacker looks for."""
        if self.what == "people":
            return int(day.people[self.zone, self.first])
        if self.what == "riders":
            return int(day.riding[self.zone, self.first])
        return int(day.flows[self.zone, self.first : self.after, FLOWS.index(self.what)].sum())


def told_of(observations: Sequence[Observation], what: str, span: int) -> list[tuple[int, int, float | None]]:
    """Every span of one of `FLOWS`: first window, window after the last, number or None."""
    *who, way, side = what.split("_")
    found = []
    for w, o in enumerate(observations):
        assert o.crossings is not None
        block = o.crossings.riders if who else o.crossings
        start = (seconds(block.from_) - T) // span
        number = getattr(block.lines["ab".index(side)], way.replace("in", "in_")) if block.status == "shown" else None
        found.append((start, w + 1, number))
    return found


STREAMS: tuple[tuple[tuple[int, ...], tuple[tuple[tuple[int, str], ...], ...]], ...] = (
    ((0,), (((0, "in_a"),), ((0, "out_a"),))),
    ((1, 2), (((1, "in_a"),), ((1, "out_b"), (2, "in_a")), ((2, "out_b"),))),
)
"""Zones one after the other, and the streams before, between and behind them, each as it is seen by which zone."""


def hidden_ranges(
    published: Sequence[Sequence[Observation]], span: int = WINDOW, riding: np.ndarray | None = None
) -> dict[Hidden, tuple[int, int]]:
    """For each hidden count of the hall, the corridor and the room: the fewest and most it can be.

    Riders have streams of their own. How many of them are in a zone is never told, but they are never fewer than none.

    Args:
        published: all observations, by zone.
        span: length of a window, s.
        riding: how many riders are in each zone at the end of each window, as if that were told from five on.
    """
    windows = len(published[0])
    found: dict[Hidden, tuple[int, int]] = {}
    for who, (zones, streams) in itertools.product(("", "riders_"), STREAMS):
        totals = Totals(len(streams), windows)
        for chain, seen in enumerate(streams):
            for zone, what in seen:
                bound_chain(totals, chain, told_of(published[zone], who + what, span))
        for position, zone in enumerate(zones):
            for w, o in enumerate(published[zone]):
                low, high = span_of(o)
                if who:
                    low, high = (0, math.inf) if riding is None else _told_from_five_on(riding[zone, w])
                totals.bound(totals.node(position + 1, w + 1), totals.node(position, w + 1), low, high)
        most = totals.solve()
        for position, zone in enumerate(zones):
            for w, o in enumerate(published[zone]):
                if who or o.people.status != "shown":
                    into, out = totals.node(position, w + 1), totals.node(position + 1, w + 1)
                    found[Hidden(zone, who[:-1] or "people", w, w + 1)] = _range(most, out, into)
        for chain, seen in enumerate(streams):
            zone, what = seen[0]
            told = told_of(published[zone], who + what, span)
            for first, after, number in told:
                # A longer span that is published as 0 tells openly what its parts were.
                if number is None and not any(f <= first and after <= a and n == 0 for f, a, n in told):
                    a, b = totals.node(chain, first), totals.node(chain, after)
                    found[Hidden(zone, who + what, first, after)] = _range(most, a, b)
    return found


def _told_from_five_on(people: int) -> tuple[int, int]:
    return (1, HIDDEN_MOST) if 0 < people <= HIDDEN_MOST else (people, people)


def _range(most: np.ndarray, a: int, b: int) -> tuple[int, int]:
    return int(-most[b, a]), int(min(most[a, b], 10**6))


def overlap_ranges(published: Sequence[Sequence[Observation]]) -> dict[tuple[str, int], set[int]]:
    """Every hidden count of the square and its two parts with all values that it can have, by trying all of them."""
    found: dict[tuple[str, int], set[int]] = {}
    for w, (square, bench, paving) in enumerate(zip(*published[3:6], strict=True)):
        blocks = (square, bench, paving)
        if all(o.people.status == "shown" for o in blocks):
            continue
        (low, high), *parts = [span_of(o) for o in blocks]
        values: list[set[int]] = [set(), set(), set()]
        for b, p in itertools.product(*(range(lo, min(hi, 40) + 1) for lo, hi in parts)):
            if low <= b + p <= high:
                for i, value in enumerate((b + p, b, p)):
                    values[i].add(value)
        for i, o in enumerate(blocks):
            if o.people.status != "shown":
                found[o.zone, w] = values[i]
    return found
