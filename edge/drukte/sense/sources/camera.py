"""Live cameras: V4L2 and USB through OpenCV, the Raspberry Pi's own through picamera2.

Not run on a real Pi camera so far; the V4L2 path is the one that OpenCV uses for every USB camera.
"""

import importlib
import time
from pathlib import Path
from typing import Any

import cv2

from drukte.config.source import CameraSource, PiCameraSource
from drukte.sense.frame import Frame
from drukte.sense.lock import commands
from drukte.sense.sources.base import STARVED_AFTER, Pace, SourceError, put


def attached() -> list[str]:
    """Video capture devices that this machine has, by their lasting names where they have one."""
    named = {p.resolve(): p for p in sorted(Path("/dev/v4l/by-id").glob("*index0"))}
    return [str(named.get(p.resolve(), p)) for p in sorted(Path("/dev").glob("video[0-9]*"))]


class Camera:
    """A V4L2 or USB camera."""

    ioctls: tuple[int, ...] = commands.V4L2
    closed = False

    def __init__(self, settings: CameraSource) -> None:
        if not Path(settings.device).exists():
            seen = ", ".join(attached()) or "none; check the cable and `dmesg`"
            raise SourceError(f"camera {settings.device}: no such device. Attached: {seen}")
        self._capture = cv2.VideoCapture(settings.device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise SourceError(
                f"camera {settings.device}: cannot be opened. Is another program using it? Is this user in group video?"
            )
        self.rate = None if settings.rate == "max" else settings.rate
        wishes = [(cv2.CAP_PROP_FRAME_WIDTH, settings.width), (cv2.CAP_PROP_FRAME_HEIGHT, settings.height)]
        for key, value in [*wishes, (cv2.CAP_PROP_BUFFERSIZE, 1)]:
            self._capture.set(key, value)
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.devices: tuple[str, ...] = (settings.device,)
        self._pace = Pace(self.rate)
        self._last = time.monotonic()

    def read(self, frame: Frame) -> float | None:
        """The next picture; see `Source.read`. Pictures that come between two due ones are dropped undecoded."""
        due = self._pace.due
        while self._capture.grab():
            now = time.monotonic()
            if now >= due:
                break
        else:
            self._missed()
            return None
        ok, picture = self._capture.retrieve(frame.into(self.height, self.width))
        if not ok:
            self._missed()
            return None
        put(frame, picture)
        self._pace.due = max(due + self._pace.step, now)
        self._last = now
        return now

    def _missed(self) -> None:
        if time.monotonic() - self._last > STARVED_AFTER:
            raise SourceError(f"camera {self.devices[0]}: no picture for {STARVED_AFTER:.0f} s. Check the cable")
        time.sleep(0.05)

    def close(self) -> None:
        """Close the device."""
        self._capture.release()
        self.closed = True


class PiCamera:
    """A camera on the Pi's CSI connector, through libcamera."""

    ioctls: tuple[int, ...] = commands.LIBCAMERA
    closed = False
    devices: tuple[str, ...] = ("/dev/video*", "/dev/media*", "/dev/dma_heap/*")

    def __init__(self, settings: PiCameraSource) -> None:
        try:
            picamera2: Any = importlib.import_module("picamera2")
        except ImportError:
            raise SourceError(
                "picamera: the picamera2 package is missing. On Raspberry Pi OS: sudo apt install python3-picamera2, "
                "and make the environment with --system-site-packages (as `make install` does)"
            ) from None
        try:
            self._camera = picamera2.Picamera2(settings.camera)
        except (IndexError, RuntimeError) as error:
            raise SourceError(f"picamera {settings.camera}: {error}. Check the ribbon cable") from None
        # libcamera's "RGB888" lies in memory as blue, green, red: the order that the detector wants
        size = (settings.width, settings.height)
        self._camera.configure(self._camera.create_video_configuration({"size": size, "format": "RGB888"}))
        self.width, self.height = self._camera.camera_configuration()["main"]["size"]
        self.rate = None if settings.rate == "max" else settings.rate
        if self.rate is not None:
            self._camera.set_controls({"FrameRate": max(self.rate, 1.0)})
        self._camera.start()
        self._pace = Pace(self.rate)

    def read(self, frame: Frame) -> float | None:
        """The next picture; see `Source.read`."""
        now = self._pace.wait()
        with self._camera.captured_request() as request:
            put(frame, request.make_array("main")[: self.height, : self.width])
        return now

    def close(self) -> None:
        """Close the camera."""
        self._camera.stop()
        self._camera.close()
        self.closed = True
