"""What a radar's calibration ends with: a verdict, the site file, a certificate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

import click
import numpy as np

from drukte import __version__
from drukte.config.radar import RadarGround
from drukte.sense.detect.echo_beliefs import RANGE_ERROR
from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.polygon import area as polygon_area
from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.sources.radar_modules import Module
from drukte_tools.calibrate.camera.walking import Mark, ground_map
from drukte_tools.calibrate.certificate import STYLE
from drukte_tools.calibrate.radar.walk import Hang, Known, Line
from drukte_tools.calibrate.result import Asked, user
from drukte_tools.calibrate.said import Said
from drukte_tools.calibrate.sitefile import SiteFile
from drukte_tools.calibrate.tolerance import Area, Verdict, default_tolerance

ANGLE: Final = 1 / 6
"""Standard error of a person's azimuth as a part of the module's resolution; as in `drukte.sense.detect.echoes`."""
BESIDE: Final = 0.3
"""Root mean square distance from the line above which the walk was not on it, m."""
ENDS: Final = 0.5
"""How far the walk may end from a mark, m."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A radar's calibration with its verdict."""

    hang: Hang
    section: dict[str, Any]
    verdict: Verdict


def judge_radar(site: SiteFile, hang: Hang, line: Line, module: Module, asked: Asked) -> Judged:
    """Section and verdict: the walk fits the line, and pairs are told in the zones."""
    limit = site.closeness.high_risk
    allowed = asked.tolerance or default_tolerance(limit)
    zones = [(z.name, np.asarray(z.polygon, np.float64)) for z in site.zones]
    if not zones:
        start, end = np.array(line.start), np.array(line.end)
        along = (end - start) / line.length
        left = np.array([-along[1], along[0]])
        zones = [("around the line", np.array([start - left, end - left, end + left, start + left]))]
    areas = tuple(_area(name, polygon, hang, module, limit, allowed) for name, polygon in zones)
    reasons = []
    beside = float(np.sqrt(np.mean(np.square(hang.beside))))
    if beside > BESIDE:
        text = f"the walker was {beside:.2f} m beside the line on average; walk straight, and check the line's metres"
        reasons.append(Said("beside", text))
    for name, off in zip(("start", "end"), hang.ends, strict=True):
        if abs(off) > ENDS:
            text = f"the walk's {name} lies {abs(off):.2f} m from its mark: check the line's metres, turn on the marks"
            reasons.append(Said("ends", text))
    for area in areas:
        if area.good < asked.share:
            text = (
                f"{area.name}: {limit:g} m can be told within {allowed:.2f} m on {area.good:.0%} of it, at least "
                f"{asked.share:.0%} is asked ({area.visible:.0%} of it is in the radar's view)"
            )
            reasons.append(Said("share", text))
    verdict = Verdict(not reasons, tuple(reasons), areas, limit, allowed, asked.share)
    return Judged(hang, section_of(site.ground, hang), verdict)


def section_of(old: dict[str, Any], hang: Hang) -> dict[str, Any]:
    """The `ground:` section; walls, reach and the like stay."""
    kept = {k: v for k, v in old.items() if k in RadarGround.model_fields} if old.get("kind") == "radar" else {}
    found = {
        "height": round(hang.height, 3),
        "tilt": round(float(np.degrees(hang.tilt)), 1) + 0.0,
        "at": [round(v, 3) + 0.0 for v in hang.at],
        "bearing": round(float(np.degrees(hang.bearing)), 1) + 0.0,
    }
    return {"kind": "radar", **kept, **found}


def _area(name: str, polygon: Floats, hang: Hang, module: Module, distance: float, allowed: float) -> Area:
    low, high = polygon.min(0), polygon.max(0)
    step = max(0.1, float(np.sqrt(np.prod(np.maximum(high - low, 0.1)) / 400)))
    x, y = (np.arange(low[k] + step / 2, high[k], step) for k in (0, 1))
    spots = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    spots = spots[signed_distance(spots, polygon) > 0]
    if not len(spots):
        spots = polygon.mean(0)[None]
    gap = spots - hang.at
    away = np.hypot(*gap.T)
    turned = np.arctan2(gap[:, 0], gap[:, 1]) - hang.bearing
    aside = np.abs((turned + np.pi) % (2 * np.pi) - np.pi)
    down = hang.tilt > np.radians(60)
    seen = (away < module.max_range) & ((aside < module.half_view) | down)
    own = np.maximum(RANGE_ERROR, away * module.azimuth_resolution * ANGLE)
    # The walls of the room turn and shift with the radar; between two people only the scale along the view counts.
    scale = distance * np.tan(abs(hang.tilt)) * hang.sigmas[1]
    sigma = np.hypot(np.sqrt(2) * np.hypot(own, 0.05), scale)
    told = sigma[seen]
    worst = float(told.max()) if len(told) else np.inf
    return Area(name, polygon_area(polygon), float(seen.mean()), float((seen & (sigma <= allowed)).mean()), worst)


def rows(hang: Hang, line: Line, known: Known) -> list[tuple[str, str]]:
    """Name and value of everything that was found, with errors."""
    degrees = np.degrees(hang.sigmas)
    out = [
        ("height", f"{hang.height:.2f} m within {hang.sigmas[0]:.2f} m"
         f"{'' if known.height is None else f' (measured {known.height:.2f} m)'}"),
        ("tilt", f"{np.degrees(hang.tilt):.1f} degrees within {degrees[1]:.1f}" if hang.elevation
         else f"{np.degrees(hang.tilt):.1f} degrees, as stated: this module tells no elevation"),
        ("bearing", f"{np.degrees(hang.bearing):.1f} degrees within {degrees[2]:.1f}, clockwise from y"),
        ("place", f"({hang.at[0]:.2f}, {hang.at[1]:.2f}) m within {max(hang.sigmas[3:]):.2f} m"),
        ("line", f"{line.length:.2f} m; walked {np.sqrt(np.mean(np.square(hang.beside))):.2f} m beside it, its ends "
         f"{abs(hang.ends[0]):.2f} and {abs(hang.ends[1]):.2f} m off"),
    ]  # fmt: skip
    if hang.elevation:
        out.append(("echoes", f"{hang.echo_height:.2f} m above the ground (a body's are at about 1.05 m)"))
    return out


