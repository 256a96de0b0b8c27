"""`drukte ledger`: read, check and hand over the ledger of this device."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from drukte.config import SiteError, load_site
from drukte.exits import Exit
from drukte.report.ledger.ledger import Entry, LedgerError, read, verify

STATE = Path("/var/lib/drukte-report")


def _ledger_file(site_file: Path | None, file: Path | None) -> Path:
    from drukte.report.places import state_folder

    if file is not None:
        return file
    if site_file is None and (STATE / "ledger.jsonl").exists():
        return STATE / "ledger.jsonl"
    try:
        return state_folder(load_site(site_file or Path("/etc/drukte/site.yaml"))) / "ledger.jsonl"
    except SiteError as error:
        raise click.ClickException(f"{error}\nName the ledger with --file instead") from None


def _where(command: Callable[..., None]) -> Callable[..., None]:
    path = click.Path(path_type=Path)
    command = click.option("--site", "site_file", type=path, help="Site file of the device whose ledger it is.")(
        command
    )
    return click.option("--file", type=path, help="The ledger itself.")(command)


@click.group()
def ledger() -> None:
    """What this device was for, with which settings, and who did what to it."""


@ledger.command()
@_where
def show(site_file: Path | None, file: Path | None) -> None:
    """Every line in plain words, oldest first."""
    path = _ledger_file(site_file, file)
    try:
        for entry in read(path):
            click.echo(_words(entry))
    except LedgerError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.INTERNAL)


@ledger.command(name="verify")
@_where
@click.option("--known", help="A head hash seen earlier, for example the one retained at the broker.")
def verify_command(site_file: Path | None, file: Path | None, known: str | None) -> None:
    """Check that no line was changed, removed, added or swapped."""
    path = _ledger_file(site_file, file)
    try:
        last = verify(path, known)
    except LedgerError as error:
        click.echo(f"NOT SOUND: {error}", err=True)
        sys.exit(Exit.INTERNAL)
    if last is None:
        click.echo(f"{path}: empty")
        return
    click.echo(f"{path}: sound, {last.n + 1} lines, last of {last.at}")
    click.echo(f"head {last.hash}")
    if known is None:
        click.echo("Compare the head with the one at the broker: a ledger forged as a whole is sound in itself.")


@ledger.command()
@_where
@click.option("--format", "kind", type=click.Choice(["json", "csv"]), default="json", show_default=True)
def export(site_file: Path | None, file: Path | None, kind: str) -> None:
    """The whole ledger on standard output, for an archive or an officer."""
    path = _ledger_file(site_file, file)
    try:
        entries = list(read(path))
    except LedgerError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.INTERNAL)
    if kind == "json":
        click.echo(json.dumps([json.loads(entry.line()) for entry in entries], indent=2, ensure_ascii=False))
        return
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["n", "at", "act", "details", "hash"])
    table.writerows([e.n, e.at, e.act, json.dumps(e.details, ensure_ascii=False), e.hash] for e in entries)
    click.echo(out.getvalue(), nl=False)


def _words(entry: Entry) -> str:
    match entry.act, entry.details:
        case "purpose", {"old": old, "new": new}:
            keys = [k for k in new if (old or {}).get(k) != new[k]]
            what = "; ".join(f"{k}: {(old or {}).get(k, '-')} -> {new[k]}" for k in keys)
        case "software", {"old": old, "new": new}:
            what = f"{old or '-'} -> {new}"
        case _, {"keys": keys}:
            what = ", ".join(keys)
        case _, details:
            what = ", ".join(f"{k}: {v}" for k, v in details.items())
    return f"{entry.n:>5}  {entry.at}  {entry.act:<12}{what}"
