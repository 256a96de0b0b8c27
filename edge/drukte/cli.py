"""`drukte ...`: every command of the device. Tools for technicians, officers and validators join by entry points."""

import json
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from drukte import __version__
from drukte.config import Site, SiteError, effective, load_site
from drukte.doctor.cli import doctor
from drukte.exits import Exit
from drukte.models_cli import models
from drukte.options import SITE, site_option
from drukte.setup.cli import setup
from drukte.verify import verify


class Commands(click.Group):
    """The device's own commands, and those of installed tools."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted({*super().list_commands(ctx), *(e.name for e in entry_points(group="drukte.commands"))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if own := super().get_command(ctx, cmd_name):
            return own
        for entry in entry_points(group="drukte.commands", name=cmd_name):
            try:
                command: click.Command = entry.load()
            except ModuleNotFoundError as error:
                raise click.ClickException(
                    f"`drukte {cmd_name}` needs the package '{error.name}': pip install 'drukte[tools]'"
                ) from None
            return command
        return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="drukte")
def drukte() -> None:
    """Count people without letting a picture out."""


@drukte.command()
@site_option
def run(site_file: Path) -> None:
    """Count and publish: both rooms on this machine, until Ctrl-C."""
    from drukte.run import run as run_both

    sys.exit(run_both(site_file))


@drukte.command()
@site_option
@click.option("--door", type=int, default=1, show_default=True, help="Descriptor of the door's writing end.")
def sense(site_file: Path, door: int) -> None:
    """The sealed room: see, reduce, forget. Writes records to the door and nothing anywhere else."""
    from drukte.sense.process import main as sense_main

    sys.exit(sense_main(site_file, door))


@drukte.command()
@site_option
@click.option("--door", type=int, default=3, show_default=True, help="Descriptor of the door's reading end.")
def report(site_file: Path, door: int) -> None:
    """The open room: read records from the door, publish messages."""
    import logging

    from drukte.report.start import main as report_main

    logging.basicConfig(format="report: %(message)s", level=logging.INFO)
    sys.exit(report_main(site_file, door))


@drukte.command()
@click.option("--site", "site_file", type=click.Path(path_type=Path, dir_okay=False), help="Take all from a site file.")
@click.option("--host", default="localhost", show_default=True, help="Broker.")
@click.option("--port", default=1883, show_default=True, help="TCP port of the broker.")
@click.option("--mqtt", "version", type=click.Choice(["5", "3.1.1"]), default="5", show_default=True)
@click.option("--topic", default="drukte/v1/#", show_default=True, help="What to subscribe to.")
def watch(site_file: Path | None, host: str, port: int, version: str, topic: str) -> None:
    """Show what arrives at the broker, as a live table."""
    from drukte.config.report import Broker
    from drukte.report.watch import main as watch_main

    broker = Broker.model_validate({"host": host, "port": port, "version": version})
    base = Path()
    if site_file is not None:
        site = _site_or_exit(site_file)
        broker, base = site.mqtt, site_file.parent
        topic = f"{site.mqtt.prefix}/{site.organisation}/{site.device}/#"
    sys.exit(watch_main(broker, topic, base))


@drukte.command()
@click.argument("site_file", type=click.Path(path_type=Path, dir_okay=False), default=SITE)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the site file instead.")
@click.option("--effective", "origins", is_flag=True, help="Print every value instead, and where it comes from.")
def check(site_file: Path, schema: bool, origins: bool) -> None:
    """Check a site file, with generic.yaml beside it, and say what the device would do with it."""
    if schema:
        click.echo(json.dumps(Site.model_json_schema(), indent=2))
        return
    site = _site_or_exit(site_file)
    _check_formats(site, site_file)
    click.echo(_origins(site_file) if origins else describe(site, str(site_file)))


def _origins(site_file: Path) -> str:
    rows = [(s.key, json.dumps(s.value, ensure_ascii=False), s.origin) for s in effective(site_file)]
    first, second = (min(48, max(len(row[i]) for row in rows)) for i in (0, 1))
    return "\n".join(f"{key:<{first}}  {value:<{second}}  {origin}" for key, value, origin in rows)


def _site_or_exit(site_file: Path) -> Site:
    try:
        return load_site(site_file)
    except SiteError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.SITE)


def _check_formats(site: Site, site_file: Path) -> None:
    """Formats may come from other packages, so what can be wrong with them is not in the site file's schema."""
    from drukte.report.broker.tell import formats_of
    from drukte.report.formats.registry import FormatError

    try:
        formats_of(site)
    except FormatError as error:
        click.echo(f"{site_file}: {error}", err=True)
        sys.exit(Exit.SITE)


@drukte.command()
def formats() -> None:
    """Message formats that a site file can name for a broker."""
    from drukte.report.formats.registry import available

    for name, about in available().items():
        click.echo(f"{name:<18}{about}")


def describe(site: Site, name: str) -> str:
    """What a device with this site file does, in words."""
    from drukte.capacity import bits_per_hour, hours_for_picture

    lines = [len(zone.lines) for zone in site.zones]
    rows: list[tuple[str, Any]] = [
        ("device", f"{site.organisation}/{site.device} at {site.place.name}"),
        ("purpose", f"{site.purpose.what_for} (until {site.purpose.valid_until})"),
        ("controller", f"{site.purpose.controller}, {site.purpose.contact}"),
        *(
            (
                "source",
                sensor.source.kind
                if sensor.ground.kind == "radar"
                else f"{sensor.source.kind}, model {site.model.name} {site.model.size}",
            )
            for sensor in site.sensors()
        ),
        *(
            ("zone", f"{z.name}: {z.area:.0f} m2, lines: {', '.join(n.name for n in z.lines) or 'none'}")
            for z in site.zones
        ),
        ("closeness", f"low risk under {site.closeness.low_risk} m, high risk under {site.closeness.high_risk} m"),
        *(
            ("publishes", f"every {site.window} s to {b.host}:{b.port} (MQTT {b.version}), {', '.join(b.formats)}")
            for b in (site.mqtt, *site.mqtt.mirrors)
        ),
        (
            "the door",
            f"leaves {bits_per_hour(lines, site.tick):.0f} bits an hour free: a 10 kB picture would take "
            f"{hours_for_picture(lines, site.tick):.1f} h of nothing but lies",
        ),
    ]
    return "\n".join([f"{name}: fine", *(f"  {key:<11}{value}" for key, value in rows)])


drukte.add_command(models)
drukte.add_command(doctor)
drukte.add_command(setup)
drukte.add_command(verify)


def main() -> None:
    """Entry point."""
    drukte()
