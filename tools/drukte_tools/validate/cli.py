"""`drukte validate`: orders, keys, sample sizes."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast, get_args

import click
import pyrage
from pydantic import ValidationError

from drukte.config import SiteError, load_site
from drukte.config.purpose import LEGAL_GROUNDS
from drukte.order import ROLES, Order, OrderError, Plan, Recipient, Role, instant_text, parse_order
from drukte.sample.plan import sampling
from drukte.signing import SigningError, new_key, read_private, write_private
from drukte_tools.validate.planner import pictures_for_ratio, pictures_for_share

_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def validate() -> None:
    """Prove how well a device counts, from a small, encrypted, short-lived sample."""


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


@validate.group()
def order() -> None:
    """Make, sign and read validation orders."""


@order.command()
@click.option("--site", "site_file", type=_file, required=True)
@click.option("--zone", help="Zone to count in; the first when left out.")
@click.option("--asked-by", required=True)
@click.option("--legal-ground", type=click.Choice(list(get_args(LEGAL_GROUNDS))), help="Default: the site file's.")
@click.option("--purpose", required=True, help="What the pictures are for.")
@click.option("--pictures", type=int, required=True)
@click.option("--start", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), required=True, help="UTC: 2026-11-24T08:00:00Z")
@click.option("--end", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), required=True)
@click.option("--keep-days", type=float, default=14, show_default=True, help="Days from the end to deletion.")
@click.option("--plan", "kind", type=click.Choice(["uniform", "hour", "light", "expected"]), default="uniform")
@click.option("--hours", type=(int, int), default=(0, 24), show_default=True, help="Local hours of the day.")
@click.option("--block", type=int, default=600, show_default=True, help="Block of pictures that count as alike [s].")
@click.option("--expected", help="24 numbers, with commas: expected people in each hour.")
@click.option("--mark", type=click.Choice(["foot", "head"]), default="foot", show_default=True)
@click.option("--blur/--no-blur", default=True, show_default=True)
@click.option("--recipient", "recipients", type=(str, str), multiple=True, required=True, help="Name and age key.")
@click.option("--out", type=_file, required=True)
def new(
    site_file: Path,
    zone: str | None,
    asked_by: str,
    legal_ground: str | None,
    purpose: str,
    pictures: int,
    start: datetime,
    end: datetime,
    keep_days: float,
    kind: str,
    hours: tuple[int, int],
    block: int,
    expected: str | None,
    mark: str,
    blur: bool,
    recipients: tuple[tuple[str, str], ...],
    out: Path,
) -> None:
    """Write an order, not yet signed."""
    try:
        site = load_site(site_file)
        numbers = [float(n) for n in expected.split(",")] if expected else None
        made = Order.model_validate(
            {
                "organisation": site.organisation,
                "device": site.device,
                "zone": zone or site.zones[0].name,
                "asked_by": asked_by,
                "legal_ground": legal_ground or site.purpose.legal_ground,
                "legal_basis": site.purpose.legal_basis,
                "purpose": purpose,
                "pictures": pictures,
                "start": instant_text(start.replace(tzinfo=UTC)),
                "end": instant_text(end.replace(tzinfo=UTC)),
                "delete_by": instant_text(end.replace(tzinfo=UTC) + timedelta(days=keep_days)),
                "plan": Plan.model_validate(
                    {
                        "kind": kind,
                        "hours": hours,
                        "block": block,
                        "expected": numbers,
                        "time_zone": site.place.time_zone,
                        "latitude": site.place.latitude,
                        "longitude": site.place.longitude,
                    }
                ),
                "mark": mark,
                "blur": blur,
                "recipients": [Recipient(name=name, key=public) for name, public in recipients],
                "seed": os.urandom(32).hex(),
            }
        )
        sampling(made)
    except ValidationError as error:
        reasons = [str(e.get("ctx", {}).get("error", e["msg"])) for e in error.errors(include_url=False)]
        raise click.ClickException("the order breaks its rules: " + "; ".join(reasons)) from None
    except (SiteError, OrderError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    out.write_bytes(made.dump())
    click.echo(f"{out}: order {made.id}, to be signed by a technician and a privacy officer")


@order.command()
@click.argument("order_file", type=_file)
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--key", "key_file", type=_file, required=True)
def sign(order_file: Path, role: str, key_file: Path) -> None:
    """Sign an order. Read it first: `drukte validate order show`."""
    try:
        made = parse_order(order_file.read_bytes())
        private = read_private(key_file, lambda: str(click.prompt("passphrase", hide_input=True)))
        order_file.write_bytes(made.sign(cast(Role, role), private).dump())
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except (OrderError, SigningError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"signed as {role}")


@order.command()
@click.argument("order_file", type=_file)
def show(order_file: Path) -> None:
    """Say in words what an order asks."""
    try:
        made = parse_order(order_file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{order_file}: {error.strerror}") from None
    except OrderError as error:
        raise click.ClickException(str(error)) from None
    signed = ", ".join(s.role for s in made.signatures) or "nobody"
    for name, value in (
        ("order", made.id),
        ("device", f"{made.organisation}/{made.device}, zone {made.zone}"),
        ("asked by", f"{made.asked_by} ({made.legal_ground}); {made.purpose}"),
        ("pictures", f"{made.pictures} between {made.start} and {made.end}, plan {made.plan.kind}"),
        ("heads", "made unrecognisable where the device finds somebody" if made.blur else "LEFT RECOGNISABLE"),
        ("can open", ", ".join(r.name for r in made.recipients)),
        ("deleted by", made.delete_by),
        ("signed by", signed),
    ):
        click.echo(f"{name:<12}{value}")


@validate.command()
@click.option("--half-width", type=click.FloatRange(0.005, 0.5), required=True, help="Wished half width, as 0.05.")
@click.option("--share", type=click.FloatRange(0.5, 0.999), default=0.9, show_default=True, help="Guess of the share.")
@click.option("--spread", type=click.FloatRange(0.01), default=0.3, show_default=True, help="SD of error / mean count.")
@click.option("--each", type=click.IntRange(1), default=1, show_default=True, help="Pictures per block of time.")
@click.option("--alike", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Correlation in a block.")
def plan(half_width: float, share: float, spread: float, each: int, alike: float) -> None:
    """How many pictures a wished interval needs."""
    click.echo(f"total ratio +-{half_width:.1%}: {pictures_for_ratio(half_width, spread, each, alike)} pictures")
    click.echo(f"share within max(1, 20 %) +-{half_width:.1%}: {pictures_for_share(half_width, share, each, alike)}")


@validate.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--key", "key_file", type=_file, required=True, help="Private key of a recipient.")
@click.option("--name", required=True, help="Who counts.")
@click.option("--out", type=_file, required=True, help="File of marks; taken up again when it exists.")
def count(folder: Path, key_file: Path, name: str, out: Path) -> None:
    """Mark people in the pictures of a sample, in this computer's browser. Ends with Ctrl-C."""
    from drukte_tools.validate.counting import Counting
    from drukte_tools.validate.opened import SampleError, open_samples

    try:
        opened, damaged = open_samples(folder, key_file)
        server = Counting(opened, name, out)
    except SampleError as error:
        raise click.ClickException(str(error)) from None
    if damaged:
        click.echo(f"damaged and left out: {', '.join(damaged)}", err=True)
    click.echo(f"open {server.address}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("ended")


@validate.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--key", "key_file", type=_file, required=True, help="Private key of a recipient.")
@click.option("--order", "order_file", type=_file, required=True)
@click.option("--first", "first_file", type=_file, required=True, help="Marks of the first counter.")
@click.option("--second", "second_file", type=_file, required=True, help="Marks of the second counter.")
@click.option("--settled", type=_file, help="Marks of a third look at the pictures on which they differ.")
@click.option("--json", "out", type=_file, help="Write the figures to this file too.")
def report(
    folder: Path,
    key_file: Path,
    order_file: Path,
    first_file: Path,
    second_file: Path,
    settled: Path | None,
    out: Path | None,
) -> None:
    """How well the device counted the pictures of a sample, with 95 % intervals."""
    from drukte_tools.validate.counting import read_marks
    from drukte_tools.validate.figures import figures
    from drukte_tools.validate.opened import SampleError, open_samples

    try:
        made = parse_order(order_file.read_bytes())
        opened, damaged = open_samples(folder, key_file)
        if {o.header.order for o in opened} != {made.id}:
            raise SampleError(f"{folder}: pictures of another order than {made.id}")
        third = read_marks(settled, made.id) if settled else {"marks": {}}
        found = figures(opened, made, read_marks(first_file, made.id), read_marks(second_file, made.id), third)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except (SampleError, OrderError) as error:
        raise click.ClickException(str(error)) from None
    found["files_damaged"] = damaged
    text = json.dumps(found, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
