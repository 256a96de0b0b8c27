"""New signed settings for a ring of devices, one after the other, stopping at the first that is not well with them.

A device is well when its own attestation shows the new hash after a new start, its seal holds, and it counts, or its
schedule keeps the camera closed.
"""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drukte.command import LONGEST, Command, Settings, until_text
from drukte.config.base import NAME
from drukte.report.formats.native import DeviceStatus
from drukte_tools.fleet.bus import Bus, FleetError
from drukte_tools.fleet.intended import Intended
from drukte_tools.fleet.inventory import Device, Inventory, Key

WELL_CLOSED: Final = "closed"
_HINT: Final = {
    "settings_refused": "its log says why; often generic.yaml or a calibration file beside its site file is another "
    "than the one that was signed, a signature is missing, or it has a newer serial",
    "settings_not_signed_here": "put signers.yaml with `settings: signed` on it first",
    "unknown_key": "list the public key of --key under `commands` in its signers.yaml",
    "too_late": "its clock and yours differ",
    "replayed": "it has obeyed a command with a later serial; is another push under way, or was your clock set back?",
}


@dataclass(slots=True)
class Outcome:
    """How a push went: devices that have the settings, the one at which it stopped, and those not reached."""

    done: list[Key] = field(default_factory=list)
    failed: Key | None = None
    why: str = ""
    left: list[Key] = field(default_factory=list)


def read_ring(file: Path) -> list[Key]:
    """The devices in a ring file: one `organisation/device` a line, `#` begins a remark.

    Raises:
        FleetError: it cannot be read, is empty, or a line is no device; names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FleetError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise FleetError(f"{file}: is not text") from None
    ring: list[Key] = []
    for number, line in enumerate(lines, 1):
        if not (name := line.partition("#")[0].strip()):
            continue
        organisation, _, device = name.partition("/")
        if not (re.match(NAME, organisation) and re.match(NAME, device)):
            raise FleetError(f"{file} line {number}: '{name}' is no device; write organisation/device")
        if (organisation, device) in ring:
            raise FleetError(f"{file} line {number}: {name} stands twice")
        ring.append((organisation, device))
    if not ring:
        raise FleetError(f"{file}: names no device; write one organisation/device a line")
    return ring


def ready(ring: Sequence[Key], intended: dict[Key, Intended]) -> dict[Key, Settings]:
    """What is to be sent to each device of a ring. Nothing may be sent before all of it is right.

    Raises:
        FleetError: a device has no intended settings, they are not signed, were changed since, or are too long.
    """
    parcels = {}
    for key in ring:
        name = "/".join(key)
        if (wanted := intended.get(key)) is None:
            raise FleetError(f"{name}: stands in the ring, and no site file is for it")
        data = wanted.file.read_bytes()
        how = f"Sign it: drukte settings sign {wanted.file} --role ... --key ..."
        if wanted.sheet is None or not wanted.sheet.signatures:
            raise FleetError(f"{wanted.file}: is not signed. {how}")
        if hashlib.sha256(data).hexdigest() != wanted.sheet.sha256:
            raise FleetError(f"{wanted.file}: was changed after it was signed. {how}")
        parcels[key] = Settings(site=data.decode(), sheet=wanted.sheet)
    return parcels


class Push:
    """Brings settings to devices.

    Args:
        bus: a connection that listens to the devices of the ring.
        inventory: what was heard of them; it is kept up to date.
        key: the key that signs commands; devices list its public half under `commands`.
        prefix: start of every topic.
        patience: a device that is not well with its new settings after this long is not, s.
        say: told what happens.
    """

    def __init__(
        self,
        bus: Bus,
        inventory: Inventory,
        key: Ed25519PrivateKey,
        prefix: str,
        patience: float,
        say: Callable[[str], None],
    ) -> None:
        self._bus = bus
        self._inventory = inventory
        self._key = key
        self._prefix = prefix
        self._patience = patience
        self._say = say

    def push(self, ring: Sequence[Key], intended: dict[Key, Intended]) -> Outcome:
        """Go through a ring.

        Raises:
            FleetError: something is not right before anything was sent, or the broker is lost.
        """
        parcels = ready(ring, intended)
        outcome = Outcome(left=list(ring))
        for key in ring:
            why = self._one(key, intended[key].settings, parcels[key])
            if why is not None:
                outcome.failed, outcome.why = key, why
                outcome.left.remove(key)
                return outcome
            outcome.done.append(key)
            outcome.left.remove(key)
        return outcome

    def _one(self, key: Key, wanted: str, parcel: Settings) -> str | None:
        """Bring settings to one device. Why it is not well with them; None when it is."""
        name = "/".join(key)
        device = self._inventory.devices.get(key)
        if device is None or device.status is None:
            return "was never heard of"
        if not device.status.online:
            return "is offline; nothing was sent"
        if device.privacy is not None and device.privacy.settings == wanted:
            if (why := not_well(device)) is None:
                self._say(f"{name}: has them already")
            return why
        before = device.status
        command = Command(
            organisation=key[0],
            device=key[1],
            act="settings",
            serial=time.time_ns() // 1_000_000,
            until=until_text(time.time() + self._patience),
            settings=parcel,
        ).sign(self._key)
        message = command.dump()
        if len(message) > LONGEST:
            return f"its settings make a command of {len(message)} bytes; a device takes {LONGEST}"
        started = time.monotonic()
        self._bus.publish(f"{self._prefix}/{name}/cmd/settings", message, int(self._patience))
        self._say(f"{name}: sent, serial {parcel.sheet.serial}; waiting for its attestation")
        why = self._wait(device, before, wanted, started + self._patience)
        if why is None:
            self._say(f"{name}: well with the new settings after {time.monotonic() - started:.0f} s")
        return why

    def _wait(self, device: Device, before: DeviceStatus, wanted: str, end: float) -> str | None:
        while (left := end - time.monotonic()) > 0:
            arrived = self._bus.next(left)
            if arrived is None or self._inventory.take(arrived) is not device:
                continue
            if (refusal := refused(device, before)) is not None:
                return refusal
            if has(device, before, wanted) and not_well(device) is None:
                return None
        if not has(device, before, wanted):
            told = device.privacy.settings[:8] if device.privacy else "nothing"
            how = "offline" if device.status is None or not device.status.online else device.status.state
            return f"does not attest the new settings ({wanted[:8]}) after {self._patience:.0f} s: {told}, {how}"
        return f"has the new settings, and after {self._patience:.0f} s it {not_well(device)}"


def has(device: Device, before: DeviceStatus, wanted: str) -> bool:
    """Whether a device attests the wanted settings after a new start."""
    p, s = device.privacy, device.status
    return p is not None and s is not None and p.settings == wanted and s.online and s.boot != before.boot


def not_well(device: Device) -> str | None:
    """Why a device is not well; None when it is."""
    s, p = device.status, device.privacy
    if s is None or not s.online:
        return "is offline"
    if s.state == WELL_CLOSED:
        return None
    if not s.sensing:
        return f"does not count: {s.state}"
    if p is None or p.sealed is not True:
        return "does not attest that it is sealed"
    return None


def refused(device: Device, before: DeviceStatus) -> str | None:
    """Why a device does not take a command that was sent after `before`; None when it has not said no."""
    s = device.status
    if s is None:
        return None
    if s.boot != before.boot:
        return f"does not use its site file: {s.refusal}" if s.state == "refused" else None
    for reason, many in s.commands.ignored.items():
        if many > before.commands.ignored.get(reason, 0):
            hint = _HINT.get(reason)
            return f"ignored the command: {reason}" + (f" ({hint})" if hint else "")
    return None
