"""Options that several commands share."""

from pathlib import Path
from typing import Final

import click

SITE: Final = Path("/etc/drukte/site.yaml")
site_option = click.option(
    "--site",
    "site_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SITE,
    show_default=True,
    envvar="DRUKTE_SITE",
    help="Site file of this device.",
)
