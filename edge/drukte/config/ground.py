"""How sensor coordinates become metres on the ground. One class for each kind of calibration.

Site coordinates are metres on the ground plane, right-handed and seen from above: y lies a quarter turn
counter-clockwise from x. Pixels are x to the right and y down, (0, 0) in the middle of the first pixel.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drukte.config.base import Line, Point, Section, quantity
from drukte.config.radar import RadarGround

Pixel = tuple[Annotated[float, Field(ge=-20_000, le=20_000)], Annotated[float, Field(ge=-20_000, le=20_000)]]
Side = Annotated[int, Field(ge=16, le=16_384)]
Picture = tuple[Side, Side]
Vector = tuple[float, float, float]
Row = tuple[float, float, float]
Coefficients = Annotated[list[Annotated[float, Field(ge=-1e4, le=1e4)]], Field(max_length=8)]

PRESETS: dict[str, float] = {
    "pi-camera-2": 62.2,
    "pi-camera-3": 66.0,
    "pi-camera-3-wide": 102.0,
    "pi-camera-hq-6mm": 63.0,
    "pi-camera-hq-16mm": 22.2,
    "pi-camera-gs-6mm": 45.4,
    "logitech-c270": 48.8,
    "logitech-c920": 70.4,
}
"""Horizontal field of view of the full sensor width, degrees.

Raspberry Pi cameras: Raspberry Pi documentation, camera hardware table (6 mm on the 5.02 mm wide GS sensor and 16 mm
on the 6.29 mm wide HQ sensor: from sensor width and focal length). Logitech: the maker's diagonal field of view (55
and 78 degrees) at the sensor's 16:9 shape. A mode that crops the sensor sees less; give `fov` for it.
"""


class Lens(Section):
    """What the camera's lens does to straight lines and how wide it sees."""

    camera: str | None = Field(None, description="A known camera: " + ", ".join(PRESETS))
    fov: float | None = quantity(
        None, "deg", "Horizontal field of view, if the camera is not a known one", gt=5, lt=170
    )
    centre: Pixel | None = Field(None, description="Where the optical axis meets the picture; else its middle [px]")
    model: Literal["brown", "fisheye"] = Field(
        "brown", description="Distortion model: OpenCV's Brown-Conrady or its equidistant fisheye"
    )
    distortion: Coefficients = Field(
        default_factory=list,
        description="OpenCV coefficients: k1, k2, p1, p2[, k3[, k4, k5, k6]], or k1 to k4 of the fisheye model",
    )

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if (self.camera is None) == (self.fov is None):
            raise ValueError("give either 'camera' (a known one) or 'fov' (degrees)")
        if self.camera is not None and self.camera not in PRESETS:
            raise ValueError(f"camera '{self.camera}' is not known; give 'fov' or one of {', '.join(PRESETS)}")
        check_distortion(self.model, self.distortion)
        return self

    @property
    def degrees(self) -> float:
        """Horizontal field of view, degrees."""
        return self.fov if self.fov is not None else PRESETS[self.camera or ""]


def check_distortion(model: str, coefficients: list[float]) -> None:
    """Raise ValueError unless the number of coefficients fits the model."""
    allowed = (0, 4) if model == "fisheye" else (0, 4, 5, 8)
    if len(coefficients) not in allowed:
        raise ValueError(f"distortion: {model} takes {' or '.join(map(str, allowed))} numbers, not {len(coefficients)}")


class _AnyGround(Section):
    """What every calibration of a camera says."""

    picture: Picture = Field(description="Width and height of the picture that the calibration is for [px]")
    body_height: float = quantity(1.72, "m", "Mean height of the people here, shoes included", ge=0.8, le=2.2)
    body_spread: float = quantity(0.10, "m", "Standard deviation of their height", ge=0.02, le=0.5)


class Reference(Section):
    """A point on the ground that is known both in the picture and on the map."""

    pixel: Pixel = Field(description="Where it is in the picture: x to the right, y down [px]")
    metres: Point = Field(description="Where it is on the ground plane: x, y [m]")


class HomographyGround(_AnyGround):
    """A flat ground known from four or more of its points, or from a ready 3x3 matrix."""

    kind: Literal["homography"]
    points: Annotated[list[Reference], Field(min_length=4, max_length=200)] | None = Field(
        None, description="Four or more ground points, no three of them on one line"
    )
    matrix: tuple[Row, Row, Row] | None = Field(
        None, description="3x3 matrix that takes (pixel x, pixel y, 1) to the ground, instead of points"
    )
    lens: Lens | None = Field(None, description="The lens, where it bends straight lines noticeably")
    click: float = quantity(2.0, "px", "Standard error of a point in the picture", gt=0, le=50)
    measured: float = quantity(0.02, "m", "Standard error of a point on the map", ge=0, le=5)

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.points is None) == (self.matrix is None):
            raise ValueError("give either 'points' (four or more) or 'matrix'")
        return self


