"""What every way of calibrating ends with: a verdict, the site file, a certificate."""

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from drukte import __version__
from drukte.config.zones import Zone
from drukte.sense.geometry.lens import Floats
from drukte_tools.calibrate.camera.fit import Fit
from drukte_tools.calibrate.certificate import Record, certificate
from drukte_tools.calibrate.drawing import error_cells, field_of_view
from drukte_tools.calibrate.said import Said
from drukte_tools.calibrate.sitefile import SiteFile
from drukte_tools.calibrate.tolerance import SHARE, Verdict, verdict

FAILED = 1
"""Exit status of a calibration that does not meet the tolerance."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the technician asks of a calibration.

    Attributes:
        tolerance: standard error of a pair's distance, m; None: where the device itself says undetermined.
        share: least share of each zone that must meet it.
        by: who calibrates.
        certificate: where to write it; None: beside the site file.
        dry_run: judge only, write nothing.
    """

    tolerance: float | None = None
    share: float = SHARE
    by: str = ""
    certificate: Path | None = None
    dry_run: bool = False


def judged(fit: Fit, zones: Sequence[Zone], high_risk: float, asked: Asked) -> tuple[Verdict, list[tuple[str, Floats]]]:
    """The verdict on a fit, and the places it was judged at: the zones, else the ground between the points."""
    places = [(z.name, np.asarray(z.polygon, np.float64)) for z in zones]
    known = np.array([r.metres for r in fit.residuals if r.metres is not None])
    if not places and len(known) > 3:
        from scipy.spatial import ConvexHull

        places = [("between the points", known[ConvexHull(known).vertices])]
    if not places and len(view := field_of_view(fit.ground)):
        near = view[0]
        gap = view - near
        far = np.maximum(np.hypot(*gap.T), 1e-9)
        places = [("within 10 m", near + gap * np.minimum(1, 10 / far)[:, None])]
    errors = ([r.sigmas for r in fit.residuals], fit.left_out)
    return verdict(fit.ground, places, errors, high_risk, asked.tolerance, asked.share), places


def finish(site: SiteFile, fit: Fit, asked: Asked, zones: list[dict[str, Any]] | None = None) -> bool:
    """Say how good the calibration is and write it; returns whether it passed.

    Raises:
        SiteFileError: the site file cannot be written.
    """
    checked = [Zone.model_validate(z) for z in zones] if zones is not None else site.zones
    result, places = judged(fit, checked, site.closeness.high_risk, asked)
    click.echo(report(fit, result))
    if asked.dry_run:
        click.echo("nothing written (--dry-run)")
        return result.passed
    click.echo("\n".join(map(str, write(site, fit, result, places, asked, zones))))
    return result.passed


def write(
    site: SiteFile,
    fit: Fit,
    result: Verdict,
    places: list[tuple[str, Floats]],
    asked: Asked,
    zones: list[dict[str, Any]] | None,
) -> list[Said]:
    """Write site file and certificate; returns what to tell.

    Raises:
        SiteFileError: either cannot be written.
    """
    sections: dict[str, Any] = {"ground": fit.section}
    if zones is not None:
        sections["zones"] = zones
    left = site.save(sections)
    file = str(site.path)
    said = [Said("written", f"written: {' and '.join(f'{k}:' for k in sections)} in {file}", (file,))]
    said += [Said("todo", f"still to do in {file}: {problem}", (file, problem)) for problem in left]
    path = asked.certificate or site.path.with_name(f"{site.path.stem}.calibration.html")
    by = asked.by or user()
    record = Record(site.name, by, datetime.now(UTC), fit.how, __version__, fit.notes)
    try:
        path.write_text(certificate(record, fit.ground, fit.residuals, result, places), encoding="utf-8")
    except OSError as error:
        text = f"certificate {path} could not be written: {error.strerror}; give another place: --certificate"
        return [*said, Said("no-certificate", text, (str(path),))]
    return [*said, Said("certificate", f"certificate: {path}", (str(path),))]


def user() -> str:
    """Who is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "not stated"


def report(fit: Fit, result: Verdict) -> str:
    """Residuals, map and verdict for a terminal."""
    rows = [f"{fit.how}"]
    for r in fit.residuals:
        px = f"{r.off_px:6.1f} px" if r.off_px is not None else " " * 9
        left = "" if r.left_out is None else f"   left out {r.left_out:.3f} m"
        mark = "  <- look at this one" if r.sigmas > 3 else ""
        rows.append(f"  {r.name:<20.20} {px} {abs(r.off):7.3f} m{left}{'   (check)' if r.check else ''}{mark}")
    if (rms := fit.left_out) is not None:
        rows.append(f"  error at places left out of the fit: {rms:.3f} m")
    rows += [f"  note: {note}" for note in fit.notes]
    rows.append(text_map(fit, result))
    for area in result.areas:
        worst = f"{area.worst:.2f} m" if np.isfinite(area.worst) else "not told"
        rows.append(
            f"  {area.name}: {area.square_metres:.0f} m2, {area.visible:.0%} in the picture, {result.distance:g} m "
            f"told within {result.tolerance:.2f} m on {area.good:.0%} (largest error {worst})"
        )
    rows += [f"  {reason}" for reason in result.reasons]
    rows.append("PASS" if result.passed else "FAIL")
    return "\n".join(rows)


def text_map(fit: Fit, result: Verdict, columns: int = 48) -> str:
    """The error map over the picture in characters."""
    cells = error_cells(fit.ground, result.distance, result.tolerance, columns)
    marks = np.array(list("#+. "))[np.array(cells["classes"]).reshape(-1, columns)]
    lines = ["".join(row) for row in marks[::2]]  # a character is twice as high as wide
    frame = "  +" + "-" * columns + "+"
    key = f"  # told within {result.tolerance:.2f} m   + worse   . not told   (blank: no ground)"
    return "\n".join([frame, *(f"  |{line}|" for line in lines), frame, key])
