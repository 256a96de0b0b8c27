"""Tracks a second late and better for it: fixed-lag smoothing on the ground plane.

Where somebody stood is known best from what was seen before and after. The numbers leave the room once a minute, so
that a second of patience costs nothing; it takes away the swing of the detector's boxes with every step, fills gaps
with what came after them, and counts a newcomer from the first moment instead of from the one in which it became sure.

Model: constant velocity with white-noise acceleration; a Kalman filter forward and the Rauch-Tung-Striebel recursion
backward (Rauch, Tung, Striebel 1965, AIAA Journal 3(8), equations 3.30-3.31), over all people at once.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.nearby import nearest
from drukte.sense.geometry.view import View
from drukte.sense.people import RIDER, Floats, Positions
from drukte.sense.tracking.kalman import UNSEEN_DECAY, inverse_2x2, inverse_4x4
from drukte.sense.tracking.track import CROWDED
from drukte.sense.tracking.tracks import Tracks

LAG: Final = 1.0
"""How late the tracks are, s: two steps of a walker. Twice as long gains under 2 % more."""

BATCH: Final = 0.5
"""Frames are given out in batches of this length, s: one backward recursion serves them all."""

STALE: Final = 5.0
"""Gap in the source after which the waiting frames are dropped, s: they belong to another time."""
EPSILON: Final = 1e-6

LEAST: Final = 1e-4
"""Smallest variance of a place, m2: a person's place is not defined better than to a centimetre."""

REPEATS: Final = 0.4
"""Time over which errors of a detection repeat themselves, s: a box swings with the gait and with clothing against the
ground, so that frames nearer in time than this say the same thing twice. Measured on PETS 2009 S2.L1 view 1: the
correlation of the foot's error falls to 0.35 in 0.5 s."""

PERSISTS: Final = 0.4
"""Part of a detection's variance that stays with a person for seconds, whatever is averaged: how their shape, shadow
and clothing sit in the detector's box. Measured on the same recording: smoothing over any length leaves two thirds of
the foot's standard error."""

ODD: Final = 1.8
"""Squared Mahalanobis distance from where other frames say somebody is, beyond which a detection's weight falls
(1.345 standard deviations: P. J. Huber, Robust Statistics, 1981: 95 % as good as least squares if all are sound): a box
that caught a second person or a post is wrong by more than its covariance says."""

WALKER_NOISE: Final = 0.1
RIDER_NOISE: Final = 1.0
"""Spectral density of acceleration, m2/s3: within a second a walker changes velocity by 0.3 m/s."""

MISSED: Final = 0.3
"""Time for which a sound detector may miss somebody in plain view, s. Who is unseen for longer, is not seen again
within the lag and is not hidden behind anybody does not count: they went, or never were. Their track lives on as the
tracker decides, so that whoever comes back from behind a tree is the same person again."""

ASTRAY: Final = 1.0
"""How fast the place of somebody who is not seen again becomes unknown, m/s: as far as the tracker looks for them."""

SPEED: Final = (1.5, 5.0)
"""How fast a new walker or rider may turn out to be, m/s (one sigma)."""

Shared = Callable[[Floats], Floats]


@dataclass(slots=True)
class _Step:
    """One frame of the window: the filter's state after it, and the prediction that led to it from the frame before.

    Attributes:
        t: s.
        tracks: as the tracker gave them.
        lasting: (n, 2, 2) part of the places' covariance that smoothing leaves.
        x, p: (n, 4) and (n, 4, 4) filtered state x, y, vx, vy and its covariance.
        before: (m,) rows of the frame before that live on, `now` their rows here.
        gain: (m, 4, 4) of the backward recursion from this frame to the one before.
        guess, spread: (m, 4) and (m, 4, 4) predicted state.
    """

    t: float
    tracks: Tracks
    lasting: Floats
    x: Floats
    p: Floats
    before: NDArray[np.intp]
    now: NDArray[np.intp]
    gain: Floats
    guess: Floats
    spread: Floats


