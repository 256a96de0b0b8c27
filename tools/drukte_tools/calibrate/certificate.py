"""The calibration certificate: one HTML file without anything from elsewhere, readable on paper."""

from dataclasses import dataclass
from datetime import datetime
from html import escape

import numpy as np

from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.lens import Floats
from drukte_tools.calibrate.camera.fit import Residual
from drukte_tools.calibrate.drawing import field_of_view, grid, horizon, plan
from drukte_tools.calibrate.said import Said
from drukte_tools.calibrate.tolerance import GOOD, UNKNOWN, Area, Verdict, classes

COLOURS = ("#cfe8cf", "#f6e3a8", "#e9b9a6")
"""Of good, blurred and unknown ground; the last two are hatched as well, for paper without colours."""
STYLE = """
body{font:14px/1.45 system-ui,sans-serif;color:#111;max-width:50rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #ccc;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.verdict{font-size:1.4rem;font-weight:700;padding:.4rem .8rem;
border:3px solid;display:inline-block;margin:1rem 0}svg{max-width:100%;height:auto;border:1px solid #999}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}svg,table{break-inside:avoid}}
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What a certificate says besides the numbers.

    Attributes:
        site: organisation, device and place.
        by: who calibrated.
        at: when.
        how: by which method.
        version: of drukte.
        notes: remarks of the fit.
    """

    site: str
    by: str
    at: datetime
    how: str
    version: str
    notes: tuple[Said, ...] = ()


