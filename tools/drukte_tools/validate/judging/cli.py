"""`drukte validate count`, `settle` and `report`: what two people see, and what follows from it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from drukte.order import Order, OrderError, parse_order
from drukte.sample.folder import INVENTORY, ORDER

_file = click.Path(path_type=Path, dir_okay=False)
_folder = click.Path(path_type=Path, file_okay=False, exists=True)


def _sample(command: Callable[..., None]) -> Callable[..., None]:
    """The folder of pictures and the key that opens them."""
    key = click.option("--key", "key_file", type=_file, required=True, help="Private key of a recipient.")
    return click.argument("folder", type=_folder)(key(command))


def _two(command: Callable[..., None]) -> Callable[..., None]:
    """The files of the two counters."""
    for name in ("second", "first"):
        words = f"Marks of the {name} counter."
        command = click.option(f"--{name}", f"{name}_file", type=_file, required=True, help=words)(command)
    return command


@click.command()
@_sample
@click.option("--name", required=True, help="Who counts.")
@click.option("--out", type=_file, required=True, help="File of marks; taken up again when it exists.")
def count(folder: Path, key_file: Path, name: str, out: Path) -> None:
    """Mark people in the pictures of a sample, in this computer's browser. Ends with Ctrl-C."""
    from drukte_tools.validate.judging.counting import Counting
    from drukte_tools.validate.judging.opened import SampleError, open_samples

    try:
        opened, damaged = open_samples(folder, key_file)
        server = Counting(opened, name, out)
    except SampleError as error:
        raise click.ClickException(str(error)) from None
    if damaged:
        click.echo(f"damaged and left out: {', '.join(damaged)}", err=True)
    _serve(server)
    left = len(opened) - len(server.marks["marks"])
    click.echo(f"ended; {left} of {len(opened)} pictures are still to be counted" if left else f"ended; {out} is whole")


@click.command()
@_sample
@_two
@click.option("--name", required=True, help='Who looks again together, as "First and Second".')
@click.option("--out", type=_file, required=True, help="File of what is settled; taken up again when it exists.")
def settle(folder: Path, key_file: Path, first_file: Path, second_file: Path, name: str, out: Path) -> None:
    """Look again, together, at the pictures in which two counters differ. Ends with Ctrl-C."""
    from drukte_tools.validate.judging.counting import Counting, read_marks
    from drukte_tools.validate.judging.opened import SampleError, open_samples
    from drukte_tools.validate.judging.settled import disputes

    try:
        opened, _ = open_samples(folder, key_file)
        order = opened[0].header.order
        found = disputes(opened, read_marks(first_file, order), read_marks(second_file, order))
        if not found:
            click.echo("the two counters agree in every picture; nothing is to be settled")
            return
        wanted = {d.index for d in found}
        server = Counting([o for o in opened if o.header.index in wanted], name, out, found)
    except SampleError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{len(found)} of {len(opened)} pictures are in dispute")
    _serve(server)
    left = len(found) - len(server.marks["marks"])
    click.echo(f"ended; {left} of {len(found)} disputes are still open" if left else f"ended; {out} is whole")


def _serve(server: Any) -> None:
    from drukte.sense.lock.memory import no_dump

    no_dump()  # decrypted pictures lie in this program's memory
    click.echo(f"open {server.address}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("")
    finally:
        server.server_close()


@click.command()
@_sample
@_two
@click.option("--settled", "third_file", type=_file, help="What was settled about the pictures in which they differ.")
@click.option("--order", "order_file", type=_file, help="Default: order.json in the folder.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for report.html, report.json, report.csv and statement.html.",
)
def report(
    folder: Path,
    key_file: Path,
    first_file: Path,
    second_file: Path,
    third_file: Path | None,
    order_file: Path | None,
    out: Path,
) -> None:
    """How well the device counted the pictures of a sample: a report, its figures, and a statement for the public."""
    from drukte_tools.validate.judging.counting import read_marks
    from drukte_tools.validate.judging.opened import SampleError, open_samples
    from drukte_tools.validate.report.figures import figures
    from drukte_tools.validate.report.limits import verdict
    from drukte_tools.validate.report.page import report_page
    from drukte_tools.validate.report.statement import statement_page
    from drukte_tools.validate.report.tables import csv_table

    order_file = order_file or folder / ORDER
    try:
        made = parse_order(order_file.read_bytes())
        opened, damaged = open_samples(folder, key_file)
        if strangers := {o.header.order for o in opened} - {made.id}:
            raise SampleError(f"{folder}: holds pictures of order {strangers.pop()}, not of {made.id}")
        files = _hashes(folder, made, [order_file, first_file, second_file, *([third_file] if third_file else [])])
        third = read_marks(third_file, made.id) if third_file else {"marks": {}}
        found = figures(opened, made, read_marks(first_file, made.id), read_marks(second_file, made.id), third)
        found |= {"files_damaged": damaged, "files": files}
        out.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("report.json", json.dumps(found, indent=1, allow_nan=False) + "\n"),
            ("report.csv", csv_table(found)),
            ("report.html", report_page(found)),
            ("statement.html", statement_page(found)),
        ):
            (out / name).write_text(text, encoding="utf-8")
            click.echo(f"wrote {out / name}")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except (SampleError, OrderError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(verdict(found))


def _hashes(folder: Path, order: Order, files: list[Path]) -> dict[str, str]:
    """SHA-256 of what the report rests on.

    Raises:
        SampleError: a picture is not the one that the device wrote down after sampling.
    """
    from drukte.sample.folder import hashes
    from drukte_tools.validate.judging.opened import SampleError

    inventory = folder / INVENTORY
    if inventory.exists():
        try:
            known = json.loads(inventory.read_text(encoding="ascii"))
            listed = dict(known["files"]) if known["order"] == order.id else {}
        except (ValueError, KeyError, TypeError):
            raise SampleError(f"{inventory}: is not an inventory of the device; copy it again") from None
        here = hashes(folder)
        if strange := sorted(name for name in here.keys() | listed.keys() if here.get(name) != listed.get(name)):
            raise SampleError(
                f"{folder}: {', '.join(strange[:5])} missing or not as the device's inventory says; copy the folder "
                "again. A report about some of the pictures would not be one about the order"
            )
        files = [inventory, *files]
    return {f"SHA-256 of {path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
