"""People followed over a few seconds on the ground plane, with ids that never leave this room.

No appearance, no embedding: only where people were and how fast they moved. A track is born from a sure detection,
is kept alive by weak ones too, counts as a person when the evidence for it is enough (`evidence.py`), and dies with
its id when nothing was seen of it for a few seconds. All rules are in seconds and metres, so they hold at any frame
rate; where frames come too slowly to tell who is who, detections are counted as they are (`Mode`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.config.tracking import MAX_MEMORY, Tracking
from drukte.sense.geometry.nearby import nearest
from drukte.sense.geometry.view import View
from drukte.sense.people import RIDER, Positions
from drukte.sense.tracking import evidence
from drukte.sense.tracking.assign import assign, assign_lost
from drukte.sense.tracking.kalman import Filters
from drukte.sense.tracking.tracks import Mode, Tracks
from drukte.sense.tracking.twins import twins

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


SLOW: Final = 1.0
"""Time between frames above which nobody can be followed, s: a walker then moves further than people stand apart."""
FAST_AGAIN: Final = 0.8
"""Time between frames below which following starts again, s."""
TENTATIVE_MEMORY: Final = 0.5
"""Longest time a track is kept unseen that does not count yet, s."""

WEAK: Final = 0.6
"""Detections scored above this part of the sure score may continue a track, but not begin one."""
WEAK_PENALTY: Final = 2.0
"""Cost, in the assignment, of a weak detection. Sure ones are given away first."""
TWIN_PENALTY: Final = 8.0
"""Cost of a detection inside somebody's body: only whose place is known well enough to be told apart may have it."""
NEWCOMER: Final = 4.0
"""Cost, in the assignment, of a sure detection without a track: people seldom appear in the middle of the view."""
TENTATIVE_HANDICAP: Final = 3.0
"""Cost of a track that does not count yet. Counted people choose first."""

WALKER_NOISE: Final = 0.4
RIDER_NOISE: Final = 1.5
"""Spectral density of acceleration, m2/s3: a walker changes velocity by some 0.6 m/s within a second."""
WALKER_SPEED: Final = 1.5
RIDER_SPEED: Final = 5.0
"""How fast a newcomer may turn out to be, m/s (one sigma)."""
PRECISE: Final = 0.7
"""Standard deviation up to which a track's place is known well enough to say how it got to its next detection, m."""
CROWDED: Final = 0.8
"""Nearer than this to somebody seen, an unseen track is more likely a mistake about them than a second person, m."""
VOTE: Final = 0.6
"""Time constant of the vote of detections on whether somebody rides, s."""


class _Store:
    """What is known about each track, in rows of preallocated arrays. An id of 0 marks a free row."""

    def __init__(self, capacity: int) -> None:
        self.ids = np.zeros(capacity, np.int64)
        self.evidence = np.zeros(capacity)
        self.confirmed = np.zeros(capacity, bool)
        self.seen = np.zeros(capacity, bool)
        self.leapt = np.zeros(capacity, bool)
        self.scores = np.zeros(capacity)
        self.riding = np.zeros(capacity)
        self.born = np.zeros(capacity)
        self.last_seen = np.zeros(capacity)
        self.last_sure = np.zeros(capacity)
        self.source = np.full(capacity, -1, np.intp)


