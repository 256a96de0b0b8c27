"""A radar module or a recording of one, with the pipeline that reduces its frames."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from drukte.config import Site
from drukte.config.radar import RadarGround, RadarLd2450Source, RadarRd03dSource, RadarReplaySource, RadarTiSource
from drukte.sense.geometry.plane import GroundError
from drukte.sense.geometry.view import View
from drukte.sense.lock.liveness import NotAliveError
from drukte.sense.people import Positions
from drukte.sense.radar_pipeline import RadarPipeline
from drukte.sense.result import FrameResult
from drukte.sense.sources.base import SourceEnded, SourceError
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_ld2450_setup import Ld2450Setup
from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_port import RadarError, find_port, open_port
from drukte.sense.sources.radar_reader import RadarReader
from drukte.sense.sources.radar_replay import RadarReplay
from drukte.sense.sources.radar_ti_cli import TiCommandLine, read_lines
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
        self._reader: RadarReader | None = None
        self._replay: RadarReplay | None = None
        self._frames: Iterator[RadarFrame] = iter(())
        self.fds: tuple[int, ...] = ()
        self.closed = False
        try:
            match settings:
                case RadarReplaySource():
                    module = MODULES[settings.module]
                    path = folder / settings.path
                    self.rate = None if settings.rate == "max" else 1 / module.period
                    period = None if isinstance(settings.rate, str) else 1 / settings.rate
                    try:
                        self._replay = RadarReplay(
                            path, module, real_time=settings.rate != "max", loop=settings.loop, period=period
                        )
                    except OSError as error:
                        raise RadarError(
                            f"radar recording {path}: {error.strerror}. Check source.path; "
                            "`drukte simulate radar --out FILE` makes one"
                        ) from None
                    self._frames = self._replay.frames()
                case RadarTiSource() | RadarLd2450Source() | RadarRd03dSource():
                    name = settings.module if isinstance(settings, RadarTiSource) else settings.kind[len("radar-") :]
                    module = MODULES[name]
                    self.rate = 1 / module.period
                    port = open_port(find_port(settings.port), module.baud)
                    if isinstance(settings, RadarTiSource):
                        configure(settings, folder, port)
                    else:
                        Ld2450Setup(port, settings.port).run()
                    self.fds = (port.fileno(),)
                    self._reader = RadarReader(lambda: port, module, name=settings.port)
                case _:
                    raise RadarError(f"source.kind {settings.kind} is no radar")
        except RadarError as error:
            raise SourceError(str(error)) from None
        self._pipeline = RadarPipeline(site, site.ground, module, settings.use)
        self._known = self._pipeline.answer()
        self._early: RadarFrame | None = None

    def _next(self, wait: float = WAIT) -> RadarFrame | None:
        if self._reader is not None:
            try:
                return self._reader.next(wait)
            except RadarError as error:
                raise SourceError(str(error)) from None
        frame = next(self._frames, None)
        if frame is None:
            raise SourceEnded("the radar recording is over")
        return frame

    def turn(self) -> list[FrameResult] | None:
        """See `Sight.turn`."""
        frame = self._next()
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
        frame = self._early or self._next(WAIT if until is None else 0.0)
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
            frame = self._next()
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
        if self._reader is not None:
            self._reader.close()
        if self._replay is not None:
            self._replay.close()

    def wipe(self) -> None:
        """See `Sight.wipe`."""
        if self._early is not None:
            self._early.wipe()
        if not self.closed:
            self.close()
        self._pipeline.wipe()


def configure(settings: RadarTiSource, folder: Path, data: object) -> None:
    """Send the configuration, if there is one. Raises RadarError."""
    if settings.configuration is None:
        return
    path = folder / settings.configuration
    try:
        lines = read_lines(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RadarError(f"radar configuration {path}: cannot be read ({error}). Check source.configuration") from None
    if settings.command_port is None:
        TiCommandLine(data, settings.port).configure(lines, str(path))  # type: ignore[arg-type]
        return
    port = open_port(find_port(settings.command_port), 115_200)
    try:
        TiCommandLine(port, settings.command_port).configure(lines, str(path))
    finally:
        port.close()
