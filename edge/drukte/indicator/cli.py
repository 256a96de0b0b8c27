"""`drukte indicator`: keep the light that is on while the camera is open."""

import sys
import time
from pathlib import Path

import click

from drukte.config import SiteError
from drukte.exits import Exit
from drukte.indicator.hold import folder
from drukte.indicator.keeper import keep
from drukte.indicator.lamps import LampError, lamp_for
from drukte.options import site_option
from drukte.settings import load_trusted


@click.command()
@site_option
@click.option("--try", "only_try", is_flag=True, help="Switch the light on for three seconds and end.")
def indicator(site_file: Path, only_try: bool) -> None:
    """Switch the light of this device on while a camera is open, until a signal comes."""
    try:
        settings = load_trusted(site_file).indicator
        if settings.kind == "none":
            click.echo("indicator: the site file names none", err=True)
            return
        lamp = lamp_for(settings)
        if only_try:
            lamp.switch(True)
            time.sleep(3)
            lamp.switch(False)
            return
        try:
            keep(folder(), lamp)
        finally:
            lamp.close()
    except SiteError as error:
        click.echo(f"indicator: {error}", err=True)
        sys.exit(Exit.SITE)
    except LampError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.INDICATOR)
    except BlockingIOError:
        click.echo(f"indicator: another keeper is at work in {folder()}", err=True)
        sys.exit(Exit.INDICATOR)
    except OSError as error:
        click.echo(f"indicator: {error.filename}: {error.strerror}", err=True)
        sys.exit(Exit.INDICATOR)
