"""Look through the sensor's own eyes for a while: boxes of people over time, and the plate. Never inside `sense`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from drukte.config.source import Model
from drukte.models import read
from drukte.sense.detect.yolox import YoloxDetector
from drukte.sense.frame import Frame
from drukte.sense.people import PERSON, Floats
from drukte.sense.sources import SourceEnded, open_source
from drukte_tools.calibrate.page.plate import Plate

DOUBTFUL: Final = 0.1
"""Score from which a detection is cut out of the plate: rather a grey spot than a person."""
EVERY: Final = 0.5
"""Seconds between two frames that the plate takes in."""
OVERLAP: Final = 0.2
"""Part of a tile that its neighbour sees too."""
LIVE_LIMIT: Final = 3600.0


@dataclass(frozen=True, slots=True, repr=False)
class Sight:
    """The people in one frame.

    Attributes:
        time: s.
        boxes: (n, 4) px.
        scores: (n,).
    """

    time: float
    boxes: Floats
    scores: Floats


class Watcher:
    """Source and detector of a site, opened for calibrating; use it as a context."""

    def __init__(self, source: Any, model: Model, folder: Path) -> None:
        """Open them.

        Raises:
            SourceError, ModelError: either cannot be used.
        """
        columns, rows = map(int, model.size.split("x"))
        self._graph = read(model.name, model.size)
        self._detector = YoloxDetector(self._graph, (columns, rows), low=DOUBTFUL, threads=model.threads)
        self._source = open_source(source, folder)
        self.size = self._source.width, self._source.height
        self._frame = Frame(self._source.height, self._source.width)

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self._frame.wipe()
        self._detector.wipe()
        self._source.close()

    def sights(self, seconds: float, least_score: float) -> Iterator[Sight]:
        """The people in every frame, until `seconds` have passed on the source's clock or the recording is over."""
        first = None
        while True:
            with self._frame:
                try:
                    at = self._source.read(self._frame)
                except SourceEnded:
                    return
                if at is None:
                    continue
                first = at if first is None else first
                if at - first > seconds:
                    return
                found = self._detector(self._frame.image)
                kept = found.select((found.kinds == PERSON) & (found.scores >= least_score))
            yield Sight(at, kept.boxes.astype(np.float64), kept.scores.astype(np.float64))

    def people(self, picture: NDArray[np.uint8]) -> Floats:
        """(n, 4) boxes of whatever may be a person, of any size: the whole picture and tiles of it are searched."""
        height, width = picture.shape[:2]
        boxes = [_person_boxes(self._detector, picture, 0, 0)]
        for left, right in _tiles(width):
            for top, bottom in _tiles(height):
                boxes.append(_person_boxes(self._detector, picture[top:bottom, left:right], left, top))
        return np.concatenate(boxes)

    def plate(self, seconds: float, told: Callable[[float, float], None]) -> Plate:
        """Build the plate from `seconds` of the source (or all of a recording that ends sooner).

        Args:
            seconds: how long to look, on the source's clock.
            told: is told seconds passed and share resolved, about once a second of that clock.
        """
        plate = Plate(self.size[1], self.size[0])
        first: float | None = None
        due = shown = 0.0
        began = time.monotonic()
        try:
            while time.monotonic() - began < LIVE_LIMIT:
                with self._frame:
                    try:
                        at = self._source.read(self._frame)
                    except SourceEnded:
                        break
                    if at is None:
                        continue
                    first = at if first is None else first
                    passed = at - first
                    if passed > seconds:
                        break
                    if passed >= due:
                        due = passed + EVERY
                        plate.add(self._frame.image, self.people(self._frame.image))
                        if passed - shown >= 1:
                            shown = passed
                            told(passed, plate.resolved)
            plate.search(self.people)
        except BaseException:
            plate.wipe()
            raise
        return plate


def _person_boxes(detector: YoloxDetector, picture: NDArray[np.uint8], left: int, top: int) -> Floats:
    found = detector(np.ascontiguousarray(picture))
    boxes = found.boxes[found.kinds == PERSON].astype(np.float64)
    return np.asarray(boxes + np.array([left, top, left, top]))


def _tiles(length: int) -> list[tuple[int, int]]:
    """Two halves of a side that overlap by OVERLAP."""
    part = int(length * (0.5 + OVERLAP / 2))
    return [(0, part), (length - part, length)]
