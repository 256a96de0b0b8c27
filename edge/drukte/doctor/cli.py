"""`drukte doctor`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from drukte.doctor.machine import Finding, Machine
from drukte.options import site_option


def examine(site_file: Path, machine: Machine, network: bool) -> Iterator[Finding]:
    """Look at everything, the machine first."""
    from drukte.doctor import board, broker, kernel, sensor, service

    yield from board.look(machine)
    yield from kernel.look(machine)
    site, findings = service.site_file(site_file)
    yield from findings
    yield from sensor.look(machine, site)
    if site is not None:
        yield from service.model(site)
    yield from service.services(machine)
    if site is not None and network:
        yield from broker.look(site, site_file.parent)


@click.command()
@site_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of findings as JSON instead.")
@click.option("--offline", is_flag=True, help="Leave the broker alone.")
def doctor(site_file: Path, as_json: bool, offline: bool) -> None:
    """Look at board, kernel, clock, sensor, services and broker: what is fine, and what to fix with which command.

    Changes nothing; at the broker it writes an empty message to its own topic `doctor`, and tries whether it is kept
    from writing to another device's. Exit status 1 when something is to be fixed.
    """
    findings = []
    for finding in examine(site_file, Machine(), not offline):
        findings.append(finding)
        if not as_json:
            click.echo(_line(finding))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    count = sum(finding.verdict == "fix" for finding in findings)
    if not as_json:
        click.echo("all fine" if not count else f"{count} to fix")
    sys.exit(1 if count else 0)


def _line(finding: Finding) -> str:
    mark = click.style("fine", fg="green") if finding.verdict == "fine" else click.style("fix ", fg="red", bold=True)
    do = f"\n      {'':<22}-> {finding.do}" if finding.do else ""
    return f"{mark}  {finding.name:<22}{finding.text}{do}"
