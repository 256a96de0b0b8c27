"""Recorded pictures: a video file or a folder of images. For demos, tests and measuring accuracy."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from drukte.config.source import ImagesSource, VideoSource
from drukte.sense.frame import Frame
from drukte.sense.sources.base import Pace, SourceEnded, SourceError, put

MAX_FOLDER: Final = 512 * 1024 * 1024
"""Most bytes of image files: they are read before the seal, since no file can be opened after it."""
PICTURES: Final = (".jpg", ".jpeg", ".png", ".bmp")
USUAL_RATE: Final = 25.0


class Video:
    """A video file. Frames carry the time of the recording when played as fast as possible, else real time."""

    devices: tuple[str, ...] = ()
    ioctls: tuple[int, ...] = ()
    closed = False

    def __init__(self, settings: VideoSource, folder: Path) -> None:
        path = folder / settings.path
        if not path.is_file():
            raise SourceError(f"video {path}: no such file. Check `source.path` in the site file")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(f"video {path}: cannot be decoded. Use a format that FFmpeg knows (AVI, MP4, MKV)")
        self.path = path
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        own = self._capture.get(cv2.CAP_PROP_FPS)
        self.own_rate = settings.recorded_rate or (own if 0 < own < 1000 else USUAL_RATE)
        self.rate = None if settings.rate == "max" else settings.rate
        self._pace = Pace(self.rate)
        self._loop = settings.loop
        self._number = 0
        self._laps = 0.0
        self._shown = 0.0

    def read(self, frame: Frame) -> float:
        """The next picture; see `Source.read`."""
        now = self._pace.wait()
        if self.rate is not None:
            # keep to real time: leave out pictures of the recording that fall between two that are due
            self._shown += self.own_rate / self.rate
            while self._number < int(self._shown) - 1 and self._capture.grab():
                self._number += 1
        if not self._into(frame):
            if not self._loop or self._number == 0:
                raise SourceEnded(f"video {self.path} is over")
            self._laps += self._number / self.own_rate
            self._number, self._shown = 0, 1.0
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            if not self._into(frame):
                raise SourceEnded(f"video {self.path} cannot be played again")
        self._number += 1
        return now if self.rate is not None else self._laps + (self._number - 1) / self.own_rate

    def _into(self, frame: Frame) -> bool:
        ok, picture = self._capture.read(frame.into(self.height, self.width))
        if ok:
            put(frame, picture)
        return bool(ok)

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()
        self.closed = True


class Images:
    """A folder of pictures in the order of their names, made at 25 a second unless `recorded_rate` says otherwise."""

    devices: tuple[str, ...] = ()
    ioctls: tuple[int, ...] = ()
    closed = False

    def __init__(self, settings: ImagesSource, folder: Path) -> None:
        place = folder / settings.path
        files = sorted(p for p in place.glob("*") if p.suffix.lower() in PICTURES) if place.is_dir() else []
        if not files:
            raise SourceError(f"images {place}: no {', '.join(PICTURES)} files there. Check `source.path`")
        size = sum(p.stat().st_size for p in files)
        if size > MAX_FOLDER:
            raise SourceError(f"images {place}: {size >> 20} MiB, at most {MAX_FOLDER >> 20} MiB; make a video of them")
        self._encoded: list[NDArray[np.uint8]] = [np.fromfile(p, np.uint8) for p in files]
        self.files = files
        first = cv2.imdecode(self._encoded[0], cv2.IMREAD_COLOR)
        if first is None:
            raise SourceError(f"image {files[0]}: cannot be decoded")
        self.height, self.width = first.shape[:2]
        self.own_rate = settings.recorded_rate or USUAL_RATE
        self.rate = None if settings.rate == "max" else settings.rate
        self._pace = Pace(self.rate)
        self._loop = settings.loop
        self._number = 0

    def read(self, frame: Frame) -> float | None:
        """The next picture; see `Source.read`."""
        now = self._pace.wait()
        if self._number and self._number % len(self.files) == 0 and not self._loop:
            raise SourceEnded(f"the {len(self.files)} images are over")
        number, self._number = self._number, self._number + 1
        image = cv2.imdecode(self._encoded[number % len(self.files)], cv2.IMREAD_COLOR)
        if image is None or image.shape[:2] != (self.height, self.width):
            return None
        put(frame, image)
        return now if self.rate is not None else number / self.own_rate

    def close(self) -> None:
        """Forget the pictures."""
        self._encoded.clear()
        self.closed = True
