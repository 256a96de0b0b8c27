"""The figures of a counted sample or recording: errors with intervals, beside the constant predictor."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drukte.order import Order
from drukte.sample.plan import sampling
from drukte_tools.validate.judging.agreement import Agreement, agreement
from drukte_tools.validate.judging.opened import Opened, SampleError
from drukte_tools.validate.judging.places import level_figures, place_figures, placed
from drukte_tools.validate.judging.settled import Counted, Marks, settle
from drukte_tools.validate.judging.threshold import threshold_figures
from drukte_tools.validate.report.intervals import Design, design, mean, ratio, share
from drukte_tools.validate.report.strata import PEOPLE, by_hour, by_light, by_people

Floats = NDArray[np.float64]


def count_figures(found: Floats, true: Floats, plan: Design, allowance: float = 0.0) -> dict[str, Any]:
    """Errors of counts, each with its 95 % interval. The same for a sample and for a recording with truth.

    Args:
        found, true: (n,) people that the device and the truth counted.
        plan: how the pictures were drawn.
        allowance: people per person counted by which the truth may be wrong.
    """
    error = found - true
    # Counters who err by chance make a device look worse, never better: the MAE's interval grows downwards only.
    people = allowance * float((plan.weight * true).sum())
    middle = float(np.median(true))
    usual = np.abs(middle - true)
    spread = 1.96 * float(np.sqrt((plan.weight * (error - (plan.weight * error).sum()) ** 2).sum()))
    bias = mean(error, plan).widened(people, people)
    return {
        "pictures": len(true),
        "blocks": plan.blocks,
        "mean_counted": float((plan.weight * true).sum()),
        "mean_found": float((plan.weight * found).sum()),
        "most_counted": float(true.max()),
        "count_mae": mean(np.abs(error), plan, positive=True).widened(people, 0).not_below(0).as_dict(),
        "count_bias": bias.as_dict(),
        "total_ratio": ratio(found, true, plan, positive=True).widened(allowance, allowance).not_below(0).as_dict(),
        "share_within_1_or_20_percent": share(np.abs(error) <= np.maximum(1, 0.2 * true), plan).as_dict(),
        "limits_of_agreement": [(bias.value or 0.0) - spread, (bias.value or 0.0) + spread],
        "constant": middle,
        "constant_mae": float((plan.weight * usual).sum()),
        "gain_over_constant": mean(usual - np.abs(error), plan).widened(people, people).as_dict(),
    }


def recording_figures(found: list[int], true: list[int], at: list[float], block: float) -> dict[str, Any]:
    """Figures of a recording whose truth is known, from frames at `at` s; those of one block of time count as alike.

    The values stand by their names, with the intervals apart under `intervals`.
    """
    whole = count_figures(np.array(found, np.float64), np.array(true, np.float64), design(at, block=block))
    names = ("count_mae", "count_bias", "total_ratio", "share_within_1_or_20_percent")
    return {
        "mean_truth": whole["mean_counted"],
        **{name: whole[name]["value"] for name in names},
        "constant_mae": whole["constant_mae"],
        "block_s": block,
        "blocks": whole["blocks"],
        "intervals": {name: whole[name] for name in (*names, "gain_over_constant")},
    }


def figures(opened: list[Opened], order: Order, first: Marks, second: Marks, third: Marks) -> dict[str, Any]:
    """Compare the device with the hand count.

    Args:
        opened: the samples.
        order: the order they were kept by; its plan says what each picture stands for.
        first, second: marks of two counters, see `counting.read_marks`.
        third: marks of a third look at the pictures in dispute.

    Raises:
        SampleError: the counters are the same, a picture was not counted by both, or a dispute is not settled.
    """
    counted, doubted = settle(opened, first, second, third)
    if not counted:
        raise SampleError("no picture is left: all were doubted")
    plan = _design(counted, order)
    found = np.array([c.opened.header.count for c in counted], np.float64)
    true = np.array([len(c.marks) for c in counted], np.float64)
    agreed = _agreement(counted)
    head = counted[0].opened.header
    spots = placed(counted)
    result: dict[str, Any] = {
        "drukte_validation": 1,
        "order": order.id,
        "organisation": order.organisation,
        "device": order.device,
        "zone": order.zone,
        "asked_by": order.asked_by,
        "purpose": order.purpose,
        "start": order.start,
        "end": order.end,
        "delete_by": order.delete_by,
        "plan": order.plan.kind,
        "block": order.plan.block,
        "time_zone": order.plan.time_zone,
        "sensor": head.kind,
        "model": head.model,
        "software": head.software,
        "mark": head.mark,
        "blur": order.blur,
        "pictures_ordered": order.pictures,
        "pictures_kept": len(opened),
        "pictures_doubted": len(doubted),
        "doubted_mean_found": float(np.mean([o.header.count for o in doubted])) if doubted else None,
        "overall": count_figures(found, true, plan, agreed.allowance),
        "strata": _strata(counted, order, found, true, plan, agreed.allowance),
        "counters": _counters(
            first, second, agreed, int(sum(str(c.opened.header.index) in third["marks"] for c in counted))
        ),
        "places": place_figures(spots) if spots else None,
        "levels": level_figures(spots) if spots else None,
        "threshold": threshold_figures([c.opened.header for c in counted], true, plan),
        "pairs": [
            {"index": c.opened.header.index, "taken": c.opened.header.taken, "counted": int(t), "found": int(f)}
            for c, t, f in zip(counted, true, found, strict=True)
        ],
    }
    return result


def _design(counted: list[Counted], order: Order) -> Design:
    heads = [c.opened.header for c in counted]
    return design(
        [h.taken for h in heads], [h.stratum for h in heads], dict(sampling(order).shares), float(order.plan.block)
    )


def _agreement(counted: list[Counted]) -> Agreement:
    alone = [c for c in counted if c.first is not None and c.second is not None]
    return agreement(
        [c.first for c in alone if c.first is not None],
        [c.second for c in alone if c.second is not None],
        [c.reach for c in alone],
    )


def _counters(first: Marks, second: Marks, agreed: Agreement, settled: int) -> dict[str, Any]:
    return {
        "names": [first["counter"], second["counter"]],
        "pictures": agreed.pictures,
        "same_count": agreed.same_count,
        "within_one": agreed.within_one,
        "mean_difference": agreed.mean_difference,
        "limits_of_agreement": list(agreed.limits),
        "marked_by_both": agreed.both,
        "marked_by_one": agreed.one,
        "error_rate": agreed.error_rate,
        "allowance": agreed.allowance,
        "settled": settled,
    }


def _strata(
    counted: list[Counted], order: Order, found: Floats, true: Floats, plan: Design, allowance: float
) -> list[dict[str, Any]]:
    taken = [c.opened.header.taken for c in counted]
    kinds = {
        "people": by_people(true),
        "hour": by_hour(taken, order.plan.time_zone),
        "light": by_light(taken, order.plan),
    }
    rank = {name: i for i, (_, name) in enumerate(PEOPLE)} | {"day": 0, "twilight": 1, "night": 2}
    rows = []
    for by, names in kinds.items():
        for name in sorted(set(names or ()), key=lambda n: (rank.get(n, 0), n)):
            which = np.array([n == name for n in names or ()])
            part = count_figures(found[which], true[which], plan.only(which), allowance)
            rows.append({"by": by, "name": name, "share_of_time": float(plan.weight[which].sum()), **part})
    return rows
