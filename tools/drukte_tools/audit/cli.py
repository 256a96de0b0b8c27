"""`drukte audit`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from drukte.config import SiteError, load_site
from drukte.models import ModelError
from drukte.options import site_option
from drukte_tools.audit.twins import PLANTS


@click.command()
@site_option
@click.option("--minutes", type=click.FloatRange(0.1, 1440), default=1.0, show_default=True, help="How long to watch.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("audit"),
    show_default=True,
    help="Folder for the report: audit.json, audit.nl.html, audit.en.html.",
)
@click.option("--scope", is_flag=True, help="Print the files that an auditor must read, and their lines, instead.")
@click.option("--plant", type=click.Choice(PLANTS), help="Plant a leak, to see the audit find it.")
def audit(site_file: Path, minutes: float, out: Path, scope: bool, plant: str | None) -> None:
    """Check on this machine that no picture leaves memory, and write a report.

    Runs the device's own programs on pictures with a watermark. Ends with status 0 if all holds, 2 if not. As root it
    can also read the programs' memory; without, that check does not hold.
    """
    if scope:
        from drukte_tools.audit.scope import table

        click.echo(table())
        return
    from drukte.report.broker.desk import BrokerError
    from drukte.report.ledger.ledger import Ledger, LedgerError
    from drukte.report.places import state_folder
    from drukte_tools.audit.conduct import AuditError
    from drukte_tools.audit.conduct import audit as conduct
    from drukte_tools.audit.page import page

    try:
        report = conduct(site_file, minutes, lambda text: click.echo(f"== {text}"), plant)
    except (SiteError, ModelError, BrokerError, AuditError) as error:
        raise click.ClickException(str(error)) from None
    out.mkdir(parents=True, exist_ok=True)
    (out / "audit.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for language in ("nl", "en"):
        (out / f"audit.{language}.html").write_text(page(report, language), encoding="utf-8")
    for check in report["checks"]:
        click.echo(f"{'holds' if check['holds'] else 'FAILS':>6}  {check['check']}")
        for leak, caught in check["controls"].items():
            if not caught:
                click.echo(f"          its planted leak ({leak}) was NOT caught")
        for found in check["found"]:
            click.echo(f"          {found}")
        for name, value in check["seen"].items():
            click.echo(f"          {name}: {value}")
        for row in check["table"]:
            if text := _row(check["check"], row["name"], row["values"]):
                click.echo(f"          {text}")
    if plant is None:
        folder = state_folder(load_site(site_file))
        if (folder / "ledger.jsonl").exists():
            try:
                Ledger(folder / "ledger.jsonl").record("audit", verdict=report["verdict"], minutes=minutes)
            except LedgerError as error:
                click.echo(f"not written to the ledger: {error}", err=True)
    named = f" ({', '.join(report['leaks'])})" if report["leaks"] else ""
    click.echo(f"{report['verdict']}{named}: {out}/audit.nl.html, {out}/audit.en.html, {out}/audit.json")
    sys.exit(0 if report["verdict"] == "PASS" else 2)


def _row(check: str, name: str, values: list[Any]) -> str:
    """One line of a check's table; empty where the report alone shows it."""
    if check == "memory":
        numbers = ", ".join(f"{who} {n}" for who, n in zip(("sense", "report", "sense unwiped"), values, strict=False))
        return f"copies of {name}: {numbers}"
    if check == "traces":
        why, files, read, found = values
        return f"{name}: {why or f'{files} files, {read} bytes searched, {found} pieces'}"
    return ""
