"""`drukte calibrate ...`: the ways to calibrated metres."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from drukte.cli import site_option
from drukte.exits import Exit
from drukte.models import ModelError
from drukte.sense.geometry.calibration import CalibrationError, GroundError
from drukte.sense.sources import SourceError
from drukte_tools.calibrate.acts import RecordError
from drukte_tools.calibrate.fit import fit_points
from drukte_tools.calibrate.looking import PortError, look
from drukte_tools.calibrate.points import PointsError, read_points
from drukte_tools.calibrate.result import FAILED, Asked, finish
from drukte_tools.calibrate.server import MINUTES, PORT
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def calibrate() -> None:
    """Teach a sensor metres, and say how far to trust them.

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
    return look(site, asked, seconds, minutes, port, picture, ledger)


@calibrate.command()
@click.option("--points", "points_file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="YAML or "
              "CSV: pixels with metres, or pixels and distances between them.")  # fmt: skip
@asking
def points(site: SiteFile, asked: Asked, points_file: Path) -> bool:
    """From a file of measured points or distances."""
    measured = read_points(points_file)
    return finish(site, fit_points(measured, site.ground), asked, measured.zones)
