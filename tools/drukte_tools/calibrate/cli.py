"""`drukte calibrate ...`: the ways to calibrated metres."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import numpy as np

from drukte.config.ground import PRESETS, Lens
from drukte.exits import Exit
from drukte.models import ModelError
from drukte.options import site_option
from drukte.sense.geometry.calibration import CalibrationError, GroundError
from drukte.sense.sources import SourceError
from drukte_tools.calibrate.acts import RecordError
from drukte_tools.calibrate.camera.fit import fit_points
from drukte_tools.calibrate.camera.heights import Bodies, fit_heights
from drukte_tools.calibrate.camera.observing import Look, observe
from drukte_tools.calibrate.camera.passersby import ways
from drukte_tools.calibrate.camera.points import PointsError, read_points
from drukte_tools.calibrate.camera.walking import Mark, fit_walk, ground_map, walker
from drukte_tools.calibrate.page.looking import PortError, look_at
from drukte_tools.calibrate.page.server import MINUTES, PORT
from drukte_tools.calibrate.radar.command import walk_line
from drukte_tools.calibrate.radar.walk import Line
from drukte_tools.calibrate.result import FAILED, Asked, finish
from drukte_tools.calibrate.sitefile import SiteFile, SiteFileError
from drukte_tools.calibrate.tolerance import SHARE

ERRORS: dict[type[Exception], Exit] = {
    SiteFileError: Exit.SITE,
    ModelError: Exit.MODEL,
    SourceError: Exit.SOURCE,
    PointsError: Exit.CALIBRATION,
    CalibrationError: Exit.CALIBRATION,
    GroundError: Exit.CALIBRATION,
    RecordError: Exit.INTERNAL,
    PortError: Exit.USAGE,
}


def asking(command: Callable[..., bool]) -> Callable[..., None]:
    """Add the options that every way of calibrating has, turn errors into advice and a verdict into a status."""

    @site_option
    @click.option("--tolerance", type=click.FloatRange(0.02, 5), help="Standard error allowed for the distance of two "
                  "people, m. Default: a third of closeness.high_risk, as on the device.")  # fmt: skip
    @click.option("--share", type=click.FloatRange(0.05, 1), default=SHARE, show_default=True, help="Part of each zone "
                  "that must meet it.")  # fmt: skip
    @click.option("--by", default="", help="Who calibrates, for the certificate. Default: this user.")
    @click.option("--certificate", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it. Default: "
                  "beside the site file.")  # fmt: skip
    @click.option("--dry-run", is_flag=True, help="Judge only; write nothing.")
    @wraps(command)
    def run(
        site_file: Path,
        tolerance: float | None,
        share: float,
        by: str,
        certificate: Path | None,
        dry_run: bool,
        **options: Any,
    ) -> None:
        try:
            site = SiteFile(site_file)
            passed = command(site, Asked(tolerance, share, by, certificate, dry_run), **options)
        except tuple(ERRORS) as error:
            click.echo(str(error), err=True)
            sys.exit(next(status for kind, status in ERRORS.items() if isinstance(error, kind)))
        sys.exit(Exit.OK if passed else FAILED)

    return run


def looking(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the ways that watch people, and hand them over as a `Look`."""

    @click.option("--boxes", type=click.Path(path_type=Path, dir_okay=False), help="Recorded boxes instead of the "
                  "source: MOTChallenge rows frame,id,x,y,w,h,conf.")  # fmt: skip
    @click.option("--rate", type=click.FloatRange(0.1, 200), default=25.0, show_default=True, help="Frames per second "
                  "of the recorded boxes.")  # fmt: skip
    @click.option("--camera", type=click.Choice(list(PRESETS)), help="Which camera it is, if the site file has no "
                  "`lens`.")  # fmt: skip
    @click.option("--fov", type=click.FloatRange(5, 170, min_open=True, max_open=True), help="Its horizontal field of "
                  "view instead, degrees.")  # fmt: skip
    @click.option("--ledger", type=click.Path(path_type=Path, dir_okay=False), help="Where a live look is recorded. "
                  "Default: the ledger of this device.")  # fmt: skip
    @wraps(command)
    def run(
        *args: Any,
        seconds: float,
        boxes: Path | None,
        rate: float,
        camera: str | None,
        fov: float | None,
        ledger: Path | None,
        **options: Any,
    ) -> None:
        if camera and fov:
            raise click.UsageError("give --camera or --fov, not both")
        lens = Lens(camera=camera, fov=fov) if camera or fov else None
        command(*args, look=Look(seconds, boxes, rate, lens, ledger), **options)

    return run