def finish_radar(site: SiteFile, judged: Judged, line: Line, known: Known, asked: Asked) -> bool:
    """Say how good it is and write it; returns whether it passed.

    Raises:
        SiteFileError: the site file cannot be written.
    """
    hang, verdict = judged.hang, judged.verdict
    marks = [Mark("A start", line.start), Mark("B end", line.end), Mark("R radar", hang.at)]
    click.echo(ground_map(hang.walked, marks))
    for name, value in rows(hang, line, known):
        click.echo(f"  {name:<9}{value}")
    for area in verdict.areas:
        worst = f"{area.worst:.2f} m" if np.isfinite(area.worst) else "not told"
        click.echo(
            f"  {area.name}: {area.square_metres:.0f} m2, {area.visible:.0%} in view, {verdict.distance:g} m told "
            f"within {verdict.tolerance:.2f} m on {area.good:.0%} (largest error {worst})"
        )
    for reason in verdict.reasons:
        click.echo(f"  {reason}")
    click.echo("PASS" if verdict.passed else "FAIL")
    if asked.dry_run:
        click.echo("nothing written (--dry-run)")
        return verdict.passed
    left = site.save({"ground": judged.section})
    click.echo(f"written: ground: in {site.path}")
    for problem in left:
        click.echo(f"still to do in {site.path}: {problem}")
    path = asked.certificate or site.path.with_name(f"{site.path.stem}.calibration.html")
    try:
        path.write_text(radar_certificate(site, judged, line, known, asked), encoding="utf-8")
        click.echo(f"certificate: {path}")
    except OSError as error:
        click.echo(f"certificate {path} could not be written: {error.strerror}; give another place: --certificate")
    return verdict.passed


def radar_certificate(site: SiteFile, judged: Judged, line: Line, known: Known, asked: Asked) -> str:
    """The certificate as an HTML document."""
    verdict = judged.verdict
    word, colour = ("PASS", "#1b6e1b") if verdict.passed else ("FAIL", "#a11")
    head = [
        ("Device", site.name),
        ("Calibrated by", asked.by or user()),
        ("When", datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z")),
        ("Method", "somebody walked to and fro on a line of known ends"),
        ("Asked", f"tell {verdict.distance:g} m with a standard error of at most {verdict.tolerance:.2f} m on at least "
         f"{verdict.share:.0%} of each zone"),
        ("Made with", f"drukte {__version__}"),
    ]  # fmt: skip
    reasons = "".join(f"<li>{escape(str(r))}</li>" for r in verdict.reasons)
    zones = "".join(
        f'<tr><td>{escape(a.name)}</td><td class="n">{a.square_metres:.1f} m²</td><td class="n">{a.visible:.0%}</td>'
        f'<td class="n">{a.good:.0%}</td><td class="n">{f"{a.worst:.2f} m" if np.isfinite(a.worst) else "-"}</td></tr>'
        for a in verdict.areas
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Calibration certificate: {escape(site.name)}</title><style>{STYLE}</style></head><body>
<h1>Calibration certificate</h1>
<p class="verdict" style="color:{colour}">{word}</p>
{f"<ul>{reasons}</ul>" if reasons else ""}
<table>{_table(head)}</table>
<h2>How the radar hangs</h2>
<table>{_table(rows(judged.hang, line, known))}</table>
<h2>Zones</h2>
<table><tr><th>zone</th><th class="n">area</th><th class="n">in view</th><th class="n">{verdict.distance:g} m told</th>
<th class="n">largest error</th></tr>{zones}</table>
<h2>The walk, seen from above</h2>
{_plan(site, judged.hang, line)}
<p>Errors are one standard error. The walker's places were used for this and are not kept.</p>
</body></html>
"""


def _table(values: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in values)


def _plan(site: SiteFile, hang: Hang, line: Line) -> str:
    polygons = [(z.name, np.asarray(z.polygon, np.float64)) for z in site.zones]
    every = np.concatenate([np.array([line.start, line.end, hang.at]), *(p for _, p in polygons)])
    low, high = every.min(0) - 0.7, every.max(0) + 0.7
    scale = 560 / float((high - low).max())

    def at(p: Any) -> str:
        return f"{(p[0] - low[0]) * scale:.1f},{(high[1] - p[1]) * scale:.1f}"

    parts = [f'<polygon points="{" ".join(at(c) for c in p)}" fill="#dfe9f5" stroke="#113a7a"/>' for _, p in polygons]
    for name, p in polygons:
        x, y = at(p.mean(0)).split(",")
        parts.append(f'<text x="{x}" y="{y}" font-size="12" text-anchor="middle">{escape(name)}</text>')
    parts.append(f'<polyline points="{at(line.start)} {at(line.end)}" stroke="#a11" stroke-width="2" fill="none"/>')
    left, top = (float(v) for v in at(hang.at).split(","))
    parts.append(f'<path d="M{left - 7:.1f} {top + 7:.1f}l7 -14l7 14z" fill="#113a7a"/>')
    width, height = (high - low) * scale
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="line, radar and zones" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
        f"<p>Red: the line of {line.length:.2f} m. Triangle: the radar.</p>"
    )
