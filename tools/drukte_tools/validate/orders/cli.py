"""`drukte validate order`: make, sign and read orders."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast, get_args

import click
from pydantic import ValidationError

from drukte.config import SiteError, load_site
from drukte.config.purpose import LEGAL_GROUNDS
from drukte.order import ROLES, Order, OrderError, Plan, Recipient, Role, instant_text, parse_order
from drukte.sample.plan import sampling
from drukte.signing import SigningError, read_private

_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
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
    for line in strata(made):
        click.echo(line)


def strata(made: Order) -> list[str]:
    """How many pictures an order takes of what, and how many as many pictures of any moment alike would tell as much.

    Weights differ when strata are sampled alike that cover unlike times (Kish 1965: (sum w)^2 / sum w^2).
    """
    try:
        drawn = sampling(made)
    except OrderError as error:
        return [f"moments     {error}"]
    counts = Counter(m.stratum for m in drawn.moments)
    lines = [
        f"  {name:<18}{counts[name]:>4} pictures, {100 * share:.0f} % of the time"
        for name, share in sorted(drawn.shares.items())
    ]
    worth = 1 / sum(share**2 / counts[name] for name, share in drawn.shares.items() if counts[name])
    tells = f"            for figures over the whole time as good as {worth:.0f} pictures of any moment alike"
    return [*lines, tells] if len(lines) > 1 else lines
