"""Who walks with whom: people who keep their formation for a while, told apart from strangers who pass.

Nothing but places and speeds over some seconds is used, and all of it is forgotten with the tracks. It says that two
people move as one, not who they are to each other: strangers in single file at one pace may look the same.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.nearby import pairs_within
from drukte.sense.people import RIDER, Floats
from drukte.sense.reduction.pairs import components
from drukte.sense.tracking.tracks import Mode, Tracks

NEAR: Final = 2.1
"""Distance within which people walk together, m: 7 feet (C. McPhail and R. T. Wohlstein 1982, Using Film to Analyze
Pedestrian Behavior, Sociological Methods and Research 10(3))."""

FORMATION: Final = 0.8
"""How far somebody's place beside or behind the other may shift while they walk together, m."""

AWHILE: Final = 5.0
"""How long, s. With `FORMATION` that is a difference of 0.16 m/s: McPhail and Wohlstein's half a foot per second."""

PARTED: Final = 3.0
"""Distance beyond which people who walked together no longer do, m."""

WALKING: Final = 0.3
"""Slower than this nobody walks, m/s: people in a queue are near each other without being together."""


class Parties:
    """Follows who walks with whom, from frame to frame. Only pairs of people near each other are kept, in one table."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._pair = np.empty(0, np.int64)  # sorted: both ids in one number
        self._since: Floats = np.empty(0)  # in this formation; NaN: not together now
        self._formation: Floats = np.empty((0, 2))
        self._party = np.empty(0, np.bool_)

    def update(self, tracks: Tracks, t: float) -> NDArray[np.intp]:
        """(n,) number of each person's party, -1 for whoever walks with nobody.

        Args:
            tracks: the people of a frame.
            t: its time, s.
        """
        n = len(tracks)
        alone = np.full(n, -1, np.intp)
        if tracks.mode is Mode.DETECTIONS or n < 2:
            self._forget()
            return alone
        i, j = pairs_within(tracks.xy, PARTED)
        a, b = np.minimum(tracks.ids[i], tracks.ids[j]), np.maximum(tracks.ids[i], tracks.ids[j])
        order = np.argsort(pair := (a << 32) | b)
        pair, i, j = pair[order], i[order], j[order]
        ahead_of = tracks.ids[i] > tracks.ids[j]
        i, j = np.where(ahead_of, j, i), np.where(ahead_of, i, j)
        apart, formation = _formations(tracks, i, j)
        before, since, party = np.full((len(pair), 2), np.nan), np.full(len(pair), np.nan), np.zeros(len(pair), bool)
        _, now, then = np.intersect1d(pair, self._pair, assume_unique=True, return_indices=True)
        before[now], since[now], party[now] = self._formation[then], self._since[then], self._party[then]
        walks = (np.hypot(*tracks.velocity.T) > WALKING) & tracks.confirmed & (tracks.kinds != RIDER)
        near = (apart < NEAR) & walks[i] & walks[j]
        # Who is near in another formation begins anew. Nothing is ever under NaN.
        keep = near & (np.hypot(*(formation - before).T) < FORMATION) & np.isfinite(since)
        since = np.where(keep, since, np.where(near, t, np.nan))
        party |= t - since >= AWHILE
        self._pair, self._since, self._party = pair, since, party
        self._formation = np.where(keep[:, None], before, formation)
        i, j = i[party], j[party]
        alone[i] = alone[j] = 0
        return np.where(alone == 0, components(n, i, j), -1)


def _formations(tracks: Tracks, i: NDArray[np.intp], j: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """(m,) distances, and (m, 2) how far ahead and to the left of i each j is along the way that both go, m."""
    ahead = tracks.velocity[i] + tracks.velocity[j]
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    offset = tracks.xy[j] - tracks.xy[i]
    along = offset[:, 0] * ahead[:, 0] + offset[:, 1] * ahead[:, 1]
    left = offset[:, 1] * ahead[:, 0] - offset[:, 0] * ahead[:, 1]
    return np.hypot(offset[:, 0], offset[:, 1]), np.column_stack([along, left])
