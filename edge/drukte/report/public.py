"""The second product: for the public, made of nothing but what the operational one has published.

Made of published numbers alone it can tell nothing more than these do, whatever somebody who has both reckons.
"""

from collections.abc import Sequence

from drukte.config.report import Disclosure
from drukte.report.formats.native import Crossing, Crossings, Observation, People, Stays
from drukte.report.merge import merge_hour
from drukte.report.rules import SMALLEST, rule_for

_RULE = rule_for(Disclosure(policy="open"))


def for_the_public(parts: Sequence[Observation]) -> Observation:
    """One public observation made of consecutive operational ones of a zone, oldest first."""
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
    if (crossings := whole.crossings) is not None:
        changes["crossings"] = crossings.model_copy(update=_crossings(crossings))
    return whole.model_copy(update=changes)


def _crossings(crossings: Crossings) -> dict[str, object]:
    changes: dict[str, object] = {}
    riders, gone = crossings.riders, [Crossing(line=line.line) for line in crossings.lines]
    if riders.status == "shown" and _small(riders.lines):
        changes["riders"] = riders.model_copy(update={"status": "suppressed", "lines": gone})
    if crossings.status == "shown" and _small(crossings.lines):
        changes |= {"status": "suppressed", "lines": gone, "stays": Stays(status="suppressed")}
    elif crossings.status == "shown" and any(
        0 <= (getattr(crossings.stays, name) or 0) < SMALLEST for name in _LENGTHS
    ):
        changes["stays"] = Stays(status="suppressed")
    return changes


def _small(lines: Sequence[Crossing]) -> bool:
    return any(value is None or value < SMALLEST for line in lines for value in (line.in_, line.out))


_LENGTHS = ("under_1_min", "to_5_min", "to_15_min", "over_15_min")