def certificate(
    record: Record, ground: Ground, residuals: tuple[Residual, ...], verdict: Verdict, zones: list[tuple[str, Floats]]
) -> str:
    """The certificate as an HTML document."""
    view = field_of_view(ground)
    word = "PASS" if verdict.passed else "FAIL"
    colour = "#1b6e1b" if verdict.passed else "#a11"
    reasons = "".join(f"<li>{escape(str(r))}</li>" for r in verdict.reasons)
    notes = "".join(f"<li>{escape(str(n))}</li>" for n in record.notes)
    limit = f"{verdict.distance:g} m"
    rows = [
        ("Device", record.site),
        ("Calibrated by", record.by),
        ("When", record.at.astimezone().strftime("%Y-%m-%d %H:%M %Z")),
        ("Method", record.how),
        ("Asked", f"tell {limit} with a standard error of at most {verdict.tolerance:.2f} m on at least "
         f"{verdict.share:.0%} of each zone"),
        *_camera(ground),
        ("Made with", f"drukte {record.version}"),
    ]  # fmt: skip
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Calibration certificate: {escape(record.site)}</title><style>{STYLE}</style></head><body>
<h1>Calibration certificate</h1>
<p class="verdict" style="color:{colour}">{word}</p>
{f"<ul>{reasons}</ul>" if reasons else ""}
<table>{"".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)}</table>
{f"<h2>Remarks</h2><ul>{notes}</ul>" if notes else ""}
<h2>Zones</h2>
<table><tr><th>zone</th><th class="n">area</th><th class="n">in the picture</th><th class="n">{limit} told</th>
<th class="n">largest error</th></tr>{"".join(_area(a) for a in verdict.areas)}</table>
{_residuals(residuals)}
<h2>Where {limit} can be told, seen from above</h2>
{plan_svg(ground, verdict, zones, view, residuals)}
<p>{_swatch(0)} within {verdict.tolerance:.2f} m &nbsp; {_swatch(1)} worse, still reported &nbsp; {_swatch(2)} not told:
people there count as <em>undetermined</em>. Errors are one standard error of the distance of two clearly seen people,
in
the worst direction. Half-hidden people are told less well.</p>
<h2>Horizon and metres grid in the picture</h2>
{picture_svg(ground, view, residuals)}
<p>The picture itself is not part of this certificate: the device keeps none.</p>
</body></html>
"""


def _camera(ground: Ground) -> list[tuple[str, str]]:
    size = f"{ground.picture[0]} x {ground.picture[1]} px"
    if ground.pose is None:
        return [("Picture", size)]
    fov = 2 * np.degrees(np.arctan(ground.picture[0] / 2 / ground.lens.focal[0]))
    x, y, z = np.round(ground.pose.centre, 2) + 0.0  # no minus zero
    return [
        ("Picture", size),
        ("Camera", f"{z:.2f} m above ({x:.2f}, {y:.2f}) m, looking {np.degrees(ground.pose.tilt):.1f} degrees down, "
         f"about {fov:.0f} degrees wide"),
    ]  # fmt: skip


def _area(a: Area) -> str:
    worst = f"{a.worst:.2f} m" if np.isfinite(a.worst) else "-"
    return (
        f'<tr><td>{escape(a.name)}</td><td class="n">{a.square_metres:.1f} m²</td>'
        f'<td class="n">{a.visible:.0%}</td><td class="n">{a.good:.0%}</td><td class="n">{worst}</td></tr>'
    )


def _residuals(residuals: tuple[Residual, ...]) -> str:
    if not residuals:
        return ""
    rows = []
    for r in residuals:
        where = f"({r.metres[0]:.2f}, {r.metres[1]:.2f}) m" if r.metres else f"{r.length:.2f} m" if r.length else "-"
        px = f"{r.off_px:.1f} px" if r.off_px is not None else "-"
        left = "-" if r.left_out is None else f"{r.left_out:.3f} m" if np.isfinite(r.left_out) else "not told"
        check = " (check)" if r.check else ""
        rows.append(
            f'<tr><td>{escape(r.name)}{check}</td><td>{where}</td><td class="n">{px}</td>'
            f'<td class="n">{abs(r.off):.3f} m'
            f'</td><td class="n">{left}</td></tr>'
        )
    return (
        '<h2>Residuals</h2><table><tr><th>point or length</th><th>measured</th><th class="n">in the picture</th>'
        '<th class="n">on the ground</th><th class="n">when left out</th></tr>' + "".join(rows) + "</table>"
    )


def _swatch(kind: int) -> str:
    return f'<svg width="22" height="12" style="vertical-align:-1px">{_HATCH}{_cell(0, 0, 22, 12, kind)}</svg>'


_HATCH = (
    '<defs><pattern id="h1" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 6L6 0" stroke="#8a6d00" '
    'stroke-width=".7"/></pattern><pattern id="h2" width="5" height="5" patternUnits="userSpaceOnUse"><path '
    'd="M0 5L5 0M0 0L5 5" stroke="#7a2b12" stroke-width=".7"/></pattern></defs>'
)


def _cell(x: float, y: float, w: float, h: float, kind: int) -> str:
    box = f'x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"'
    hatch = "" if kind == GOOD else f'<rect {box} fill="url(#h{kind})"/>'
    return f'<rect {box} fill="{COLOURS[kind]}"/>{hatch}'


def plan_svg(
    ground: Ground,
    verdict: Verdict,
    zones: list[tuple[str, Floats]],
    view: Floats,
    residuals: tuple[Residual, ...] = (),
) -> str:
    """The error map from above with zones and points, 1 m a grid line's label."""
    found = plan(ground, verdict.distance, zones, view)
    if found is None:
        return "<p>No ground is visible.</p>"
    told = classes(found.sigma, verdict.tolerance, verdict.distance)
    scale = 640 / (len(found.x) * found.cell)
    height = len(found.y) * found.cell * scale
    left, top = found.x[0], found.y[-1] + found.cell

    def at(x: float, y: float) -> tuple[float, float]:
        return (x - left) * scale, (top - y) * scale

    side = found.cell * scale
    parts = []
    for row, y in enumerate(found.y):
        start = 0
        for stop in range(1, len(found.x) + 1):  # neighbours of one class become one rectangle
            same = stop < len(found.x) and told[row, stop] == told[row, start]
            same = same and np.isfinite(found.sigma[row, stop]) == np.isfinite(found.sigma[row, start])
            if same:
                continue
            kind = int(told[row, start])
            if not (kind == UNKNOWN and not np.isfinite(found.sigma[row, start])):
                px, py = at(float(found.x[start]), float(y) + found.cell)
                parts.append(_cell(px, py, side * (stop - start), side, kind))
            start = stop
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000) if len(found.x) * found.cell / s <= 14)
    for x in np.arange(np.ceil(found.x[0] / step), (found.x[-1] + found.cell) / step) * step:
        px = at(float(x), 0)[0]
        parts.append(f'<path d="M{px:.1f} 0V{height:.1f}" stroke="#0003"/><text x="{px + 2:.1f}" y="{height - 3:.1f}" '
                     f'font-size="10">{x:g}</text>')  # fmt: skip
    for y in np.arange(np.ceil(found.y[0] / step), (found.y[-1] + found.cell) / step) * step:
        py = at(0, float(y))[1]
        parts.append(
            f'<path d="M0 {py:.1f}H640" stroke="#0003"/><text x="2" y="{py - 2:.1f}" font-size="10">{y:g} m</text>'
        )
    for name, polygon in zones:
        corners = [at(float(x), float(y)) for x, y in polygon]
        parts.append(_polyline([[a, b] for a, b in [*corners, corners[0]]], "#113a7a", 2))
        mx, my = np.mean(corners, axis=0)
        parts.append(f'<text x="{mx:.1f}" y="{my:.1f}" font-size="12" text-anchor="middle">{escape(name)}</text>')
    for r in residuals:
        if r.metres:
            px, py = at(*r.metres)
            parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="#111"/>')
    if ground.pose is not None:
        px, py = at(float(ground.pose.centre[0]), float(ground.pose.centre[1]))
        parts.append(f'<path d="M{px - 6:.1f} {py + 6:.1f}l6 -12l6 12z" fill="#113a7a"/>')
    return (
        f'<svg viewBox="0 0 640 {height:.0f}" role="img" aria-label="error map from above" '
        f'xmlns="http://www.w3.org/2000/svg">{_HATCH}{"".join(parts)}</svg>'
    )


def picture_svg(ground: Ground, view: Floats, residuals: tuple[Residual, ...]) -> str:
    """Horizon, metres grid and points where they lie in the picture; no picture."""
    width, height = ground.picture
    step, lines = grid(ground, view)
    thick = width / 640
    parts = [_polyline(line, "#5a7da8", 0.6 * thick) for line in lines]
    sky = horizon(ground)
    if len(sky) > 1:
        parts.append(_polyline(sky, "#a11", 2 * thick))
    for r in residuals:
        if r.pixel:
            x, y = r.pixel
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 * thick:.1f}" fill="#111"/><text x="{x + 6 * thick:.1f}" '
                f'y="{y - 4 * thick:.1f}" font-size="{13 * thick:.1f}">{escape(r.name)}</text>'
            )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="horizon and grid" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg><p>Grid: {step:g} m. '
        f"{'Red: horizon.' if len(sky) > 1 else 'The horizon lies outside the picture.'}</p>"
    )


def _polyline(points: list[list[float]], colour: str, width: float) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:.1f}"/>'
