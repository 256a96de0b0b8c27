"""People followed over a few seconds on the ground plane, with ids that never leave this room.

No appearance, no embedding: only where people were and how fast they moved. A track is born from a sure detection,
is kept alive by weak ones too, becomes a counted person when the evidence for it is enough, and dies with its id
when nothing has been seen of it for `Tracking.memory` seconds. All rules are in seconds and metres, so they hold at
any frame rate; where frames come too slowly to tell who is who, detections are counted as they are (`Mode`).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree

from drukte.config.tracking import MAX_MEMORY, Tracking
from drukte.sense.assign import assign
from drukte.sense.kalman import Filters
from drukte.sense.people import RIDER, Floats, Positions
from drukte.sense.view import View

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Mode(IntEnum):
    """How people were counted."""

    TRACKS = 0
    DETECTIONS = 1


SLOW: Final = 1.0
"""Time between frames above which nobody can be followed, s: a walker then moves further than people stand apart."""
FAST_AGAIN: Final = 0.8
"""Time between frames below which following starts again, s."""

# Evidence that a track is a person, in units of log odds. Detections of one person in neighbouring frames repeat each
# other, so evidence grows with time seen and not with the number of frames.
SURE: Final = 2.0
"""Evidence at which a track is counted."""
ENOUGH: Final = 4.0
"""Evidence beyond which more adds nothing; it is gone after `memory` seconds unseen."""
GONE: Final = -2.0
"""Evidence at which a track dies."""
INDEPENDENT: Final = 0.15
"""Time after which a detection is a new piece of evidence, s."""
SLOWER = 0.1
VAGUE = 0.7
BASE_GAIN: Final = 1.0
"""Evidence from a detection that is just sure enough."""
SCORE_GAIN: Final = 4.0
"""Evidence for each unit of score above that."""
HIDDEN_SHARE: Final = 1.0
"""Part of the usual loss of evidence that somebody suffers who is hidden behind somebody else."""
TENTATIVE_MEMORY: Final = 0.5
"""Longest time a track is kept unseen that is not counted yet, s."""

WEAK: Final = 0.6
"""Detections scored above this part of the sure score may continue a track, but not begin one."""
TWIN_PENALTY = 8.0
WEAK_PENALTY: Final = 2.0
TENTATIVE_HANDICAP: Final = 3.0

WALKER_NOISE: Final = 0.4
RIDER_NOISE: Final = 1.5
"""Spectral density of acceleration, m2/s3: a walker changes velocity by some 0.6 m/s within a second."""
WALKER_SPEED: Final = 1.5
RIDER_SPEED: Final = 5.0
"""How fast a newcomer may turn out to be, m/s (one sigma)."""
RECOVER_BASE, RECOVER_SPEED, RECOVER_MOST = 0.5, 1.0, 2.5
CROWD = 0.5
HOLD = -9.0
CROWDED_OUT: Final = 3.0
ELBOW: Final = 0.5
"""Two detections nearer than this, m, are one person detected twice until they part."""


@dataclass(slots=True)
class Tracks:
    """The people of one frame. Rows of all arrays belong together; a person keeps its slot for life.

    Attributes:
        ids: (n,) throw-away numbers, from 1; never reused within a run.
        slots: (n,) small indices, reused after death: where others keep what they know about a person.
        xy: (n, 2) position, m.
        cov: (n, 2, 2) its covariance, m2.
        velocity: (n, 2) m/s.
        confirmed: (n,) whether the track is counted as a person.
        seen: (n,) whether this frame had a detection of it.
        leapt: (n,) whether it was lost and is found in this frame at a place where its movement would not have led.
        scores: (n,) score of the last detection.
        kinds: (n,) WALKER or RIDER.
        born: (n,) time of the first detection, s.
        last_seen: (n,) time of the last detection, s.
        source: (n,) row of the positions given to `update`; -1 if unseen.
        mode: whether tracks or plain detections were counted.
    """

    ids: NDArray[np.int64]
    slots: Rows
    xy: Floats
    cov: Floats
    velocity: Floats
    confirmed: Mask
    seen: Mask
    leapt: Mask
    scores: Floats
    kinds: NDArray[np.uint8]
    born: Floats
    last_seen: Floats
    source: Rows
    mode: Mode = Mode.TRACKS

    def __len__(self) -> int:
        return len(self.ids)


class Tracker:
    """Follows people from frame to frame.

    Args:
        settings: the site's tracking section.
        sure: score from which a detection may begin a track (the detector's threshold).
        view: what the sensor sees of the ground and from where; None if unknown.
    """

    def __init__(self, settings: Tracking | None = None, sure: float = 0.35, view: View | None = None) -> None:
        settings = settings or Tracking()
        self._memory = min(settings.memory, MAX_MEMORY)
        self._loss = (ENOUGH - GONE) / self._memory  # per second unseen
        self._sure, self._view = sure, view
        self._mode = Mode.TRACKS
        self._t: float | None = None
        self._interval = 0.0
        self._next_id = 1
        self._reserve(64)

    def _reserve(self, capacity: int) -> None:
        """Room for `capacity` tracks, keeping the present ones."""
        old = self.__dict__.copy()
        self._filters = Filters(capacity)
        self._ids = np.zeros(capacity, np.int64)  # 0: free
        self._evidence = np.zeros(capacity)
        self._confirmed = np.zeros(capacity, bool)
        self._seen = np.zeros(capacity, bool)
        self._leapt = np.zeros(capacity, bool)
        self._scores = np.zeros(capacity)
        self._riding = np.zeros(capacity)
        self._born = np.zeros(capacity)
        self._last_seen = np.zeros(capacity)
        self._source = np.full(capacity, -1, np.intp)
        if "_ids" in old:
            n = len(old["_ids"])
            for name in Filters.__slots__:
                getattr(self._filters, name)[:n] = getattr(old["_filters"], name)
            for name, array in self.__dict__.items():
                if isinstance(array, np.ndarray):
                    array[:n] = old[name]

    def update(self, positions: Positions, t: float) -> Tracks:
        """The people after a frame.

        Args:
            positions: what the frame showed, weak detections included.
            t: time of the frame on a clock that does not jump (monotonic), s. A clock that steps back is taken for
                one usual frame interval.
        """
        dt = self._advance(t)
        self._t = t
        if self._mode is Mode.DETECTIONS:
            self._ids[:] = 0
            return self._plain(positions, t)
        rows = np.flatnonzero(self._ids)
        afresh = dt is None or dt > self._memory
        if afresh:
            self._ids[rows] = 0
            rows = rows[:0]
        dt = dt or 0.0
        self._predict(rows, dt)
        positions = self._without_twins(positions)
        matched, found = self._match(rows, positions)
        self._seen[rows] = self._leapt[rows] = False
        self._source[rows] = -1
        self._see(matched, found, positions, t, dt)
        found = np.concatenate([found, self._recover(rows, found, positions, t)])
        self._lose(rows, t, dt)
        self._ids[rows[self._evidence[rows] <= GONE]] = 0
        self._begin(found, positions, t, afresh)
        return self._tracks()

    def _advance(self, t: float) -> float | None:
        """Seconds since the last frame, None at the start; keeps account of the usual interval and the mode."""
        if self._t is None:
            return None
        dt = t - self._t
        if dt <= 0:
            return self._interval
        # Single gaps must not switch the mode: the interval moves a quarter of the way, and at most doubles.
        before = self._interval or dt
        self._interval = before + 0.25 * (min(dt, 2 * before) - before)
        if self._mode is Mode.TRACKS and self._interval > SLOW:
            self._mode = Mode.DETECTIONS
        elif self._mode is Mode.DETECTIONS and self._interval < FAST_AGAIN:
            self._mode = Mode.TRACKS
        return dt

    def _predict(self, rows: Rows, dt: float) -> None:
        if dt:
            q = np.where(self._riding[rows] > 0.5, RIDER_NOISE, WALKER_NOISE)
            self._filters.predict(rows, dt, q, self._seen[rows])

    def _without_twins(self, positions: Positions) -> Positions:
        """Positions in which whoever stands inside a surer one's body is made unsure, and no detection if weak."""
        scores = positions.scores
        self._twin = np.zeros(len(scores), bool)
        pairs = KDTree(positions.xy).query_pairs(ELBOW, output_type="ndarray") if len(scores) > 1 else ()
        if not len(pairs):
            return positions
        less = np.where(scores[pairs[:, 0]] < scores[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
        self._twin[less] = True
        scores = scores.copy()
        scores[less] = np.where(scores[less] < self._sure, 0.0, 0.99 * self._sure)
        return Positions(positions.xy, positions.cov, scores, positions.kinds)

    def _match(self, rows: Rows, positions: Positions) -> tuple[Rows, Rows]:
        """Rows of tracks that were seen, and the positions that showed them."""
        usable = np.flatnonzero(positions.scores >= WEAK * self._sure)
        i, j = assign(
            self._filters.xy[rows],
            self._filters.pxx[rows],
            positions.xy[usable],
            positions.cov[usable],
            np.where(self._confirmed[rows], 0.0, TENTATIVE_HANDICAP),
            np.where(
                self._twin[usable], TWIN_PENALTY, np.where(positions.scores[usable] >= self._sure, 0.0, WEAK_PENALTY)
            ),
        )
        return rows[i], usable[j]

    def _see(self, rows: Rows, found: Rows, positions: Positions, t: float, dt: float) -> None:
        scores = positions.scores[found]
        weight = min(1.0, dt / INDEPENDENT)
        strong = weight * (BASE_GAIN + SCORE_GAIN * (scores - self._sure))
        weak = dt * self._loss * (scores / self._sure - 1)
        gain = np.where(scores >= self._sure, strong, weak)
        gain = np.where((gain > 0) & (self._evidence[rows] >= SURE), SLOWER * gain, gain)
        vague = self._filters.pxx[rows][:, [0, 1], [0, 1]].max(1) > VAGUE**2 if len(rows) else np.zeros(0, bool)
        self._leapt[rows] = vague
        self._filters.update(rows, positions.xy[found], positions.cov[found])
        self._evidence[rows] = np.minimum(self._evidence[rows] + gain, ENOUGH)
        self._confirmed[rows] |= self._evidence[rows] >= SURE
        self._seen[rows] = True
        self._scores[rows] = scores
        self._riding[rows] += min(1.0, weight / 4) * ((positions.kinds[found] == RIDER) - self._riding[rows])
        self._last_seen[rows] = t
        self._source[rows] = found

    def _recover(self, rows: Rows, found: Rows, positions: Positions, t: float) -> Rows:
        """Sure detections that nobody explains, given to counted people who are lost nearby: somebody who vanishes in
        the open and somebody who turns up a step further are the same person."""
        left = positions.scores >= self._sure
        left[found] = False
        fresh = np.flatnonzero(left)
        lost = rows[~self._seen[rows] & self._confirmed[rows]]
        if not len(fresh) or not len(lost):
            return np.empty(0, np.intp)
        distance = np.hypot(*(positions.xy[fresh] - self._filters.xy[lost][:, None]).transpose(2, 0, 1))
        allowed = np.minimum(RECOVER_BASE + RECOVER_SPEED * (t - self._last_seen[lost]), RECOVER_MOST)
        cost = np.where(distance < allowed[:, None], distance, 1e3)
        i, j = linear_sum_assignment(cost)
        good = cost[i, j] < 1e3
        i, j = lost[i[good]], fresh[j[good]]
        velocity = self._filters.velocity[i]
        self._filters.start(i, positions.xy[j], positions.cov[j], np.full(len(i), WALKER_SPEED))
        self._filters.velocity[i] = velocity
        self._see_again(i, j, positions, t)
        return j

    def _see_again(self, rows: Rows, found: Rows, positions: Positions, t: float) -> None:
        self._seen[rows] = True
        self._scores[rows] = positions.scores[found]
        self._last_seen[rows] = t
        self._source[rows] = found
        self._leapt[rows] = True

    def _lose(self, rows: Rows, t: float, dt: float) -> None:
        """Evidence lost by those who were not seen, and the death of whoever has too little or left the view."""
        unseen = rows[~self._seen[rows]]
        if not len(unseen):
            return
        loss = np.full(len(unseen), dt * self._loss)
        seen = rows[self._seen[rows]]
        if len(seen):
            near, _ = KDTree(self._filters.xy[seen]).query(self._filters.xy[unseen])
            loss[near < CROWD] *= CROWDED_OUT
        if self._view is not None:
            hidden = self._view.hidden(self._filters.xy[unseen], self._filters.xy[seen])
            loss[hidden] *= HIDDEN_SHARE
        self._evidence[unseen] -= loss
        age = t - self._last_seen[unseen]
        dead = age > MAX_MEMORY
        dead |= ~self._confirmed[unseen] & (age > max(TENTATIVE_MEMORY, 1.5 * self._interval))
        if self._view is not None:
            dead |= self._view.outside(self._filters.xy[unseen])
        self._ids[unseen[dead]] = 0

    def _begin(self, found: Rows, positions: Positions, t: float, afresh: bool) -> None:
        """New tracks from sure detections that no track explains."""
        new = positions.scores >= self._sure
        new[found] = False
        fresh = np.flatnonzero(new)
        if not len(fresh):
            return
        free = np.flatnonzero(self._ids == 0)
        if len(free) < len(fresh):
            capacity = len(self._ids)
            self._reserve(2 * max(capacity, len(fresh)))
            free = np.flatnonzero(self._ids == 0)
        rows = free[: len(fresh)]
        kinds, scores = positions.kinds[fresh], positions.scores[fresh]
        speed = np.where(kinds == RIDER, RIDER_SPEED, WALKER_SPEED)
        self._filters.start(rows, positions.xy[fresh], positions.cov[fresh], speed)
        self._ids[rows] = np.arange(self._next_id, self._next_id + len(rows))
        self._next_id += len(rows)
        # At the start and after a long gap there is no past to ask: whoever is there counts at once, so that no
        # observation can be mistaken for nobody.
        self._evidence[rows] = SURE if afresh else 0.0
        self._confirmed[rows] = afresh
        self._seen[rows] = True
        self._leapt[rows] = False
        self._scores[rows] = scores
        self._riding[rows] = kinds == RIDER
        self._born[rows] = self._last_seen[rows] = t
        self._source[rows] = fresh

    def _tracks(self) -> Tracks:
        rows = np.flatnonzero(self._ids)
        return Tracks(
            ids=self._ids[rows],
            slots=rows,
            xy=self._filters.xy[rows],
            cov=self._filters.pxx[rows],
            velocity=self._filters.velocity[rows],
            confirmed=self._confirmed[rows] & (self._evidence[rows] >= HOLD),
            seen=self._seen[rows],
            leapt=self._leapt[rows],
            scores=self._scores[rows],
            kinds=(self._riding[rows] > 0.5).astype(np.uint8),
            born=self._born[rows],
            last_seen=self._last_seen[rows],
            source=self._source[rows],
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