class Place(click.ParamType[Mark]):
    """NAME=X,Y in metres."""

    name = "NAME=X,Y"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Mark:
        """The mark that is written there."""
        if isinstance(value, Mark):
            return value
        label, _, place = str(value).partition("=")
        try:
            x, y = (float(v) for v in place.split(","))
        except ValueError:
            self.fail(f"'{value}' must be a name and two metres, as A=0,5.2", param, ctx)
        if not label.strip() or not max(abs(x), abs(y)) < 1e4:
            self.fail(f"'{value}' must be a name and two metres, as A=0,5.2", param, ctx)
        return Mark(label.strip(), (x, y))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def calibrate() -> None:
    """Teach a sensor metres, and say how far to trust them.

    Hang the camera, then one of: page (points and zones in a browser), points (the same from a file), by-walking (no
    picture: stand at marks), by-height (no picture, no marks), radar (walk a line).

    Each command ends with PASS (status 0) or FAIL (status 1) against a stated tolerance, and writes `ground:` and a
    certificate.
    """


@calibrate.command()
@click.option("--seconds", type=click.FloatRange(5, 3600), default=60.0, show_default=True, help="How long to look for "
              "the empty place, s.")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0.1, 120), default=MINUTES, show_default=True, help="After which the "
              "page ends and the picture is wiped.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="On this machine's "
              "loopback; 0: any free one.")  # fmt: skip
@click.option("--no-picture", "picture", flag_value=False, default=True, help="Do not look at all: zones on the metres "
              "grid of the calibration that is there.")  # fmt: skip
@click.option("--ledger", type=click.Path(path_type=Path, dir_okay=False), help="Where the look is recorded. Default: "
              "the ledger of this device.")  # fmt: skip
@asking
def page(
    site: SiteFile, asked: Asked, seconds: float, minutes: float, port: int, picture: bool, ledger: Path | None
) -> bool:
    """On a picture of the empty place, in a browser: points, zones and lines.

    Whoever walks through while it looks is left out of the picture. It lies in memory, is served on loopback alone
    behind a token, and is wiped at the end; the look is recorded in the ledger. Status 0 once something was saved.
    """
    return look_at(site, asked, seconds, minutes, port, picture, ledger)


@calibrate.command()
@click.option("--points", "points_file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="YAML or "
              "CSV: pixels with metres, or pixels and distances between them.")  # fmt: skip
@asking
def points(site: SiteFile, asked: Asked, points_file: Path) -> bool:
    """From a file of measured points or distances."""
    measured = read_points(points_file)
    return finish(site, fit_points(measured, site.ground), asked, measured.zones)


@calibrate.command("by-height")
@click.option("--seconds", type=click.FloatRange(5, 86_400), default=900.0, show_default=True, help="How long to look, "
              "s; Ctrl-C ends it early.")  # fmt: skip
@click.option("--mean", type=click.FloatRange(0.8, 2.2), default=1.72, show_default=True, help="Mean height of the "
              "people here, shoes included, m.")  # fmt: skip
@click.option("--mean-error", type=click.FloatRange(0, 0.5), default=0.03, show_default=True, help="Standard error of "
              "that mean, m.")  # fmt: skip
@click.option("--spread", type=click.FloatRange(0.02, 0.5), default=0.10, show_default=True, help="Standard deviation "
              "of their heights, m.")  # fmt: skip
@looking
@asking
def by_height(site: SiteFile, asked: Asked, look: Look, mean: float, mean_error: float, spread: float) -> bool:
    """From how tall passers-by look, near and far: nothing is measured, nobody is asked, no picture is shown.

    The lens must be known. Rougher than measured points: distances are as right as the mean height is.
    """
    sights, base = observe(site, asked, look, "by-height")
    passed = ways(sights, tuple(base["picture"]))
    return finish(site, fit_heights(passed, base, Bodies(mean, spread, mean_error)), asked)


