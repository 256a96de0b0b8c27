"""The settings that devices are meant to have: a folder of site files, compared with what the devices attest."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from drukte.config import SiteError, load_site, settings_hash
from drukte.settings.files import SHARED
from drukte.settings.sheet import Sheet, parse_sheet, sheet_of
from drukte.signing import SigningError
from drukte_tools.fleet.bus import FleetError
from drukte_tools.fleet.inventory import Device, Key

Verdict = Literal["same", "differs", "unknown", "missing", "unintended"]
MEANING: Final[dict[Verdict, str]] = {
    "same": "has the intended settings",
    "differs": "has other settings than intended",
    "unknown": "has not attested its settings",
    "missing": "is intended, and was never heard of",
    "unintended": "is at the broker, and no settings are intended for it",
}


@dataclass(frozen=True, slots=True)
class Intended:
    """The settings that one device is meant to have.

    Attributes:
        file: its site file.
        settings: hash as the device will attest it, over the site file and `generic.yaml` beside it.
        sheet: its signature sheet; None when it is not signed.
    """

    file: Path
    settings: str
    sheet: Sheet | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How one device compares with what is intended."""

    key: Key
    verdict: Verdict
    intended: Intended | None
    attested: str | None
    serial: int | None


def read_intended(folder: Path) -> dict[Key, Intended]:
    """The site files in a folder and the folders in it, by the device that they name.

    YAML files that are no site files (calibrations, keys, `generic.yaml`) are passed over.

    Raises:
        FleetError: the folder has none, a site file is not right, or two are for one device.
    """
    if not folder.is_dir():
        raise FleetError(f"{folder}: is not a folder; name the one with the site files of the fleet")
    found: dict[Key, Intended] = {}
    for file in sorted(folder.rglob("*.yaml")):
        if file.name == SHARED or not _is_site(file):
            continue
        try:
            site = load_site(file)
            sheet = parse_sheet(sheet_of(file).read_bytes()) if sheet_of(file).exists() else None
        except (SiteError, SigningError) as error:
            raise FleetError(f"{file}: {error}" if isinstance(error, SigningError) else str(error)) from None
        except OSError as error:
            raise FleetError(f"{error.filename}: cannot be read ({error.strerror})") from None
        key = (site.organisation, site.device)
        if key in found:
            raise FleetError(f"{file} and {found[key].file} are both for {'/'.join(key)}; remove one")
        found[key] = Intended(file, settings_hash(file), sheet)
    if not found:
        raise FleetError(f"{folder}: has no site files (*.yaml with `drukte: 1`)")
    return found


def compare(devices: Sequence[Device], intended: dict[Key, Intended]) -> list[Difference]:
    """How each device compares, those that are only on one side too; by name."""
    heard = {(device.organisation, device.name): device for device in devices}
    differences = []
    for key in sorted(heard.keys() | intended.keys()):
        device, wanted = heard.get(key), intended.get(key)
        privacy = device.privacy if device else None
        verdict: Verdict
        if device is None:
            verdict = "missing"
        elif wanted is None:
            verdict = "unintended"
        elif privacy is None:
            verdict = "unknown"
        else:
            verdict = "same" if privacy.settings == wanted.settings else "differs"
        attested = privacy.settings if privacy else None
        differences.append(Difference(key, verdict, wanted, attested, privacy.settings_serial if privacy else None))
    return differences


def _is_site(file: Path) -> bool:
    """Whether a YAML file is a site file; one that cannot be parsed counts as one, so that it is complained about."""
    try:
        tree = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return True
    return isinstance(tree, dict) and "drukte" in tree
