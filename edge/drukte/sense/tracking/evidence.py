"""How sure it is that a track is a person: evidence in units of log odds, gained when seen and lost when not.

Detections of one person in neighbouring frames repeat each other, so evidence grows with the time seen and not with
the number of frames. A detection that fits the track's movement well counts more than one that could be anybody's.
The idea is that of integrated probabilistic data association (Musicki, Evans and Stankovic 1994), with rates instead
of a detection model that nobody could state for a street.
"""

from typing import Final

import numpy as np

from drukte.sense.people import Floats
from drukte.sense.tracking.assign import MISS

SURE: Final = 2.0
"""Evidence at which a track begins to count: two frames with a clear detection, four with a doubtful one (at 7/s)."""
ENOUGH: Final = 4.0
"""Evidence beyond which more adds nothing. Unseen, it falls from here to `DOUBT` in `Tracking.memory` seconds."""
DOUBT: Final = 0.0
"""Evidence under which a track no longer counts. Seen again, it does."""
GONE: Final = -2.0
"""Evidence at which a track dies."""

INDEPENDENT: Final = 0.15
"""Time after which a detection is a new piece of evidence, s."""
BASE: Final = 1.0
"""Evidence from a detection that is just sure enough."""
BY_SCORE: Final = 4.0
"""Evidence for each unit of score above that."""
SATURATION: Final = 0.1
"""Part of its evidence that a detection still adds to a track that counts: who was seen longer is kept longer."""
FIT: Final = 10.0
"""Likelihood, as the difference of assignment costs, at which a detection fits perfectly: known to 0.15 m."""
CROWDED_OUT: Final = 3.0
"""How much faster somebody unseen is given up who would stand inside somebody seen."""
HIDDEN: Final = 0.4
"""How much slower somebody unseen is given up who is hidden behind somebody."""


def gain(evidence: Floats, scores: Floats, cost: Floats, sure: float, dt: float, loss: float) -> Floats:
    """(n,) what a detection adds to the evidence (n,) of its track.

    Args:
        evidence: of the tracks so far.
        scores: of their detections.
        cost: of the pairs, see `assign`.
        sure: score of a sure detection. A weaker one only slows the loss.
        dt: time since the last frame, s.
        loss: evidence lost in a second unseen.
    """
    fit = np.minimum(np.maximum((MISS - cost) / FIT, 0.0), 1.0)
    strong = fit * min(1.0, dt / INDEPENDENT) * (BASE + BY_SCORE * (scores - sure))
    strong = np.where(evidence >= SURE, SATURATION * strong, strong)
    weak = dt * loss * (scores / sure - 1.0)
    return np.where(scores >= sure, strong, weak)
