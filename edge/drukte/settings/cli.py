"""`drukte settings`: make keys, sign a site file, check it, put it in place."""

import sys
import time
from pathlib import Path

import click

from drukte.config import Site, SiteError, load_site
from drukte.exits import Exit
from drukte.settings.files import SIGNERS, TrustError, read_bytes
from drukte.settings.judge import judge, load_sheet
from drukte.settings.put import Parcel, empty_inbox, put_in_place
from drukte.settings.record import guarded, read_record
from drukte.settings.sheet import file_hashes, new_sheet, sheet_of
from drukte.signing import ROLES, Role, SigningError, new_key, read_private, read_signers

_file = click.Path(path_type=Path, dir_okay=False)
_in_place = click.option("--site", "site_file", type=_file, default=Path("/etc/drukte/site.yaml"), show_default=True)


@click.group()
def settings() -> None:
    """Site files that only the right people can change."""


@settings.command()
@click.option("--out", type=_file, required=True, help="File for the private key; it must not exist yet.")
@click.option("--no-passphrase", is_flag=True, help="Store the key unprotected.")
def keygen(out: Path, no_passphrase: bool) -> None:
    """Make a key pair to sign settings or commands, on your own machine and never on the device.

    Prints the public key, for `signers.yaml` on the devices.
    """
    given = None if no_passphrase else click.prompt("passphrase", hide_input=True, confirmation_prompt=True)
    try:
        click.echo(new_key(out, given.encode() if given else None))
    except SigningError as error:
        raise click.ClickException(str(error)) from None


@settings.command()
@click.argument("site_file", type=_file)
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--key", "key_file", type=_file, required=True, help="Your private key.")
@click.option("--serial", type=int, help="Larger than that of any file before; the time in seconds if left out.")
def sign(site_file: Path, role: Role, key_file: Path, serial: int | None) -> None:
    """Sign a site file. Read it first. The signatures go into SITE_FILE.sig.

    A change of purpose, controller or protection of small numbers needs both roles; they sign one after the other.
    """
    try:
        data = read_bytes(site_file)
        site = load_site(site_file)
        made = new_sheet(data, site, file_hashes(site, site_file.parent), serial or int(time.time()))
        if sheet_of(site_file).exists():
            before = load_sheet(site_file)
            if (before.sha256, before.files) == (made.sha256, made.files) and serial in (None, before.serial):
                made = before  # the other role's signature stays
        made = made.sign(role, read_private(key_file, lambda: str(click.prompt("passphrase", hide_input=True))))
        sheet_of(site_file).write_bytes(made.dump())
    except (SiteError, SigningError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    roles = " and ".join(s.role.replace("_", " ") for s in made.signatures)
    click.echo(f"{sheet_of(site_file)}: serial {made.serial}, signed by {roles}")


@settings.command()
@_in_place
@click.option("--signers", "signers_file", type=_file, help="Trusted keys; those beside the site file if left out.")
def verify(site_file: Path, signers_file: Path | None) -> None:
    """Check a signed site file against the keys, and against what is in place beside it."""
    try:
        signers = read_signers(signers_file or site_file.with_name(SIGNERS))
        record = read_record(site_file)
        sheet = load_sheet(site_file)
        site = judge(read_bytes(site_file), sheet, site_file, record, signers)
    except (SiteError, SigningError, ValueError) as error:
        click.echo(f"NOT ACCEPTED: {error}", err=True)
        sys.exit(Exit.UNSIGNED if not isinstance(error, SiteError) or isinstance(error, TrustError) else Exit.SITE)
    click.echo(f"{site_file}: signed, serial {sheet.serial}, for {site.organisation}/{site.device}")
    for s in sheet.signatures:
        click.echo(f"  {s.role:<16}{s.key}")
    if record is None:
        click.echo("  not put in place yet: sudo drukte settings apply")
    elif record.guarded != guarded(site):
        click.echo("  differs from what is in place in purpose, controller or protection")
    if signers.settings != "signed":
        click.echo(f"  signatures are not demanded: `settings: signed` does not stand in {SIGNERS}")


@settings.command()
@click.argument("new_file", type=_file, required=False)
@_in_place
@click.option("--inbox", type=_file, help="Put in place what waits in this file, as the service does.")
def apply(new_file: Path | None, site_file: Path, inbox: Path | None) -> None:
    """Put a signed site file in place (as root); SITE itself if no other is named. Then start the rooms again."""
    if inbox is not None:
        sys.exit(Exit.OK if empty_inbox(inbox, site_file, lambda text: click.echo(text, err=True)) else Exit.UNSIGNED)
    source = new_file or site_file
    try:
        site = put_in_place(Parcel(read_bytes(source), load_sheet(source)), site_file)
    except (SiteError, SigningError) as error:
        click.echo(f"NOT PUT IN PLACE: {error}", err=True)
        sys.exit(Exit.UNSIGNED)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}. This needs root") from None
    click.echo(_done(site, site_file))


def _done(site: Site, site_file: Path) -> str:
    return (
        f"{site_file}: settings of {site.organisation}/{site.device} are in place; now: "
        "sudo systemctl restart drukte-sense drukte-report"
    )
