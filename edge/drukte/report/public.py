"""The second product: for the public, made of nothing but what the operational one has published.

Made of published numbers alone it can tell nothing more than these do, whatever somebody who has both reckons.
Crossings that the public is not told are carried into its next span, as they are in the operational product.
"""

from collections.abc import Sequence

from drukte.config.report import Disclosure
from drukte.report.crossings import LONGEST
from drukte.report.formats.native import Crossing, Crossings, Observation, People, RiderCrossings, Stays, seconds
from drukte.report.merge import merge_hour
from drukte.report.rules import SMALLEST, rule_for

_RULE = rule_for(Disclosure(policy="open"))


def for_the_public(parts: Sequence[Observation], carried: Crossings | None = None) -> Observation:
    """One public observation made of consecutive operational ones of a zone, oldest first.

    Args:
        parts: the operational observations.
        carried: crossings of earlier spans that the public was not told.
    """
    whole = merge_hour(parts)
    people = whole.people
    if people.status != "not_observed":
        small = people.mean is None or _RULE.hidden(people.mean)
        people = (
            People(status="under_5")
            if small
            else People(status="shown", mean=_RULE.count(people.mean or 0.0), max=_RULE.count(people.max or 0.0))
        )
    shown = people.status == "shown"
    changes: dict[str, object] = {"people": people, "merged": None, "disclosure": _RULE.protection}
    if not shown:
        rest = people.status
        changes |= {
            name: type(block)(status=rest)
            for name in ("levels", "pairs", "groups", "riders", "speed")
            if (block := getattr(whole, name)).status != "not_measured"
        }
    if whole.crossings is not None:
        crossings = _crossings(_together(carried, whole.crossings))
        changes["crossings"] = crossings.model_copy(update={"riders": _riders(whole.crossings.riders)})
    return whole.model_copy(update=changes)


def not_told(parts: Sequence[Observation], carried: Crossings | None, made: Observation) -> Crossings | None:
    """Crossings that the public was not told with an observation that was made of these parts: for the next one."""
    now = merge_hour(parts).crossings
    if now is None or made.crossings is None or made.crossings.status == "shown":
        return carried if now is None else None
    both = _together(carried, now)
    too_long = both.status == "shown" and seconds(made.to) - seconds(both.from_) >= LONGEST
    return both if both.status == "shown" and not too_long else None


def _together(carried: Crossings | None, now: Crossings) -> Crossings:
    """Crossings of a span and those carried into it; what the operational messages do not give adds nothing."""
    if carried is None:
        return now
    if now.status != "shown":
        return carried.model_copy(update={"stays": Stays(status="suppressed")})
    before = {line.line: line for line in carried.lines}
    lines = [
        Crossing(line=line.line, in_=(line.in_ or 0) + (old.in_ or 0), out=(line.out or 0) + (old.out or 0))
        if (old := before.get(line.line))
        else line
        for line in now.lines
    ]
    return now.model_copy(update={"from_": carried.from_, "lines": lines, "stays": Stays(status="suppressed")})


def _crossings(whole: Crossings) -> Crossings:
    """As the public may see them: all, or none."""
    if whole.status != "shown":
        return whole
    values = [value for line in whole.lines for value in (line.in_, line.out)]
    if any(value is None or value < SMALLEST for value in values):
        hidden = [Crossing(line=line.line) for line in whole.lines]
        return whole.model_copy(update={"status": "suppressed", "lines": hidden, "stays": Stays(status="suppressed")})
    if any(0 <= (getattr(whole.stays, name) or 0) < SMALLEST for name in _LENGTHS):
        return whole.model_copy(update={"stays": Stays(status="suppressed")})
    return whole


def _riders(riders: RiderCrossings) -> RiderCrossings:
    """All of them or none; what is not told is not carried."""
    values = [value for line in riders.lines for value in (line.in_, line.out)]
    if riders.status != "shown" or all(value is not None and value >= SMALLEST for value in values):
        return riders
    hidden = [Crossing(line=line.line) for line in riders.lines]
    return riders.model_copy(update={"status": "suppressed", "lines": hidden})


_LENGTHS = ("under_1_min", "to_5_min", "to_15_min", "over_15_min")
