"""What of a fleet needs attention, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

from drukte.report.formats.native import DeviceStatus, Privacy, SelfCheck, seconds
from drukte_tools.fleet.inventory import Device, Key

STALE: Final = 600
"""A device that is online says its status every minute; without one for this long something is wrong, s."""
PURPOSE_SOON: Final = 60
"""Days before the last day of counting from which it is said."""
CERTIFICATE_SOON: Final = 30
"""Days before the end of a certificate from which it is said."""
AUDIT_OLD: Final = 365
"""An audit older than this many days is old."""
IMBALANCE: Final = 0.1
"""Part of the crossings that a closed zone may lose in a week before it is said."""
_QUIET: Final = ("closed", "validation")
"""States in which not counting, or counting under an order, is as it should be."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something about a device. bad: it needs somebody now; look: it needs somebody some day."""

    weight: Literal["bad", "look"]
    text: str


def bad(text: str) -> Mark:
    """Something that needs somebody now."""
    return Mark("bad", text)


def look(text: str) -> Mark:
    """Something that needs somebody some day."""
    return Mark("look", text)


def marks_of(
    devices: Sequence[Device], now: float, certificates: Mapping[str, float] | None = None
) -> dict[Key, list[Mark]]:
    """The marks of each device, the bad ones first.

    Args:
        devices: the fleet: a device is also compared with the others.
        now: s since 1970.
        certificates: end of each device's certificate by device name, s since 1970; None when not known.
    """
    usual = _usual(devices)
    codes = _codes(devices)
    found = {}
    for device in devices:
        marks = [*_talk(device)]
        if device.status is not None:
            marks += _status(device.status, now)
        if device.privacy is not None:
            marks += _privacy(device.privacy, now)
            if (code := codes.get(device.privacy.software)) and device.privacy.code != code:
                marks.append(bad(f"its program files differ from the others of version {device.privacy.software}"))
        if device.selfcheck is not None:
            marks += _selfcheck(device.selfcheck)
        if usual and device.status is not None and device.status.software != usual:
            marks.append(look(f"version {device.status.software}, most have {usual}"))
        if certificates is not None:
            marks += _certificate(certificates.get(device.name), now)
        found[device.organisation, device.name] = sorted(marks, key=lambda m: m.weight)
    return found


def _talk(device: Device) -> list[Mark]:
    marks = [bad(f"its {kind} names another device; look at the broker's access rules") for kind in device.foreign]
    marks += [bad(f"its {kind} cannot be read") for kind in sorted(device.unreadable)]
    marks += [look(f"its {kind} is of a newer version than this tool") for kind in sorted(device.newer)]
    said_nothing = device.unreadable | device.foreign
    if device.status is None and "status" not in said_nothing:
        marks.append(bad("never said its status"))
    if device.privacy is None and "privacy" not in said_nothing:
        marks.append(bad("never attested what keeps pictures in"))
    return marks


def _status(s: DeviceStatus, now: float) -> list[Mark]:
    marks: list[Mark] = []
    if not s.online:
        marks.append(
            bad("offline: " + {"connection_lost": "connection lost", "stopped": "stopped"}.get(s.reason or "", ""))
        )
    else:
        if s.state == "refused":
            marks.append(bad(f"does not use its site file: {s.refusal or 'no reason told'}"))
        elif s.state == "validation":
            marks.append(look("an ordered sample is being taken"))
        elif not s.sensing and s.state not in _QUIET:
            marks.append(bad(f"does not count: {s.state}"))
        if s.at is not None and now - seconds(s.at) > STALE:
            marks.append(bad(f"said nothing since {s.at}"))
    marks += [
        bad(f"broker {name}: {broker.condition}, {broker.waiting} windows wait")
        for name, broker in s.brokers.items()
        if s.online and broker.condition != "connected"
    ]
    if s.store != "fine":
        marks.append(
            bad(f"its store is {s.store}") if s.store == "full" else look("its store was damaged and begun anew")
        )
    if s.lost:
        marks.append(look(f"{s.lost} windows lost since its start"))
    if refused := sum(s.rejected.values()):
        reasons = ", ".join(f"{reason} {many}" for reason, many in sorted(s.rejected.items()))
        marks.append(look(f"{refused} records refused at the door: {reasons}"))
    if s.commands.ignored:
        reasons = ", ".join(f"{reason} {many}" for reason, many in sorted(s.commands.ignored.items()))
        marks.append(look(f"commands ignored: {reasons}"))
    return marks


def _privacy(p: Privacy, now: float) -> list[Mark]:
    marks: list[Mark] = []
    if p.sealed is False:
        marks.append(bad(f"NOT SEALED: in force are only {', '.join(p.enforced or []) or 'nothing'}"))
    elif p.sealed is None:
        marks.append(look("its seal has not been shown yet"))
    days = days_until(p.purpose_valid_until, now)
    if days < 0:
        marks.append(bad(f"its purpose ended on {p.purpose_valid_until}"))
    elif days <= PURPOSE_SOON:
        marks.append(look(f"its purpose ends in {days} days"))
    if p.ledger is None:
        marks.append(bad("its ledger does not hold"))
    if p.audit is None or p.audit_at is None:
        marks.append(look("never audited"))
    elif p.audit != "PASS":
        marks.append(bad(f"its audit of {p.audit_at[:10]} said {p.audit}"))
    elif (age := days_since(p.audit_at, now)) > AUDIT_OLD:
        marks.append(look(f"its audit is {age} days old"))
    return marks


def _selfcheck(check: SelfCheck) -> list[Mark]:
    marks = []
    for zone in check.zones:
        for name, part in (("what came and what went", zone.conservation), ("two lines", zone.line_pair)):
            if part is not None and part.difference is not None and abs(part.difference) > IMBALANCE:
                marks.append(look(f"zone {zone.zone}: {name} differ by {100 * abs(part.difference):.0f} % last week"))
    return marks


def _certificate(end: float | None, now: float) -> list[Mark]:
    if end is None:
        return [look("no certificate of it is known")]
    days = int((end - now) // 86_400)
    if days < 0:
        return [bad("its certificate has run out")]
    return [look(f"its certificate ends in {days} days")] if days <= CERTIFICATE_SOON else []


def days_until(day: str, now: float) -> int:
    """Days until a date; negative when it is over."""
    return (date.fromisoformat(day) - datetime.fromtimestamp(now, UTC).date()).days


def days_since(moment: str, now: float) -> int:
    """Whole days since a moment of a message."""
    return int((now - seconds(moment)) // 86_400)


def _usual(devices: Sequence[Device]) -> str | None:
    """The version that more than half of the devices have."""
    versions = Counter(device.status.software for device in devices if device.status is not None)
    return _majority(versions)


def _codes(devices: Sequence[Device]) -> dict[str, str]:
    """For each version, the hash of its files that more than half of at least three devices have."""
    by_version: dict[str, Counter[str]] = {}
    for p in (device.privacy for device in devices):
        if p is not None:
            by_version.setdefault(p.software, Counter())[p.code] += 1
    majorities = {v: _majority(codes) for v, codes in by_version.items() if codes.total() >= 3}
    return {version: code for version, code in majorities.items() if code is not None}


def _majority(counts: Counter[str]) -> str | None:
    if not counts:
        return None
    value, many = counts.most_common(1)[0]
    return value if 2 * many > counts.total() else None
