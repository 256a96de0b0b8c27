"""Who is where, remembered from frame to frame by a radar that sees only what moves.

A group tracker in the manner of GTRACK (Texas Instruments) and of extended-target trackers (Granstrom, Baum and
Reuter 2017): a person gives many echoes, so echoes are given to the person they fit best and the person moves to
their middle. People who stop moving fade from the radar's sight; they are held where they were, with a confidence
that decays. All arrays run over people; coordinates are the sensor's floor frame (x right, y forward, metres).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

NOBODY: Final = -1
# Spread of echoes over a body and of limbs (standard deviation, m).
BODY: Final = 0.22
# Echoes come from the side of the body that faces the sensor.
FRONT: Final = 0.08
GATE: Final = 9.2103  # chi-square, 2 degrees of freedom, 99 %
# Maneuvers of walking people (standard deviation of the acceleration, m/s2).
ACCELERATION: Final = 1.2
DOPPLER_ERROR: Final = 0.35  # m/s, of the mean over a body with swinging limbs
LIMBS: Final = 0.7  # m/s, of a single echo about the body's speed
START_SPEED: Final = 0.6  # m/s that someone who stood may have when first seen again
STOP_TIME: Final = 0.4  # s in which someone comes to a stop
HIDDEN_TIME: Final = 0.8  # s after which it is open whether someone out of sight still walks
STOP_GRACE: Final = 0.2  # s without an echo, in the open, after which somebody has stopped
ACROSS_GRACE: Final = 0.6  # s, for who walks across the line of sight
WALKS: Final = 0.3  # s; who gave an echo no longer ago moves
STOPPED: Final = 0.7  # s without an echo, in the open, after which somebody stands where their last echo was
ALONE: Final = 1.0  # m from everybody else, at which nobody takes another's echoes
SHUFFLE: Final = 0.01  # m2/s by which the place of someone who stands becomes uncertain


@dataclass(frozen=True, slots=True)
class Patience:
    """How long people are believed in without new echoes, and what it takes to believe in them.

    Attributes:
        confirm_after: s for which someone must have been seen.
        confirm_moved: m that someone must have gone from where they were first seen; fans and curtains never do.
        forget_new: s without echoes after which an unconfirmed one is dropped.
        forget: s without echoes after which a confirmed, walking one is dropped.
        shadow: s for which someone behind another person is believed in.
        hold: s for which a confirmed one who stands still is held.
        still: m/s below which someone counts as standing.
    """

    confirm_after: float = 0.4
    confirm_moved: float = 0.45
    forget_new: float = 0.35
    forget: float = 0.9
    shadow: float = 2.5
    hold: float = 30.0
    still: float = 0.7


class Tracks:
    """States of at most `capacity` people as one set of arrays.

    Attributes:
        x: (n, 4) position and velocity, m and m/s.
        p: (n, 4, 4) covariance of `x`.
        seen: (n,) time of the last echo, s.
        born: (n,) time of the first.
        origin: (n, 2) where that was.
        moved: (n,) farthest from there so far, m.
        snr: (n,) running mean of the strongest echo, dB.
        doppler: (n,) running mean of the measured radial speed, m/s.
        confirmed: (n,) True when counted.
        ghost: (n,) 0 to 1, how much of the recent past this one spent where a mirror image would be.
        hidden: (n,) True for who stands behind, or too close to, somebody else.
        alone: (n,) s spent in sight, or at rest, away from everybody else.
        home: (n, 2) last such place, m.
        last: (n, 2) where the last echo put them, or, out of sight, where they may have gone since, m.
        rested: (n,) whether it was one of rest.
    """

    _FIELDS: Final = (
        "x", "p", "seen", "born", "origin", "moved", "snr", "doppler", "confirmed", "ghost",
        "hidden", "alone", "home", "rested", "last",
    )  # fmt: skip

    def __init__(self) -> None:
        self.x: Floats = np.empty((0, 4))
        self.p: Floats = np.empty((0, 4, 4))
        self.seen: Floats = np.empty(0)
        self.born: Floats = np.empty(0)
        self.origin: Floats = np.empty((0, 2))
        self.moved: Floats = np.empty(0)
        self.snr: Floats = np.empty(0)
        self.doppler: Floats = np.empty(0)
        self.confirmed: Bools = np.empty(0, np.bool_)
        self.ghost: Floats = np.empty(0)
        self.hidden: Bools = np.empty(0, np.bool_)
        self.alone: Floats = np.empty(0)
        self.home: Floats = np.empty((0, 2))
        self.rested: Bools = np.empty(0, np.bool_)
        self.last: Floats = np.empty((0, 2))
        self.time = -np.inf

    def __len__(self) -> int:
        return len(self.x)

    @property
    def xy(self) -> Floats:
        """(n, 2) positions, m."""
        return self.x[:, :2]

    @property
    def speed(self) -> Floats:
        """(n,) m/s."""
        return np.hypot(self.x[:, 2], self.x[:, 3])

    def unseen(self) -> Floats:
        """(n,) seconds since the last echo."""
        return self.time - self.seen

    def predict(self, time: float, still: float) -> None:
        """Move everybody on to `time` at constant velocity.

        Who gives no echoes any more comes to rest, if slower than `still` or counted.
        """
        dt = min(max(time - self.time, 0.0), 1.0) if len(self) else 0.0
        self.time = time
        if dt == 0.0:
            return
        rest = self.resting(still)
        # Velocity dies away while resting, and with it what it adds to the uncertainty of the place.
        tau = np.where(rest, STOP_TIME, np.where(self.unseen() > STOP_GRACE, HIDDEN_TIME, 1e6))
        a = np.exp(-dt / tau)
        step = tau * (1 - a)
        f = np.zeros((len(self), 4, 4))
        f[:, 0, 0] = f[:, 1, 1] = 1.0
        f[:, 2, 2] = f[:, 3, 3] = a
        f[:, 0, 2] = f[:, 1, 3] = step
        g = np.array([[dt * dt / 2, 0], [0, dt * dt / 2], [dt, 0], [0, dt]])
        q = np.where(rest[:, None, None], np.diag([SHUFFLE * dt, SHUFFLE * dt, 0.0, 0.0]), ACCELERATION**2 * (g @ g.T))
        self.x = np.einsum("nij,nj->ni", f, self.x)
        self.p = f @ self.p @ f.transpose(0, 2, 1) + q
        self.last[self.hidden] = self.xy[self.hidden]
        stopped = rest & (self.unseen() > STOPPED)
        self.x[stopped, :2], self.x[stopped, 2:] = self.last[stopped], 0.0

    def resting(self, still: float) -> Bools:
        """(n,) True for those who came to a stop: in full sight, and without an echo."""
        radial = np.abs((self.x[:, :2] * self.x[:, 2:]).sum(axis=1)) / np.maximum(np.hypot(*self.x[:, :2].T), 0.1)
        # Who walks around the sensor gives no Doppler and hardly an echo.
        grace = np.where((radial < 0.3) & (self.speed > still), ACROSS_GRACE, STOP_GRACE)
        return np.asarray((self.unseen() > grace) & ((self.speed < still) | self.confirmed) & ~self.hidden)

    def assign(self, xy: Floats, spread: Floats, doppler: Floats | None = None) -> tuple[Ints, Floats]:
        """Give echoes to the people whom they fit best.

        Args:
            xy: (k, 2) echoes.
            spread: (n, 2, 2) covariance of an echo about each person, m2.
            doppler: (k,) their radial speeds, m/s, if they are to count too.

        Returns:
            (k,) index of the person or `NOBODY`, and (k,) squared distance in standard deviations.
        """
        if not len(self) or not len(xy):
            return np.full(len(xy), NOBODY), np.full(len(xy), np.inf)
        away = xy[None] - self.x[:, None, :2]
        s = self.p[:, :2, :2] + spread
        d2 = np.einsum("nki,nij,nkj->nk", away, np.linalg.inv(s), away)
        near = (d2 < GATE) & (np.abs(away).max(axis=2) < 1.2)
        cost = d2 + np.log(np.linalg.det(s))[:, None]
        if doppler is not None:
            sight = self.x[:, :2] / np.maximum(np.linalg.norm(self.x[:, :2], axis=1, keepdims=True), 0.1)
            own = (sight * self.x[:, 2:]).sum(axis=1)
            start = np.where(self.unseen() > 0.3, START_SPEED**2, 0.0)
            var = np.einsum("ni,nij,nj->n", sight, self.p[:, 2:, 2:], sight) + LIMBS**2 + start
            off = (doppler[None] - own[:, None]) ** 2 / var[:, None]
            near &= off < 9.0
            d2 = d2 + off
            cost = cost + off + np.log(var)[:, None]
        # Nobody who stands takes what fits somebody who walks by.
        walks = self.confirmed & (self.unseen() < WALKS)
        near &= walks[:, None] | ~(walks[:, None] & near & (d2 < GATE / 2)).any(axis=0)
        cost = np.where(near, cost, np.inf)
        best = cost.argmin(axis=0)
        k = np.arange(len(xy))
        good = np.isfinite(cost[best, k])
        return np.where(good, best, NOBODY), np.where(good, d2[best, k], np.inf)

    def update(self, which: Ints, z: Floats, r: Floats, speed: Floats, snr: Floats) -> None:
        """Take measurements in.

        Args:
            which: (m,) people, each at most once.
            z: (m, 2) measured positions, m.
            r: (m, 2, 2) their covariances, m2.
            speed: (m,) measured radial speeds, m/s; NaN when unknown.
            snr: (m,) strongest echo, dB.
        """
        if not len(which):
            return
        x, p = self.x[which], self.p[which]
        woken = self.unseen()[which] > 0.3
        p[woken, 2:, 2:] += START_SPEED**2 * np.eye(2)
        gain = p[:, :, :2] @ np.linalg.inv(p[:, :2, :2] + r)
        x = x + np.einsum("mij,mj->mi", gain, z - x[:, :2])
        p = p - gain @ p[:, :2, :]
        # The radial speed is one more measurement, of the velocity along the line of sight.
        known = np.isfinite(speed)
        sight = x[:, :2] / np.maximum(np.linalg.norm(x[:, :2], axis=1, keepdims=True), 0.1)
        h = np.concatenate([np.zeros_like(sight), sight], axis=1)
        hp = np.einsum("mi,mij->mj", h, p)
        s = np.einsum("mi,mi->m", hp, h) + DOPPLER_ERROR**2
        gain1 = np.where(known[:, None], hp / s[:, None], 0.0)
        x = x + gain1 * (np.where(known, speed, 0.0) - np.einsum("mi,mi->m", h, x))[:, None]
        p = p - gain1[:, :, None] * hp[:, None, :]
        self.x[which], self.p[which] = x, (p + p.transpose(0, 2, 1)) / 2
        self.last[which] = x[:, :2]
        self.seen[which] = self.time
        self.moved[which] = np.maximum(self.moved[which], np.linalg.norm(x[:, :2] - self.origin[which], axis=1))
        self.snr[which] += 0.2 * (snr - self.snr[which])
        self.doppler[which] += 0.4 * (np.where(known, speed, 0.0) - self.doppler[which])

    def add(self, z: Floats, r: Floats, speed: Floats, snr: Floats) -> None:
        """Begin unconfirmed people; arguments as for `update`."""
        m = len(z)
        if not m:
            return
        sight = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 0.1)
        x = np.concatenate([z, sight * np.nan_to_num(speed)[:, None]], axis=1)
        p = np.zeros((m, 4, 4))
        p[:, :2, :2] = r + 0.05 * np.eye(2)
        p[:, 2:, 2:] = 0.8 * np.eye(2)
        new = {
            "x": x, "p": p, "seen": np.full(m, self.time), "born": np.full(m, self.time), "origin": z.copy(),
            "moved": np.zeros(m), "snr": snr.astype(np.float64), "confirmed": np.zeros(m, np.bool_),
            "doppler": np.nan_to_num(speed), "ghost": np.zeros(m), "hidden": np.zeros(m, np.bool_),
            "alone": np.zeros(m), "home": z.copy(), "rested": np.zeros(m, np.bool_),
            "last": z.copy(),
        }  # fmt: skip
        for name, value in new.items():
            setattr(self, name, np.concatenate([getattr(self, name), value]))

    def find(self, which: Ints, z: Floats, r: Floats, snr: Floats) -> None:
        """Put people who were lost where they are found again; arguments as for `update`."""
        if not len(which):
            return
        self.x[which, :2], self.x[which, 2:], self.last[which] = z, 0.0, z
        self.p[which] = 0.0
        self.p[which, :2, :2] = r + 0.05 * np.eye(2)
        self.p[which, 2:, 2:] = 0.8 * np.eye(2)
        self.seen[which], self.snr[which], self.ghost[which] = self.time, snr, 0.0

    def settle(self, dt: float, still: float) -> None:
        """Note where people are who stand by themselves, for `send_home`."""
        fine = (self.unseen() < 0.3) | self.resting(still)
        fine &= self.confirmed & (self.ghost < 0.2) & (self.distances() > ALONE).all(axis=1)
        self.home[fine] = self.xy[fine]
        self.rested[fine] = self.unseen()[fine] > 0.3
        self.alone[fine] += dt

    def distances(self) -> Floats:
        """(n, n) from each to each other counted one, m; infinite to oneself."""
        apart = np.linalg.norm(self.xy[:, None] - self.xy[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        return np.asarray(np.where(self.confirmed[None], apart, np.inf))

    def send_home(self, which: Ints) -> None:
        """Put people whose echoes turned out to be somebody else's where they last stood by themselves."""
        self.x[which, :2], self.x[which, 2:], self.last[which] = self.home[which], 0.0, self.home[which]
        self.p[which] = np.diag([0.1, 0.1, 0.05, 0.05])
        self.seen[which] = np.minimum(self.seen[which], self.time - 1.0)
        self.ghost[which] = 0.0

    def keep(self, which: Bools) -> None:
        """Drop everybody else."""
        if which.all():
            return
        for name in self._FIELDS:
            setattr(self, name, getattr(self, name)[which])

    def wipe(self) -> None:
        """Overwrite everything that is remembered and forget it."""
        for name in self._FIELDS:
            getattr(self, name)[...] = 0
        self.keep(np.zeros(len(self), np.bool_))
        self.time = -np.inf


def shadowed(xy: Floats, seen: Bools, resolution: float) -> Bools:
    """Who stands behind, or too close in angle to, someone who is being seen.

    Args:
        xy: (n, 2) positions.
        seen: (n,) True for those with fresh echoes.
        resolution: of the azimuth, rad.
    """
    n = len(xy)
    if n < 2:
        return np.zeros(n, np.bool_)
    distance = np.hypot(xy[:, 0], xy[:, 1])
    angle = np.arctan2(xy[:, 0], xy[:, 1])
    apart = np.abs(angle[:, None] - angle[None])
    width = np.arctan2(0.45, np.maximum(distance, 0.5))
    behind = (distance[:, None] > distance[None] + 0.2) & (apart < width[None])
    merged = (np.abs(distance[:, None] - distance[None]) < 0.5) & (apart < resolution)
    hides = (behind | merged) & seen[None]
    np.fill_diagonal(hides, False)
    return np.asarray(hides.any(axis=1))
