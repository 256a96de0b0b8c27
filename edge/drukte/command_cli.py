"""`drukte command`: make a signed command for a device."""

import sys
import time
from pathlib import Path

import click

from drukte.command import ACTS, LONGEST, Act, Command, Settings, until_text
from drukte.config import SiteError
from drukte.settings.files import read_bytes
from drukte.settings.judge import load_sheet
from drukte.signing import SigningError, read_private


@click.command()
@click.argument("act", type=click.Choice(ACTS))
@click.option("--device", required=True, help="For whom, as organisation/device.")
@click.option("--key", "key_file", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--file", "site_file", type=click.Path(path_type=Path, dir_okay=False), help="Signed site file to use.")
@click.option("--serial", type=int, help="Larger than that of any command before; the time in ms if left out.")
@click.option("--minutes", default=10, show_default=True, help="Not obeyed after this long.")
@click.option("--prefix", default="drukte/v1", show_default=True, help="Start of every topic.")
def command(
    act: Act, device: str, key_file: Path, site_file: Path | None, serial: int | None, minutes: int, prefix: str
) -> None:
    """Print a signed command, to be published on the topic that is named on standard error."""
    organisation, _, name = device.partition("/")
    if (act == "settings") != (site_file is not None):
        raise click.UsageError("--file goes with `settings`, and with nothing else")
    try:
        made = Command(
            organisation=organisation,
            device=name,
            act=act,
            serial=serial or time.time_ns() // 1_000_000,
            until=until_text(time.time() + 60 * minutes),
            settings=None
            if site_file is None
            else Settings(site=read_bytes(site_file).decode(), sheet=load_sheet(site_file)),
        ).sign(read_private(key_file, lambda: str(click.prompt("passphrase", hide_input=True, err=True))))
    except (SiteError, SigningError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if len(message := made.dump()) > LONGEST:
        raise click.ClickException(f"{len(message)} bytes are more than a device takes ({LONGEST})")
    click.echo(f"topic: {prefix}/{device}/cmd/{act}", err=True)
    sys.stdout.write(message.decode())
