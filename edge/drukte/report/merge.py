"""Windows of one zone that could not be delivered for long, put together to an hour.

What is merged has been protected already, so nothing that was hidden can be told by the result. A window that hides
few people is counted as `HIDDEN_AS` persons, which `merged.hidden` makes visible.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final

from drukte.report.formats.native import (
    Crossing,
    Crossings,
    Levels,
    Merged,
    Observation,
    People,
    Quality,
    RiderCrossings,
    Speed,
    Stays,
    seconds,
)
from drukte.report.grade import SEEN
from drukte.report.rules import SMALLEST

HOUR: Final = 3600
HIDDEN_AS: Final = 2.0
"""A window with few people counts as this many: the middle of 0 to 4, and near the middle of 1 to 4 [person]."""


def merge_hour(parts: Sequence[Observation]) -> Observation:
    """One observation for the whole of several consecutive ones of the same zone, oldest first.

    Raises:
        ValueError: there are none, or they are of different zones or out of order.
    """
    if not parts or any(a.zone != b.zone or a.to > b.from_ for a, b in itertools.pairwise(parts)):
        raise ValueError("observations of one zone in order are needed")
    last = parts[-1]
    start, end = seconds(parts[0].from_), seconds(last.to)
    weights = [o.observed * (seconds(o.to) - seconds(o.from_)) for o in parts]
    watched = sum(weights)
    people, hidden = _people(parts, weights)
    shown = [(o, w) for o, w in zip(parts, weights, strict=True) if o.people.status == "shown" and w]
    spans = [o.crossings for o in parts if o.crossings is not None]
    rest: Any = people.status if people.status in ("shown", "not_observed") else "suppressed"
    counts = {"shown": shown, "status": rest}
    return last.model_copy(
        update={
            "from_": parts[0].from_,
            "observed": round(watched / (end - start), 3),
            "sensing": watched > 0,
            "people": people,
            "levels": _levels(**counts),
            "pairs": last.pairs.model_copy(update=_gone(last.pairs, rest)),
            "groups": last.groups.model_copy(update=_gone(last.groups, rest)),
            "riders": last.riders.model_copy(update=_gone(last.riders, rest)),
            "speed": last.speed if last.speed.status == "not_measured" else _speed(**counts),
            "crossings": _crossings(spans) if spans else None,
            "quality": _quality(parts, watched / (end - start)),
            "merged": Merged(
                windows=sum(o.merged.windows if o.merged else 1 for o in parts),
                hidden=hidden,
                crossings_hidden=sum(span.status != "shown" for span in spans),
            ),
        }
    )


def _gone(block: Any, status: Any) -> dict[str, Any]:
    """Numbers that are not kept through a merge."""
    status = "suppressed" if status == "shown" else status
    return dict.fromkeys(type(block).model_fields) | {"status": status}


def _mean(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Weighted mean of (value, weight); None without weight."""
    items = list(pairs)
    total = sum(weight for _, weight in items)
    return sum(value * weight for value, weight in items) / total if total else None


def _people(parts: Sequence[Observation], weights: Sequence[float]) -> tuple[People, int]:
    seen = [(o.people, w) for o, w in zip(parts, weights, strict=True) if o.people.status != "not_observed" and w]
    if not seen:
        return People(status="not_observed"), 0
    hidden = sum(block.status != "shown" for block, _ in seen)
    mean = _mean((HIDDEN_AS if block.mean is None else block.mean, w) for block, w in seen) or 0.0
    most = max((block.max or 0.0 for block, _ in seen), default=0.0)
    if (mean < SMALLEST - 0.5 and hidden) or 0 < mean < SMALLEST - 0.5:
        return People(status="under_5"), hidden
    return People(status="shown", mean=round(mean, 1), max=most), hidden


