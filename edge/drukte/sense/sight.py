"""A sensor and the way its frames go, as one thing that the room's loop turns: the same for cameras and radars."""

from pathlib import Path
from typing import Protocol

from drukte.config import Site
from drukte.config.radar import RADARS
from drukte.sense.result import FrameResult

__all__ = ["FrameResult", "Sight", "open_sight"]


class Sight(Protocol):
    """Frames, one at a time, read, reduced and wiped in one turn.

    Attributes:
        rate: frames per second that it aims at, None when as fast as possible.
        ioctls: device commands that it goes on using in the sealed room (see sense/lock/commands.py).
        fds: descriptors that it reads from there and that the seal cannot know.
    """

    rate: float | None
    ioctls: tuple[int, ...]
    fds: tuple[int, ...]

    @property
    def closed(self) -> bool:
        """Whether it has let go of its device or file."""

    def turn(self) -> list[FrameResult] | None:
        """Wait for the next frame and reduce it; None when none came in time. The frame is wiped on return.

        Raises:
            SourceEnded: a recording is over.
            SourceError: the sensor is gone.
        """

    def confirm(self) -> None:
        """Prove behind the seal that frames still come and that a known one still gives the answer it gave before.

        Raises:
            NotAliveError: they do not.
        """

    def forget(self) -> None:
        """Start anew: nobody is there."""

    def finish(self) -> list[FrameResult]:
        """Reduce what still waits when no more frames will come."""

    def close(self) -> None:
        """Let go of the device or file."""

    def wipe(self) -> None:
        """Overwrite everything that held a frame."""


def open_sight(site: Site, folder: Path, model: bytes) -> Sight:
    """What the site file names, opened; `folder` is where its relative paths start, `model` a camera's detector.

    Raises:
        SourceError: the sensor is not there or cannot be used.
        CalibrationError, GroundError: the ground section does not fit it.
    """
    if site.second is not None:
        from drukte.sense.pair_sight import PairSight

        return PairSight(site, folder, model)
    if site.source.kind in RADARS:
        from drukte.sense.radar_sight import RadarSight

        return RadarSight(site, folder)
    from drukte.sense.camera_sight import CameraSight

    return CameraSight(site, folder, model)
