"""`drukte validate`: keys, orders, sample sizes, counting, figures, deletion."""

from pathlib import Path

import click
import pyrage

from drukte.order import MAX_PICTURES
from drukte.signing import ROLES, SigningError, new_key, write_private
from drukte_tools.validate.judging.cli import count, report, settle
from drukte_tools.validate.orders.cli import order
from drukte_tools.validate.orders.closing_cli import close, proof
from drukte_tools.validate.orders.planner import pictures_for_ratio, pictures_for_share

_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def validate() -> None:
    """Prove how well a device counts, from a small, encrypted, short-lived sample."""


for _command in (order, count, settle, report, close, proof):
    validate.add_command(_command)


@validate.command()
@click.option("--role", type=click.Choice([*ROLES, "recipient"]), required=True)
@click.option("--out", type=_file, required=True, help="File for the private key; it must not exist yet.")
@click.option("--no-passphrase", is_flag=True, help="Store the key unprotected.")
def key(role: str, out: Path, no_passphrase: bool) -> None:
    """Make a key pair, on this machine and never on the device: to sign orders, or to open pictures."""
    try:
        if role == "recipient":
            identity = pyrage.x25519.Identity.generate()
            write_private(out, f"{identity}\n".encode())
            public = str(identity.to_public())
        else:
            given = None if no_passphrase else click.prompt("passphrase", hide_input=True, confirmation_prompt=True)
            public = new_key(out, given.encode() if given else None)
    except SigningError as error:
        raise click.ClickException(str(error)) from None
    click.echo(public)


@validate.command()
@click.option("--half-width", type=click.FloatRange(0.005, 0.5), required=True, help="Wished half width, as 0.05.")
@click.option("--share", type=click.FloatRange(0.5, 0.999), default=0.9, show_default=True, help="Guess of the share.")
@click.option("--spread", type=click.FloatRange(0.01), default=0.3, show_default=True, help="SD of error / mean count.")
@click.option("--each", type=click.IntRange(1), default=1, show_default=True, help="Pictures per block of time.")
@click.option("--alike", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Correlation in a block.")
@click.option("--strata", type=click.IntRange(1, 24), default=1, show_default=True, help="Strata that need it, each.")
def plan(half_width: float, share: float, spread: float, each: int, alike: float, strata: int) -> None:
    """How many pictures a wished interval needs."""
    of = f" in each of {strata} strata" if strata > 1 else ""
    for name, number in (
        ("total ratio", pictures_for_ratio(half_width, spread, each, alike)),
        ("share within max(1, 20 %)", pictures_for_share(half_width, share, each, alike)),
    ):
        whole = strata * number
        click.echo(f"{name} +-{half_width:.1%}{of}: {whole} pictures")
        if whole > MAX_PICTURES:
            click.echo(f"  more than the {MAX_PICTURES} of one order: wish a wider interval, or make several orders")
