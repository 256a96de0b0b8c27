"""`drukte sample`: carry out a validation order, or delete what is due."""

import sys
from pathlib import Path

import click

from drukte.options import site_option
from drukte.sample.folder import STATE

_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@site_option
@click.option("--order", "order_file", type=_path, default=Path("/etc/drukte/order.json"), show_default=True)
@click.option(
    "--signers",
    "signers_file",
    type=_path,
    default=Path("/etc/drukte/signers.yaml"),
    show_default=True,
    help="Keys of the technicians and privacy officers whom this device trusts.",
)
@click.option("--state", type=click.Path(path_type=Path), default=STATE, show_default=True, help="Folder of samples.")
@click.option("--door", type=int, default=1, show_default=True, help="Descriptor of the door's writing end.")
@click.option("--tidy", "only_tidy", is_flag=True, help="Delete what is due, and nothing else.")
@click.option("--pending", "ask", is_flag=True, help="Only say, by exit status 0, whether an order was begun.")
@click.option("--room", "in_room", is_flag=True, hidden=True)
def sample(
    site_file: Path,
    order_file: Path,
    signers_file: Path,
    state: Path,
    door: int,
    only_tidy: bool,
    ask: bool,
    in_room: bool,
) -> None:
    """Keep the encrypted pictures that a signed validation order asks for, in place of `drukte sense`."""
    from drukte.sample import expire, process

    if only_tidy:
        for line in expire.tidy(state, expire.read_clocks()):
            click.echo(line, err=True)
        return
    if ask:
        sys.exit(0 if process.pending(site_file, order_file, signers_file, state) else 1)
    carry_out = process.room if in_room else process.main
    sys.exit(carry_out(site_file, order_file, signers_file, state, door))
