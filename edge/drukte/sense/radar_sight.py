"""A radar module or a recording of one, with the pipeline that reduces its frames."""

from pathlib import Path
from typing import Final

import numpy as np

from drukte.config import Site
from drukte.config.radar import RadarGround, RadarSource
from drukte.sense.geometry.plane import GroundError
from drukte.sense.geometry.view import View
from drukte.sense.lock.liveness import NotAliveError
from drukte.sense.people import Positions
from drukte.sense.radar_pipeline import RadarPipeline
from drukte.sense.result import FrameResult
from drukte.sense.sources.base import SourceError
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_open import open_radar
from drukte.summary import RUNNING

WAIT: Final = 0.5
TRIES: Final = 20


class RadarSight:
    """See `Sight`."""

    ioctls: tuple[int, ...] = ()

    def __init__(self, site: Site, folder: Path) -> None:
        if not isinstance(site.ground, RadarGround):
            raise GroundError("a radar needs ground.kind radar")
        settings = site.source
        if not isinstance(settings, RadarSource):
            raise SourceError(f"source.kind {settings.kind} is no radar")
        self.closed = False
        self._reader = open_radar(settings, folder)
        self.fds, self.rate = self._reader.stream.fds, self._reader.stream.rate
        self._pipeline = RadarPipeline(site, site.ground, self._reader.module, settings.use)
        self._known = self._pipeline.answer()
        self._early: RadarFrame | None = None

    def turn(self) -> list[FrameResult] | None:
        """See `Sight.turn`."""
        frame = self._reader.next(WAIT)
        if frame is None:
            return None
        try:
            return self._step(frame)
        finally:
            frame.wipe()

    def _step(self, frame: RadarFrame) -> list[FrameResult]:
        """Reduce one frame, which is wiped on return."""
        return self._pipeline.step(frame)

    @property
    def view(self) -> View:
        """What it sees of the ground."""
        return self._pipeline.view

    calibration = 0
    state = RUNNING

    def look(self, until: float | None = None) -> tuple[float, Positions] | None:
        """Time and people of the next frame; None if none came in time or, with `until` (s), none up to then."""
        frame = self._early or self._reader.next(WAIT if until is None else 0.0)
        self._early = None
        if frame is None:
            return None
        if until is not None and frame.time > until:
            self._early = frame
            return None
        try:
            return frame.time, self._pipeline.look(frame)
        finally:
            frame.wipe()

    def confirm(self) -> None:
        """See `Sight.confirm`."""
        numbers: set[int] = set()
        for _ in range(TRIES):
            frame = self._reader.next(WAIT)
            if frame is not None:
                numbers.add(frame.sequence)
                frame.wipe()
            if len(numbers) > 1:
                break
        else:
            raise NotAliveError("the radar gives no new frames behind the seal")
        if not np.allclose(self._pipeline.answer(), self._known, atol=1e-6):
            raise NotAliveError("a made walker gives another answer behind the seal than before it")

    def forget(self) -> None:
        """See `Sight.forget`."""
        self._pipeline.forget()

    def finish(self) -> list[FrameResult]:
        """See `Sight.finish`."""
        return []

    def close(self) -> None:
        """See `Sight.close`."""
        self.closed = True
        self._reader.close()

    def wipe(self) -> None:
        """See `Sight.wipe`."""
        if self._early is not None:
            self._early.wipe()
        if not self.closed:
            self.close()
        self._pipeline.wipe()
