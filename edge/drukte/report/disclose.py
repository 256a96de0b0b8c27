"""Small numbers: what of a window may be shown. The last step before anything leaves the device.

From here on only `Blocks` travel: to the brokers, into the local history and onto the page. Rules that hold for every
policy but `none`:

- a number is shown only where it is 0 or at least 5 (`open`: at least 5), after rounding;
- numbers that bound each other (mean and peak; in and out of one zone; groups by size; pairs by level) are shown
  together or not at all, without saying which of them is the small one;
- closeness, pairs, groups, riders and speed are about the people of the window, so they are shown only with these.
"""

from dataclasses import dataclass
from typing import Final

from drukte.config import Site
from drukte.report.formats.native import (
    Crossing,
    Crossings,
    Groups,
    Levels,
    Pairs,
    People,
    Protection,
    Quality,
    Riders,
    Speed,
    Status,
    Stays,
    moment,
)
from drukte.report.window import LEVELS, Closed, Tally

SMALLEST: Final = 5
"""Fewest people, crossings, pairs or groups that are shown. A floor in code."""


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


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one policy treats numbers."""

    protection: Protection
    zero_is_shown: bool

    @property
    def exact(self) -> bool:
        return self.protection.policy == "none"

    def count(self, value: float, step: int | None = None) -> float:
        step = self.protection.rounded_to if step is None else step
        return round(value, 1) if step == 0 else float(step * _half_up(value / step))

    def crossing(self, value: float) -> float:
        return self.count(value, self.protection.crossings_rounded_to)

    def share(self, value: float | None) -> float | None:
        step = self.protection.shares_rounded_to
        return None if value is None else round(step * _half_up(value / step), 4)

    def hidden(self, *values: float) -> bool:
        """Whether numbers that belong together have a small one among them."""
        return not self.exact and any(
            value < SMALLEST - 0.5 and (value > 0 or not self.zero_is_shown) for value in values
        )


_RULES: Final = {
    "none": _Rule(
        Protection(policy="none", hidden_under=0, rounded_to=0, crossings_rounded_to=1, shares_rounded_to=0.01), True
    ),
    "operational": _Rule(
        Protection(
            policy="operational", hidden_under=SMALLEST, rounded_to=1, crossings_rounded_to=5, shares_rounded_to=0.1
        ),
        True,
    ),
    "open": _Rule(
        Protection(policy="open", hidden_under=SMALLEST, rounded_to=5, crossings_rounded_to=5, shares_rounded_to=0.1),
        False,
    ),
}


def _half_up(value: float) -> int:
    return int(value + 0.5)


def disclose(site: Site, closed: Closed) -> Blocks:
    """What may be shown of one window of one zone under the site's policy."""
    rule = _RULES[site.disclosure.policy]
    t = closed.tally
    people = _people(rule, t)
    shown = people.status == "shown"
    rest: Status = people.status if people.status in ("not_observed", "shown") else "suppressed"
    tracked = t.mode == "tracks"
    low, high = t.mean("pairs_low") or 0.0, t.mean("pairs_high") or 0.0
    sizes = [t.mean(name) or 0.0 for name in ("groups_2", "groups_3_4", "groups_5_up")]
    riders = t.mean("riders") or 0.0
    return Blocks(
        people=people,
        levels=Levels(status=rest, **{name: rule.share(t.share(name)) for name in LEVELS} if shown else {}),
        pairs=Pairs(status=rest, low_risk=rule.count(low), high_risk=rule.count(high), together=rule.share(t.together))
        if shown and not rule.hidden(low, high)
        else Pairs(status="suppressed" if shown else rest),
        groups=Groups(status=rest, **dict(zip(("two", "three_four", "five_up"), map(rule.count, sizes), strict=True)))
        if shown and not rule.hidden(*sizes)
        else Groups(status="suppressed" if shown else rest),
        riders=Riders(status=rest, mean=rule.count(riders))
        if shown and not rule.hidden(riders)
        else Riders(status="suppressed" if shown else rest),
        speed=Speed(status="not_measured")
        if shown and not tracked
        else Speed(status=rest, mean=None if t.mean_speed is None or not shown else round(t.mean_speed, 1)),
        crossings=_crossings(site, rule, closed),
        quality=_quality(site, t, shown),
        disclosure=rule.protection,
    )


def _people(rule: _Rule, t: Tally) -> People:
    if t.people is None:
        return People(status="not_observed")
    if rule.hidden(t.people) or (t.most > 0 and t.people == 0 and not rule.exact):
        return People(status="under_5")
    return People(status="shown", mean=rule.count(t.people), max=rule.count(t.most))


def _crossings(site: Site, rule: _Rule, closed: Closed) -> Crossings | None:
    t = closed.crossings
    lines = [line.name for line in site.zones[closed.zone].lines]
    if t is None or not lines:
        return None
    start, observed = moment(t.start), round(t.share_observed, 3)
    if not t.observed:
        return Crossings(
            status="not_observed",
            from_=start,
            observed=observed,
            lines=[Crossing(line=name) for name in lines],
            stays=Stays(status="not_observed"),
        )
    pairs = [(t.total(f"in_{side}"), t.total(f"out_{side}")) for side in "ab"[: len(lines)]]
    hide = rule.hidden(*(value for pair in pairs for value in pair))
    lengths = [t.total(name) for name in ("dwell_1", "dwell_5", "dwell_15", "dwell_over")]
    names = ("under_1_min", "to_5_min", "to_15_min", "over_15_min")
    return Crossings(
        status="suppressed" if hide else "shown",
        from_=start,
        observed=observed,
        lines=[
            Crossing(line=name) if hide else Crossing(line=name, in_=rule.crossing(pair[0]), out=rule.crossing(pair[1]))
            for name, pair in zip(lines, pairs, strict=True)
        ],
        stays=_stays(rule, t, dict(zip(names, lengths, strict=True))),
    )


def _stays(rule: _Rule, t: Tally, lengths: dict[str, int]) -> Stays:
    if t.mode != "tracks":
        return Stays(status="not_measured")
    if rule.hidden(*lengths.values()):
        return Stays(status="suppressed")
    return Stays(status="shown", **{name: rule.crossing(value) for name, value in lengths.items()})


def _quality(site: Site, t: Tally, shown: bool) -> Quality:
    grade: str = "none"
    if t.observed:
        grade = "good" if t.share_observed >= 0.9 else "fair" if t.share_observed >= 0.5 else "poor"
        if t.state != "running" or t.calibration_name == "suspect":
            grade = "poor"
    return Quality(
        grade=grade,
        frames=t.frames,
        ticks_missing=t.span // site.tick - t.ticks,
        calibration=t.calibration_name,
        counted_from=t.mode,
        confidence=_tenth(t.mean_confidence) if shown else None,
        held=_tenth(t.share_held) if shown else None,
        saturated=round(t.saturated / t.observed, 2) if t.observed and shown else None,
    )


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