class MountError(Section):
    """Standard errors of a camera's mount as it was measured."""

    height: float = quantity(0.03, "m", "Height", ge=0, le=2)
    tilt: float = quantity(0.5, "deg", "Tilt", ge=0, le=20)
    roll: float = quantity(0.5, "deg", "Roll", ge=0, le=20)
    fov: float = quantity(0.01, "1", "Focal length, as a fraction of itself", ge=0, le=0.5)


class MountGround(_AnyGround):
    """A camera whose height, tilt and field of view are known.

    Without `at` and `bearing` the site's origin lies under the lens and y points where the camera looks.
    """

    kind: Literal["mount"]
    height: float = quantity(..., "m", "Height of the lens above the ground", gt=0.3, le=200)
    tilt: float = quantity(..., "deg", "Angle of the optical axis below the horizontal", ge=-20, le=90)
    roll: float = quantity(0.0, "deg", "Turn about the optical axis; clockwise seen from behind", ge=-180, le=180)
    lens: Lens
    at: Point = Field((0.0, 0.0), description="Ground point under the lens [m]")
    bearing: float = quantity(0.0, "deg", "Where the camera looks, clockwise from y", ge=-360, le=360)
    error: MountError = Field(default_factory=MountError)


class _ImportedGround(_AnyGround):
    """A full calibration made elsewhere."""

    reprojection: float = quantity(
        1.0, "px", "Error of the calibration at the picture's edge, as its maker states it", ge=0, le=50
    )


class TsaiGround(_ImportedGround):
    """A calibration by R. Tsai's method (1987), as in the camera files of the PETS data sets. World in millimetres."""

    kind: Literal["tsai"]
    picture: Picture | None = Field(  # type: ignore[assignment]
        None, description="Width and height of the picture that the calibration is for [px]"
    )
    file: Line | None = Field(None, description="Camera XML file, relative to the site file, instead of the numbers")
    sensor: tuple[float, float] | None = Field(None, description="Size of a pixel in the picture, dpx and dpy [mm]")
    focal: float | None = quantity(None, "mm", "Effective focal length", gt=0)
    kappa1: float = quantity(0.0, "1/mm2", "Radial distortion")
    centre: Pixel | None = Field(None, description="Centre of distortion, cx and cy [px]")
    sx: float = quantity(1.0, "1", "Scale of the horizontal pixel size", gt=0)
    translation: Vector | None = Field(None, description="tx, ty, tz [mm]")
    rotation: Vector | None = Field(None, description="rx, ry, rz; R = Rz Ry Rx [rad]")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needs_all_or_file(self, ("picture", "sensor", "focal", "centre", "translation", "rotation"))
        return self


class OpenCvGround(_ImportedGround):
    """Camera matrix, distortion and pose as OpenCV's calibration writes them, from its YAML or XML."""

    kind: Literal["opencv"]
    picture: Picture | None = Field(  # type: ignore[assignment]
        None, description="Width and height of the picture that the calibration is for [px]"
    )
    file: Line | None = Field(None, description="OpenCV YAML or XML file, relative to the site file")
    extrinsics: Line | None = Field(None, description="Second file with rvec (or R) and tvec, if the first has none")
    camera_matrix: tuple[Row, Row, Row] | None = Field(None, description="3x3 camera matrix [px]")
    model: Literal["brown", "fisheye"] = Field("brown", description="Distortion model")
    distortion: Coefficients = Field(default_factory=list, description="OpenCV distortion coefficients")
    rvec: Vector | None = Field(None, description="Rotation vector, world to camera [rad]")
    tvec: Vector | None = Field(None, description="Translation, world to camera [unit]")
    unit: Literal["m", "cm", "mm"] = Field("m", description="Unit of the world in which the pose is given")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needs_all_or_file(self, ("picture", "camera_matrix", "rvec", "tvec"))
        check_distortion(self.model, self.distortion)
        return self


class WildtrackGround(_ImportedGround):
    """The calibration files of the WILDTRACK data set: intrinsics and extrinsics apart, world in centimetres."""

    kind: Literal["wildtrack"]
    picture: Picture = Field((1920, 1080), description="Width and height of the picture [px]")
    intrinsics: Line = Field(description="intr_*.xml, relative to the site file")
    extrinsics: Line = Field(description="extr_*.xml, relative to the site file")


def needs_all_or_file(section: Section, keys: tuple[str, ...]) -> None:
    """Raise ValueError unless the section names a file or holds every one of `keys`."""
    if getattr(section, "file", None) is None and (missing := [k for k in keys if getattr(section, k) is None]):
        raise ValueError(f"give 'file', or all numbers; missing: {', '.join(missing)}")


Ground = Annotated[
    HomographyGround | MountGround | TsaiGround | OpenCvGround | WildtrackGround | RadarGround,
    Field(discriminator="kind"),
]