class Smoother:
    """Holds the tracks of the last `lag` seconds and gives them back smoothed.

    Args:
        lag: s; 0 passes tracks on at once, only filtered.
        shared: the part of places' errors that does not change from frame to frame (see `Ground.shared`); no amount of
            smoothing takes it away. None: there is none.
        view: what the sensor sees and from where; None if unknown.
    """

    def __init__(self, lag: float = LAG, shared: Shared | None = None, view: View | None = None) -> None:
        self._lag, self._shared, self._view = lag, shared, view
        self._steps: deque[_Step] = deque()

    def update(self, tracks: Tracks, positions: Positions, t: float) -> list[tuple[float, Tracks]]:
        """Take in a frame; give out those that are old enough now, none or a few, with the time of each.

        Args:
            tracks: what the tracker made of the frame.
            positions: what the frame showed; `tracks.source` names its rows.
            t: time of the frame, s, as given to the tracker.
        """
        out = []
        if self._steps and not 0 <= t - self._steps[-1].t <= STALE:
            # A clock that stepped back, or a source that was lost: what came before has nothing to do with it.
            out = self.flush() if t < self._steps[-1].t else []
            self._steps.clear()
        self._steps.append(self._forward(tracks, positions, t))
        if self._steps[0].t <= t - self._lag - BATCH + EPSILON:
            out += self._release(t - self._lag + EPSILON)
        return out

    def flush(self) -> list[tuple[float, Tracks]]:
        """Give out everything that is left: the source has ended."""
        return self._release(np.inf)

    def _forward(self, tracks: Tracks, positions: Positions, t: float) -> _Step:
        n = len(tracks)
        x, p, lasting = np.zeros((n, 4)), np.zeros((n, 4, 4)), np.empty((n, 2, 2))
        riding = (tracks.kinds == RIDER).astype(np.intp)
        step = _Step(t, tracks, lasting, x, p, *_nobody())
        new = np.ones(n, bool)
        dt = 0.0
        if self._steps:
            last = self._steps[-1]
            dt = max(t - last.t, 0.0)
            before, now = _survivors(last.tracks, tracks)
            if len(now):
                new[now] = False
                move, noise = _motion(dt, last.tracks.seen[before])
                q = np.where(riding[now] == 1, RIDER_NOISE, WALKER_NOISE)
                guess = (move @ last.x[before][:, :, None])[:, :, 0]
                back = last.p[before] @ move.transpose(0, 2, 1)
                spread = move @ back + q[:, None, None] * noise
                gain = back @ inverse_4x4(spread)
                step.before, step.now, step.gain, step.guess, step.spread = before, now, gain, guess, spread
                x[now], p[now], lasting[now] = guess, spread, last.lasting[before]
                self._see(step, now[tracks.source[now] >= 0], positions, dt)
        if len(new := np.flatnonzero(new)):
            x[new, :2] = tracks.xy[new]
            p[new, :2, :2] = own = self._own(tracks.xy[new], tracks.cov[new])
            lasting[new] = PERSISTS * own
            p[new, 2, 2] = p[new, 3, 3] = np.square(SPEED)[riding[new]]
        return step

    def _see(self, step: _Step, rows: NDArray[np.intp], positions: Positions, dt: float) -> None:
        """Correct the people in `rows` by what the frame showed of them."""
        if not len(rows):
            return
        source = step.tracks.source[rows]
        own = self._own(positions.xy[source], positions.cov[source])
        step.lasting[rows] = PERSISTS * own
        p, miss = step.p[rows], positions.xy[source] - step.x[rows, :2]
        cov = own * ((1 - PERSISTS) * (max(1.0, REPEATS / dt) if dt > 0 else 1e6))
        inverse, _ = inverse_2x2(p[:, :2, :2] + cov)
        odd = np.einsum("ni,nij,nj->n", miss, inverse, miss) / ODD
        cov *= np.maximum(odd, 1)[:, None, None]
        gain = p[:, :, :2] @ inverse_2x2(p[:, :2, :2] + cov)[0]
        step.x[rows] += (gain @ miss[:, :, None])[:, :, 0]
        p = p - gain @ p[:, :2]
        step.p[rows] = (p + p.transpose(0, 2, 1)) / 2

    def _own(self, xy: Floats, cov: Floats) -> Floats:
        """The part of a covariance that changes from frame to frame."""
        if self._shared is None or not len(xy):
            return cov
        moves = self._shared(xy)
        own = cov - moves @ moves.transpose(0, 2, 1)
        own[:, [0, 1], [0, 1]] = np.maximum(own[:, [0, 1], [0, 1]], LEAST)
        # Far away nearly all of it is shared, and what is left must still be a covariance.
        most = 0.99 * np.sqrt(own[:, 0, 0] * own[:, 1, 1])
        own[:, 0, 1] = own[:, 1, 0] = np.clip(own[:, 0, 1], -most, most)
        return own

    def _release(self, until: float) -> list[tuple[float, Tracks]]:
        """The frames up to a time, smoothed by all later ones, and out of the window."""
        if not self._steps:
            return []
        out = []
        later = self._steps[-1]
        x, p, sure, seen = later.x, later.p, later.tracks.confirmed, later.tracks.seen
        for step in reversed(self._steps):
            if step is not later:
                a, b = later.before, later.now
                new_x, new_p = step.x.copy(), step.p.copy()
                new_sure, new_seen = step.tracks.confirmed.copy(), step.tracks.seen.copy()
                new_x[a] += (later.gain @ (x[b] - later.guess)[:, :, None])[:, :, 0]
                new_p[a] += later.gain @ (p[b] - later.spread) @ later.gain.transpose(0, 2, 1)
                new_sure[a] |= sure[b]
                new_seen[a] |= seen[b]
                x, p, sure, seen, later = new_x, new_p, new_sure, new_seen, step
            if step.t <= until:
                out.append((step.t, self._smoothed(step, x, p, sure, seen)))
        for _ in out:
            self._steps.popleft()
        return out[::-1]

    def _smoothed(self, step: _Step, x: Floats, p: Floats, sure: NDArray[np.bool_], seen: NDArray[np.bool_]) -> Tracks:
        """A frame's tracks with what is known of them now: state, whether they count, whether they are seen again."""
        unseen = step.t - step.tracks.last_seen
        gone = np.flatnonzero(sure & ~seen & (unseen >= MISSED))
        if len(gone):
            sure = sure.copy()
            sure[gone] = self._hidden(x[gone, :2], x[sure & step.tracks.seen, :2])
        astray = np.where(seen, 0.0, ASTRAY * unseen)
        cov = p[:, :2, :2] + step.lasting + np.square(astray)[:, None, None] * np.eye(2)
        if self._shared is not None and len(x):
            moves = self._shared(x[:, :2])
            cov = cov + moves @ moves.transpose(0, 2, 1)
        return replace(step.tracks, xy=x[:, :2], velocity=x[:, 2:], cov=cov, confirmed=sure)

    def _hidden(self, xy: Floats, others: Floats) -> NDArray[np.bool_]:
        """(n,) who of the people at (n, 2) m stands behind one of the `others` (m, 2), and is not taken for them."""
        if self._view is None or not len(others):
            return np.zeros(len(xy), bool)
        return self._view.hidden(xy, others) & (nearest(xy, others) > CROWDED)


