"""Read camera calibrations made elsewhere: OpenCV YAML and XML, Tsai XML, WILDTRACK XML.

`inline` turns a `ground:` section that names files into one that holds their numbers, so that nothing has to be read
once the sealed room is shut. The readers are plain Python on bounded text: a broken file gives a `CalibrationError`.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from drukte.config.base import Section
from drukte.config.ground import (
    HomographyGround,
    MountGround,
    OpenCvGround,
    TsaiGround,
    WildtrackGround,
)

MAX_BYTES = 1024 * 1024
AnyGround = HomographyGround | MountGround | TsaiGround | OpenCvGround | WildtrackGround
Numbers = dict[str, Any]
_S = TypeVar("_S", bound=Section)

_NAMES: dict[str, tuple[str, ...]] = {
    "camera_matrix": ("camera_matrix", "cameraMatrix", "CameraMatrix", "K", "intrinsic_matrix"),
    "distortion": ("distortion_coefficients", "distCoeffs", "DistCoeffs", "dist_coeffs", "D"),
    "rvec": ("rvec", "rotation_vector"),
    "R": ("R", "rotation_matrix"),
    "tvec": ("tvec", "T", "t", "translation_vector"),
    "width": ("image_width", "imageWidth", "width"),
    "height": ("image_height", "imageHeight", "height"),
    "error": ("avg_reprojection_error", "reprojection_error"),
}
"""Names that OpenCV's own samples, ROS and common scripts give to the same things."""


class CalibrationError(Exception):
    """A calibration that cannot be used: what is wrong, in which file or key, and what to do."""


def inline(ground: AnyGround, base: Path) -> HomographyGround | MountGround | TsaiGround | OpenCvGround:
    """`ground` with the numbers of the files it names; relative paths start at `base`.

    Raises:
        CalibrationError: a file is missing, too large, malformed or incomplete.
    """
    match ground:
        case TsaiGround() if ground.file is not None:
            path = base / ground.file
            return _section(TsaiGround, path, ground, _located(path, read_tsai))
        case OpenCvGround() if ground.file is not None:
            path = base / ground.file
            numbers = _located(path, read_opencv)
            if ground.extrinsics is not None:
                numbers |= _located(base / ground.extrinsics, read_opencv)
            return _section(OpenCvGround, path, ground, numbers)
        case WildtrackGround():
            path = base / ground.extrinsics
            numbers = _located(base / ground.intrinsics, read_opencv) | _located(path, read_opencv)
            numbers |= {"unit": "cm", "picture": ground.picture}
            kept = ground.model_dump(include={"body_height", "body_spread", "reprojection"}, exclude_unset=True)
            return _build(OpenCvGround, path, {"kind": "opencv", **numbers, **kept})
        case _:
            return ground


def _section(kind: type[_S], path: Path, ground: Section, numbers: Numbers) -> _S:
    """The section with the file's numbers; what the site file says itself goes first."""
    own = ground.model_dump(exclude_unset=True, exclude={"file", "extrinsics"})
    return _build(kind, path, numbers | own)


def _build(kind: type[_S], path: Path, numbers: Numbers) -> _S:
    try:
        return kind.model_validate(numbers)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = str(first.get("ctx", {}).get("error", first["msg"]))
        if "'picture'" in reason or "picture" in reason:
            reason += ". If the file does not say the picture's size, give 'picture' in the site file"
        raise CalibrationError(f"{path}: {where + ': ' if where else ''}{reason}") from None


def _located(path: Path, reader: Callable[[str], Numbers]) -> Numbers:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CalibrationError(f"{path}: larger than {MAX_BYTES} bytes; this is no calibration file")
        return reader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be read: {error.strerror}. Paths start at the site file's folder"
        ) from None
    except UnicodeDecodeError:
        raise CalibrationError(f"{path}: is not text in UTF-8") from None
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from None


def read_tsai(text: str) -> Numbers:
    """Keys of `TsaiGround` from a PETS camera file (Geometry, Intrinsic, Extrinsic).

    Raises:
        CalibrationError: not such a file.
    """
    root = _xml(text)
    parts = {}
    for name in ("Geometry", "Intrinsic", "Extrinsic"):
        part = root.find(name)
        if part is None:
            raise CalibrationError(f"has no <{name}>; a Tsai camera file has Geometry, Intrinsic and Extrinsic")
        parts[name] = part

    def number(part: str, key: str) -> float:
        if (value := parts[part].get(key)) is None:
            raise CalibrationError(f"<{part}> has no {key}")
        return _number(value, f"{part} {key}")

    return {
        "kind": "tsai",
        "picture": (round(number("Geometry", "width")), round(number("Geometry", "height"))),
        "sensor": (number("Geometry", "dpx"), number("Geometry", "dpy")),
        "focal": number("Intrinsic", "focal"),
        "kappa1": number("Intrinsic", "kappa1"),
        "centre": (number("Intrinsic", "cx"), number("Intrinsic", "cy")),
        "sx": number("Intrinsic", "sx"),
        "translation": tuple(number("Extrinsic", k) for k in ("tx", "ty", "tz")),
        "rotation": tuple(number("Extrinsic", k) for k in ("rx", "ry", "rz")),
    }


