"""What a technician measured: points in the picture with their metres, and distances between points."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from drukte.config.base import Line, Point, Section, quantity
from drukte.config.ground import Lens, Picture, Pixel

MAX_BYTES = 256 * 1024


class PointsError(Exception):
    """Points that cannot be used: what is wrong, where, and what to do."""


class MarkedPoint(Section):
    """A point on the ground that was found in the picture."""

    name: Line = Field(description="Name of the point, as the distances call it")
    pixel: Pixel = Field(description="Where it is in the picture: x to the right, y down [px]")
    metres: Point | None = Field(None, description="Where it is on the ground: x, y [m]; not needed with distances")
    check: bool = Field(False, description="Leave it out of the fit and measure the error there")


class Distance(Section):
    """A length measured on the ground between two of the points."""

    between: tuple[Line, Line] = Field(description="Names of the two points")
    metres: float = quantity(..., "m", "Distance between them", gt=0.1, le=500)


class Points(Section):
    """Everything that was measured for one calibration. Points have `metres`, or there are `distances`."""

    picture: Picture | None = Field(None, description="Size of the picture that the pixels were read in [px]")
    lens: Lens | None = Field(None, description="The lens, if known; distances need fewer lengths with it")
    click: float = quantity(2.0, "px", "Standard error of a point in the picture", gt=0, le=50)
    measured: float = quantity(0.02, "m", "Standard error of a coordinate or a distance", ge=0, le=5)
    points: Annotated[list[MarkedPoint], Field(min_length=3, max_length=200)]
    distances: Annotated[list[Distance], Field(max_length=400)] = Field(default_factory=list)
    zones: list[dict[str, Any]] | None = Field(None, description="Zones as in the site file, to be written with it")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [p.name for p in self.points]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"point '{name}' stands twice; give each its own name")
        if not self.distances:
            if missing := [p.name for p in self.points if p.metres is None]:
                raise ValueError(f"point '{missing[0]}' has no 'metres', and there are no 'distances'")
            return self
        if given := [p.name for p in self.points if p.metres is not None]:
            raise ValueError(f"point '{given[0]}' has 'metres' though there are 'distances'; use one or the other")
        if checks := [p.name for p in self.points if p.check]:
            raise ValueError(
                f"point '{checks[0]}': 'check' needs 'metres'; with distances give one length more instead"
            )
        for distance in self.distances:
            a, b = distance.between
            for name in (a, b):
                if name not in names:
                    raise ValueError(f"a distance names point '{name}', which is not among {', '.join(names)}")
            if a == b:
                raise ValueError(f"a distance goes from '{a}' to itself")
        return self


def read_points(path: Path) -> Points:
    """The checked points file at `path`: YAML, or CSV with the columns name, pixel_x, pixel_y, x, y[, check].

    Raises:
        PointsError: the file is missing, unreadable or breaks the schema; every problem is named.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PointsError(f"{path}: larger than {MAX_BYTES} bytes; this is no points file")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PointsError(f"{path}: cannot be read: {error.strerror}. Check the path") from None
    except UnicodeDecodeError:
        raise PointsError(f"{path}: is not text in UTF-8. Save it as UTF-8") from None
    tree = _csv(text, path) if path.suffix.lower() == ".csv" else _yaml(text, path)
    return check_points(tree, str(path))


def check_points(tree: Any, name: str) -> Points:
    """`tree` as checked points; `name` stands in front of errors.

    Raises:
        PointsError: see `read_points`.
    """
    if not isinstance(tree, Mapping):
        raise PointsError(f"{name}: must be keys and values with a list 'points'")
    try:
        return Points.model_validate(tree)
    except ValidationError as error:
        rows = []
        for found in error.errors(include_url=False):
            where = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in found["loc"]).lstrip(".")
            text = str(found.get("ctx", {}).get("error", found["msg"])).replace("Input should be", "must be")
            rows.append(f"  {where + ': ' if where else ''}{text}")
        raise PointsError("\n".join([f"{name}: {len(rows)} problem{'s' * (len(rows) > 1)}", *rows])) from None


def _yaml(text: str, path: Path) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise PointsError(f"{path}: {line}is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PointsError(f"{path}: is not YAML: {str(error).splitlines()[0]}") from None


def _csv(text: str, path: Path) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    head = lines[0] if lines else ""
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=";" if ";" in head else ",", skipinitialspace=True)
    columns = [c.strip() for c in reader.fieldnames or []]
    if missing := [c for c in ("name", "pixel_x", "pixel_y", "x", "y") if c not in columns]:
        raise PointsError(
            f"{path}: column {', '.join(missing)} is missing; the first line must be name,pixel_x,pixel_y,x,y. "
            "Distances between points need the YAML form"
        )
    reader.fieldnames = columns
    points = []
    try:
        for row in reader:
            number = {}
            for key in ("pixel_x", "pixel_y", "x", "y"):
                try:
                    number[key] = float((row[key] or "").strip())
                except ValueError:
                    raise PointsError(
                        f"{path}: point '{row['name']}', column {key}: '{row[key]}' is not a number (use a point, "
                        "not a comma, for decimals)"
                    ) from None
            points.append(
                {
                    "name": (row["name"] or "").strip(),
                    "pixel": (number["pixel_x"], number["pixel_y"]),
                    "metres": (number["x"], number["y"]),
                    "check": (row.get("check") or "").strip().lower() in {"1", "yes", "true", "x"},
                }
            )
    except csv.Error as error:
        raise PointsError(f"{path}: line {reader.line_num}: is not CSV: {error}") from None
    return {"points": points}
