"""How well people are followed on the ground: MOTA, IDF1 and the rest, by the standard tool (motmetrics)."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NEAR: Final = 1.0
"""Distance under which somebody found is the true person, m: the usual radius for ground planes (T. Chavdarova et al.,
WILDTRACK, CVPR 2018, measures with it too)."""

NAMES: Final = {
    "mota": "mota",
    "idf1": "idf1",
    "switches": "num_switches",
    "fragments": "num_fragmentations",
    "missed": "num_misses",
    "false": "num_false_positives",
}


class Identities:
    """Collects who was found and who was there, frame by frame."""

    def __init__(self) -> None:
        import motmetrics

        self._accumulator: Any = motmetrics.MOTAccumulator(auto_id=True)
        self._metrics: Any = motmetrics.metrics.create()

    def add(
        self,
        found: NDArray[np.float64],
        found_ids: NDArray[np.int64],
        true: NDArray[np.float64],
        true_ids: NDArray[np.int64],
    ) -> None:
        """One frame: (n, 2) m found with (n,) numbers of tracks, (m, 2) m true with (m,) numbers of persons."""
        apart = np.hypot(*(true[:, None] - found).transpose(2, 0, 1))
        self._accumulator.update(true_ids.tolist(), found_ids.tolist(), np.where(apart < NEAR, apart, np.nan))

    def figures(self) -> dict[str, float]:
        """The figures under the names of `NAMES`."""
        table = self._metrics.compute(self._accumulator, metrics=list(NAMES.values()), name="all")
        return {name: float(table.loc["all", column]) for name, column in NAMES.items()}
