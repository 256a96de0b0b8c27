"""Everything that one frame says, reduced to numbers per zone. The same for cameras and radars."""

from collections.abc import Callable

import numpy as np

from drukte.config import Site
from drukte.config.zones import MAX_LINES
from drukte.sense.geometry.view import View
from drukte.sense.people import RIDER, Floats
from drukte.sense.reduction.closeness import Counts, closeness
from drukte.sense.reduction.counts import ZoneCounts
from drukte.sense.reduction.parties import Parties
from drukte.sense.reduction.zones import ZoneCounter, ZoneState
from drukte.sense.tracking.tracks import Tracks

Shared = Callable[[Floats], Floats]


class Reducer:
    """Zones, lines and closeness of a site."""

    def __init__(self, site: Site, view: View | None = None) -> None:
        self._limits = site.closeness
        self._parties = Parties()
        self._zones = [ZoneCounter(zone, site.tracking, view) for zone in site.zones]

    def reduce(
        self, tracks: Tracks, t: float, shared: Shared | None = None
    ) -> tuple[list[ZoneCounts], list[ZoneState]]:
        """The frame's counts, and who stands in which zone (for measuring accuracy; it never leaves the room).

        Args:
            tracks: the people after this frame.
            t: its time on a clock that never steps, s.
            shared: the part of their places' errors that people have in common (see `Ground.shared`).
        """
        states = [zone.update(tracks, t) for zone in self._zones]
        walkers = np.flatnonzero(tracks.confirmed & (tracks.kinds != RIDER))
        xy = tracks.xy[walkers]
        party = self._parties.update(tracks, t)
        near = closeness(
            xy,
            tracks.cov[walkers],
            self._limits.high_risk,
            self._limits.low_risk,
            self._limits.group,
            shared=None if shared is None else shared(xy),
            party=party[walkers],
        )
        return [_counts(state, near.counts(state.inside[walkers])) for state in states], states


def _counts(state: ZoneState, near: Counts) -> ZoneCounts:
    """One zone as plain numbers."""
    safe, low_risk, high_risk, undetermined = near.people.tolist()
    pairs_low, pairs_high = near.pairs.tolist()
    two, three_or_four, more = near.groups.tolist()
    none = [(0, 0)] * (MAX_LINES - len(state.flows))
    flows = [(flow.entered, flow.left) for flow in state.flows] + none
    riders = [(flow.riders_entered, flow.riders_left) for flow in state.flows] + none
    stays = state.stays.tolist()
    people = state.walkers + state.riders
    return ZoneCounts(
        people=state.walkers,
        riders=state.riders,
        safe=safe,
        low_risk=low_risk,
        high_risk=high_risk,
        undetermined=undetermined,
        pairs_low=pairs_low,
        pairs_high=pairs_high,
        pairs_party=float(near.party.sum()),
        groups=(int(two), int(three_or_four), int(more)),
        crossings=(*flows[0], *flows[1]),
        rider_crossings=(*riders[0], *riders[1]),
        stays=(stays[0], stays[1], stays[2], stays[3]),
        speed_sum=state.speed_sum,
        speed_people=state.walking,
        # people hidden for a moment are counted as surely as those who are seen
        score_sum=state.score_sum / state.scored * state.walkers if state.scored else 0.0,
        moves=(state.entered + state.left, state.appeared, state.vanished),
        held=people - state.scored,
    )
