"""Two sensors that look at one ground plane, in one sealed room: a camera and a radar, or two of a kind.

Each sensor's way ends at positions with covariances; here they become one set of people, which is followed and
reduced once, so that nobody counts twice. How far the two agree is counted too: sensors of different kinds do not err
together, so that a low agreement tells of a wrong calibration or a blind sensor without a picture being kept.
"""

from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from drukte.config import Site
from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.geometry.view import View
from drukte.sense.people import Floats, Positions
from drukte.sense.radar_pipeline import HELD, SURE
from drukte.sense.reduction.reduce import Reducer
from drukte.sense.result import FrameResult, Seen, no_boxes
from drukte.sense.tracking.smooth import Smoother
from drukte.sense.tracking.together import Together, together
from drukte.sense.tracking.track import Tracker
from drukte.sense.tracking.tracks import Tracks
from drukte.summary import RUNNING

STALE: Final = 2.0
"""s after which what a sensor saw last is no longer said of now."""
WITNESS: Final = 2.0
"""s for which a camera that sees somebody vouches for them: detectors miss people in plain view for moments."""
NEAR: Final = 1.0
"""m within which it vouches."""
TRUST_OVER: Final = 60.0
"""s over which it is learned how many of the people with fresh echoes a camera sees."""
TRUSTED: Final = 0.3
"""Share of them from which a camera is believed when it sees nobody; at night it sees none."""


class Eye(Protocol):
    """What is asked of each of the two: a `Sight` that can stop at positions."""

    rate: float | None
    ioctls: tuple[int, ...]
    fds: tuple[int, ...]

    @property
    def closed(self) -> bool:
        """Whether it has let go of its device or file."""

    @property
    def view(self) -> View:
        """What it sees of the ground."""

    @property
    def calibration(self) -> int:
        """As in the door's record."""

    @property
    def state(self) -> int:
        """Of the sensor, as in the door's record."""

    def look(self, until: float | None = None) -> tuple[float, Positions] | None:
        """Time and people of the next frame: the next at all, or None if there is none up to `until` yet."""

    def confirm(self) -> None:
        """See `Sight.confirm`."""

    def forget(self) -> None:
        """See `Sight.forget`."""

    def close(self) -> None:
        """See `Sight.close`."""

    def wipe(self) -> None:
        """See `Sight.wipe`."""


class Pair:
    """Positions of two sensors, followed and reduced as one crowd.

    Args:
        site: the device's site.
        views: what each sensor sees.
        cameras: which of them are cameras.
    """

    def __init__(self, site: Site, views: tuple[View, View], cameras: tuple[bool, bool]) -> None:
        self._site, self._views, self._cameras = site, views, cameras
        self.forget()

    def forget(self) -> None:
        """Start anew: nobody is there."""
        self._sure = self._site.model.score if all(self._cameras) else SURE
        self._tracker = Tracker(self._site.tracking, self._sure)
        self._smoother = Smoother()
        self._reducer = Reducer(self._site)
        self._last: list[tuple[float, Positions] | None] = [None, None]
        self._witnessed: list[tuple[float, Positions]] = []
        self._trust, self._time = 1.0, 0.0
        self._agreed: list[tuple[float, Together]] = []

    def see(self, which: int, t: float, people: Positions) -> None:
        """Take in what one sensor saw at time `t`, s."""
        if self._cameras[which]:
            # One tracker serves both: scores are put on its scale, on which `_sure` begins a track.
            people = Positions(people.xy, people.cov, people.scores * self._sure / self._site.model.score, people.kinds)
        self._last[which] = t, people
        if self._cameras[which]:
            self._witnessed.append((t, people))
            self._witnessed = [(at, seen) for at, seen in self._witnessed if t - at <= WITNESS]

    def step(self, t: float, calibration: int = 0, state: int = RUNNING) -> list[FrameResult]:
        """Reduce the moment `t`, s; see `Pipeline.step` for when results come."""
        now = [p[1] if p is not None and t - p[0] <= STALE else Positions.empty() for p in self._last]
        apart = abs(self._last[0][0] - self._last[1][0]) if self._last[0] and self._last[1] else 0.0
        people = together(now[0], now[1], self._views, min(apart, STALE))
        if self._cameras == (True, False):
            people = self._vouched(people, now[0], t - self._time)
        self._time = t
        self._agreed.append((t, people))
        tracks = self._tracker.update(people.positions, t)
        late = self._smoother.update(tracks, people.positions, t)
        return [self._reduce(then, at, calibration, state) for at, then in late]

    def finish(self) -> list[FrameResult]:
        """Reduce the last moments."""
        return [self._reduce(tracks, t, 0) for t, tracks in self._smoother.flush()]

    def _vouched(self, people: Together, camera: Positions, dt: float) -> Together:
        """Without radar people whom the camera should see and does not: remembered ones who went, images, seconds."""
        xy = people.positions.xy
        plain = ~self._views[0].outside(xy) & ~self._views[0].hidden(xy, camera.xy)
        both = np.asarray(people.seen_by.all(axis=1))
        sure = plain & people.seen_by[:, 1] & (people.positions.scores >= HELD)
        if sure.any():
            self._trust += min(1.0, dt / TRUST_OVER) * (float(both[sure].mean()) - self._trust)
        if self._trust < TRUSTED:
            return people
        # A person whom the detector misses for a moment was seen there, and nobody else stands there now.
        missed = _near(xy, [seen.xy for _, seen in self._witnessed]) & ~_near(xy, [camera.xy])
        keep = np.asarray(people.seen_by[:, 0] | ~plain | missed, np.bool_)
        return Together(people.positions.select(keep), people.seen_by[keep], people.common[keep])

    def _reduce(self, tracks: Tracks, t: float, calibration: int, state: int = RUNNING) -> FrameResult:
        zones, states = self._reducer.reduce(tracks, t)
        while len(self._agreed) > 1 and self._agreed[0][0] < t - 1e-6:
            self._agreed.pop(0)
        people = self._agreed[0][1]
        for zone, counts in zip(self._site.zones, zones, strict=True):
            inside = people.common & (signed_distance(people.positions.xy, np.array(zone.polygon)) >= 0)
            counts.judged = int(inside.sum())
            counts.agreed = int((inside & people.seen_by.all(axis=1)).sum())
        seen = Seen(tracks.xy, no_boxes, [one.inside for one in states], tracks.ids)
        return FrameResult(t, zones, state, calibration, int(tracks.mode), seen)


