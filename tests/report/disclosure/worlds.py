"""Every course of a few windows in a small place, and somebody who knows the whole program, so also what silence means.

Worlds that look the same in all that is published are put together. A hidden count is found if it is the same small
number in all of them. To make larger places and longer courses small enough to try them all, the smallest number that
is shown can be lowered: the rules are the same ones.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from drukte.config import Site
from drukte.report.disclosure import crossings, occupancy, rules
from drukte.report.disclosure.disclose import Blocks, Discloser
from drukte.report.windows.window import MEANS, Closed
from tests.report.conftest import make_site
from tests.report.disclosure.attack import WINDOW, T, steady, town

Flows = dict[str, int]
Window = dict[int, tuple[int, Flows]]
"""People at its end, and crossings, by zone."""


@dataclass(frozen=True)
class Place:
    """A place of which all courses can be tried.

    Attributes:
        site: the site file.
        zones: numbers of its zones that take part.
        ways: for so many crossings and changes of people, all ways in which lines can have been crossed.
    """

    site: Site
    zones: Sequence[int]
    ways: Callable[[int, Sequence[int]], Iterator[list[Flows]]]


def _one_door(most: int, changes: Sequence[int]) -> Iterator[list[Flows]]:
    for came in range(most + 1):
        if came >= changes[0]:
            yield [{"in_a": came, "out_a": came - changes[0]}]


def _two_doors(most: int, changes: Sequence[int]) -> Iterator[list[Flows]]:
    for a, b, out in itertools.product(range(most + 1), repeat=3):
        if 0 <= (rest := a + b - out - changes[0]) <= most:
            yield [{"in_a": a, "in_b": b, "out_a": out, "out_b": rest}]


def _one_after_the_other(most: int, changes: Sequence[int]) -> Iterator[list[Flows]]:
    for through in range(most + 1):
        if (came := through + changes[0]) >= 0 and (gone := through - changes[1]) >= 0:
            yield [{"in_a": came, "out_b": through}, {"in_a": through, "out_b": gone}]


def hall(policy: str = "operational") -> Place:
    """A zone with a door."""
    return Place(make_site(window=WINDOW, disclosure=f"{{policy: {policy}}}"), [0], _one_door)


def passage() -> Place:
    """A zone with two lines, each used both ways."""
    site = make_site(window=WINDOW)
    (west,) = site.zones[0].lines
    east = west.model_copy(update={"name": "east"})
    zone = site.zones[0].model_copy(update={"lines": [west, east]})
    return Place(site.model_copy(update={"zones": [zone, *site.zones[1:]]}), [0], _two_doors)


def corridor() -> Place:
    """Two zones one after the other, with the line between them counted by both."""
    return Place(town(), [1, 2], _one_after_the_other)


def courses(place: Place, people: int, crossings: int, windows: int, told: bool) -> Iterator[tuple[bool, list[Window]]]:
    """Every course, and whether it is at the edge of what was tried, so that one that looks the same may be missing."""
    for people_then in itertools.product(
        itertools.product(range(people + 1), repeat=len(place.zones)), repeat=windows + 1
    ):
        steps = [[b - a for a, b in zip(before, now, strict=True)] for before, now in itertools.pairwise(people_then)]
        for flows in itertools.product(*(list(place.ways(crossings, step)) for step in steps)):
            # How many there are once many are inside is seen in most windows, but never how many were there before.
            unseen = people_then[:1] if told else people_then
            edge = any(people in n for n in unseen) or any(n >= crossings for w in flows for f in w for n in f.values())
            yield (
                edge,
                [
                    {zone: (now[i], flow[i]) for i, zone in enumerate(place.zones)}
                    for now, flow in zip(people_then[1:], flows, strict=True)
                ],
            )


def lower(patch: pytest.MonkeyPatch, smallest: int, room: int) -> None:
    """Make a smaller number the smallest one that is shown."""
    patch.setattr(rules, "SMALLEST", smallest)
    patch.setattr(rules, "STEP", smallest)
    patch.setattr(crossings, "STEP", smallest)
    patch.setattr(occupancy, "ROOM", room)


@dataclass
class Result:
    """What was found.

    Attributes:
        hidden: how many hidden counts there are among the worlds that look different.
        known: those that are the same in all worlds that look the same.
        undecided: the same, where a world just outside of what was tried may look the same and have another count.
    """

    hidden: int = 0
    known: list[Any] = field(default_factory=list)
    undecided: list[Any] = field(default_factory=list)


def surely_known(place: Place, people: int, crossings: int, windows: int, who: str = "") -> Result:
    """Look for hidden counts in all worlds of a place.

    Args:
        place: where.
        people: most people in a zone.
        crossings: most crossings of a line one way in a window.
        windows: how many windows.
        who: "" for people on foot; "riders_" for riders, of whom it is never told how many there are.
    """
    discloser = Discloser(place.site)
    fresh = discloser.memory
    alike: dict[tuple[_Seen, ...], _Alike] = {}
    for edge, course in courses(place, people, crossings, windows, told=not who):
        discloser.recall(fresh)
        told: list[_Seen] = []
        truth: list[int] = []
        for w, window in enumerate(course):
            closed = [_closed(zone, w, n, flows, who) for zone, (n, flows) in window.items()]
            for (n, flows), blocks in zip(window.values(), discloser.disclose(closed), strict=True):
                told.append(_seen(blocks, who))
                truth += [n, *(flows.get(name, 0) for name in ("in_a", "out_a", "in_b", "out_b"))]
        here = alike.setdefault(tuple(told), _Alike(False, [set() for _ in truth]))
        here.edge |= edge
        for values, n in zip(here.values, truth, strict=True):
            values.add(n)
    result = Result()
    for seen, here in alike.items():
        numbers = [number for _, _, numbers in seen for number in numbers]
        for number, values in zip(numbers, here.values, strict=True):
            if number is None:
                result.hidden += 1
                if len(values) == 1 and 0 < min(values) < rules.SMALLEST:
                    (result.undecided if here.edge else result.known).append((seen, here.values))
    return result


_Seen = tuple[str, str, tuple[float | None, ...]]
"""Of a zone and window: status of the people, when the span of crossings began, people and crossings as shown."""


@dataclass
class _Alike:
    """Courses that look the same: whether one is at the edge, and the values that each number has in them."""

    edge: bool
    values: list[set[int]]


def _seen(blocks: Blocks, who: str) -> _Seen:
    people = blocks.riders if who else blocks.people
    assert blocks.crossings
    told = blocks.crossings.riders if who else blocks.crossings
    lines = [number for line in told.lines for number in (line.in_, line.out)]
    return people.status, told.from_, (people.mean, *lines, *[0.0] * (4 - len(lines)))


def _closed(zone: int, w: int, n: int, flows: Flows, who: str) -> Closed:
    tally = steady(T + w * WINDOW, 0 if who else n, **{who + name: value for name, value in flows.items()})
    if who:
        tally = replace(tally, means=tuple(10 * n * WINDOW * (name == "riders") for name in MEANS))
    return Closed(zone, tally, tally)
