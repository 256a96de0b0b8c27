"""People from radar echoes or from a module's own targets, as positions on the floor with covariances.

Floor frame: origin on the ground under the sensor, x to the right as seen by the sensor, y forward, metres. What
follows - the site's ground plane, tracks, zones, distances - is shared with the camera.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from drukte.sense.detect.echo_beliefs import Beliefs, EchoSettings
from drukte.sense.detect.echo_room import Unrest
from drukte.sense.detect.echo_tracks import BODY, FRONT, NOBODY, Tracks
from drukte.sense.people import Positions
from drukte.sense.sources.radar import Echo, RadarFrame, Target

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

FRESH: Final = 1.0  # s; who was not seen for longer is held
SCORE_SEEN: Final = 0.9
SCORE_LOST: Final = 0.3  # of someone about to be given up
MIN_DOPPLER: Final = 0.15  # m/s, from which an echo counts as moving
POSITION_FLOOR: Final = 0.06  # m; body shape and calibration, whatever the filter believes
BIRTH_FRAMES: Final = 4
ONE_BODY: Final = 0.6  # m; clusters nearer than this are one person
MIN_HEIGHT, MAX_HEIGHT = -0.6, 2.6  # m above the ground, of an echo that may be a person


class EchoDetector:
    """Turns radar frames into people, one frame after another.

    After each `detect`:
        held: share of the people reported that had no fresh echo, 0 to 1.
        saturated: True when there may be more people than the module can tell apart.
    """

    def __init__(self, settings: EchoSettings | None = None) -> None:
        self.settings = settings or EchoSettings()
        self._tracks = Tracks()
        self._beliefs = Beliefs(self.settings, self._tracks)
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
        self._beliefs.judge(dt)
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
        x, y, z = sensor.T  # not made double first: numpy keeps small arrays that are freed as they are
        c, s = np.cos(self.settings.tilt), np.sin(self.settings.tilt)
        return np.column_stack([x, c * y + s * z, -s * y + c * z + self.settings.height])

    def _take_echoes(self, points: npt.NDArray[np.float32], dt: float) -> None:
        tracks = self._tracks
        floor = self._to_floor(points[:, :3])
        good = self._beliefs.inside(floor[:, :2]) & (floor[:, 2] > MIN_HEIGHT) & (floor[:, 2] < MAX_HEIGHT)
        xy, doppler, snr = floor[good, :2], points[good, Echo.DOPPLER], points[good, Echo.SNR]
        snr = np.where(np.isfinite(snr), snr, 0.0)
        moving = np.abs(doppler) > MIN_DOPPLER
        spread = BODY**2 * np.eye(2) + self._beliefs.error(tracks.xy, self.settings.azimuth_resolution / 6)
        who, cost = tracks.assign(xy, spread, doppler.astype(np.float64))
        if len(tracks):
            fresh = (who != NOBODY) & (tracks.confirmed & (tracks.unseen() < 0.3))[np.where(who == NOBODY, 0, who)]
            image = self._beliefs.image_cost(xy, doppler, snr) < np.where(fresh, cost, np.inf)
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
        r = (
            self._beliefs.error(z, self.settings.azimuth_resolution / 10)
            + few[:, None, None] * np.eye(2)
            + 0.05**2 * np.eye(2)
        )
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
        good &= ~self._beliefs.mirrored(centre, speed, best)
        order = np.flatnonzero(good)[np.argsort(-count[good])]
        chosen: list[int] = []
        for k in order:
            others = np.concatenate([self._tracks.xy, centre[chosen]])
            if not len(others) or np.linalg.norm(others - centre[k], axis=1).min() > ONE_BODY:
                chosen.append(int(k))
        if chosen:
            pick = np.array(chosen, np.intp)
            error = self._beliefs.error(centre, self.settings.azimuth_resolution / 4)
            old, new = self._beliefs.take_up(centre[pick])
            self._tracks.find(old, centre[pick[new]], error[pick[new]], best[pick[new]])
            pick = np.delete(pick, new)
            self._tracks.add(centre[pick], error[pick], speed[pick], best[pick])

    def _take_targets(self, targets: npt.NDArray[np.float32]) -> None:
        """Use a module's own targets: each is one measurement of one person; slots are no identities."""
        tracks = self._tracks
        sensor = targets[:, Target.X : Target.Z + 1].copy()
        flat = np.isnan(sensor[:, 2])
        sensor[flat, 2] = 0.0
        floor = self._to_floor(sensor)
        # Without a height the position is taken as measured along the ground.
        floor[flat, :2] = sensor[flat, :2]
        xy = floor[:, :2]
        good = self._beliefs.inside(xy)
        xy, rows = xy[good], targets[good]
        sight = xy / np.maximum(np.linalg.norm(xy, axis=1, keepdims=True), 0.1)
        speed = (rows[:, Target.VX : Target.VY + 1] * sight).sum(axis=1)
        stale = (rows[:, Target.ECHOES] == 0) | (np.abs(speed) < 0.01)
        for copied in (sensor, rows):  # numpy keeps small arrays that are freed as they are
            copied.fill(0)
        r = self._beliefs.error(xy, self.settings.azimuth_error) + 0.05**2 * np.eye(2)
        spread = 0.1**2 * np.eye(2) + self._beliefs.error(tracks.xy, self.settings.azimuth_error)
        who, cost = tracks.assign(xy, spread)
        taken: set[int] = set()
        used = np.zeros(len(xy), np.bool_)
        for k in np.argsort(cost):
            if who[k] != NOBODY and int(who[k]) not in taken:
                taken.add(int(who[k]))
                used[k] = True
        # At the edge of the view a target that the module holds is not somebody who stopped, but who walked out.
        if len(tracks):
            used &= ~stale | self._beliefs.amid(tracks.xy)[np.maximum(who, 0)]
        snr = np.full(len(xy), np.nan)
        speed = speed.astype(np.float64)
        tracks.update(who[used], xy[used], r[used], np.where(stale, np.nan, speed)[used], snr[used])
        new = ~used & ~stale & ~self._beliefs.mirrored(xy, speed, snr) & ~self._beliefs.between(xy)
        if len(tracks):
            apart = np.linalg.norm(xy[:, None] - tracks.xy[None], axis=2).min(axis=1)
            new &= apart > ONE_BODY
        pick = np.flatnonzero(new)
        old, again = self._beliefs.take_up(xy[pick])
        tracks.find(old, xy[pick[again]], r[pick[again]], snr[pick[again]])
        pick = np.delete(pick, again)
        tracks.add(xy[pick], r[pick], speed[pick], snr[pick])

    # Reporting

    def _positions(self) -> Positions:
        tracks = self._tracks
        out = tracks.confirmed & self._beliefs.inside(tracks.xy)
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
