"""What the page asks: fit these points, turn these zones into metres, say what is wrong. No network here."""

import math
from typing import Any

import numpy as np
from pydantic import ValidationError

from drukte.config.ground import PRESETS
from drukte.config.zones import MAX_LINES, MAX_ZONES, MIN_AREA, Zone
from drukte.sense.geometry.calibration import CalibrationError, GroundError
from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import BrownLens
from drukte_tools.calibrate.camera.fit import Fit, fit_points, ground_of
from drukte_tools.calibrate.camera.points import PointsError, check_points
from drukte_tools.calibrate.drawing import error_cells, field_of_view, grid, horizon
from drukte_tools.calibrate.page.zoning import MOST_CORNERS, BadRequest, drawn_zones, items
from drukte_tools.calibrate.result import Asked, judged, user, write
from drukte_tools.calibrate.said import Said, of_error
from drukte_tools.calibrate.sitefile import SiteFile, SiteFileError
from drukte_tools.calibrate.tolerance import default_tolerance


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
            "tolerance": self.asked.tolerance or default_tolerance(self.site.closeness.high_risk),
            "cameras": list(PRESETS),
            "by": self.asked.by or user(),
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
        answer: dict[str, Any] = {"problem": _coded(problem), "fit": None, "drawing": None, "verdict": None}
        drawn = drawn_zones(body, fit.ground if fit is not None else None)
        answer["zones"], answer["warnings"] = drawn.shown, drawn.warnings
        if fit is None:
            return answer
        answer["fit"] = {
            "how": fit.how,
            "notes": [_coded(note) for note in fit.notes],
            "left_out": fit.left_out,
            "residuals": [
                {
                    "name": r.name,
                    "px": _told(r.off_px),
                    "m": _told(r.off),
                    "left_out": _told(r.left_out),
                    "sigmas": r.sigmas,
                    "fitted": fitted,
                }
                for r, fitted in zip(fit.residuals, _fitted(fit), strict=True)
            ],
        }
        good = [Zone.model_validate(z) for z in drawn.zones] if drawn.zones is not None else []
        result, _ = judged(fit, good, self.site.closeness.high_risk, self.asked)
        answer["verdict"] = {
            "passed": result.passed,
            "why": [_coded(reason) for reason in result.reasons],
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
            return _unsaved(problem or Said("no-points", "no calibration yet"))
        drawn = drawn_zones(body, fit.ground)
        if drawn.zones is None:
            return _unsaved(*(w for w in drawn.warnings if w["stops"]))
        zones = drawn.zones or None
        checked = [Zone.model_validate(z) for z in drawn.zones]
        result, places = judged(fit, checked, self.site.closeness.high_risk, self.asked)
        if self.asked.dry_run:
            return _unsaved(Said("dry-run", "nothing written (--dry-run)"))
        by = str(body.get("by") or self.asked.by)[:120]
        asked = Asked(result.tolerance, self.asked.share, by, self.asked.certificate)
        try:
            said = write(self.site, fit, result, places, asked, zones)
        except SiteFileError as error:
            return _unsaved(Said("problem", str(error)))
        return {"saved": True, "passed": result.passed, "said": [_coded(s) for s in said]}

    def _fit(self, body: dict[str, Any]) -> tuple[Fit | None, Said | None]:
        points = items(body, "points", 200)
        if not points:
            old = self._old()
            return old, None if old else Said("no-points", "click four or more points on the ground")
        tree: dict[str, Any] = {"picture": self.picture, "points": points}
        for point in points:
            if not isinstance(point, dict):
                raise BadRequest("a point is an object")
        if body.get("mode") == "distances":
            tree["points"] = [{"name": p.get("name"), "pixel": p.get("pixel")} for p in points]
            given = items(body, "distances", 400)
            tree["distances"] = [d for d in given if not isinstance(d, dict) or d.get("metres") is not None]
            if not tree["distances"]:
                return None, Said("no-distances", "give the distances between the points")
        else:
            tree["points"] = [p for p in points if p.get("metres") is not None]
            if len(tree["points"]) < 4:
                known = len(tree["points"])
                return None, Said("few-points", f"{known} of at least four points have their metres", (known,))
        for key in ("lens", "click", "measured"):
            if body.get(key) is not None:
                tree[key] = body[key]
        try:
            return fit_points(check_points(tree, "points"), self.site.ground), None
        except (PointsError, GroundError, CalibrationError) as error:
            return None, of_error(error)
        except ValidationError as error:
            return None, Said("problem", error.errors(include_url=False)[0]["msg"])

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
            "tilt": None if pose is None else float(np.degrees(pose.tilt)),
            "plane": _pixel_plane(ground),
            "cells": error_cells(ground, self.site.closeness.high_risk, tolerance),
        }


def _unsaved(*reasons: Said | dict[str, Any]) -> dict[str, Any]:
    shown = [
        _coded(r) if isinstance(r, Said) else {**r, "values": [r["zone"], r["value"], r["other"]]} for r in reasons
    ]
    return {"saved": False, "said": shown}


def _coded(said: Said | None) -> dict[str, Any] | None:
    return None if said is None else {"code": said.code, "text": said.text, "values": list(said.values)}


def _fitted(fit: Fit) -> list[list[float] | None]:
    """Where the fit puts each residual's point in the picture, px; None for lengths and what is out of sight."""
    out: list[list[float] | None] = []
    for residual in fit.residuals:
        pixel, ok = fit.ground.to_pixels([residual.metres or (0.0, 0.0)])
        out.append(np.round(pixel[0], 2).tolist() if residual.metres is not None and ok[0] else None)
    return out


def _pixel_plane(ground: Ground) -> list[list[float]] | None:
    """The 3x3 matrix from pixels to the ground, where the lens keeps lines straight."""
    lens = ground.lens
    if not isinstance(lens, BrownLens) or any(lens.distortion):
        return None
    (fx, fy), (cx, cy) = lens.focal, lens.centre
    matrix = ground.plane @ np.array([[1 / fx, 0, -cx / fx], [0, 1 / fy, -cy / fy], [0, 0, 1]])
    rows: list[list[float]] = matrix.tolist()
    return rows


def _told(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
