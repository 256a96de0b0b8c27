"""What the page asks: fit these points, turn these zones into metres, say what is wrong. No network here."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from drukte.config.base import NAME
from drukte.config.zones import MAX_LINES, MAX_ZONES, MIN_AREA, Zone
from drukte.sense.geometry.calibration import CalibrationError, GroundError
from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.polygon import area as polygon_area
from drukte.sense.geometry.polygon import signed_distance
from drukte_tools.calibrate.drawing import error_cells, field_of_view, grid, horizon
from drukte_tools.calibrate.fit import Fit, fit_points, ground_of
from drukte_tools.calibrate.points import PointsError, check_points
from drukte_tools.calibrate.result import Asked, judged, write
from drukte_tools.calibrate.sitefile import SiteFile, SiteFileError
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


class Editor:
    """One technician's page on one site file."""

    def __init__(self, site: SiteFile, picture: tuple[int, int], asked: Asked) -> None:
        """`picture`: size of what the page shows, px."""
        self.site, self.picture, self.asked = site, picture, asked

    def state(self) -> dict[str, Any]:
        """What the page starts with."""
        old = self.site.ground
        points = []
        if old.get("kind") == "homography" and list(old.get("picture") or []) == list(self.picture):
            for i, p in enumerate(old.get("points") or []):
                points.append({"name": f"p{i + 1}", "pixel": p["pixel"], "metres": p["metres"], "check": False})
        zones = [
            {
                "name": z.name,
                "polygon": [{"metres": list(c)} for c in z.polygon],
                "lines": [
                    {"name": n.name, "from": {"metres": list(n.from_)}, "to": {"metres": list(n.to)}} for n in z.lines
                ],
            }
            for z in self.site.zones
        ]
        return {
            "site": self.site.name,
            "file": self.site.path.name,
            "picture": list(self.picture),
            "points": points,
            "zones": zones,
            "old": self._old() is not None,
            "limits": {"zones": MAX_ZONES, "lines": MAX_LINES, "area": MIN_AREA, "corners": MOST_CORNERS},
            "distance": self.site.closeness.high_risk,
        }

    def _old(self) -> Fit | None:
        """The calibration that the file holds, if it fits this picture."""
        section = self.site.ground
        try:
            ground = ground_of(section, self.site.path.parent).for_picture(*self.picture)
        except (GroundError, CalibrationError, ValidationError):
            return None
        return Fit(section, ground, (), "the calibration that was there before")

    def check(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer to every change on the page: fit, drawing, zones, verdict.

        Raises:
            BadRequest: `body` is malformed.
        """
        fit, problem = self._fit(body)
        answer: dict[str, Any] = {"problem": problem, "fit": None, "drawing": None, "verdict": None}
        drawn = self._zones(body, fit.ground if fit is not None else None)
        answer["zones"], answer["warnings"] = drawn.shown, drawn.warnings
        if fit is None:
            return answer
        answer["fit"] = {
            "how": fit.how,
            "notes": list(fit.notes),
            "left_out": fit.left_out,
            "residuals": [
                {
                    "name": r.name,
                    "px": _told(r.off_px),
                    "m": _told(r.off),
                    "left_out": _told(r.left_out),
                    "sigmas": r.sigmas,
                }
                for r in fit.residuals
            ],
        }
        good = [Zone.model_validate(z) for z in drawn.zones] if drawn.zones is not None else []
        result, _ = judged(fit, good, self.site.closeness.high_risk, self.asked)
        answer["verdict"] = {
            "passed": result.passed,
            "reasons": list(result.reasons),
            "tolerance": result.tolerance,
            "areas": [
                {"name": a.name, "good": a.good, "visible": a.visible, "worst": _told(a.worst)} for a in result.areas
            ],
        }
        answer["drawing"] = self._drawing(fit.ground, result.tolerance)
        return answer

    def save(self, body: dict[str, Any]) -> dict[str, Any]:
        """Write the site file and the certificate.

        Raises:
            BadRequest: `body` is malformed.
        """
        fit, problem = self._fit(body)
        if fit is None:
            return {"saved": False, "said": [problem or "no calibration yet"]}
        drawn = self._zones(body, fit.ground)
        if drawn.zones is None:
            return {"saved": False, "said": [w["text"] for w in drawn.warnings if w["stops"]]}
        zones = drawn.zones or None
        checked = [Zone.model_validate(z) for z in drawn.zones]
        result, places = judged(fit, checked, self.site.closeness.high_risk, self.asked)
        by = str(body.get("by") or self.asked.by)[:120]
        asked = Asked(result.tolerance, self.asked.share, by, self.asked.certificate)
        try:
            said = write(self.site, fit, result, places, asked, zones)
        except SiteFileError as error:
            return {"saved": False, "said": [str(error)]}
        return {"saved": True, "passed": result.passed, "said": said}

    def _fit(self, body: dict[str, Any]) -> tuple[Fit | None, str | None]:
        points = _list(body, "points", 200)
        if not points:
            old = self._old()
            return old, None if old else "click four or more points on the ground"
        tree: dict[str, Any] = {"picture": self.picture, "points": points}
        for point in points:
            if not isinstance(point, dict):
                raise BadRequest("a point is an object")
        if body.get("mode") == "distances":
            tree["points"] = [{"name": p.get("name"), "pixel": p.get("pixel")} for p in points]
            tree["distances"] = _list(body, "distances", 400)
            if not tree["distances"]:
                return None, "give the distances between the points"
        else:
            tree["points"] = [p for p in points if p.get("metres") is not None]
            if len(tree["points"]) < 4:
                return None, f"{len(tree['points'])} of at least four points have their metres"
        for key in ("lens", "click", "measured"):
            if body.get(key) is not None:
                tree[key] = body[key]
        try:
            return fit_points(check_points(tree, "points"), self.site.ground), None
        except (PointsError, GroundError, CalibrationError) as error:
            return None, str(error)
        except ValidationError as error:
            return None, error.errors(include_url=False)[0]["msg"]

    def _zones(self, body: dict[str, Any], ground: Ground | None) -> Drawn:
        shown: list[dict[str, Any]] = []
        plain: list[dict[str, Any]] = []
        warnings: list[dict[str, Any]] = []
        broken = False
        polygons: list[tuple[str, Floats]] = []
        for zone in _list(body, "zones", MAX_ZONES + 1):
            if not isinstance(zone, dict):
                raise BadRequest("a zone is an object")
            name = str(zone.get("name", ""))[:60]
            corners = [_corner(c, ground) for c in _list(zone, "polygon", MOST_CORNERS + 1)]
            lines: list[dict[str, Any]] = []
            for line in _list(zone, "lines", MAX_LINES + 1):
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
                    warnings.append(
                        _warning("beyond", f"{name}: a corner lies where the ground is not told", True, name)
                    )
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
            warnings.append(_warning("many", f"{len(names)} zones; at most {MAX_ZONES}", True))
        return Drawn(None if broken or ground is None else plain, shown, warnings)

    def _drawing(self, ground: Ground, tolerance: float) -> dict[str, Any]:
        view = field_of_view(ground)
        step, lines = grid(ground, view)
        pose = ground.pose
        return {
            "horizon": horizon(ground),
            "step": step,
            "grid": lines,
            "view": np.round(view, 2).tolist(),
            "camera": None if pose is None else np.round(pose.centre, 2).tolist(),
            "cells": error_cells(ground, self.site.closeness.high_risk, tolerance),
        }


def _wrong(zone: dict[str, Any]) -> tuple[str, str] | None:
    """Code and words for what the site file would refuse."""
    if not re.fullmatch(NAME, zone["name"]):
        return "name", "a name is 1 to 40 lower-case letters, digits and inner hyphens"
    if len(zone["polygon"]) < 3:
        return "corners", "a zone has three or more corners"
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


def _list(body: Any, key: str, most: int) -> list[Any]:
    value = body.get(key) if isinstance(body, dict) else None
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise BadRequest(f"'{key}' must be a list of at most {most}")
    return value


def _told(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
