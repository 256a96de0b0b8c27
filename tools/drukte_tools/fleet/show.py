"""The fleet as a table for people and as JSON for machines."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from drukte_tools.fleet.intended import MEANING, Difference
from drukte_tools.fleet.inventory import Device, Key
from drukte_tools.fleet.marks import Mark, days_since

SIGN: Final = {"bad": "!", "look": "~", "fine": " "}
COLOUR: Final = {"bad": "red", "look": "yellow", "fine": None}


def worst(marks: Sequence[Mark]) -> str:
    """`bad`, `look` or `fine`."""
    weights = {mark.weight for mark in marks}
    return "bad" if "bad" in weights else "look" if weights else "fine"


def health(device: Device) -> str:
    """How a device is, in a word or two."""
    s = device.status
    if s is None:
        return "unknown"
    if not s.online:
        return "offline"
    return "counting" if s.sensing and s.state == "running" else s.state


def table(
    devices: Sequence[Device],
    marks: Mapping[Key, Sequence[Mark]],
    now: float,
    certificates: Mapping[str, float] | None = None,
) -> Iterator[str]:
    """Lines of the table, and below it what needs attention."""
    heads = ["", "device", "health", "version", "settings", "seal", "purpose until", "audit"]
    rows = [[*_row(device, marks[device.organisation, device.name], now)] for device in devices]
    if certificates is not None:
        heads.append("certificate until")
        for row, device in zip(rows, devices, strict=True):
            end = certificates.get(device.name)
            row.append("-" if end is None else datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d"))
    yield from columns(heads, rows, [worst(marks[d.organisation, d.name]) for d in devices])
    counts = [worst(each) for each in marks.values()]
    yield ""
    yield (
        f"{len(devices)} devices: {counts.count('fine')} fine, {counts.count('bad')} need somebody now (!), "
        f"{counts.count('look')} some day (~)"
    )
    for device in devices:
        for mark in marks[device.organisation, device.name]:
            yield click.style(f"{SIGN[mark.weight]} {device.full_name}: {mark.text}", fg=COLOUR[mark.weight])


def _row(device: Device, marks: Sequence[Mark], now: float) -> Iterator[str]:
    yield SIGN[worst(marks)]
    yield device.full_name
    yield health(device)
    yield device.status.software if device.status else device.privacy.software if device.privacy else "-"
    p = device.privacy
    if p is None:
        yield from ("-", "-", "-", "-")
        return
    yield p.settings[:8] + (f" #{p.settings_serial}" if p.settings_serial else " unsigned")
    yield {True: "sealed", False: "NOT SEALED", None: "not shown"}[p.sealed]
    yield p.purpose_valid_until
    yield f"{p.audit} {days_since(p.audit_at, now)} d" if p.audit and p.audit_at else "never"


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]], weights: Sequence[str]) -> Iterator[str]:
    """Rows under headings, as wide as they need."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    yield "  ".join(f"{head:<{width}}" for head, width in zip(heads, widths, strict=True)).rstrip()
    for row, weight in zip(rows, weights, strict=True):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        yield click.style(line, fg=COLOUR[weight])


def as_tree(
    devices: Sequence[Device], marks: Mapping[Key, Sequence[Mark]], certificates: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Everything known of each device, for JSON."""
    return [
        {
            "organisation": device.organisation,
            "device": device.name,
            "health": health(device),
            "attention": worst(marks[device.organisation, device.name]),
            "marks": [{"weight": mark.weight, "text": mark.text} for mark in marks[device.organisation, device.name]],
            "certificate_until": None if (end := (certificates or {}).get(device.name)) is None else _iso(end),
            **{
                kind: None if (said := getattr(device, kind)) is None else said.model_dump(mode="json", by_alias=True)
                for kind in ("status", "meta", "privacy", "selfcheck")
            },
        }
        for device in devices
    ]


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def differences(found: Sequence[Difference]) -> Iterator[str]:
    """Lines that compare the fleet with its intended settings."""
    rows = [
        [
            " " if d.verdict == "same" else "!",
            "/".join(d.key),
            d.attested[:8] + (f" #{d.serial}" if d.serial else "") if d.attested else "-",
            d.intended.settings[:8] + (f" #{d.intended.sheet.serial}" if d.intended.sheet else "")
            if d.intended
            else "-",
            MEANING[d.verdict],
        ]
        for d in found
    ]
    weights = ["fine" if d.verdict == "same" else "bad" for d in found]
    yield from columns(["", "device", "has", "intended", ""], rows, weights)
    yield ""
    yield f"{len(found)} devices: {sum(d.verdict == 'same' for d in found)} as intended"


def difference_tree(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """The same for JSON."""
    return [
        {
            "organisation": d.key[0],
            "device": d.key[1],
            "verdict": d.verdict,
            "attested": d.attested,
            "attested_serial": d.serial,
            "intended": d.intended.settings if d.intended else None,
            "intended_serial": d.intended.sheet.serial if d.intended and d.intended.sheet else None,
            "file": str(d.intended.file) if d.intended else None,
        }
        for d in found
    ]
