"""A camera or recorded pictures, with the pipeline that reduces them."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drukte.config import Site
from drukte.sense.frame import Frame
from drukte.sense.geometry.view import View
from drukte.sense.lock.liveness import KnownPicture, confirm_frames
from drukte.sense.people import Positions
from drukte.sense.pipeline import Pipeline
from drukte.sense.result import FrameResult
from drukte.sense.sources import open_source


class CameraSight:
    """See `Sight`."""

    fds: tuple[int, ...] = ()

    def __init__(self, site: Site, folder: Path, model: bytes) -> None:
        self._source = open_source(site.source, folder)
        self.rate, self.ioctls = self._source.rate, self._source.ioctls
        height, width = self._source.height, self._source.width
        self._frame = Frame(height, width)
        self._pipeline = Pipeline(site, folder, model, width, height)
        self._at = -math.inf
        self._known = KnownPicture(self._pipeline.answer, height, width)

    @property
    def closed(self) -> bool:
        """See `Sight`."""
        return self._source.closed

    def turn(self) -> list[FrameResult] | None:
        """See `Sight.turn`."""
        with self._frame as frame:
            at = self._source.read(frame)
            return None if at is None else self._step(frame.image, at)

    def _step(self, picture: NDArray[np.uint8], at: float) -> list[FrameResult]:
        """Reduce one picture, which is wiped on return."""
        return self._pipeline.step(picture, at)

    @property
    def view(self) -> View:
        """What it sees of the ground."""
        return self._pipeline.view

    @property
    def calibration(self) -> int:
        """As in the door's record."""
        return self._pipeline.calibration

    @property
    def state(self) -> int:
        """As in the door's record."""
        return self._pipeline.state

    def look(self, until: float | None = None) -> tuple[float, Positions] | None:
        """Time and people of the next picture; None if none came in time or none is due `until` then, s."""
        if until is not None and self._at + (1 / self.rate if self.rate else 0.0) > until:
            return None
        with self._frame as frame:
            at = self._source.read(frame)
            if at is None:
                return None
            self._at = at
            return at, self._pipeline.look(frame.image, at)

    def confirm(self) -> None:
        """See `Sight.confirm`."""
        frame = self._frame
        with frame:
            confirm_frames(lambda: None if self._source.read(frame) is None else frame.image)
        self._known.confirm()

    def forget(self) -> None:
        """See `Sight.forget`."""
        self._pipeline.forget()

    def finish(self) -> list[FrameResult]:
        """See `Sight.finish`."""
        return self._pipeline.finish()

    def close(self) -> None:
        """See `Sight.close`."""
        self._source.close()

    def wipe(self) -> None:
        """See `Sight.wipe`."""
        self._frame.wipe()
        self._pipeline.wipe()
