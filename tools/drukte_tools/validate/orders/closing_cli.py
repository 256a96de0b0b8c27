"""`drukte validate close` and `proof`: delete a sample, and show that it is gone."""

import sys
from pathlib import Path

import click

from drukte.sample.folder import STATE

_file = click.Path(path_type=Path, dir_okay=False)
_folder = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command()
@click.argument("folder", type=_folder)
@click.option("--by", required=True, help="Who closes, for the receipt.")
@click.option("--receipt", "receipts", type=_file, multiple=True, help="receipt.json of a copy that was closed before.")
@click.option("--report", "report_file", type=_file, help="report.json, whose hash goes into the receipt.")
@click.option("--destroy-key", "keys", type=_file, multiple=True, help="Private key of a recipient, to be destroyed.")
@click.option(
    "--device/--copy",
    default=None,
    help=f"Whether FOLDER is the device's own. Default: whether it lies in {STATE}.",
)
@click.option("--early", is_flag=True, help="Also while the order still runs.")
def close(
    folder: Path,
    by: str,
    receipts: tuple[Path, ...],
    report_file: Path | None,
    keys: tuple[Path, ...],
    device: bool | None,
    early: bool,
) -> None:
    """Delete the pictures of an order: first each copy, then the folder on the device, with the copies' receipts.

    On the device the receipt also goes into its ledger.
    """
    from drukte.sample.folder import ORDER
    from drukte_tools.validate.orders.closing import ClosingError, close_folder, destroy_key, read_order

    try:
        order = read_order(folder / ORDER)
        if device is None:
            device = folder.resolve().parent == STATE
        receipt = close_folder(folder, by, receipts, report_file, early, device)
        click.echo(f"{folder}: {len(receipt['files'])} pictures deleted, receipt.json written")
        if differs := receipt.get("differs_from_inventory"):
            click.echo(f"NOT as the inventory said: {', '.join(differs[:10])}", err=True)
        destroyed = {destroy_key(path, order) for path in keys}
    except ClosingError as error:
        raise click.ClickException(str(error)) from None
    for name in sorted(destroyed):
        click.echo(f"key of {name} destroyed")
    if kept := [r.name for r in order.recipients if r.name not in destroyed]:
        click.echo(
            "A deleted file can survive on a card or in a backup until it is written over, and only a key could open "
            f"it. Have destroyed every copy of the keys of: {', '.join(kept)} (--destroy-key)"
        )
    if not device:
        click.echo(
            "Close the device's own folder next, with --receipt for every copy; `drukte validate proof` shows all."
        )


@click.command()
@click.argument("receipts", nargs=-1, required=True, type=_file)
@click.option("--order", "order_file", type=_file, required=True)
@click.option("--inventory", "inventory_file", type=_file, required=True, help="inventory.json of the device.")
def proof(receipts: tuple[Path, ...], order_file: Path, inventory_file: Path) -> None:
    """Follow every picture from the order over the device's inventory to the receipts of its deletion."""
    from drukte_tools.validate.orders.closing import ClosingError, prove, read_order

    try:
        links = prove(read_order(order_file), inventory_file, receipts)
    except ClosingError as error:
        raise click.ClickException(str(error)) from None
    for link in links:
        click.echo(f"{'holds' if link.holds else 'FAILS':<7}{link.words}")
    if not all(link.holds for link in links):
        sys.exit(1)
    click.echo("Every picture that was kept has been deleted, as far as the receipts say.")
