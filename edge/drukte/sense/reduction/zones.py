"""Who is in a zone, since when, and who crossed its lines."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.config.tracking import Tracking
from drukte.config.zones import Zone
from drukte.sense.geometry.polygon import area, clip, signed_distance
from drukte.sense.geometry.view import View
from drukte.sense.people import RIDER, WALKER, Floats
from drukte.sense.reduction.dwell import Stays
from drukte.sense.reduction.lines import Flow, LineCounter
from drukte.sense.tracking.tracks import Mode, Tracks

Mask = NDArray[np.bool_]

WALKING: Final = 0.3
"""Slower than this nobody walks, m/s: standing people sway, and their positions jitter."""


@dataclass(slots=True)
class ZoneState:
    """One zone in one frame.

    Attributes:
        inside: (n,) mask of the tracks that count as people in the zone, walkers and riders, as they stand in `Tracks`.
        walkers: number of people in the zone who are not riders.
        riders: number of people on a bicycle, scooter or motorcycle in the zone.
        staying: number of people whose stay in the zone has begun and not ended: what entered, left, appeared and
            vanished add up to. People at the very edge make it differ from walkers and riders together.
        flows: crossings of the zone's lines in this frame, in the order of the site file.
        entered: people who walked in over the zone's edge since the last frame.
        left: people who walked out over its edge.
        appeared: people who were first seen inside, away from the edge of the view: nobody saw them come in.
        vanished: people who were last seen inside, away from the edge of the view.
        stays: (4,) stays that ended in this frame, by length: under 1, 1 to 5, 5 to 15, over 15 minutes.
        speed_sum: sum of the speeds of the people walking in the zone, m/s.
        walking: number of people walking.
        score_sum: sum of the detector's scores of the people in the zone that this frame saw.
        scored: number of people in the zone that this frame saw.
        mode: whether tracks or plain detections were counted.
    """

    inside: Mask
    walkers: int
    riders: int
    staying: int = 0
    flows: list[Flow] = field(default_factory=list)
    entered: int = 0
    left: int = 0
    appeared: int = 0
    vanished: int = 0
    stays: NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, np.int64))
    speed_sum: float = 0.0
    walking: int = 0
    score_sum: float = 0.0
    scored: int = 0
    mode: Mode = Mode.TRACKS


APPROACH: Final = 1.0
"""Somebody first or last seen within this distance of the edge of the zone or of the view walked over it, m."""


class ZoneCounter:
    """Counts the people in one zone from frame to frame.

    Args:
        zone: polygon and lines.
        settings: margins; the defaults if None.
        view: what the sensor sees, to tell people who walk out of view from people who are lost; None if unknown.
    """

    def __init__(self, zone: Zone, settings: Tracking | None = None, view: View | None = None) -> None:
        settings = settings or Tracking()
        self.name = zone.name
        self._corners: Floats = np.asarray(zone.polygon, float)
        self._margin = settings.zone_margin
        self._visible = None if view is None else view.visible
        self._lines = [LineCounter(line, settings.line_margin) for line in zone.lines]
        capacity = 64
        self._stays = Stays(capacity)
        self._owner = np.zeros(capacity, np.int64)
        self._in = np.zeros(capacity, bool)
        self._began_in = np.zeros(capacity, bool)  # inside, and not near an edge, when first seen
        self._counted = np.zeros(capacity, bool)
        self._xy = np.zeros((capacity, 2))
        self._speed = np.zeros(capacity)
        self._last_seen = np.zeros(capacity)

    @property
    def visible_area(self) -> float:
        """Area of the part of the zone that the sensor sees, m2; the whole zone if the view is unknown."""
        return area(self._corners if self._visible is None else clip(self._corners, self._visible))

    def update(self, tracks: Tracks, t: float) -> ZoneState:
        """The zone after a frame taken at `t` s."""
        distance = signed_distance(tracks.xy, self._corners)
        if tracks.mode is Mode.DETECTIONS:
            self._end(np.flatnonzero(self._owner))
            self._owner[:] = 0
            state = self._count(tracks, distance > 0)
            state.flows = [Flow() for _ in self._lines]
            state.stays = self._stays.take(t)
            return state
        slots = tracks.slots
        if len(slots) and int(slots.max()) >= len(self._owner):
            self._grow(2 * (int(slots.max()) + 1))
        now = np.zeros_like(self._owner)
        now[slots] = tracks.ids
        left, vanished = self._end(np.flatnonzero((self._owner != 0) & (self._owner != now)))
        new = self._owner[slots] != tracks.ids
        self._owner = now

        was = self._in[slots]
        inside = np.where(new, distance >= 0, np.where(np.abs(distance) > self._margin, distance > 0, was))
        self._in[slots] = inside
        if new.any():
            self._began_in[slots[new]] = (distance[new] > APPROACH) & ~self._near_view_edge(tracks.xy[new])
            self._counted[slots[new]] = False
        self._xy[slots] = tracks.xy
        self._speed[slots] = np.hypot(tracks.velocity[:, 0], tracks.velocity[:, 1])
        self._last_seen[slots] = tracks.last_seen

        first = tracks.confirmed & ~self._counted[slots]
        known = tracks.confirmed & ~first
        came = first & inside
        found = came & self._began_in[slots]
        entered = (came & ~found) | (known & inside & ~was)
        out = known & was & ~inside
        self._counted[slots[first]] = True
        if found.any():
            self._stays.find(slots[found], tracks.xy[found], tracks.born[found])
        if entered.any():
            self._stays.enter(slots[entered], t)
        if out.any():
            self._stays.leave(slots[out], t)

        # Presence is judged by the place alone: a margin would keep everybody counted for too long on the way out and
        # too short on the way in, while places already are smoothed. Stays need the margin: one for each visit.
        state = self._count(tracks, (distance > 0) & tracks.confirmed)
        state.staying = int((inside & tracks.confirmed).sum())
        state.flows = [line.update(tracks) for line in self._lines]
        state.entered, state.left = int(entered.sum()), left + int(out.sum())
        state.appeared, state.vanished = int(found.sum()), vanished
        state.stays = self._stays.take(t)
        return state

    def _end(self, slots: NDArray[np.intp]) -> tuple[int, int]:
        """Settle the accounts of tracks that died: how many walked out of view, how many vanished inside."""
        slots = slots[self._counted[slots]]
        if not len(slots):
            return 0, 0
        self._stays.lose(slots, self._xy[slots], self._speed[slots], self._last_seen[slots])
        self._counted[slots] = False
        gone = slots[self._in[slots]]
        xy = self._xy[gone]
        walked = (signed_distance(xy, self._corners) < APPROACH) | self._near_view_edge(xy)
        return int(walked.sum()), int((~walked).sum())

    def _near_view_edge(self, xy: Floats) -> Mask:
        if self._visible is None:
            return np.zeros(len(xy), bool)
        return signed_distance(xy, self._visible) < APPROACH

    def _count(self, tracks: Tracks, inside: Mask) -> ZoneState:
        kinds = tracks.kinds[inside]
        seen = inside & tracks.seen
        speed = np.hypot(*tracks.velocity[seen & (tracks.kinds == WALKER)].T)
        walking = speed[speed > WALKING]
        riders = int((kinds == RIDER).sum())
        return ZoneState(
            inside=inside,
            walkers=len(kinds) - riders,
            riders=riders,
            speed_sum=float(walking.sum()),
            walking=len(walking),
            score_sum=float(tracks.scores[seen].sum()),
            scored=int(seen.sum()),
            mode=tracks.mode,
        )

    def _grow(self, capacity: int) -> None:
        more = capacity - len(self._owner)
        self._stays.grow(capacity)
        for name in ("_owner", "_in", "_began_in", "_counted", "_xy", "_speed", "_last_seen"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)]))