class Tracker:
    """Follows people from frame to frame.

    Args:
        settings: the site's tracking section; the defaults if None.
        sure: score from which a detection may begin a track (the detector's threshold).
        view: what the sensor sees of the ground and from where; None if unknown.
    """

    def __init__(self, settings: Tracking | None = None, sure: float = 0.35, view: View | None = None) -> None:
        memory = min((settings or Tracking()).memory, MAX_MEMORY)
        self._loss = (evidence.ENOUGH - evidence.DOUBT) / memory  # in a second unseen
        self._sure = sure
        self._view = view or View()
        self._mode = Mode.TRACKS
        self._t: float | None = None
        self._interval = 0.0
        self._next_id = 1
        self._filters = Filters(64)
        self._store = _Store(64)

    def update(self, positions: Positions, t: float) -> Tracks:
        """The people after a frame.

        Args:
            positions: what the frame showed, weak detections included.
            t: time of the frame on a clock that does not jump (monotonic), s. A clock that steps back is taken for
                one usual frame interval.
        """
        store = self._store
        before = self._mode
        dt = self._advance(t)
        if self._mode is Mode.DETECTIONS:
            store.ids[:] = 0
            return self._plain(positions, t)
        rows = np.flatnonzero(store.ids)
        # At the start, after a long gap and when following begins again there is no past to ask: whoever is there
        # counts at once, so that no observation can be mistaken for nobody.
        afresh = dt is None or dt > MAX_MEMORY or before is not self._mode
        if afresh:
            store.ids[rows] = 0
            rows = rows[:0]
        dt = dt or 0.0
        if dt:
            noise = np.where(store.riding[rows] > 0.5, RIDER_NOISE, WALKER_NOISE)
            self._filters.predict(rows, dt, noise, store.seen[rows])
        store.seen[rows] = store.leapt[rows] = False
        store.source[rows] = -1
        twin = twins(positions)
        free = self._see(rows, positions, twin, t, dt)
        free = self._recover(rows, free, positions, t)
        self._lose(rows, t, dt)
        self._begin(free, positions, t, afresh)
        return self._tracks()

    def _advance(self, t: float) -> float | None:
        """Seconds since the last frame, None at the start; keeps account of the usual interval and the mode."""
        before, self._t = self._t, t
        if before is None:
            return None
        dt = t - before
        if dt <= 0:
            return self._interval
        # Single gaps must not switch the mode: the interval moves a quarter of the way, and at most doubles.
        usual = self._interval or dt
        self._interval = usual + 0.25 * (min(dt, 2 * usual) - usual)
        if self._mode is Mode.TRACKS and self._interval > SLOW:
            self._mode = Mode.DETECTIONS
        elif self._mode is Mode.DETECTIONS and self._interval < FAST_AGAIN:
            self._mode = Mode.TRACKS
        return dt

    def _see(self, rows: Rows, positions: Positions, twin: Mask, t: float, dt: float) -> Rows:
        """Give detections to tracks. Returns the sure detections that are left."""
        store, filters = self._store, self._filters
        # A second box of one body is no evidence of another person; nor is it, when weak, of anything.
        sure = (positions.scores >= self._sure) & ~twin
        usable = np.flatnonzero(np.where(twin, self._sure, WEAK * self._sure) <= positions.scores)
        i, j, cost = assign(
            filters.xy[rows],
            filters.pxx[rows],
            positions.xy[usable],
            positions.cov[usable],
            np.where(store.confirmed[rows], 0.0, TENTATIVE_HANDICAP),
            np.where(sure, 0.0, np.where(twin, TWIN_PENALTY, WEAK_PENALTY))[usable],
            np.where(sure, NEWCOMER, 0.0)[usable],
        )
        at, found = rows[i], usable[j]
        if len(at):
            scores = positions.scores[found]
            worth = np.where(twin[found], np.minimum(scores, 0.99 * self._sure), scores)
            before = store.evidence[at]
            after = before + evidence.gain(before, worth, cost, self._sure, dt, self._loss)
            store.evidence[at] = np.minimum(after, evidence.ENOUGH)
            store.confirmed[at] |= after >= evidence.SURE
            spread = filters.pxx[at]
            store.leapt[at] = spread[:, 0, 0] + spread[:, 1, 1] > 2 * PRECISE**2
            filters.update(at, positions.xy[found], positions.cov[found])
            self._note(at, found, positions, t)
            rides = positions.kinds[found] == RIDER
            store.riding[at] += min(1.0, dt / VOTE) * (rides - store.riding[at])
        sure[found] = False
        return np.flatnonzero(sure)

    def _recover(self, rows: Rows, free: Rows, positions: Positions, t: float) -> Rows:
        """Give sure detections that are left to counted people who were lost nearby. Returns what is left then."""
        store, filters = self._store, self._filters
        lost = rows[store.confirmed[rows] & (store.last_sure[rows] < t)]
        if not len(lost) or not len(free):
            return free
        i, j = assign_lost(filters.xy[lost], t - store.last_sure[lost], positions.xy[free])
        at, found = lost[i], free[j]
        velocity = filters.velocity[at]
        filters.start(at, positions.xy[found], positions.cov[found], np.full(len(at), WALKER_SPEED))
        filters.velocity[at] = velocity
        self._note(at, found, positions, t)
        store.leapt[at] = True
        return np.delete(free, j)

    def _note(self, rows: Rows, found: Rows, positions: Positions, t: float) -> None:
        store = self._store
        store.seen[rows] = True
        store.scores[rows] = positions.scores[found]
        store.last_seen[rows] = t
        store.last_sure[rows[positions.scores[found] >= self._sure]] = t
        store.source[rows] = found

    def _lose(self, rows: Rows, t: float, dt: float) -> None:
        """Evidence lost by those who were not seen; the death of whoever has too little or left the view."""
        store = self._store
        unseen, seen = rows[~store.seen[rows]], rows[store.seen[rows]]
        if len(unseen):
            xy = self._filters.xy[unseen]
            loss = np.full(len(unseen), dt * self._loss)
            if len(seen):
                others = self._filters.xy[seen]
                loss[nearest(xy, others) < CROWDED] *= evidence.CROWDED_OUT
                loss[self._view.hidden(xy, others)] *= evidence.HIDDEN
            store.evidence[unseen] -= loss
            age = t - store.last_seen[unseen]
            dead = (age > MAX_MEMORY) | self._view.outside(xy)
            dead |= ~store.confirmed[unseen] & (age > max(TENTATIVE_MEMORY, 1.5 * self._interval))
            store.ids[unseen[dead]] = 0
        store.ids[rows[store.evidence[rows] <= evidence.GONE]] = 0

    def _begin(self, free: Rows, positions: Positions, t: float, afresh: bool) -> None:
        """New tracks from sure detections that no track explains."""
        if not len(free):
            return
        rows = np.flatnonzero(self._store.ids == 0)
        if len(rows) < len(free):
            self._grow(2 * (len(self._store.ids) + len(free)))
            rows = np.flatnonzero(self._store.ids == 0)
        rows = rows[: len(free)]
        store = self._store
        rides = positions.kinds[free] == RIDER
        speed = np.where(rides, RIDER_SPEED, WALKER_SPEED)
        self._filters.start(rows, positions.xy[free], positions.cov[free], speed)
        store.ids[rows] = np.arange(self._next_id, self._next_id + len(rows))
        self._next_id += len(rows)
        store.evidence[rows] = evidence.SURE if afresh else 0.0
        store.confirmed[rows] = afresh
        store.leapt[rows] = False
        store.riding[rows] = rides
        store.born[rows] = t
        self._note(rows, free, positions, t)

    def _grow(self, capacity: int) -> None:
        filters, store = Filters(capacity), _Store(capacity)
        for name in Filters.__slots__:
            old = getattr(self._filters, name)
            getattr(filters, name)[: len(old)] = old
        for name, old in vars(self._store).items():
            getattr(store, name)[: len(old)] = old
        self._filters, self._store = filters, store

    def _tracks(self) -> Tracks:
        store = self._store
        rows = np.flatnonzero(store.ids)
        return Tracks(
            ids=store.ids[rows],
            slots=rows,
            xy=self._filters.xy[rows],
            cov=self._filters.pxx[rows],
            velocity=self._filters.velocity[rows],
            confirmed=store.confirmed[rows] & (store.evidence[rows] >= evidence.DOUBT),
            seen=store.seen[rows],
            leapt=store.leapt[rows],
            scores=store.scores[rows],
            kinds=(store.riding[rows] > 0.5).astype(np.uint8),
            born=store.born[rows],
            last_seen=store.last_seen[rows],
            source=store.source[rows],
        )

    def _plain(self, positions: Positions, t: float) -> Tracks:
        """Sure detections as tracks of a single frame."""
        rows = np.flatnonzero(positions.scores >= self._sure)
        n = len(rows)
        ids = np.arange(self._next_id, self._next_id + n)
        self._next_id += n
        return Tracks(
            ids=ids,
            slots=np.arange(n),
            xy=positions.xy[rows],
            cov=positions.cov[rows],
            velocity=np.zeros((n, 2)),
            confirmed=np.ones(n, bool),
            seen=np.ones(n, bool),
            leapt=np.zeros(n, bool),
            scores=positions.scores[rows],
            kinds=positions.kinds[rows],
            born=np.full(n, t),
            last_seen=np.full(n, t),
            source=rows,
            mode=Mode.DETECTIONS,
        )
