"""Who walks with whom: people who keep their formation for a while, told apart from strangers who pass.

Nothing but places and speeds over some seconds is used, and all of it is forgotten with the tracks. It says that two
people move as one, not who they are to each other: strangers in single file at one pace may look the same.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from drukte.sense.people import RIDER, Floats
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
    """Follows who walks with whom, from frame to frame."""

    def __init__(self) -> None:
        self._reserve(32)

    def _reserve(self, capacity: int) -> None:
        self._owner = np.zeros(capacity, np.int64)
        self._since: Floats = np.full((capacity, capacity), np.nan)  # NaN: not together now
        self._formation: Floats = np.zeros((capacity, capacity, 2))
        self._party = np.zeros((capacity, capacity), np.bool_)

    def update(self, tracks: Tracks, t: float) -> NDArray[np.intp]:
        """(n,) number of each person's party, -1 for whoever walks with nobody.

        Args:
            tracks: the people of a frame.
            t: its time, s.
        """
        alone = np.full(len(tracks), -1, np.intp)
        if tracks.mode is Mode.DETECTIONS:
            self._owner[:] = 0
            return alone
        slots = tracks.slots
        if len(slots) and int(slots.max()) >= len(self._owner):
            # Rare, and what is lost is found again within seconds.
            self._reserve(2 * (int(slots.max()) + 1))
        new = slots[self._owner[slots] != tracks.ids]
        self._owner[slots] = tracks.ids
        self._since[new], self._since[:, new] = np.nan, np.nan
        self._party[new], self._party[:, new] = False, False
        if len(slots) < 2:
            return alone
        here = np.ix_(slots, slots)
        apart, formation = _formations(tracks)
        since = self._since[here]
        shift = np.hypot(*np.moveaxis(formation - self._formation[here], 2, 0))
        walks = (np.hypot(*tracks.velocity.T) > WALKING) & tracks.confirmed & (tracks.kinds != RIDER)
        near = (apart < NEAR) & walks & walks[:, None]
        keep = near & (shift < FORMATION)  # never true of NaN
        # Who is near in another formation begins anew.
        since = np.where(keep & np.isfinite(since), since, np.where(near, t, np.nan))
        self._formation[here] = np.where((since == t)[:, :, None], formation, self._formation[here])
        self._since[here] = since
        with np.errstate(invalid="ignore"):
            party = (self._party[here] & (apart < PARTED)) | (t - since >= AWHILE)
        party |= party.T
        self._party[here] = party
        i, j = np.nonzero(party)
        graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(len(slots), len(slots)))
        label = connected_components(graph, directed=False)[1].astype(np.intp)
        return np.where(party.any(axis=1), label, alone)


def _formations(tracks: Tracks) -> tuple[Floats, Floats]:
    """(n, n) distances, and (n, n, 2) how far ahead and to the left of each person each other one is, m."""
    speed = np.hypot(*tracks.velocity.T)
    ahead = tracks.velocity / np.maximum(speed, 1e-9)[:, None]
    offset = tracks.xy - tracks.xy[:, None]
    left = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    formation = np.stack([np.einsum("ijk,ik->ij", offset, ahead), np.einsum("ijk,ik->ij", offset, left)], axis=2)
    apart = np.hypot(offset[:, :, 0], offset[:, :, 1])
    np.fill_diagonal(apart, np.inf)
    return apart, formation