def _levels(shown: Sequence[tuple[Observation, float]], status: Any) -> Levels:
    known = [(o.levels, w * (o.people.mean or 0)) for o, w in shown if o.levels.status == "shown"]
    names = ("safe", "low_risk", "high_risk", "undetermined")
    if status != "shown" or not sum(weight for _, weight in known):
        return Levels(status="suppressed" if status == "shown" else status)

    def of(name: str) -> float | None:
        value = _mean((getattr(block, name) or 0.0, weight) for block, weight in known)
        return None if value is None else round(value, 2)

    return Levels(status="shown", **{name: of(name) for name in names})


def _speed(shown: Sequence[tuple[Observation, float]], status: Any) -> Speed:
    known = [(o.speed.mean, w * (o.people.mean or 0)) for o, w in shown if o.speed.mean is not None]
    mean = _mean(known)
    if status != "shown" or mean is None:
        return Speed(status="suppressed" if status == "shown" else status)
    return Speed(status="shown", mean=round(mean, 1))


def _crossings(spans: Sequence[Crossings]) -> Crossings:
    """Sums over the spans that were shown; `observed` tells what part of the time they are."""
    shown = [span for span in spans if span.status == "shown"]
    names = [line.line for line in spans[-1].lines]
    observed = _mean((span.observed or 0.0 if span.status == "shown" else 0.0, 1.0) for span in spans) or 0.0
    told = [span.riders for span in spans if span.riders.status == "shown"]
    since = spans[0].riders.from_
    riders = spans[-1].riders.model_copy(update={"from_": since})
    if told:
        riders = RiderCrossings(status="shown", from_=since, lines=_total(names, [r.lines for r in told]))
    if not shown:
        changes = {"from_": spans[0].from_, "observed": round(observed, 3), "riders": riders}
        return spans[-1].model_copy(update=changes)
    stays = [span.stays for span in shown if span.stays.status == "shown"]
    lengths = ("under_1_min", "to_5_min", "to_15_min", "over_15_min")
    return Crossings(
        status="shown",
        from_=spans[0].from_,
        observed=round(observed, 3),
        lines=_total(names, [span.lines for span in shown]),
        riders=riders,
        stays=Stays(status="shown", **{name: sum(getattr(s, name) or 0.0 for s in stays) for name in lengths})
        if len(stays) == len(spans)
        else spans[-1].stays.model_copy(update=_gone(spans[-1].stays, spans[-1].stays.status)),
    )


def _total(names: Sequence[str], spans: Sequence[Sequence[Crossing]]) -> list[Crossing]:
    """Sums over the lines of spans, for the lines that there are now."""
    lines = [line for span in spans for line in span]
    return [
        Crossing(
            line=name,
            in_=sum(line.in_ or 0.0 for line in lines if line.line == name),
            out=sum(line.out or 0.0 for line in lines if line.line == name),
        )
        for name in names
    ]


def _quality(parts: Sequence[Observation], observed: float) -> Quality:
    """The hour is as good as its worst window in which anything was seen, and no better than the time seen allows."""
    by_time = "good" if observed >= SEEN[0] else "fair" if observed >= SEEN[1] else "poor"
    order = ("good", "fair", "poor")
    seen = [order.index(o.quality.grade) for o in parts if o.quality.grade in order]
    grade = order[max(*seen, order.index(by_time))] if seen else "none"
    return parts[-1].quality.model_copy(
        update={
            "grade": grade,
            "frames": sum(o.quality.frames for o in parts),
            "ticks_missing": sum(o.quality.ticks_missing for o in parts),
            "confidence": None,
            "residual": None,
            "held": None,
            "saturated": None,
            "agreed": _agreed(parts),
        }
    )


def _agreed(parts: Sequence[Observation]) -> float | None:
    """Mean agreement of the windows that tell one: the only figure of quality that the weekly self-check asks for."""
    known = [o.quality.agreed for o in parts if o.quality.agreed is not None]
    return round(sum(known) / len(known), 2) if known else None
