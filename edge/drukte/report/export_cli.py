"""`drukte export`: what this device has published in the last ninety days, as a table."""

import contextlib
import io
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from drukte.config import Site, SiteError, load_site
from drukte.exits import Exit
from drukte.options import site_option
from drukte.report.formats.native import Observation
from drukte.report.formats.table import ExportError, write_csv, write_parquet
from drukte.report.store.history import KEEP, each, read_only

DAY = click.DateTime(["%Y-%m-%d"])
DAY.name = "day"


@click.command()
@site_option
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Folder with history.sqlite.")
@click.option("--from", "first", type=DAY, help="First day, in the place's own time; the oldest kept if left out.")
@click.option("--to", "last", type=DAY, help="Last day, included; today if left out.")
@click.option("--zone", help="Only this zone.")
@click.option("--format", "kind", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File; CSV else goes to the screen.")
def export(
    site_file: Path,
    state: Path | None,
    first: datetime | None,
    last: datetime | None,
    zone: str | None,
    kind: str,
    out: Path | None,
) -> None:
    """What this device has published, as a table: windows of two days, hours of ninety.

    Numbers that were not given are empty, never 0.
    """
    try:
        site = load_site(site_file)
        if zone is not None and zone not in (names := [z.name for z in site.zones]):
            raise ExportError(f"there is no zone {zone}; there are: {', '.join(names)}")
        if kind == "parquet" and out is None:
            raise ExportError("Parquet goes to a file: name it with --out")
        start, end = _span(site, first, last)
        with contextlib.closing(_open(site, state)) as db:
            n = _write(each(db, start, end, zone), kind, out)
    except SiteError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.SITE)
    except ExportError as error:
        raise click.ClickException(str(error)) from None
    except (sqlite3.Error, OSError) as error:
        raise click.ClickException(f"{error}. Check the folder, its owner and the free space") from None
    click.echo(f"{n} rows{f' in {out}' if out else ''}", err=True)


def _span(site: Site, first: datetime | None, last: datetime | None) -> tuple[int, int]:
    """Moments, s since 1970, between whole days of the place's own time."""
    zone = ZoneInfo(site.place.time_zone)
    today = datetime.now(zone).date()
    since: date = first.date() if first else today - timedelta(seconds=KEEP)
    until: date = last.date() if last else today
    if until < since:
        raise ExportError(f"--from {since} is after --to {until}")
    start, end = (datetime.combine(day, time(), zone) for day in (since, until + timedelta(days=1)))
    return int(start.astimezone(UTC).timestamp()), int(end.astimezone(UTC).timestamp())


def _open(site: Site, state: Path | None) -> sqlite3.Connection:
    from drukte.report.places import state_folder

    service = Path("/var/lib/drukte-report")
    folder = state or (service if (service / "history.sqlite").exists() else state_folder(site))
    if not (folder / "history.sqlite").exists():
        raise ExportError(f"there is no history.sqlite in {folder}: nothing was published here yet; or name --state")
    return read_only(folder / "history.sqlite")


def _write(observations: Iterator[Observation], kind: str, out: Path | None) -> int:
    if kind == "parquet" and out is not None:
        return write_parquet(observations, out)
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as file:
            return write_csv(observations, file)
    text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        return write_csv(observations, text)
    finally:
        text.detach()
