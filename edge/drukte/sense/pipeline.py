"""The whole way of one picture: boxes, metres, tracks, numbers. The picture is the caller's, and stays there."""

from collections import deque
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drukte.config import Site
from drukte.sense.bodies import Bodies
from drukte.sense.condition import Condition
from drukte.sense.detect.yolox import YoloxDetector
from drukte.sense.edges import Edges
from drukte.sense.furniture import Furniture
from drukte.sense.geometry.calibration import ground_from
from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.view import View
from drukte.sense.moved import SUSPECT, MovedCamera
from drukte.sense.people import PERSON, RIDER, WALKER, Detections, Floats, Positions
from drukte.sense.reduction.reduce import Reducer
from drukte.sense.result import FrameResult, Seen
from drukte.sense.riders import Pace, riding
from drukte.sense.tracking.smooth import Smoother
from drukte.sense.tracking.track import Tracker
from drukte.sense.tracking.tracks import Tracks
from drukte.summary import RUNNING

WEAK = 0.1
"""Boxes scored lower than this are of no use even to the tracker."""
VIEW_COLUMNS, VIEW_ROWS = 9, 33
"""How finely the edge of the visible ground is drawn."""
PLAIN = 0.02
"""Bends of that edge smaller than this are left out, m."""


class Pipeline:
    """Detector, ground plane, tracker and zones of one camera."""

    def __init__(self, site: Site, folder: Path, model: bytes, width: int, height: int) -> None:
        """Load everything that a frame needs on its way.

        Args:
            site: the device's site.
            folder: where relative paths of the site file start.
            model: the verified graph (see `drukte.models.read`).
            width, height: size of the pictures that will come, px.

        Raises:
            CalibrationError, GroundError: the ground section cannot be used or does not fit the pictures.
        """
        columns, rows = map(int, site.model.size.split("x"))
        low = min(WEAK, site.model.score)
        self._detector = YoloxDetector(model, (columns, rows), low=low, overlap=None, threads=site.model.threads)
        self._ground = ground_from(site.ground, folder).for_picture(width, height)
        self._bodies = Bodies(self._ground)
        self._moved = MovedCamera(width, height)
        self._condition = Condition(width, height)
        self._furniture = Furniture(site.tracking.furniture)
        self._edges = Edges(width, height)
        self._site = site
        self.view = view_of(self._ground)
        self.forget()

    def forget(self) -> None:
        """Start anew: no tracks, nobody in a zone."""
        self._tracker = Tracker(self._site.tracking, self._site.model.score, self.view)
        self._smoother = Smoother(shared=self._ground.shared, view=self.view)
        self._reducer = Reducer(self._site, self.view)
        self._pace = Pace()
        self._moved.forget()
        self._condition.forget()
        self._furniture.forget()
        self._state = RUNNING
        self._states: deque[tuple[float, int]] = deque()  # of pictures whose numbers are still to come

    def step(self, picture: NDArray[np.uint8], t: float) -> list[FrameResult]:
        """Look at one picture, and reduce those that can be judged now: from about a second ago, see `smooth`.

        Args:
            picture: (height, width, 3) uint8, blue, green, red.
            t: its time on a clock that never steps, s.
        """
        found = self._find(picture, t)
        self._states.append((t, self.state))
        if found is None:
            nobody = Seen(np.empty((0, 2)), self._bodies.boxes)
            return [*self.finish(), FrameResult(t, [], self._state_at(t), self._moved.calibration, 0, nobody)]
        return self._follow(*found, t)

    def look(self, picture: NDArray[np.uint8], t: float) -> Positions:
        """The people in one picture, for who follows and reduces them together with another sensor's."""
        found = self._find(picture, t)
        return Positions.empty() if found is None else found[1]

    @property
    def state(self) -> int:
        """The sensor's state by the last picture, as in the door's record."""
        return self._condition.state

    def _find(self, picture: NDArray[np.uint8], t: float) -> tuple[Detections, Positions] | None:
        """The people in one picture and where they stand; None if it shows nothing (see `condition`)."""
        self._condition.look(picture, t)
        if self._condition.blind:
            return None
        before = self._moved.calibration
        self._moved.look(picture, t)
        if self._moved.calibration == SUSPECT != before:
            self._furniture.forget()  # what was learned of the place is not true of this one
        found = self._detect(picture)
        people, positions = self._bodies.settle(found.select(found.kinds == PERSON))
        positions.kinds = np.where(riding(people, found), RIDER, WALKER).astype(np.uint8)
        things = self._furniture.things(partial(self._edges.measure, picture), people, t)
        if things.any():
            people, positions = people.select(~things), positions.select(~things)
        return people, positions

    def _detect(self, picture: NDArray[np.uint8]) -> Detections:
        try:
            return self._detector(picture)
        finally:
            self._detector.wipe()  # its small copies of the picture go with the picture

    def count(self, people: Detections, t: float, drawn: bool = False) -> list[FrameResult]:
        """The same for boxes from elsewhere, one for each person; `drawn`: by hand, so without a detector's errors."""
        return self._follow(*self._bodies.place(people, drawn), t)

    def finish(self) -> list[FrameResult]:
        """Reduce the last pictures of a source that has ended."""
        return [self._reduce(tracks, t) for t, tracks in self._smoother.flush()]

    def _follow(self, people: Detections, positions: Positions, t: float) -> list[FrameResult]:
        tracks = self._tracker.update(positions, t)
        tallness = np.full(len(tracks), np.nan)
        seen = tracks.source >= 0
        tallness[seen] = self._bodies.tallness(people.boxes)[tracks.source[seen]]
        self._moved.measure(tracks, tallness)
        return [self._reduce(then, at) for at, then in self._smoother.update(tracks, positions, t)]

    def _reduce(self, tracks: Tracks, t: float) -> FrameResult:
        zones, states = self._reducer.reduce(self._pace.judge(tracks, t), t, self._ground.shared)
        seen = Seen(tracks.xy, self._bodies.boxes, [state.inside for state in states], tracks.ids)
        return FrameResult(t, zones, self._state_at(t), self._moved.calibration, int(tracks.mode), seen)

    def _state_at(self, t: float) -> int:
        """The sensor's state when the picture of `t` s was taken."""
        while self._states and self._states[0][0] <= t:
            self._state = self._states.popleft()[1]
        return self._state

    @property
    def calibration(self) -> int:
        """As in the door's record."""
        return self._moved.calibration

    def places(self, boxes: NDArray[np.float64]) -> Floats:
        """(n, 2) metres where the people in these hand-drawn (n, 4) boxes stand; NaN beyond the horizon."""
        return self._ground.positions(boxes)[0]

    def answer(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What the detector makes of a picture, as numbers, to compare before and after the seal."""
        found = self._detect(picture)
        return np.column_stack([found.boxes, found.scores]).astype(np.float64)

    def everybody(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Floats, Floats]:
        """Whoever may be in a picture, however unsure, without the tracker.

        Returns:
            (n, 4) all boxes, several for each person, px; then for each person once: (m, 2) places, m, and (m,) scores.
        """
        found = self._detect(picture)
        _, positions = self._bodies.settle(found.select(found.kinds == PERSON))
        return found.boxes, positions.xy, positions.scores

    def wipe(self) -> None:
        """Overwrite every buffer that held pixels."""
        self._detector.wipe()
        self._moved.wipe()
        self._condition.wipe()
        self._furniture.wipe()
        self._edges.wipe()


def view_of(ground: Ground) -> View:
    """What the camera sees of the ground: the part of the picture where places can be told, in metres."""
    width, height = ground.picture
    columns = np.linspace(0, width - 1, VIEW_COLUMNS)
    rows = np.linspace(height - 1, 0, VIEW_ROWS)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)
    xy, _, ok = ground.to_ground(grid.reshape(-1, 2))
    xy, told = xy.reshape(*grid.shape), np.logical_and.accumulate(ok.reshape(grid.shape[:2]), axis=0)
    seen = told.sum(axis=0)
    here = np.flatnonzero(seen)
    visible = None
    if len(here) > 1:
        far = xy[seen[here] - 1, here]
        left, right = xy[: seen[here[0]], here[0]], xy[: seen[here[-1]], here[-1]]
        outline = np.concatenate([left, far[1:-1], right[::-1], xy[0, here[-2:0:-1]]])
        middle = outline.mean(axis=0)  # single precision is of use near zero only
        visible = cv2.approxPolyDP((outline - middle).astype(np.float32), PLAIN, True)[:, 0] + middle
    pose = ground.pose
    if pose is None:
        return View(visible=visible)
    x, y, z = pose.centre.tolist()
    return View(visible=visible, foot=(x, y), height=z)
