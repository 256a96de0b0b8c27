"""`drukte radar`: configurations checked before they are sent, recordings counted through, a module listened to."""

from functools import partial
from itertools import islice
from pathlib import Path

import click

from drukte.config import SiteError, load_site
from drukte.config.radar import RadarReplaySource, RadarSource
from drukte.sense.sources import SourceError
from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_open import module_of, open_stream
from drukte.sense.sources.radar_reader import RadarReader
from drukte_tools.radar.chirp_file import ConfigurationError, read
from drukte_tools.radar.listen import Replugged
from drukte_tools.radar.listen import listen as seconds_of
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


@radar.command()
@click.option(
    "--site", "site_file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Names module and port."
)
@click.option("--sensor", type=click.IntRange(1, 2), default=1, show_default=True, help="Which of the site's sensors.")
@click.option("--seconds", type=click.IntRange(1), help="How long; until Ctrl-C if left out.")
def listen(site_file: Path, sensor: int, seconds: int | None) -> None:
    """What a connected module sends, every second, in numbers. It may be unplugged and plugged in meanwhile.

    Stop drukte first: one program at a time can have the port.
    """
    try:
        site = load_site(site_file)
        sources = [one.source for one in site.sensors()]
        source = sources[min(sensor, len(sources)) - 1]
        if not isinstance(source, RadarSource) or isinstance(source, RadarReplaySource):
            raise click.ClickException(f"{site_file}: sensor {sensor} is {source.kind}, no radar on a port")
        stream = Replugged(partial(open_stream, source, site_file.parent))
        with RadarReader(stream, module_of(source)) as reader:
            for second in islice(seconds_of(reader, stream), seconds):
                click.echo(str(second))
            counts = reader.counters
            click.echo(f"{counts.frames} frames, {counts.silences} silences, unplugged {stream.unplugged} times")
    except (SiteError, SourceError) as error:
        raise click.ClickException(str(error)) from None
