"""Would another score threshold count better? Judged on pictures that took no part in choosing it.

A threshold is the only setting that a sample may suggest. A factor on the counts is never suggested: it would hide
whom the device does not see, differently in every crowd.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from drukte.sample.container import Header
from drukte_tools.validate.report.intervals import Design, mean

Floats = NDArray[np.float64]

GRID: Final = np.round(np.arange(0.10, 0.901, 0.01), 2)
FOLDS: Final = 5
FEWEST_BLOCKS: Final = 20
"""With fewer blocks of time nothing is suggested."""


def threshold_figures(headers: list[Header], true: Floats, plan: Design) -> dict[str, Any] | None:
    """MAE of the detector's own count of each picture, without the tracker, over thresholds.

    The suggested one is chosen on four fifths of the blocks of time and judged on the last, in turn; it is given only
    if it does better there beyond chance (the 95 % interval of the gain lies above 0).

    Args:
        headers: what the device knew of each picture.
        true: (n,) hand counts.
        plan: how the pictures were drawn.

    Returns:
        None where the device kept no scores, as for radar.
    """
    if not any(h.candidates for h in headers) or headers[0].kind != "picture":
        return None
    now = headers[0].threshold
    errors = np.abs(_counts(headers) - true[:, None])
    here = int(np.abs(GRID - now).argmin())
    curve = plan.weight @ errors
    chosen = _best(curve, here)
    gain = np.zeros(len(true))
    fold = plan.block % FOLDS
    for k in range(FOLDS):
        out, rest = fold == k, fold != k
        if out.any() and rest.any():
            pick = _best(plan.weight[rest] @ errors[rest], here)
            gain[out] = errors[out, here] - errors[out, pick]
    judged = mean(gain, plan)
    enough = plan.blocks >= FEWEST_BLOCKS
    better = enough and judged.low is not None and judged.low > 0 and chosen != here
    return {
        "now": now,
        "best": float(GRID[chosen]),
        "suggested": float(GRID[chosen]) if better else None,
        "enough_blocks": enough,
        "detector_mae_now": float(curve[here]),
        "detector_mae_best": float(curve[chosen]),
        "gain_on_other_pictures": judged.as_dict(),
        "curve": [[float(t), float(v)] for t, v in zip(GRID, curve, strict=True)],
    }


def _counts(headers: list[Header]) -> Floats:
    """(n, thresholds) candidates of each picture with at least that score."""
    counts = np.zeros((len(headers), len(GRID)))
    for i, h in enumerate(headers):
        scores = np.sort([c.score for c in h.candidates])
        counts[i] = len(scores) - np.searchsorted(scores, GRID - 1e-9)
    return counts


def _best(curve: Floats, here: int) -> int:
    """The threshold of least error; of equal ones that nearest to the present one."""
    ties = np.flatnonzero(curve <= curve.min() + 1e-12)
    return int(ties[np.abs(ties - here).argmin()])
