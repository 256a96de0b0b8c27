"""The whole way of one picture: boxes, metres, tracks, numbers. The picture is the caller's, and stays there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drukte.config import Site
from drukte.sense.calibration import CalibrationError, ground_from
from drukte.sense.counts import ZoneCounts
from drukte.sense.detect.yolox import YoloxDetector
from drukte.sense.ground import Ground, GroundError
from drukte.sense.people import PERSON, Detections, Floats, Positions
from drukte.sense.reduce import Reducer
from drukte.sense.track import Tracker
from drukte.sense.view import View
from drukte.summary import RUNNING

WEAK = 0.1
"""Boxes scored lower than this are of no use even to the tracker."""


@dataclass(slots=True)
class Seen:
    """The people behind one frame's numbers, for measuring accuracy. Never leaves the process.

    Attributes:
        xy: (n, 2) places, m.
        boxes: (n, 4) boxes of this frame, px; NaN where somebody is counted without being seen.
        inside: one (n,) mask per zone.
    """

    xy: Floats
    boxes: Floats
    inside: list[NDArray[np.bool_]]


@dataclass(slots=True)
class FrameResult:
    """One frame, reduced. `state`, `calibration` and `mode` as in the door's record."""

    zones: list[ZoneCounts]
    state: int
    calibration: int
    mode: int
    seen: Seen


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
            CalibrationError: the ground section does not fit the pictures.
        """
        columns, rows = map(int, site.model.size.split("x"))
        low = min(WEAK, site.model.score)
        self._detector = YoloxDetector(model, (columns, rows), low=low, threads=site.model.threads)
        try:
            self._ground = ground_from(site.ground, folder).for_picture(width, height)
        except GroundError as error:
            raise CalibrationError(str(error)) from None
        self._site = site
        self._view = _view(self._ground)
        self.forget()

    def forget(self) -> None:
        """Start anew: no tracks, nobody in a zone."""
        self._tracker = Tracker(self._site.tracking, self._site.model.score, self._view)
        self._reducer = Reducer(self._site, self._view)

    def step(self, picture: NDArray[np.uint8], t: float) -> FrameResult:
        """Reduce one picture.

        Args:
            picture: (height, width, 3) uint8, blue, green, red.
            t: its time on a clock that never steps, s.
        """
        found = self._detector(picture)
        return self.count(found.select(found.kinds == PERSON), t)

    def count(self, people: Detections, t: float) -> FrameResult:
        """Reduce the boxes of one picture, wherever they come from."""
        xy, cov, ok = self._ground.positions(people.boxes, people.scores)
        rows = np.flatnonzero(ok)
        positions = Positions(xy[rows], cov[rows], people.scores[rows].astype(np.float64))
        tracks = self._tracker.update(positions, t)
        zones, states = self._reducer.reduce(tracks, t, self._ground.shared)
        boxes = np.full((len(tracks), 4), np.nan)
        boxes[tracks.source >= 0] = people.boxes[rows[tracks.source[tracks.source >= 0]]]
        seen = Seen(tracks.xy, boxes, [state.inside for state in states])
        return FrameResult(zones, RUNNING, 0, int(tracks.mode), seen)

    def places(self, boxes: NDArray[np.float64]) -> Floats:
        """(n, 2) metres where the people in these hand-drawn (n, 4) boxes stand; NaN beyond the horizon."""
        return self._ground.positions(boxes)[0]

    def answer(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What the detector makes of a picture, as numbers, to compare before and after the seal."""
        found = self._detector(picture)
        return np.column_stack([found.boxes, found.scores]).astype(np.float64)

    def wipe(self) -> None:
        """Overwrite every buffer that held pixels."""
        self._detector.wipe()


def _view(ground: Ground) -> View:
    """What the camera sees of the ground, as far as its calibration tells."""
    pose = ground.pose
    foot = None if pose is None else (float(pose.centre[0]), float(pose.centre[1]))
    height = None if pose is None else float(pose.centre[2])
    return View(visible=None, foot=foot, height=height)
