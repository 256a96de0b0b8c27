"""`drukte radar`: configurations checked before they are sent, and recordings counted through."""

from pathlib import Path

import click

from drukte.sense.sources.radar_modules import MODULES
from drukte_tools.radar.chirp_file import ConfigurationError, read
from drukte_tools.radar.recordings import totals


@click.group()
def radar() -> None:
    """Radar configurations and recordings."""


@radar.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """What a configuration of an xWR6843 means, and whether it can work."""
    bad = False
    for file in files:
        click.echo(f"{file}")
        try:
            report = read(file)
        except ConfigurationError as error:
            click.echo(f"  {error}", err=True)
            bad = True
            continue
        for line in report.lines():
            click.echo(f"  {line}")
        for problem in report.problems:
            click.echo(f"  {problem}", err=True)
        bad |= bool(report.problems)
    if bad:
        raise SystemExit(1)


@radar.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--module", type=click.Choice(sorted(MODULES)), required=True, help="Which module sent the bytes.")
def decode(files: tuple[Path, ...], module: str) -> None:
    """How many packets, echoes and targets recorded bytes of a module hold, and how many bytes belong to none."""
    click.echo(f"{'file':<44}{'packets':>8}{'echoes':>9}{'targets':>9}{'bytes':>9}{'outside':>9}{'bad':>5}")
    for file in files:
        try:
            t = totals(file, MODULES[module])
        except OSError as error:
            raise click.ClickException(f"{file}: {error.strerror}") from None
        click.echo(f"{file.name:<44}{t.packets:>8}{t.echoes:>9}{t.targets:>9}{t.size:>9}{t.outside:>9}{t.refused:>5}")