def read_opencv(text: str) -> Numbers:
    """Keys of `OpenCvGround` from an OpenCV FileStorage document, YAML or XML; those that it holds.

    Raises:
        CalibrationError: not such a document, or a matrix of the wrong size.
    """
    tree = _opencv_xml(text) if text.lstrip().startswith("<") else _opencv_yaml(text)
    found: Numbers = {"kind": "opencv"}
    values = {key: next((tree[n] for n in names if n in tree), None) for key, names in _NAMES.items()}
    if values["camera_matrix"] is not None:
        m = _floats(values["camera_matrix"], 9, "camera_matrix")
        found["camera_matrix"] = (tuple(m[:3]), tuple(m[3:6]), tuple(m[6:]))
    if values["distortion"] is not None:
        found["distortion"] = _floats(values["distortion"], None, "distortion")
    if values["rvec"] is not None:
        found["rvec"] = tuple(_floats(values["rvec"], 3, "rvec"))
    elif values["R"] is not None:
        found["rvec"] = _rotation_vector(_floats(values["R"], 9, "R"))
    if values["tvec"] is not None:
        found["tvec"] = tuple(_floats(values["tvec"], 3, "tvec"))
    if values["width"] is not None and values["height"] is not None:
        found["picture"] = tuple(round(_floats(values[k], 1, k)[0]) for k in ("width", "height"))
    if values["error"] is not None:
        found["reprojection"] = _floats(values["error"], 1, "reprojection error")[0]
    if len(found) == 1:
        raise CalibrationError("holds no camera_matrix, rvec or tvec")
    return found


def _rotation_vector(r: list[float]) -> tuple[float, float, float]:
    """Axis times angle of a rotation matrix given row by row."""
    for i in range(3):
        for j in range(3):
            dot = sum(r[3 * i + k] * r[3 * j + k] for k in range(3))
            if abs(dot - (i == j)) > 1e-3:
                raise CalibrationError("R is not a rotation matrix: its rows are not of length 1 and square")
    # By way of the quaternion with its largest part first, which stays exact near half a turn.
    diagonal = (r[0] + r[4] + r[8], r[0], r[4], r[8])
    big = max(range(4), key=lambda k: diagonal[k])
    if big == 0:
        q = (1 + diagonal[0], r[7] - r[5], r[2] - r[6], r[3] - r[1])
    elif big == 1:
        q = (r[7] - r[5], 1 + r[0] - r[4] - r[8], r[1] + r[3], r[2] + r[6])
    elif big == 2:
        q = (r[2] - r[6], r[1] + r[3], 1 + r[4] - r[0] - r[8], r[5] + r[7])
    else:
        q = (r[3] - r[1], r[2] + r[6], r[5] + r[7], 1 + r[8] - r[0] - r[4])
    sine = math.hypot(*q[1:])
    angle = 2 * math.atan2(sine, q[0])
    scale = angle / sine if sine > 1e-15 else 0.0
    return q[1] * scale, q[2] * scale, q[3] * scale


def _floats(value: Any, count: int | None, name: str) -> list[float]:
    if isinstance(value, dict):
        value = value.get("data")
    flat: list[float] = []
    todo = [value]
    while todo:
        item = todo.pop(0)
        if isinstance(item, list | tuple):
            todo[:0] = item
        else:
            flat.append(_number(item, name))
    if count is not None and len(flat) != count:
        raise CalibrationError(f"{name} holds {len(flat)} numbers; {count} are needed")
    return flat


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise CalibrationError(f"{name}: '{str(value)[:40]}' is not a number") from None
    if not math.isfinite(number) or abs(number) > 1e12:
        raise CalibrationError(f"{name}: {number} is not a usable number")
    return number


def _xml(text: str) -> ET.Element:
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise CalibrationError("declares a document type; a calibration file has none, so this one is refused")
    try:
        return ET.fromstring(text)  # noqa: S314 - no entities can be declared, see above
    except ET.ParseError as error:
        raise CalibrationError(f"is not XML: {error}") from None


def _opencv_xml(text: str) -> dict[str, Any]:
    root = _xml(text)
    tree: dict[str, Any] = {}
    for node in root:
        data = node.find("data")
        tree[node.tag] = ((data.text if data is not None else node.text) or "").split()
    return tree


class _Loader(yaml.SafeLoader):
    """Safe YAML that takes OpenCV's matrix tag for the mapping it is."""


yaml.add_constructor("tag:yaml.org,2002:opencv-matrix", yaml.SafeLoader.construct_yaml_map, Loader=_Loader)


def _opencv_yaml(text: str) -> dict[str, Any]:
    # OpenCV writes "%YAML:1.0", which is not a YAML directive.
    text = re.sub(r"\A\s*%YAML:1\.\d[^\n]*\n", "", text)
    try:
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CalibrationError(f"is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, dict):
        raise CalibrationError("is not a list of keys and values")
    return tree
