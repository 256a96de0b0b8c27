"""Where frames come from. One class for each kind of source, told apart by `kind`."""

from typing import Annotated, Literal

from pydantic import Field

from drukte.config.base import Line, Section, quantity
from drukte.config.radar import RadarLd2450Source, RadarRd03dSource, RadarReplaySource, RadarTiSource

Rate = Annotated[float, Field(gt=0, le=60)] | Literal["max"]


class VideoSource(Section):
    """A recorded video file, for a demo or a test."""

    kind: Literal["video"]
    path: Line = Field(description="Video file; relative to the site file")
    rate: Rate = quantity("max", "1/s", "Frames used per second of real time, or 'max' for as fast as possible")
    recorded_rate: float | None = Field(
        None, description="Pictures per second at which it was recorded, where the file says otherwise", gt=0, le=240
    )
    loop: bool = Field(False, description="Start again at the end")


class ImagesSource(Section):
    """A folder of pictures, in the order of their names."""

    kind: Literal["images"]
    path: Line = Field(description="Folder of .jpg or .png files; relative to the site file")
    rate: Rate = quantity("max", "1/s", "Frames used per second of real time, or 'max' for as fast as possible")
    recorded_rate: float | None = Field(
        None, description="Pictures per second at which it was recorded, where that is not 25", gt=0, le=240
    )
    loop: bool = Field(False, description="Start again at the end")


class CameraSource(Section):
    """A V4L2 or USB camera."""

    kind: Literal["camera"]
    device: Line = Field("/dev/video0", description="Device; a path under /dev/v4l/by-id stays the same over reboots")
    width: int = quantity(1280, "px", "Picture width asked of the camera", ge=160, le=4096)
    height: int = quantity(720, "px", "Picture height asked of the camera", ge=120, le=3072)
    rate: Rate = quantity(5.0, "1/s", "Frames used per second")


class PiCameraSource(Section):
    """A camera on the Raspberry Pi's CSI connector, through libcamera (picamera2)."""

    kind: Literal["picamera"]
    camera: int = quantity(0, "1", "Number of the camera on boards with two connectors", ge=0, le=3)
    width: int = quantity(1280, "px", "Picture width asked of the camera", ge=160, le=4608)
    height: int = quantity(720, "px", "Picture height asked of the camera", ge=120, le=3072)
    rate: Rate = quantity(5.0, "1/s", "Frames used per second")


class CanarySource(Section):
    """Made pictures with a watermark, for `drukte audit`. Nobody is counted."""

    kind: Literal["canary"]
    seed: int = Field(ge=0, lt=2**63, description="The watermark is drawn from this number")
    width: int = quantity(1280, "px", "Picture width", ge=160, le=4096)
    height: int = quantity(720, "px", "Picture height", ge=120, le=3072)
    rate: Annotated[float, Field(gt=0, le=60)] = quantity(2.0, "1/s", "Frames per second")


Source = Annotated[
    VideoSource
    | ImagesSource
    | CameraSource
    | PiCameraSource
    | CanarySource
    | RadarTiSource
    | RadarLd2450Source
    | RadarRd03dSource
    | RadarReplaySource,
    Field(discriminator="kind"),
]


class Model(Section):
    """The person detector."""

    name: Line = Field("yolox-nano", description="A model of `drukte models list`")
    size: Annotated[str, Field(pattern=r"^\d{2,4}x\d{2,4}$")] = Field(
        "416x256",
        description="Input size, width x height, each a multiple of 32: 320x192, 416x256, 640x384 [px]",
    )
    score: float = quantity(
        0.35, "1", "Detections scored lower than this are not counted by themselves", ge=0.05, le=0.95
    )
    threads: int = quantity(2, "1", "Processor threads for the detector", ge=1, le=16)
