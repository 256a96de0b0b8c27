"""The site file, the model and the services as they run."""

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from drukte.config import Site, SiteError
from drukte.config.radar import RADARS
from drukte.doctor.machine import Finding, Machine, fine, fix
from drukte.models import ModelError, read
from drukte.settings import load_trusted

HEALTH: Final = "/run/drukte-report/health.json"
ROLLED_BACK: Final = "/var/lib/drukte/rolled-back.json"
SOON: Final = timedelta(days=30)


def site_file(path: Path) -> tuple[Site | None, list[Finding]]:
    """The site, if its file is right, and what there is to say about it."""
    try:
        site = load_trusted(path)
    except SiteError as error:
        do = "sudo drukte setup" if not path.exists() else f"drukte check {path}"
        return None, [
            fix("site file", str(error).splitlines()[-1].strip() if path.exists() else f"{path} is missing", do)
        ]
    return site, [fine("site file", str(path)), _purpose(site, date.today())]


def _purpose(site: Site, today: date) -> Finding:
    end = site.purpose.valid_until
    if end < today:
        return fix(
            "purpose", f"ended on {end}, so nothing is counted", "have the controller decide anew, then set valid_until"
        )
    if end - today < SOON:
        return fix("purpose", f"ends on {end}; the device stops then", "have the controller decide whether it goes on")
    return fine("purpose", f"until {end}")


def model(site: Site) -> Iterator[Finding]:
    """The person detector."""
    if site.source.kind in RADARS:
        return
    try:
        read(site.model.name, site.model.size)
    except ModelError as error:
        do = f"sudo drukte models pull {site.model.name} --size {site.model.size}"
        yield fix("model", str(error).split(". ")[0], f"sudo apt install drukte-model, or {do}")
    else:
        yield fine("model", f"{site.model.name} {site.model.size}, hash is right")


def services(machine: Machine) -> Iterator[Finding]:
    """What runs, what it makes, and whether an upgrade was taken back."""
    for unit in ("drukte-sense", "drukte-report"):
        state = machine.run("systemctl", "show", unit, "-p", "ActiveState,Result,ExecMainStatus", "--value")
        if state is None:
            yield fine("services", "systemd does not run here")
            break
        yield _unit(unit, *state.split("\n"))
    if (told := _json(machine, HEALTH)) is not None:
        yield _windows(told)
    if (back := _json(machine, ROLLED_BACK)) is not None:
        text = f"version {back.get('from')} was taken back to {back.get('to')}: {back.get('why')}"
        yield fix(
            "upgrade",
            text,
            "journalctl -u drukte-after-upgrade -u drukte-sense; report it, and install the next version",
        )


def _unit(unit: str, *words: str) -> Finding:
    said = dict.fromkeys(words)
    if "active" in said:
        return fine(unit, "runs")
    if "failed" in said:
        status = next((word for word in words if word.isdigit()), "?")
        return fix(
            unit, f"failed with status {status}", f"journalctl -u {unit} -n 20; the statuses are in drukte-sense(1)"
        )
    return fix(unit, "does not run", f"sudo systemctl enable --now {unit}")


def _windows(told: dict[str, Any]) -> Finding:
    at = told.get("at")
    brokers = {name: b.get("condition") for name, b in told.get("brokers", {}).items()}
    state = told.get("state")
    if told.get("store") == "full":
        return fix("windows", "the disk takes no more", "df -h /var/lib; sudo apt clean")
    if state in ("closed", "expired"):
        return fine("windows", f"the sensor is {state} by its own rules ({at})")
    if state == "refused":
        return fix("windows", f"none: the site file may not be used: {told.get('refusal')}", "drukte check")
    if state != "running":
        return fix("windows", f"the sensor is {state} ({at})", "journalctl -u drukte-sense -n 20")
    away = [f"{name} {condition}" for name, condition in brokers.items() if condition != "connected"]
    if away:
        return fix("windows", f"made, but not delivered: {', '.join(away)}", "journalctl -u drukte-report -n 20")
    end = told.get("window_end")
    last = f"the last ended {time.strftime('%H:%M:%S UTC', time.gmtime(end))}" if end else "the first is under way"
    return fine("windows", f"made and delivered, {last}")


def _json(machine: Machine, path: str) -> dict[str, Any] | None:
    try:
        told = json.loads(machine.read(path) or "")
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