class PairSight:
    """See `Sight`."""

    def __init__(self, site: Site, folder: Path, model: bytes) -> None:
        self._eyes: list[Eye] = []
        try:
            self._eyes.extend(_open(one, folder, model) for one in site.sensors())
        except BaseException:
            for eye in self._eyes:
                eye.wipe()
            raise
        first, second = self._eyes
        self.rate, self.ioctls = first.rate, first.ioctls + second.ioctls
        self.fds = first.fds + second.fds
        cameras = [one.ground.kind != "radar" for one in site.sensors()]
        self._pair = Pair(site, (first.view, second.view), (cameras[0], cameras[1]))

    @property
    def closed(self) -> bool:
        """See `Sight`."""
        return all(eye.closed for eye in self._eyes)

    def turn(self) -> list[FrameResult] | None:
        """See `Sight.turn`. The first sensor sets the pace; the second's frames up to then are taken in before."""
        first, second = self._eyes
        found = first.look()
        if found is None:
            return None
        t, people = found
        while (other := second.look(t)) is not None:
            self._pair.see(1, *other)
        self._pair.see(0, t, people)
        # One that sees nothing makes the window doubtful, though the other goes on counting.
        state = first.state if first.state != RUNNING else second.state
        return self._pair.step(t, max(first.calibration, second.calibration), state)

    def confirm(self) -> None:
        """See `Sight.confirm`."""
        for eye in self._eyes:
            eye.confirm()

    def forget(self) -> None:
        """See `Sight.forget`."""
        for eye in self._eyes:
            eye.forget()
        self._pair.forget()

    def finish(self) -> list[FrameResult]:
        """See `Sight.finish`."""
        return self._pair.finish()

    def close(self) -> None:
        """See `Sight.close`."""
        for eye in self._eyes:
            eye.close()

    def wipe(self) -> None:
        """See `Sight.wipe`."""
        for eye in self._eyes:
            eye.wipe()
        self._pair.forget()


def _near(xy: Floats, others: list[Floats]) -> NDArray[np.bool_]:
    """(n,) whether any of `others` is within `NEAR` of each."""
    points = np.concatenate([*others, np.empty((0, 2))])
    return np.asarray((np.linalg.norm(xy[:, None] - points[None], axis=2) < NEAR).any(axis=1))


def _open(site: Site, folder: Path, model: bytes) -> Eye:
    """The eye of a site with one sensor. What a radar does not need is not loaded for it."""
    if site.ground.kind == "radar":
        from drukte.sense.radar_sight import RadarSight

        return RadarSight(site, folder)
    from drukte.sense.camera_sight import CameraSight

    return CameraSight(site, folder, model)
