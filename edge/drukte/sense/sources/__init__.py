"""Where frames come from. `open_source` opens what the site file names."""

from pathlib import Path

from drukte.config.source import CameraSource, CanarySource, ImagesSource, PiCameraSource, VideoSource
from drukte.config.source import Source as Settings
from drukte.sense.sources.base import Source, SourceEnded, SourceError

__all__ = ["Source", "SourceEnded", "SourceError", "open_source"]


def open_source(settings: Settings, folder: Path) -> Source:
    """The opened source; `folder` is where relative paths of the site file start.

    Raises:
        SourceError: it is not there or cannot be used.
    """
    from drukte.sense.sources.camera import Camera, PiCamera
    from drukte.sense.sources.canary import Canary
    from drukte.sense.sources.recorded import Images, Video

    match settings:
        case VideoSource():
            return Video(settings, folder)
        case ImagesSource():
            return Images(settings, folder)
        case CameraSource():
            return Camera(settings)
        case PiCameraSource():
            return PiCamera(settings)
        case CanarySource():
            return Canary(settings)
        case _:
            raise SourceError(f"source.kind {settings.kind} is no camera")