def _motion(dt: float, seen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(m, 4, 4) transitions of x, y, vx, vy over `dt` seconds, and their noise for a spectral density of 1 m2/s3.

    The speed of somebody unseen decays as in the tracker (`UNSEEN_DECAY`).
    """
    move = np.zeros((2, 4, 4))
    move[:, [0, 1, 2, 3], [0, 1, 2, 3]] = 1
    hidden = float(np.exp(-dt / UNSEEN_DECAY))
    move[0, [2, 3], [2, 3]] = hidden
    move[0, [0, 1], [2, 3]] = UNSEEN_DECAY * (1 - hidden)
    move[1, [0, 1], [2, 3]] = dt
    noise = np.zeros((4, 4))
    # Two frames at one time must not make the backward recursion singular.
    noise[[0, 1], [0, 1]] = dt**3 / 3 + 1e-9
    noise[[2, 3], [2, 3]] = dt + 1e-9
    noise[[0, 1, 2, 3], [2, 3, 0, 1]] = dt**2 / 2
    return move[seen.astype(np.intp)], noise


def _survivors(before: Tracks, now: Tracks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the tracks that live on, in the frame before and in this one, without those that leapt: where somebody
    lost turns up says nothing about the way there."""
    if not len(before) or not len(now):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    row = np.full(1 + max(int(before.slots.max()), int(now.slots.max())), -1)
    row[before.slots] = np.arange(len(before))
    then = row[now.slots]
    same = np.flatnonzero((then >= 0) & (before.ids[then] == now.ids) & ~now.leapt)
    return then[same], same


def _nobody() -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats, Floats]:
    none = np.empty(0, np.intp)
    return none, none, np.empty((0, 4, 4)), np.empty((0, 4)), np.empty((0, 4, 4))
