"""The second product: for the public, made of nothing but what the operational one has published.

Made of published numbers alone it can tell nothing more than these do, whatever somebody who has both reckons.
Crossings that the public is not told are carried into its next span, as they are in the operational product.
"""

from collections.abc import Sequence
from typing import TypeVar

from drukte.config.report import Disclosure
from drukte.report.crossings import LONGEST
from drukte.report.formats.native import Crossing, Crossings, Observation, People, RiderCrossings, Stays, seconds
from drukte.report.merge import merge_hour
from drukte.report.rules import SMALLEST, rule_for

_RULE = rule_for(Disclosure(policy="open"))
_LENGTHS = ("under_1_min", "to_5_min", "to_15_min", "over_15_min")
_Block = TypeVar("_Block", Crossings, RiderCrossings)


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
        both = _together(carried, whole.crossings)
        changes["crossings"] = _crossings(both).model_copy(update={"riders": _all_or_none(both.riders)})
    return whole.model_copy(update=changes)


def not_told(parts: Sequence[Observation], carried: Crossings | None, made: Observation) -> Crossings | None:
    """Crossings that the public was not told with an observation that was made of these parts: for the next one.

    On foot and riding go their own ways: of the result only what has the status `shown` is carried.
    """
    now = merge_hour(parts).crossings
    if now is None or made.crossings is None:
        return carried
    both, end = _together(carried, now), seconds(made.to)
    walkers, riders = _left(both, made.crossings, end), _left(both.riders, made.crossings.riders, end)
    if "shown" not in (walkers.status, riders.status):
        return None
    return walkers.model_copy(update={"riders": riders})


def _left(both: _Block, told: _Block, end: int) -> _Block:
    """What of a block is carried on: it was not told, and is not too old."""
    too_long = end - seconds(both.from_) >= LONGEST
    return _without_numbers(both) if told.status == "shown" or too_long else both


def _together(carried: Crossings | None, now: Crossings) -> Crossings:
    """Crossings of a span and those carried into it; what the operational messages do not give adds nothing."""
    if carried is None:
        return now
    whole = _sum(carried, now)
    stays = Stays(status="suppressed") if carried.status == "shown" else now.stays
    return whole.model_copy(update={"riders": _sum(carried.riders, now.riders), "stays": stays})


def _sum(carried: _Block, now: _Block) -> _Block:
    if carried.status != "shown":
        return now
    if now.status != "shown":
        return carried
    before = {line.line: line for line in carried.lines}
    lines = [
        Crossing(line=line.line, in_=(line.in_ or 0) + (old.in_ or 0), out=(line.out or 0) + (old.out or 0))
        if (old := before.get(line.line))
        else line
        for line in now.lines
    ]
    return now.model_copy(update={"from_": carried.from_, "lines": lines})


def _crossings(whole: Crossings) -> Crossings:
    """As the public may see them: all, or none."""
    made = _all_or_none(whole)
    hides = any(0 <= (getattr(made.stays, name) or 0) < SMALLEST for name in _LENGTHS)
    if whole.status == "shown" and (made.status != "shown" or hides):
        return made.model_copy(update={"stays": Stays(status="suppressed")})
    return made


def _all_or_none(block: _Block) -> _Block:
    values = [value for line in block.lines for value in (line.in_, line.out)]
    small = any(value is None or value < SMALLEST for value in values)
    return _without_numbers(block) if block.status == "shown" and small else block


def _without_numbers(block: _Block) -> _Block:
    hidden = [Crossing(line=line.line) for line in block.lines]
    return block.model_copy(update={"status": "suppressed", "lines": hidden} if block.status == "shown" else {})
