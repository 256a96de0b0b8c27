"""Zones and lines as they are drawn on the page: into metres, and what is wrong with them."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from drukte.config.base import NAME
from drukte.config.zones import MAX_LINES, MAX_ZONES, Zone
from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.polygon import area as polygon_area
from drukte.sense.geometry.polygon import signed_distance
from drukte_tools.calibrate.tolerance import in_picture

MOST_CORNERS = 64
OVERLAP = 0.05
"""Shared ground of two zones from which a warning is given, m2."""


class BadRequest(Exception):  # noqa: N818 - it answers a browser
    """The page sent something that is no state of the page."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The zones of the page: as the site file wants them (None while one is unfinished) and what to say of them."""

    zones: list[dict[str, Any]] | None
    shown: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


def drawn_zones(body: dict[str, Any], ground: Ground | None) -> Drawn:
    """The zones of the page on a ground, if there is one yet.

    Raises:
        BadRequest: `body` is malformed.
    """
    shown: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    broken = False
    polygons: list[tuple[str, Floats]] = []
    for zone in items(body, "zones", MAX_ZONES + 1):
        if not isinstance(zone, dict):
            raise BadRequest("a zone is an object")
        name = str(zone.get("name", ""))[:60]
        corners = [_corner(c, ground) for c in items(zone, "polygon", MOST_CORNERS + 1)]
        lines: list[dict[str, Any]] = []
        for line in items(zone, "lines", MAX_LINES + 1):
            if not isinstance(line, dict):
                raise BadRequest("a line is an object")
            ends = [_corner(line.get(k), ground) for k in ("from", "to")]
            lines.append({"name": str(line.get("name", ""))[:60], "ends": ends})
        metres = [c["metres"] for c in corners]
        told = all(m is not None for m in metres) and all(e["metres"] for n in lines for e in n["ends"])
        size = polygon_area(np.array(metres)) if told and len(metres) > 2 else None
        shown.append({"name": name, "polygon": corners, "lines": lines, "area": size})
        if not told:
            broken = broken or ground is not None
            if ground is not None:
                warnings.append(_warning("beyond", f"{name}: a corner lies where the ground is not told", True, name))
            continue
        entry: dict[str, Any] = {"name": name, "polygon": metres}
        if lines:
            entry["lines"] = [
                {"name": n["name"], "from": n["ends"][0]["metres"], "to": n["ends"][1]["metres"]} for n in lines
            ]
        if (wrong := _wrong(entry)) is not None:
            broken = True
            warnings.append(_warning(wrong[0], f"{name or 'a zone'}: {wrong[1]}", True, name, size))
            continue
        plain.append(entry)
        polygon = np.array(metres)
        warnings += _overlaps(name, polygon, polygons)
        if ground is not None and not in_picture(ground, polygon).all():
            warnings.append(_warning("outside", f"{name}: part of it lies outside the picture", False, name))
        polygons.append((name, polygon))
    names = [z["name"] for z in shown]
    for name in sorted({n for n in names if names.count(n) > 1}):
        broken = True
        warnings.append(_warning("double", f"two zones are called '{name}'", True, name))
    if len(names) > MAX_ZONES:
        broken = True
        warnings.append(_warning("many", f"{len(names)} zones; at most {MAX_ZONES}", True, value=MAX_ZONES))
    return Drawn(None if broken or ground is None else plain, shown, warnings)


def _wrong(zone: dict[str, Any]) -> tuple[str, str] | None:
    """Code and words for what the site file would refuse."""
    if not re.fullmatch(NAME, zone["name"]):
        return "zone-name", "a name is 1 to 40 lower-case letters, digits and inner hyphens"
    if len(zone["polygon"]) < 3:
        return "few-corners", "a zone has three or more corners"
    try:
        Zone.model_validate(zone)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        text = str(found.get("ctx", {}).get("error", found["msg"]))
        if "line" in text:
            return "short-line", text
        if "lines" in found["loc"]:
            return "line-name", "a line's name is 1 to 40 lower-case letters, digits and inner hyphens; each its own"
        return ("small", text) if "m2" in text else ("crossing", text)
    return None


def _overlaps(name: str, polygon: Floats, others: list[tuple[str, Floats]]) -> list[dict[str, Any]]:
    """Warnings about ground that a zone shares with those before it."""
    found = []
    for other, corners in others:
        low, high = np.maximum(polygon.min(0), corners.min(0)), np.minimum(polygon.max(0), corners.max(0))
        if (high <= low).any():
            continue
        step = float(max(0.02, np.sqrt(np.prod(high - low) / 2500)))
        x, y = (np.arange(low[k] + step / 2, high[k], step) for k in (0, 1))
        if not len(x) or not len(y):
            continue
        places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        both = (signed_distance(places, polygon) > 0) & (signed_distance(places, corners) > 0)
        shared = float(both.sum()) * step * step
        if shared > OVERLAP:
            text = f"{name} and {other} share {shared:.1f} m2: people there are counted in both"
            found.append(_warning("overlap", text, False, name, shared, other))
    return found


def _warning(
    code: str, text: str, stops: bool, zone: str = "", value: float | None = None, other: str = ""
) -> dict[str, Any]:
    return {"code": code, "text": text, "stops": stops, "zone": zone, "value": value, "other": other}


def _corner(value: Any, ground: Ground | None) -> dict[str, Any]:
    """A corner with both its pixel and its metres, as far as they can be told; its own kind stays exact."""
    if not isinstance(value, dict):
        raise BadRequest("a corner is an object with 'pixel' or 'metres'")
    if "metres" in value:
        metres = _pair(value["metres"])
        if ground is None:
            return {"metres": metres, "pixel": None, "own": "metres"}
        px, ok = ground.to_pixels([metres])
        return {"metres": metres, "pixel": [round(v, 2) for v in px[0].tolist()] if ok[0] else None, "own": "metres"}
    pixel = _pair(value.get("pixel"))
    if ground is None:
        return {"pixel": pixel, "metres": None, "own": "pixel"}
    xy, _, ok = ground.to_ground([pixel])
    return {"pixel": pixel, "metres": [round(v, 3) + 0.0 for v in xy[0].tolist()] if ok[0] else None, "own": "pixel"}


def _pair(value: Any) -> list[float]:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        or not all(math.isfinite(v) and abs(v) < 1e6 for v in value)
    ):
        raise BadRequest("a place is two numbers")
    return [float(v) for v in value]


def items(body: Any, key: str, most: int) -> list[Any]:
    """The list under `key`, at most so long; empty where there is none.

    Raises:
        BadRequest: it is no list, or too long.
    """
    value = body.get(key) if isinstance(body, dict) else None
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise BadRequest(f"'{key}' must be a list of at most {most}")
    return value
