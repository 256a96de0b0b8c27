"""Whom to believe in: what a radar's echoes say about people, and what they cannot.

A person does not vanish amid the floor, nor appear there: who gives no echo stands still or is hidden, and who comes
from nowhere is somebody who was lost. An echo where a wall mirrors somebody is nobody. Two tracks that met are two
people only if each was once seen alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from drukte.sense.detect.echo_room import Segment, Walls
from drukte.sense.detect.echo_tracks import ALONE, Patience, Tracks, shadowed

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

RANGE_ERROR: Final = 0.06
# Two standard deviations of where an echo by way of a wall is expected: depth (m), width (m), radial speed (m/s).
IMAGE_DEPTH: Final = 0.5
IMAGE_WIDTH: Final = 0.4
IMAGE_SPEED: Final = 0.6
GHOST_MEMORY: Final = 0.4  # s
MARGIN: Final = 0.5
EDGE_OF_VIEW: Final = 1.43  # tangent of 55 degrees
ONE_GATE: Final = 0.6  # m of range within which two people may be one target
PROVEN: Final = 1.0  # s alone, from which somebody is known to be a person of their own
LOST_AFTER: Final = 0.5  # s without an echo
# Echoes this near to somebody lost (m, and m more for each second unseen, at most) are theirs.
LOST_NEAR, LOST_SPEED, LOST_FAR = 0.7, 0.5, 1.2
# A newcomer who was counted no longer ago than this (s), amid the floor, is somebody lost whom the way (at a walk, m/s,
# no more than m in all) allows.
RECALL_AGE: Final = 3.0
RECALL_SPEED, RECALL_FAR = 1.3, 4.0


@dataclass(frozen=True, slots=True)
class EchoSettings:
    """Where the radar hangs and what is around it.

    Attributes:
        height: of the sensor above the ground, m.
        tilt: of the boresight below the horizon, rad; pi/2 looks straight down.
        box: left, right, near and far edge of the floor that counts, m, floor frame.
        walls: mirrors in the floor frame; echoes from behind them, or from where they mirror someone, are nobody.
        standing: polygons in which people who stop moving are held; everywhere when empty.
        use: "targets" takes a module's own targets, "echoes" ignores them, "auto" takes them when the module has no
            echoes.
        azimuth_resolution: of the module, rad: what is nearer in angle at one range is one.
        azimuth_error: of a single target or of the middle of a body's echoes, rad.
        capacity: number of people from which the count is "at least".
        patience: how long people are believed in.
    """

    height: float = 2.0
    tilt: float = float(np.deg2rad(15.0))
    box: tuple[float, float, float, float] = (-4.0, 4.0, 0.4, 8.0)
    walls: Sequence[Segment] = ()
    standing: Sequence[Floats] = ()
    use: Literal["auto", "echoes", "targets"] = "auto"
    azimuth_resolution: float = 0.25
    azimuth_error: float = 0.045
    capacity: int = 7
    patience: Patience = field(default_factory=Patience)


class Beliefs:
    """Confirms, holds, recalls and drops the people of `tracks`."""

    def __init__(self, settings: EchoSettings, tracks: Tracks) -> None:
        self.settings, self._tracks = settings, tracks
        self._walls = Walls(settings.walls)

    def inside(self, xy: Floats) -> Bools:
        """(n,) True for positions on the floor that counts, before all walls."""
        left, right, near, far = self.settings.box
        inside = (xy[:, 0] >= left) & (xy[:, 0] <= right) & (xy[:, 1] >= near) & (xy[:, 1] <= far)
        return np.asarray(inside & ~self._walls.hides(xy))

    def between(self, xy: Floats) -> Bools:
        """(k,) True for a target that lies between two people at its own range, whom the module takes for one."""
        tracks = self._tracks.xy[self._tracks.confirmed]
        r, a = np.linalg.norm(tracks, axis=1), np.arctan2(tracks[:, 0], tracks[:, 1])
        own, azimuth = np.linalg.norm(xy, axis=1)[:, None], np.arctan2(xy[:, 0], xy[:, 1])[:, None]
        near = (np.abs(r - own) < ONE_GATE) & (np.abs(a - azimuth) < self.settings.azimuth_resolution)
        return np.asarray((near & (a < azimuth)).any(axis=1) & (near & (a > azimuth)).any(axis=1))

    def mirrored(self, xy: Floats, doppler: Floats, snr: Floats) -> Bools:
        """(k,) True where a wall would show the image of someone whose own echo is stronger and who moves."""
        return np.isfinite(self.image_cost(xy, doppler, snr))

    def image_cost(self, xy: Floats, doppler: Floats, snr: Floats) -> Floats:
        """(k,) how badly each fits such an image, in squared standard deviations; infinite where there is none."""
        tracks, walls = self._tracks, self._walls
        if not len(walls) or not len(tracks) or not len(xy):
            return np.full(len(xy), np.inf)
        distance, speed, low, high = walls.echoes(tracks.xy, tracks.x[:, 2:])
        own, azimuth = np.linalg.norm(xy, axis=1)[:, None, None], np.arctan2(xy[:, 0], xy[:, 1])[:, None, None]
        slack = IMAGE_WIDTH / np.maximum(own, 1.0) + self.settings.azimuth_resolution / 4
        far = (np.nan_to_num(distance, nan=np.inf) - own) / IMAGE_DEPTH
        aside = np.maximum(np.maximum(low - slack - azimuth, azimuth - high - slack), 0.0)
        quick = (speed - doppler[:, None, None]) / IMAGE_SPEED
        match = (np.abs(far) < 1) & (aside == 0) & (np.abs(quick) < 1)
        # The windows above are two standard deviations wide.
        cost = np.where(match, 4 * (far**2 + quick**2), np.inf).min(axis=2)
        # A module's own targets come without a strength; an image is farther away than who casts it in any case. Who
        # walks around the sensor is seen by way of the wall alone, and so is who begins to.
        stronger = (tracks.snr > snr[:, None] + 3.0) | np.isnan(snr)[:, None]
        stronger &= tracks.confirmed | ((tracks.unseen() < 0.3) & (np.abs(tracks.doppler) > 0.1))
        return np.asarray(np.where(stronger, cost, np.inf).min(axis=1))

    def judge(self, dt: float) -> None:
        """Confirm, hold, merge and drop people."""
        tracks, patience = self._tracks, self.settings.patience
        if not len(tracks):
            return
        mirrored = self.mirrored(tracks.xy, tracks.doppler, tracks.snr)
        tracks.ghost += min(1.0, dt / GHOST_MEMORY) * (mirrored - tracks.ghost)
        old = tracks.time - tracks.born >= patience.confirm_after
        tracks.confirmed |= old & (tracks.moved >= patience.confirm_moved) & (tracks.ghost < 0.3)
        unseen = tracks.unseen()
        allowed = np.where(tracks.confirmed, patience.forget, patience.forget_new)
        hidden = shadowed(tracks.xy, unseen < 0.3, self.settings.azimuth_resolution) & tracks.confirmed
        tracks.hidden = hidden & (unseen < patience.shadow)
        allowed = np.where(hidden, patience.shadow, allowed)
        inside = self.inside(tracks.xy)
        # A radar sees whoever moves in the open: who vanishes there has stopped.
        still = tracks.confirmed & self._may_stand(tracks.xy) & ((tracks.speed < patience.still) | self.amid(tracks.xy))
        allowed = np.where(still & inside, patience.hold, allowed)
        known = tracks.confirmed & (tracks.alone >= PROVEN)
        twin = self._doubles()
        wrong = (tracks.ghost >= 0.8) | twin.any(axis=1)
        # Of two known people whose tracks met, the one who stood goes back; a known person is no mirror image.
        both = twin & known[:, None] & known[None]
        for i, j in zip(*np.nonzero(both), strict=True):
            if tracks.rested[j] and not tracks.rested[i]:
                wrong[i], wrong[j] = False, True
        home = wrong & known
        tracks.send_home(np.flatnonzero(home))
        keep = (unseen <= allowed) & (inside | (unseen < 0.2) | known) & (~wrong | home)
        tracks.keep(keep)
        self._recall()
        tracks.settle(dt, patience.still)

    def amid(self, xy: Floats) -> Bools:
        """(n,) True for positions from which nobody can have walked out of sight within a moment."""
        left, right, near, far = self.settings.box
        x, y = xy[:, 0], xy[:, 1]
        inside = (x > left + MARGIN) & (x < right - MARGIN) & (y > near + MARGIN) & (y < far - MARGIN)
        inside &= np.hypot(x, y) < far - MARGIN
        return np.asarray(inside & (np.abs(x) < EDGE_OF_VIEW * np.maximum(y, 0.0)))

    def take_up(self, xy: Floats) -> tuple[Ints, Ints]:
        """Rows of counted people who stopped giving echoes, and of the newcomers (k, 2) that they turn out to be."""
        tracks = self._tracks
        unseen = tracks.unseen()
        lost = np.flatnonzero(tracks.confirmed & (unseen > LOST_AFTER))
        if not len(lost) or not len(xy):
            return lost[:0], lost[:0]
        distance = np.linalg.norm(tracks.xy[lost][:, None] - xy[None], axis=2)
        near = self._near(tracks.xy[lost])
        reach = np.maximum(near, np.minimum(near + LOST_SPEED * unseen[lost], LOST_FAR))
        cost = np.where(distance < reach[:, None], distance, 1e3)
        i, j = linear_sum_assignment(cost)
        good = cost[i, j] < 1e3
        return lost[i[good]], j[good]

    def _recall(self) -> None:
        """A newcomer amid the floor came from somewhere: from where somebody was lost."""
        tracks = self._tracks
        new = np.flatnonzero(tracks.confirmed & (tracks.time - tracks.born < RECALL_AGE) & (tracks.unseen() < 0.3))
        gone_out = tracks.unseen() > LOST_AFTER
        # Who stood, and whose echoes may be those of somebody who passed, is where they stood.
        strayed = ~gone_out & tracks.rested & (tracks.distances() < ALONE).any(axis=1)
        lost = np.flatnonzero(tracks.confirmed & (tracks.alone > 0.0) & (gone_out | strayed))
        if not len(new) or not len(lost):
            return
        gone = tracks.born[new][:, None] - tracks.seen[lost][None]
        place = np.where(strayed[lost][:, None], tracks.home[lost], tracks.xy[lost])
        distance = np.linalg.norm(tracks.origin[new][:, None] - place[None], axis=2)
        far = np.where(self.amid(tracks.origin[new]), RECALL_FAR, LOST_FAR)[:, None]
        reach = np.minimum(self._near(place)[None] + RECALL_SPEED * np.maximum(gone, 0), far)
        # Who was there while the other was still seen is somebody else.
        older = (tracks.born[lost][None] < tracks.born[new][:, None]) & (strayed[lost][None] | (gone > -LOST_AFTER))
        cost = np.where((distance < reach) & older, distance, 1e3)
        i, j = linear_sum_assignment(cost)
        good = cost[i, j] < 1e3
        keep = np.ones(len(tracks), np.bool_)
        keep[lost[j[good]]] = False
        tracks.alone[new[i[good]]] = tracks.alone[lost[j[good]]]
        tracks.born[new[i[good]]] = tracks.born[lost[j[good]]]
        tracks.keep(keep)

    def _near(self, xy: Floats) -> Floats:
        """(n,) m within which an echo may be of somebody lost at `xy`: two standard deviations across at least."""
        return np.asarray(np.maximum(LOST_NEAR, 2 * self.settings.azimuth_error * np.linalg.norm(xy, axis=1)))

    def _may_stand(self, xy: Floats) -> Bools:
        if not self.settings.standing:
            return np.ones(len(xy), np.bool_)
        return np.asarray(np.any([_inside_polygon(xy, polygon) for polygon in self.settings.standing], axis=0))

    def _doubles(self) -> Bools:
        """(n, n) True where the first is the younger of two that stand in one body."""
        tracks = self._tracks
        n = len(tracks)
        apart = np.linalg.norm(tracks.xy[:, None] - tracks.xy[None], axis=2)
        turn = np.linalg.norm(tracks.x[:, None, 2:] - tracks.x[None, :, 2:], axis=2)
        rank = np.lexsort((tracks.born, ~tracks.confirmed))
        senior = np.empty(n, np.intp)
        senior[rank] = np.arange(n)
        # Two confirmed people may pass through one spot; a newcomer there is a second look at the same person.
        limit = np.where(tracks.confirmed[:, None] & tracks.confirmed[None], 0.22, 0.45)
        twin = (apart < limit) & (turn < 0.8) & (senior[:, None] > senior[None])
        return np.asarray(twin)

    def error(self, xy: Floats, angle: float) -> Floats:
        """(n, 2, 2) covariance with `RANGE_ERROR` along the line of sight and `angle` (rad) across it."""
        distance = np.maximum(np.linalg.norm(xy, axis=1), 0.3)
        sight = xy / distance[:, None]
        along = sight[:, :, None] * sight[:, None, :]
        across = (distance * angle) ** 2
        return np.asarray(RANGE_ERROR**2 * along + across[:, None, None] * (np.eye(2) - along))


def _inside_polygon(xy: Floats, polygon: Floats) -> Bools:
    """(n,) True for points inside (even-odd rule)."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = xy[:, :1], xy[:, 1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(b[:, 1] == a[:, 1], 1e-12, b[:, 1] - a[:, 1])
    at = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return np.asarray((crosses & (x < at)).sum(axis=1) % 2 == 1)
