"""`drukte fleet`: many devices at one broker."""

import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from drukte.signing import SigningError, read_private
from drukte_tools.fleet import enrol as enrolment
from drukte_tools.fleet import export as exporting
from drukte_tools.fleet.bus import Bus, FleetError
from drukte_tools.fleet.intended import compare, read_intended
from drukte_tools.fleet.inventory import Inventory, Key, filters
from drukte_tools.fleet.marks import marks_of
from drukte_tools.fleet.options import broker_of, broker_options
from drukte_tools.fleet.push import Push, read_ring, ready
from drukte_tools.fleet.show import as_tree, difference_tree, differences, table, worst

_file = click.Path(path_type=Path, dir_okay=False)
_folder = click.Path(path_type=Path, file_okay=False)
_quiet = click.option("--quiet", default=2.0, show_default=True, help="Listen until nothing came for so long [s].")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
_F = TypeVar("_F", bound=Callable[..., Any])


def told(command: _F) -> _F:
    """What goes wrong is told in a line, not in a traceback."""

    @wraps(command)
    def run(*args: Any, **more: Any) -> Any:
        try:
            return command(*args, **more)
        except (FleetError, SigningError) as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'input or output'}: {error.strerror}") from None

    return run  # type: ignore[return-value]


@click.group()
def fleet() -> None:
    """Many devices: how they are, what they run, new settings in rings, certificates, made-up traffic."""


def listen(given: dict[str, Any], quiet: float, only: list[Key] | None = None) -> Inventory:
    """What is retained at the broker."""
    broker, base = broker_of(given)
    inventory = Inventory(broker.prefix)
    with Bus(broker, base, filters(broker.prefix, only)) as bus:
        for arrived in bus.until_quiet(quiet):
            inventory.take(arrived)
    return inventory


@fleet.command()
@broker_options
@_quiet
@_as_json
@click.option("--certificates", type=_folder, help="Folder with the devices' certificates: tells when they end.")
@told
def inventory(quiet: float, as_json: bool, certificates: Path | None, **given: Any) -> None:
    """All devices: health, version, settings, seal, end of purpose, audit, and what needs attention.

    Ends with status 1 when a device needs somebody now (!).
    """
    ends = None if certificates is None else enrolment.certificate_ends(certificates)
    devices = listen(given, quiet).sorted()
    now = time.time()
    marks = marks_of(devices, now, ends)
    if as_json:
        click.echo(json.dumps(as_tree(devices, marks, ends), indent=2))
    else:
        for line in table(devices, marks, now, ends):
            click.echo(line)
    sys.exit(any(worst(each) == "bad" for each in marks.values()))


@fleet.command()
@broker_options
@_quiet
@_as_json
@click.argument("intended", type=_folder)
@told
def diff(quiet: float, as_json: bool, intended: Path, **given: Any) -> None:
    """Compare the settings that devices attest with the site files in the folder INTENDED.

    Ends with status 1 when they differ, or a device is on one side only.
    """
    wanted = read_intended(intended)
    found = compare(listen(given, quiet).sorted(), wanted)
    if as_json:
        click.echo(json.dumps(difference_tree(found), indent=2))
    else:
        for line in differences(found):
            click.echo(line)
    sys.exit(any(d.verdict != "same" for d in found))


@fleet.command()
@broker_options
@_quiet
@click.argument("intended", type=_folder)
@click.option("--ring", "ring_file", type=_file, required=True, help="Devices, one organisation/device a line.")
@click.option("--key", "signing_key", type=_file, help="Private key that signs commands.")
@click.option("--patience", default=300.0, show_default=True, help="A device has this long to come back well [s].")
@click.option("--dry-run", is_flag=True, help="Send nothing; say what would be sent.")
@told
def push(
    quiet: float,
    intended: Path,
    ring_file: Path,
    signing_key: Path | None,
    patience: float,
    dry_run: bool,
    **given: Any,
) -> None:
    """Send signed site files from the folder INTENDED to a ring of devices, one after the other.

    Waits until each attests the new settings, is sealed and counts; stops at the first that does not.
    """
    ring = read_ring(ring_file)
    wanted = read_intended(intended)
    ready(ring, wanted)
    if dry_run:
        devices = [d for d in listen(given, quiet, ring).sorted() if (d.organisation, d.name) in ring]
        for line in differences(compare(devices, {key: wanted[key] for key in ring})):
            click.echo(line)
        return
    if signing_key is None:
        raise click.UsageError("--key is missing: the private key that signs commands")
    key = read_private(signing_key, lambda: str(click.prompt("passphrase", hide_input=True, err=True)))
    broker, base = broker_of(given)
    known = Inventory(broker.prefix)
    with Bus(broker, base, filters(broker.prefix, ring)) as bus:
        for arrived in bus.until_quiet(quiet):
            known.take(arrived)
        outcome = Push(bus, known, key, broker.prefix, patience, click.echo).push(ring, wanted)
    if outcome.failed is None:
        click.echo(f"{len(outcome.done)} devices have the new settings")
        return
    click.echo(f"STOPPED at {'/'.join(outcome.failed)}: it {outcome.why}", err=True)
    click.echo(f"{len(outcome.done)} have the new settings; {len(outcome.left)} were not reached:", err=True)
    for left in outcome.left:
        click.echo(f"  {'/'.join(left)}", err=True)
    sys.exit(1)


