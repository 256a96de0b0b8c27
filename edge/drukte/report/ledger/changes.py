"""What changed about this device since it last ran, as lines of the ledger. Makes function creep visible."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from drukte import __version__
from drukte.config import Site
from drukte.report.ledger.ledger import Ledger, read
from drukte.settings.sheet import Sheet

PURPOSE: Final = "purpose"
CALIBRATION: Final = "ground"
MODEL: Final = "model"
SECRET: Final = ("password", "key_file")
"""Keys whose values are never shown or hashed; only that they changed place is of interest."""


def note_changes(ledger: Ledger, site: Site) -> list[str]:
    """Write down what differs from the last time; returns the acts.

    The purpose stands in the ledger in plain words, since it is public. Of other settings the ledger holds which keys
    changed, with a short hash of the old and the new value.
    """
    known = _last_state(ledger)
    acts = []
    if known.get("software") != __version__:
        ledger.record("software", old=known.get("software"), new=__version__)
        acts.append("software")
    purpose = site.purpose.model_dump(mode="json")
    if known.get(PURPOSE) != purpose:
        ledger.record("purpose", old=known.get(PURPOSE), new=purpose)
        acts.append("purpose")
    now = fingerprints(site)
    before: Mapping[str, str] = known.get("settings", {})
    changed = {
        key: [before.get(key), now.get(key)] for key in sorted({*before, *now}) if before.get(key) != now.get(key)
    }
    for act, section in (("calibration", CALIBRATION), ("model", MODEL)):
        part = {k: v for k, v in changed.items() if k.split(".")[0].split("[")[0] == section}
        if part:
            ledger.record(act, keys=part)
            acts.append(act)
            changed = {k: v for k, v in changed.items() if k not in part}
    if changed:
        ledger.record("settings", keys=changed)
        acts.append("settings")
    return acts


def note_signature(ledger: Ledger, sheet: Sheet | None) -> None:
    """Write down which signed site file is in use, if it is another than the last time."""
    if sheet is None:
        return
    facts = {"serial": sheet.serial, "sha256": sheet.sha256, "signed_by": {s.role: s.key for s in sheet.signatures}}
    latest = ledger.latest("signature")
    if latest is None or latest.details != facts:
        ledger.record("signature", **facts)


def note_refusal(path: Path, why: str, site_file: Path) -> None:
    """Write down that a site file may not be used, once for each file and reason that follow one another."""
    facts = {"why": why, "sha256": hashlib.sha256(site_file.read_bytes()).hexdigest()}
    ledger = Ledger(path)
    if ledger.head is None or (ledger.head.act, ledger.head.details) != ("refused", facts):
        ledger.record("refused", **facts)


def fingerprints(site: Site) -> dict[str, str]:
    """Every key of the site file but the purpose, as `zones[0].name`, with a short hash of its value."""
    flat: dict[str, str] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path}.{key}" if path else key, inner)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, inner in enumerate(value):
                walk(f"{path}[{number}]", inner)
        elif not any(word in path for word in SECRET):
            flat[path] = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]

    walk("", {k: v for k, v in site.model_dump(mode="json", by_alias=True).items() if k != PURPOSE})
    return flat


def _last_state(ledger: Ledger) -> dict[str, Any]:
    """Software, purpose and settings as the ledger's lines leave them."""
    state: dict[str, Any] = {"settings": {}}
    for entry in read(ledger.path):
        match entry.act:
            case "software" | "purpose":
                state[entry.act] = entry.details["new"]
            case "settings" | "calibration" | "model":
                for key, (_, new) in entry.details.get("keys", {}).items():
                    if new is None:
                        state["settings"].pop(key, None)
                    else:
                        state["settings"][key] = new
    return state
