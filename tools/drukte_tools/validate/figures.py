"""The figures of a sample that two people counted: errors with intervals, beside the constant predictor."""

from typing import Any

import numpy as np

from drukte.order import Order
from drukte.sample.plan import sampling
from drukte_tools.validate.agreement import SAME_MARK, agreement
from drukte_tools.validate.intervals import design, mean, ratio, share
from drukte_tools.validate.opened import Opened, SampleError


def figures(
    opened: list[Opened], order: Order, first: dict[str, Any], second: dict[str, Any], settled: dict[str, Any]
) -> dict[str, Any]:
    """Compare the device with the hand count.

    Args:
        opened: the samples.
        order: the order they were kept by; its plan says what each picture stands for.
        first, second: marks of two counters, see `counting.read_marks`.
        settled: marks of a third look, for every picture in which the numbers of the two differ.

    Raises:
        SampleError: the counters are the same, a picture was not counted by both, or a difference is not settled.
    """
    if first["counter"] == second["counter"]:
        raise SampleError(f"both counts are by '{first['counter']}'; two people must count")
    kept, true, doubted, ones, twos, reach = [], [], 0, [], [], []
    for o in opened:
        key = str(o.header.index)
        try:
            a, b = first["marks"][key], second["marks"][key]
        except KeyError:
            raise SampleError(f"picture {key}: not counted by both; both must count all") from None
        if a["unsure"] or b["unsure"]:
            doubted += 1
            continue
        one, two = (np.array(m["people"], np.float64).reshape(-1, 2) for m in (a, b))
        last = settled["marks"].get(key)
        if len(one) != len(two) and last is None:
            raise SampleError(
                f"picture {key}: {len(one)} and {len(two)} people; look again together and give --settled"
            )
        kept.append(o)
        true.append(float(len(one) if last is None else len(last["people"])))
        ones.append(one)
        twos.append(two)
        reach.append(SAME_MARK * float(np.hypot(*o.header.size)))
    if not kept:
        raise SampleError("no picture is left: all were doubted")
    y, x = np.array([o.header.count for o in kept], np.float64), np.array(true)
    error = y - x
    plan = design(
        [o.header.taken for o in kept],
        [o.header.stratum for o in kept],
        dict(sampling(order).shares),
        float(order.plan.block),
    )
    agreed = agreement(ones, twos, reach)
    people = agreed.allowance * float(x.mean())
    return {
        "order": order.id,
        "pictures_ordered": order.pictures,
        "pictures_kept": len(opened),
        "pictures_doubted": doubted,
        "mean_counted": float((plan.weight * x).sum()),
        "count_mae": mean(np.abs(error), plan, positive=True).widened(people, 0).as_dict(),
        "count_bias": mean(error, plan).widened(people, people).as_dict(),
        "total_ratio": ratio(y, x, plan, positive=True).widened(agreed.allowance, agreed.allowance).as_dict(),
        "share_within_1_or_20_percent": share(np.abs(error) <= np.maximum(1, 0.2 * x), plan).as_dict(),
        "constant_mae": float((plan.weight * np.abs(np.median(x) - x)).sum()),
        "counters": {
            "same_count": agreed.same_count,
            "within_one": agreed.within_one,
            "limits_of_agreement": list(agreed.limits),
            "error_rate": agreed.error_rate,
            "allowance": agreed.allowance,
        },
    }