@fleet.command()
@broker_options
@_quiet
@click.option("--ring", "rings", type=_file, multiple=True, help="Ring file; becomes the group ring_NAME.")
@click.option("--domain", help="A device is reached at NAME.DOMAIN.")
@told
def export(quiet: float, rings: tuple[Path, ...], domain: str | None, **given: Any) -> None:
    """Print the fleet as an Ansible inventory (YAML)."""
    members = {file.stem: read_ring(file) for file in rings}
    devices = listen(given, quiet).sorted()
    click.echo(exporting.ansible(devices, marks_of(devices, time.time()), members, domain), nl=False)


@fleet.command()
@click.option("--out", type=_folder, required=True, help="Folder for ca.key and ca.crt.")
@click.option("--name", default="drukte fleet", show_default=True, help="Name in the certificate.")
@click.option("--no-passphrase", is_flag=True, help="Store the key unprotected.")
@told
def authority(out: Path, name: str, no_passphrase: bool) -> None:
    """Make the certificate authority of a fleet. Keep its folder on a machine that is not on the network."""
    given = None if no_passphrase else click.prompt("passphrase", hide_input=True, confirmation_prompt=True)
    enrolment.new_authority(out, name, given.encode() if given else None)
    click.echo(f"{out / 'ca.crt'}: for the broker (cafile) and the devices (ca_file)")


@fleet.command()
@click.argument("names", nargs=-1)
@click.option("--authority", "ca", type=_folder, required=True, help="Folder with ca.key and ca.crt.")
@click.option("--request", "requests", type=_file, multiple=True, help="Certificate request that a device made.")
@click.option("--ring", "ring_file", type=_file, help="Enrol all devices in a ring file.")
@click.option("--server", is_flag=True, help="NAMES are host names or addresses of brokers.")
@click.option("--days", type=click.IntRange(1, 3650), default=730, show_default=True, help="How long they hold.")
@click.option("--out", type=_folder, default=Path(), show_default=True, help="Where NAME.crt and NAME.key go.")
@told
def enrol(
    names: tuple[str, ...],
    ca: Path,
    requests: tuple[Path, ...],
    ring_file: Path | None,
    server: bool,
    days: int,
    out: Path,
) -> None:
    """Issue a certificate for each of NAMES (devices), or for requests, so that keys never leave their devices.

    A key that lies in --out already gets a new certificate.
    """
    wanted = [*names, *(device for _, device in (read_ring(ring_file) if ring_file else []))]
    if not wanted and not requests:
        raise click.UsageError("name devices, or give --request or --ring")
    for name in wanted:
        enrolment.check_name(name, server)
    signer = enrolment.Authority(ca, lambda: str(click.prompt("passphrase", hide_input=True, err=True)))
    for request in requests:
        click.echo(enrolment.sign_request(signer, request, days, out))
    for name in wanted:
        click.echo(enrolment.enrol(signer, name, days, out, server))


@fleet.command()
@broker_options
@click.option("--devices", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many.")
@click.option("--first", type=click.IntRange(0, 10**6), default=0, show_default=True, help="Number of the first one.")
@click.option("--zones", type=click.IntRange(1, 16), default=2, show_default=True, help="Zones of each device.")
@click.option("--window", type=click.IntRange(5, 3600), default=60, show_default=True, help="Length of a window [s].")
@click.option("--seconds", type=float, default=300.0, show_default=True, help="How long.")
@click.option("--ramp", type=float, default=100.0, show_default=True, help="Connections begun per second.")
@click.option("--spread", type=float, default=2.0, show_default=True, help="Devices publish within so long [s].")
@click.option("--node", "nodes", multiple=True, help="Further brokers of a cluster, as HOST:PORT.")
@click.option("--certificates", type=_folder, help="Folder with sim-0000.crt and .key and so on, one for each device.")
@click.option(
    "--confirmations",
    type=_file,
    help="Write each confirmation here as CSV: when [s since 1970], after how long [s].",
)
@click.option("--keep", is_flag=True, help="Leave the retained messages at the broker, to look at.")
@_as_json
@told
def simulate(as_json: bool, **given: Any) -> None:
    """Made-up traffic of many devices, for sizing a broker: throughput, and time until the broker confirms.

    Every device has a connection, client identifier, last will and session of its own. They publish observations,
    busyness, status, meta and privacy as devices do, under the organisation `simulated`, with numbers like those of a
    street's day. Ends with status 1 when an observation was not confirmed.
    """
    from drukte_tools.fleet.simulate import run

    figures = run(given, lambda text: click.echo(text, err=True))
    if as_json:
        click.echo(json.dumps(figures.tree, indent=2))
    else:
        for line in figures.lines:
            click.echo(line)
    sys.exit(figures.made != figures.confirmed)