@calibrate.command("by-walking")
@click.option("--mark", "marks", type=Place(), multiple=True, required=True, help="A marked point on the ground, as "
              "A=0,5.2 (m); two or more, in the order of the walk unless --visit says otherwise.")  # fmt: skip
@click.option("--visit", help="The order of the walk by the marks' names, as A,B,A,B.")
@click.option("--tall", type=click.FloatRange(1.0, 2.3), help="The walker's height with shoes, m; makes the tilt more "
              "certain.")  # fmt: skip
@click.option("--stand", type=click.FloatRange(1, 60), default=4.0, show_default=True, help="How long the walker "
              "stands still at each mark at least, s.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(5, 3600), default=180.0, show_default=True, help="How long to look, "
              "s; Ctrl-C ends it early.")  # fmt: skip
@looking
@asking
def by_walking(
    site: SiteFile,
    asked: Asked,
    look: Look,
    marks: tuple[Mark, ...],
    visit: str | None,
    tall: float | None,
    stand: float,
) -> bool:
    """By standing at marked points and walking between them: no picture is shown.

    Put two or more marks on the ground and measure where they are. Stand still at each for a few seconds, walk on in a
    straight line, and stay in full sight. With two or three marks the lens must be known. Nobody else should be there.
    """
    visited = _visited(marks, visit)
    body = Bodies(tall, 0.02) if tall is not None else Bodies()
    click.echo(f"walk: {' - '.join(m.name for m in visited)}, standing still for {stand:g} s at each")
    sights, base = observe(site, asked, look, "by-walking")
    way = walker(ways(sights, tuple(base["picture"])))
    fit = fit_walk(way, visited, base, body, stand)
    xy, _, _ = fit.ground.positions(np.array(way.boxes))
    click.echo(ground_map(xy, marks))
    return finish(site, fit, asked)


def _visited(marks: tuple[Mark, ...], visit: str | None) -> list[Mark]:
    named = {m.name: m for m in marks}
    if len(named) < len(marks):
        raise click.UsageError("two marks have the same name; name each once and give the order with --visit")
    if visit is None:
        return list(marks)
    order = [name.strip() for name in visit.split(",")]
    if missing := [name for name in order if name not in named]:
        raise click.UsageError(f"--visit names '{missing[0]}', which is no --mark; marks are {', '.join(named)}")
    return [named[name] for name in order]


@calibrate.command()
@click.option("--from", "start", type=Place(), required=True, help="One end of the line, as A=0,2 (m).")
@click.option("--to", "end", type=Place(), required=True, help="Its other end, as B=0,6 (m).")
@click.option("--height", type=click.FloatRange(0.3, 10), help="Of the antenna above the ground, m, by tape; makes the "
              "tilt more certain.")  # fmt: skip
@click.option("--at", type=Place(), help="The point under the antenna, as R=0,0 (m). Default: the site file's.")
@click.option("--recording", type=click.Path(path_type=Path, dir_okay=False), help="Recorded bytes of the site's "
              "module instead of its port.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(8, 3600), default=60.0, show_default=True, help="How long to look, s.")
@click.option("--ledger", type=click.Path(path_type=Path, dir_okay=False), help="Where a live look is recorded. "
              "Default: the ledger of this device.")  # fmt: skip
@asking
def radar(
    site: SiteFile,
    asked: Asked,
    start: Mark,
    end: Mark,
    height: float | None,
    at: Mark | None,
    recording: Path | None,
    seconds: float,
    ledger: Path | None,
) -> bool:
    """How a radar hangs: height, tilt and bearing, from somebody who walks to and fro on a line.

    Mark two points in the radar's view, 3 m apart or more, and measure where they are. Walk briskly from one to the
    other and back until the time is up; nobody else should move there.
    """
    return walk_line(site, asked, Line(start.metres, end.metres), height, at, recording, seconds, ledger)
