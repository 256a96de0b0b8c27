"""People from radar echoes or from a module's own targets, as positions on the floor with covariances.

Floor frame: origin on the ground under the sensor, x to the right as seen by the sensor, y forward, metres. What
follows - the site's ground plane, tracks, zones, distances - is shared with the camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from drukte.sense.detect.echo_room import Segment, Unrest, Walls
from drukte.sense.detect.echo_tracks import BODY, FRONT, NOBODY, Patience, Tracks, shadowed
from drukte.sense.people import Positions
from drukte.sense.sources.radar import Echo, RadarFrame, Target

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

FRESH: Final = 1.0  # s; who was not seen for longer is held
SCORE_SEEN: Final = 0.9
SCORE_LOST: Final = 0.3  # of someone about to be given up
MIN_DOPPLER: Final = 0.15  # m/s, from which an echo counts as moving
RANGE_ERROR: Final = 0.06
POSITION_FLOOR: Final = 0.06  # m; body shape and calibration, whatever the filter believes
BIRTH_FRAMES: Final = 4
ONE_BODY: Final = 0.6  # m; clusters nearer than this are one person
# How far an echo by way of a wall may be from where it is expected: depth (m), width (m), radial speed (m/s).
IMAGE_DEPTH: Final = 0.5
IMAGE_WIDTH: Final = 0.4
IMAGE_SPEED: Final = 0.6
GHOST_MEMORY: Final = 0.4  # s
MAX_HEIGHT: Final = 2.6
MARGIN: Final = 0.5
RECALL_AGE: Final = 1.5
RECALL_SPEED, RECALL_FAR = 1.3, 4.0
PROVEN: Final = 1.0  # s alone, from which somebody is known to be a person of their own
EDGE_OF_VIEW: Final = 1.43  # tangent of 55 degrees
# A newcomer this near (m, and m more for each second unseen, at most) to somebody who was lost is that person.
LOST_AFTER: Final = 0.5
LOST_NEAR, LOST_SPEED, LOST_FAR = 0.7, 0.5, 1.2
MIN_HEIGHT: Final = -0.6


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
        azimuth_resolution: of the module, rad.
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
    capacity: int = 7
    patience: Patience = field(default_factory=Patience)


class EchoDetector:
    """Turns radar frames into people, one frame after another.

    After each `detect`:
        held: share of the people reported that had no fresh echo, 0 to 1.
        saturated: True when there may be more people than the module can tell apart.
    """

    def __init__(self, settings: EchoSettings | None = None) -> None:
        self.settings = settings or EchoSettings()
        self._tracks = Tracks()
        self._walls = Walls(self.settings.walls)
        self.unrest = Unrest(self.settings.box)
        self._recent: list[tuple[float, Floats]] = []
        self._last = -np.inf
        self.held = 0.0
        self.saturated = False

    def detect(self, frame: RadarFrame) -> Positions:
        """The people after one frame, in the floor frame."""
        dt = min(max(frame.time - self._last, 0.0), 1.0) if np.isfinite(self._last) else 0.0
        self._last = frame.time
        tracks = self._tracks
        tracks.predict(frame.time, self.settings.patience.still)
        targets = frame.targets
        use = self.settings.use
        if targets is not None and (use == "targets" or (use == "auto" and len(frame.points) == 0)):
            self._take_targets(targets)
        else:
            self._take_echoes(frame.points, dt)
        self._judge(dt)
        return self._positions()

    def wipe(self) -> None:
        """Forget everybody, and overwrite what was remembered of them."""
        self._tracks.wipe()
        for _, rows in self._recent:
            rows[:] = 0
        self._recent.clear()

    # Measuring

    def _to_floor(self, sensor: npt.NDArray[np.float32]) -> Floats:
        """Rotate (n, 3) sensor coordinates by the tilt and raise them by the height."""
        x, y, z = sensor.T.astype(np.float64)
        c, s = np.cos(self.settings.tilt), np.sin(self.settings.tilt)
        return np.column_stack([x, c * y + s * z, -s * y + c * z + self.settings.height])

    def _inside(self, xy: Floats) -> Bools:
        left, right, near, far = self.settings.box
        inside = (xy[:, 0] >= left) & (xy[:, 0] <= right) & (xy[:, 1] >= near) & (xy[:, 1] <= far)
        return np.asarray(inside & ~self._walls.hides(xy))

    def _error(self, xy: Floats, angle: float) -> Floats:
        """(n, 2, 2) covariance with `RANGE_ERROR` along the line of sight and `angle` (rad) across it."""
        distance = np.maximum(np.linalg.norm(xy, axis=1), 0.3)
        sight = xy / distance[:, None]
        along = sight[:, :, None] * sight[:, None, :]
        across = (distance * angle) ** 2
        return np.asarray(RANGE_ERROR**2 * along + across[:, None, None] * (np.eye(2) - along))

    def _take_echoes(self, points: npt.NDArray[np.float32], dt: float) -> None:
        tracks = self._tracks
        floor = self._to_floor(points[:, :3])
        good = self._inside(floor[:, :2]) & (floor[:, 2] > MIN_HEIGHT) & (floor[:, 2] < MAX_HEIGHT)
        xy, doppler, snr = floor[good, :2], points[good, Echo.DOPPLER], points[good, Echo.SNR]
        snr = np.where(np.isfinite(snr), snr, 0.0)
        moving = np.abs(doppler) > MIN_DOPPLER
        spread = BODY**2 * np.eye(2) + self._error(tracks.xy, self.settings.azimuth_resolution / 6)
        who, cost = tracks.assign(xy, spread, doppler.astype(np.float64))
        if len(tracks):
            fresh = (who != NOBODY) & (tracks.confirmed & (tracks.unseen() < 0.3))[np.where(who == NOBODY, 0, who)]
            image = self._image_cost(xy, doppler, snr) < np.where(fresh, cost, np.inf)
            keep = ~image
            xy, doppler, snr, moving, who = xy[keep], doppler[keep], snr[keep], moving[keep], who[keep]
        trusted = ~self.unrest.distrusts(xy) | ((who != NOBODY) & moving)
        who = np.where(trusted, who, NOBODY)
        self._update_from(xy, doppler, snr, who)
        nobody = who == NOBODY
        counted = np.zeros(len(xy), np.bool_)
        if len(tracks):
            counted = ~nobody & tracks.confirmed[np.where(nobody, 0, who)]
        self.unrest.observe(xy[moving & ~counted], dt)
        self._recent.append(
            (self._last, np.column_stack([xy, doppler, snr])[nobody & moving & ~self.unrest.distrusts(xy)])
        )
        if len(self._recent) > BIRTH_FRAMES:
            self._recent.pop(0)[1][:] = 0
        self._begin()

    def _update_from(self, xy: Floats, doppler: Floats, snr: Floats, who: Ints) -> None:
        """Move everybody who was given echoes to the weighted middle of them."""
        tracks = self._tracks
        n = len(tracks)
        mine = who >= 0
        if not mine.any():
            return
        who, xy, doppler, snr = who[mine], xy[mine], doppler[mine], snr[mine]
        weight = np.maximum(snr, 1.0)
        total = np.bincount(who, weight, n)
        which = np.flatnonzero(total > 0)
        middle = np.column_stack([np.bincount(who, weight * xy[:, k], n) for k in range(2)])
        z: Floats = middle[which] / total[which, None]
        speed = np.bincount(who, weight * doppler, n)[which] / total[which]
        count = np.bincount(who, minlength=n)[which]
        best = np.full(n, -np.inf)
        np.maximum.at(best, who, snr)
        sight = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 0.1)
        z = z + FRONT * sight
        few = BODY**2 / np.minimum(count, 20)
        r = self._error(z, self.settings.azimuth_resolution / 10) + few[:, None, None] * np.eye(2) + 0.05**2 * np.eye(2)
        tracks.update(which, z, r, speed, best[which])

    def _begin(self) -> None:
        """Begin new people where moving echoes that belong to nobody keep coming."""
        rows = np.concatenate([r for _, r in self._recent])
        if len(rows) < 4:
            return
        age = np.repeat(np.arange(len(self._recent)), [len(r) for _, r in self._recent])
        label, n = _clusters(rows[:, :2], self.settings.azimuth_resolution)
        count = np.bincount(label, minlength=n)
        centre = np.column_stack([np.bincount(label, rows[:, k], n) for k in range(2)]) / count[:, None]
        frames = np.zeros((n, len(self._recent)), np.bool_)
        frames[label, age] = True
        distance = np.linalg.norm(centre, axis=1)
        # The power of an echo falls with the fourth power of the distance, and with it the number of echoes.
        enough = np.clip(20 * (2.5 / np.maximum(distance, 1.0)) ** 2, 4, 20)
        good = (count >= enough) & (frames.sum(axis=1) >= BIRTH_FRAMES - 1) & frames[:, -1]
        if not good.any():
            return
        best = np.full(n, -np.inf)
        np.maximum.at(best, label, rows[:, 3])
        speed = np.bincount(label, rows[:, 2], n) / count
        good &= ~self._mirrored(centre, speed, best)
        order = np.flatnonzero(good)[np.argsort(-count[good])]
        chosen: list[int] = []
        for k in order:
            others = np.concatenate([self._tracks.xy, centre[chosen]])
            if not len(others) or np.linalg.norm(others - centre[k], axis=1).min() > ONE_BODY:
                chosen.append(int(k))
        if chosen:
            pick = np.array(chosen, np.intp)
            error = self._error(centre, self.settings.azimuth_resolution / 4)
            old, new = self._take_up(centre[pick])
            self._tracks.find(old, centre[pick[new]], error[pick[new]], best[pick[new]])
            pick = np.delete(pick, new)
            self._tracks.add(centre[pick], error[pick], speed[pick], best[pick])

    def _take_targets(self, targets: npt.NDArray[np.float32]) -> None:
        """Use a module's own targets: each is one measurement of one person; slots are no identities."""
        tracks = self._tracks
        sensor = targets[:, Target.X : Target.Z + 1].copy()
        flat = np.isnan(sensor[:, 2])
        floor = self._to_floor(np.where(np.isnan(sensor), 0.0, sensor).astype(np.float32))
        # Without a height the position is taken as measured along the ground.
        floor[flat, :2] = sensor[flat, :2]
        xy = floor[:, :2]
        good = self._inside(xy)
        xy, rows = xy[good], targets[good]
        sight = xy / np.maximum(np.linalg.norm(xy, axis=1, keepdims=True), 0.1)
        speed = (rows[:, Target.VX : Target.VY + 1] * sight).sum(axis=1)
        stale = (rows[:, Target.ECHOES] == 0) | (np.abs(speed) < 0.01)
        r = self._error(xy, self.settings.azimuth_resolution / 6) + 0.05**2 * np.eye(2)
        spread = 0.1**2 * np.eye(2) + self._error(tracks.xy, self.settings.azimuth_resolution / 6)
        who, cost = tracks.assign(xy, spread)
        taken: set[int] = set()
        used = np.zeros(len(xy), np.bool_)
        for k in np.argsort(cost):
            if who[k] != NOBODY and int(who[k]) not in taken:
                taken.add(int(who[k]))
                used[k] = True
        snr = np.full(len(xy), 20.0)
        speed = speed.astype(np.float64)
        tracks.update(who[used], xy[used], r[used], np.where(stale, np.nan, speed)[used], snr[used])
        new = ~used & ~stale & ~self._mirrored(xy, speed, snr)
        if len(tracks):
            apart = np.linalg.norm(xy[:, None] - tracks.xy[None], axis=2).min(axis=1)
            new &= apart > ONE_BODY
        tracks.add(xy[new], r[new], speed[new], snr[new])

    # Believing

    def _mirrored(self, xy: Floats, doppler: Floats, snr: Floats) -> Bools:
        """(k,) True where a wall would show the image of someone whose own echo is stronger and who moves."""
        return np.isfinite(self._image_cost(xy, doppler, snr))

    def _image_cost(self, xy: Floats, doppler: Floats, snr: Floats) -> Floats:
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
        stronger = (tracks.snr > snr[:, None] + 3.0) & (tracks.unseen() < 0.3) & (np.abs(tracks.doppler) > 0.1)
        return np.asarray(np.where(stronger, cost, np.inf).min(axis=1))

    def _judge(self, dt: float) -> None:
        """Confirm, hold, merge and drop people."""
        tracks, patience = self._tracks, self.settings.patience
        if not len(tracks):
            return
        mirrored = self._mirrored(tracks.xy, tracks.doppler, tracks.snr)
        tracks.ghost += min(1.0, dt / GHOST_MEMORY) * (mirrored - tracks.ghost)
        old = tracks.time - tracks.born >= patience.confirm_after
        tracks.confirmed |= old & (tracks.moved >= patience.confirm_moved) & (tracks.ghost < 0.3)
        unseen = tracks.unseen()
        allowed = np.where(tracks.confirmed, patience.forget, patience.forget_new)
        hidden = shadowed(tracks.xy, unseen < 0.3, self.settings.azimuth_resolution) & tracks.confirmed
        tracks.hidden = hidden & (unseen < patience.shadow)
        allowed = np.where(hidden, patience.shadow, allowed)
        inside = self._inside(tracks.xy)
        # A radar sees whoever moves in the open: who vanishes there has stopped.
        still = (
            tracks.confirmed & self._may_stand(tracks.xy) & ((tracks.speed < patience.still) | self._amid(tracks.xy))
        )
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

    def _amid(self, xy: Floats) -> Bools:
        """(n,) True for positions from which nobody can have walked out of sight within a moment."""
        left, right, near, far = self.settings.box
        x, y = xy[:, 0], xy[:, 1]
        inside = (x > left + MARGIN) & (x < right - MARGIN) & (y > near + MARGIN) & (y < far - MARGIN)
        return np.asarray(inside & (np.abs(x) < EDGE_OF_VIEW * np.maximum(y, 0.0)))

    def _take_up(self, xy: Floats) -> tuple[Ints, Ints]:
        """Rows of counted people who stopped giving echoes, and of the newcomers (k, 2) that they turn out to be."""
        tracks = self._tracks
        unseen = tracks.unseen()
        lost = np.flatnonzero(tracks.confirmed & (unseen > LOST_AFTER))
        if not len(lost) or not len(xy):
            return lost[:0], lost[:0]
        distance = np.linalg.norm(tracks.xy[lost][:, None] - xy[None], axis=2)
        cost = np.where(distance < np.minimum(LOST_NEAR + LOST_SPEED * unseen[lost], LOST_FAR)[:, None], distance, 1e3)
        i, j = linear_sum_assignment(cost)
        good = cost[i, j] < 1e3
        return lost[i[good]], j[good]

    def _recall(self) -> None:
        """A newcomer amid the floor came from somewhere: from where somebody was lost."""
        tracks = self._tracks
        new = np.flatnonzero(tracks.confirmed & (tracks.alone == 0.0) & (tracks.time - tracks.born < RECALL_AGE))
        lost = np.flatnonzero(tracks.confirmed & (tracks.unseen() > LOST_AFTER) & (tracks.alone > 0.0))
        if not len(new) or not len(lost):
            return
        gone = tracks.born[new][:, None] - tracks.seen[lost][None]
        distance = np.linalg.norm(tracks.origin[new][:, None] - tracks.xy[lost][None], axis=2)
        far = np.where(self._amid(tracks.origin[new]), RECALL_FAR, LOST_FAR)[:, None]
        reach = np.minimum(LOST_NEAR + RECALL_SPEED * np.maximum(gone, 0), far)
        cost = np.where(distance < reach, distance, 1e3)
        i, j = linear_sum_assignment(cost)
        good = cost[i, j] < 1e3
        keep = np.ones(len(tracks), np.bool_)
        keep[lost[j[good]]] = False
        tracks.alone[new[i[good]]] = tracks.alone[lost[j[good]]]
        tracks.keep(keep)

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

    def _positions(self) -> Positions:
        tracks = self._tracks
        out = tracks.confirmed & self._inside(tracks.xy)
        n = int(out.sum())
        unseen = tracks.unseen()[out]
        lost = np.clip((unseen - FRESH) / max(self.settings.patience.hold - FRESH, 1e-6), 0, 1)
        self.held = float((unseen > FRESH).mean()) if n else 0.0
        self.saturated = n >= self.settings.capacity
        cov = tracks.p[out][:, :2, :2] + POSITION_FLOOR**2 * np.eye(2)
        return Positions(tracks.xy[out].copy(), cov, SCORE_SEEN - (SCORE_SEEN - SCORE_LOST) * lost)


def _clusters(xy: Floats, resolution: float) -> tuple[Ints, int]:
    """Echoes linked by distances that grow with the range across the line of sight: label of each, and how many."""
    distance = np.linalg.norm(xy, axis=1)
    angle = np.arctan2(xy[:, 0], xy[:, 1])
    reach = 0.3 + 0.15 * resolution * distance
    # Scaled so that 1 is the reach along and across the line of sight.
    scaled = np.column_stack([distance / 0.35, angle * distance / reach])
    pairs = KDTree(scaled).query_pairs(1.0, output_type="ndarray")
    n = len(xy)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    return np.asarray(label, np.intp), int(count)


def _inside_polygon(xy: Floats, polygon: Floats) -> Bools:
    """(n,) True for points inside (even-odd rule)."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = xy[:, :1], xy[:, 1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(b[:, 1] == a[:, 1], 1e-12, b[:, 1] - a[:, 1])
    at = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return np.asarray((crosses & (x < at)).sum(axis=1) % 2 == 1)
