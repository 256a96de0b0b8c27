"""Small numbers: what of a window may be shown. The last step before anything leaves the device.

From here on only `Blocks` travel: to the brokers, into the local history and onto the page. Rules that hold for every
policy but `none`:

- a number is shown only where it is 0 or at least 5 (`open`: at least 5), after rounding;
- zones that share ground are rounded to 5, and while one of them has few people only those that have none are shown;
- numbers that bound each other (mean and peak; shares by level, pairs by level and groups by size; in and out) are
  shown together or not at all, without saying which of them is the small one;
- closeness, pairs, groups, riders and speed are about the people of the window, so they are shown only with these;
- shares are shown of ten people or more, so coarse that each step stands for several of them;
- crossings follow `crossings.py`; where there are lines, riders are told by their crossings and not by how many there
  are at one moment;
- the sum of a day follows `daytotal.py`.

Under `noise` only people and crossings are given, each with calibrated noise, while the day's budget lasts.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from drukte.config import Site
from drukte.report.disclosure.crossings import CrossingGate, with_riders
from drukte.report.disclosure.daytotal import DayTotals, discrete_laplace
from drukte.report.disclosure.neighbours import connected, overlapping
from drukte.report.disclosure.noise import Budget, sampler
from drukte.report.disclosure.rules import SHARES_FROM, SMALLEST, Rule, rule_for
from drukte.report.formats.native import (
    Crossings,
    Day,
    Groups,
    Levels,
    Pairs,
    People,
    Protection,
    Quality,
    Riders,
    Speed,
    Status,
    moment,
)
from drukte.report.windows.grade import grade
from drukte.report.windows.window import LEVELS, Closed, Tally

_SIZES: Final = ("groups_2", "groups_3_4", "groups_5_up")


@dataclass(frozen=True, slots=True)
class Blocks:
    """The parts of an observation that tell about people, as they may be shown."""

    people: People
    levels: Levels
    pairs: Pairs
    groups: Groups
    riders: Riders
    speed: Speed
    crossings: Crossings | None
    quality: Quality
    disclosure: Protection


class Discloser:
    """Turns true windows into what may be shown of them. It remembers what it carries from window to window.

    Args:
        site: the checked site file.
        sample: adds noise to a count; OpenDP's when None and the policy is `noise`.
        draw: noise of a scale for the sum of a day.

    Attributes:
        days: sums of days that are over and have not been taken from here.
        spent: noise budgets of days that are over, by zone name, that have not been taken from here.

    Raises:
        NoiseError: the policy needs a package that is not installed.
    """

    def __init__(
        self,
        site: Site,
        sample: Callable[[int], int] | None = None,
        draw: Callable[[float], int] = discrete_laplace,
    ) -> None:
        self._site = site
        rule = rule_for(site.disclosure)
        cluster = overlapping(site.zones)
        self._cluster = cluster
        self._rules = [rule.coarser() if cluster.count(c) > 1 else rule for c in cluster]
        self._budget: Budget | None = None
        if site.disclosure.policy == "noise":
            settings = site.disclosure
            self._budget = Budget(settings.epsilon, settings.daily_epsilon, sample or sampler(settings.epsilon))
        self._gate = CrossingGate(site, rule, self._budget.release if self._budget else None)
        # No noise for riders: their numbers would spend the budget of those on foot.
        self._riders = CrossingGate(site, rule, (lambda _, __: None) if self._budget else None, "riders_")
        numbers = connected(site.zones)
        with_lines = {number for number, zone in zip(numbers, site.zones, strict=True) if zone.lines}
        self._flows = [number in with_lines for number in numbers]
        self._totals = DayTotals(site, draw)
        self.days: list[Day] = []
        self.spent: list[tuple[str, dict[str, float]]] = []

    @property
    def memory(self) -> str:
        """What must be remembered over a restart, as JSON."""
        budget = self._budget.memory if self._budget else None
        memory = {"gate": self._gate.memory, "riders": self._riders.memory, "budget": budget}
        return json.dumps(memory | {"days": self._totals.memory})

    def recall(self, memory: str) -> None:
        """Take up what an earlier process remembered."""
        kept = json.loads(memory)
        self._gate.recall(kept["gate"])
        self._riders.recall(kept.get("riders", []))
        if self._budget and kept["budget"]:
            self._budget.recall(kept["budget"])
        self._totals.recall(kept.get("days", {}))

    def disclose(self, batch: Sequence[Closed]) -> list[Blocks]:
        """What may be shown of windows, in the same order. Windows of one moment must come in one call."""
        found: dict[tuple[int, int], Blocks] = {}
        for end in sorted({closed.tally.end for closed in batch}):
            now = {closed.zone: closed for closed in batch if closed.tally.end == end}
            if self._budget and (over := self._budget.begin(end - 1)):
                names = {self._site.zones[zone].name: round(spent, 4) for zone, spent in over[1].items()}
                self.spent.append((moment(over[0])[:10], names))
            people = self._people({zone: closed.tally for zone, closed in now.items()})
            spans = {zone: c.crossings for zone, c in now.items() if c.crossings is not None}
            hiding = {zone: block.status in ("under_5", "suppressed") for zone, block in people.items()}
            told = {z: self._rules[z].range_of(b.mean) for z, b in people.items() if b.status in ("under_5", "shown")}
            crossings = self._gate.decide(spans, hiding, told)
            # How many riders there are is never told where there are lines, so it cannot be what these give away.
            riders = self._riders.decide(spans, {}, {})
            crossings = {zone: with_riders(block, riders[zone]) for zone, block in crossings.items()}
            for zone, closed in now.items():
                self.days += self._totals.add(zone, closed.tally)
                found[end, zone] = self._blocks(zone, closed.tally, people[zone], crossings.get(zone))
        return [found[closed.tally.end, closed.zone] for closed in batch]

    def _people(self, tallies: dict[int, Tally]) -> dict[int, People]:
        blocks = {zone: self._alone(zone, t) for zone, t in tallies.items()}
        for zone, block in list(blocks.items()):
            # Nobody at all is told: it makes others equal to each other, never known.
            if block.mean and any(
                blocks[other].status == "under_5" for other in blocks if self._cluster[other] == self._cluster[zone]
            ):
                blocks[zone] = People(status="suppressed")
        return blocks

    def _alone(self, zone: int, t: Tally) -> People:
        """What would be shown of a zone if there were no other."""
        rule = self._rules[zone]
        if t.people is None:
            return People(status="not_observed")
        if self._budget:
            value = self._budget.release(zone, t.people)
            return People(status="suppressed") if value is None else People(status="shown", mean=value)
        if rule.hidden(t.people) or (t.most > 0 and t.people == 0 and not rule.exact):
            return People(status="under_5")
        return People(status="shown", mean=rule.count(t.people), max=rule.count(t.most))

    def _blocks(self, zone: int, t: Tally, people: People, crossings: Crossings | None) -> Blocks:
        rule = self._rules[zone].for_shares_of(people.mean or 0.0)
        shown = people.status == "shown" and self._budget is None
        rest: Status = people.status if people.status in ("not_observed", "under_5") else "suppressed"
        low, high = t.mean("pairs_low") or 0.0, t.mean("pairs_high") or 0.0
        sizes = [t.mean(name) or 0.0 for name in _SIZES]
        riders = t.mean("riders") or 0.0
        together = shown and not rule.hidden(low, high, *sizes)
        levels = Levels(status=rest)
        if shown:
            shares = {name: rule.share(t.share(name)) for name in LEVELS}
            many = together and (not t.people_seconds or (people.mean or 0.0) >= SHARES_FROM)
            telling = rule.exact or (many and _is_vague(shares, people.mean or 0.0, rule))
            levels = Levels(status="shown", **shares) if telling else Levels(status="suppressed")
        return Blocks(
            people=people,
            levels=levels,
            pairs=Pairs(
                status="shown",
                low_risk=rule.count(low),
                high_risk=rule.count(high),
                together=rule.for_shares_of(low + high).share(t.together),
            )
            if together
            else Pairs(status="suppressed" if shown else rest),
            groups=Groups(
                status="shown", two=rule.count(sizes[0]), three_four=rule.count(sizes[1]), five_up=rule.count(sizes[2])
            )
            if together
            else Groups(status="suppressed" if shown else rest),
            riders=Riders(status="shown", mean=rule.count(riders))
            if shown and not rule.hidden(riders) and (rule.exact or not self._flows[zone])
            else Riders(status="suppressed" if shown else rest),
            speed=_speed(t, shown, rest),
            crossings=crossings,
            quality=_quality(self._site, t, shown, self._rules[zone]),
            disclosure=rule.protection,
        )


def _speed(t: Tally, shown: bool, rest: Status) -> Speed:
    if not shown:
        return Speed(status=rest)
    if t.mode != "tracks":
        return Speed(status="not_measured")
    return Speed(status="shown", mean=None if t.mean_speed is None else round(t.mean_speed, 1))


def _is_vague(shares: dict[str, float | None], people: float, rule: Rule) -> bool:
    """Whether rounded shares leave open how many people are in each level, also knowing that they add up."""
    half = rule.protection.shares_rounded_to / 2
    ranges = [
        (math.ceil((share - half) * people - 1e-9), math.floor((share + half) * people + 1e-9))
        for share in (value or 0.0 for value in shares.values())
    ]
    ranges = [(max(0, low), min(int(people), high)) for low, high in ranges]
    least, most = sum(low for low, _ in ranges), sum(high for _, high in ranges)
    for low, high in ranges:
        fewest, largest = max(low, int(people) - (most - high)), min(high, int(people) - (least - low))
        if largest > 0 and fewest >= largest and fewest < SMALLEST:
            return False
    return True


def _quality(site: Site, t: Tally, shown: bool, rule: Rule) -> Quality:
    return Quality(
        grade=grade(t),
        frames=t.frames,
        ticks_missing=t.span // site.tick - t.ticks,
        calibration=t.calibration_name,
        counted_from=t.mode,
        confidence=_tenth(t.mean_confidence) if shown else None,
        residual=_residual(t, rule) if shown else None,
        held=_tenth(t.share_held) if shown else None,
        saturated=round(t.share_saturated, 2) if t.observed and shown else None,
        agreed=_tenth(t.share_agreed) if shown else None,
    )


def _residual(t: Tally, rule: Rule) -> float | None:
    value = t.residual
    share = rule.share(None if value is None else abs(value))
    return None if value is None or share is None else math.copysign(share, value) if share else 0.0


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
