"""Two people who sign, and a device that trusts them."""

from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drukte.config import load_site
from drukte.settings.put import Parcel, put_in_place
from drukte.settings.sheet import Sheet, file_hashes, new_sheet, sheet_of
from drukte.signing import Role, public_text

PEOPLE: dict[Role, Ed25519PrivateKey] = {
    "technician": Ed25519PrivateKey.from_private_bytes(b"t" * 32),
    "privacy_officer": Ed25519PrivateKey.from_private_bytes(b"p" * 32),
}
COMMANDER = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
BOTH: tuple[Role, ...] = ("technician", "privacy_officer")


def trust(folder: Path, settings: str = "signed", **more: object) -> Path:
    """`signers.yaml` in a folder."""
    tree: dict[str, object] = {role: [public_text(key.public_key())] for role, key in PEOPLE.items()}
    tree |= {"settings": settings, "commands": [public_text(COMMANDER.public_key())]} | more
    file = folder / "signers.yaml"
    file.write_text(yaml.safe_dump(tree))
    file.chmod(0o644)
    return file


def sheet_for(site_file: Path, serial: int, roles: tuple[Role, ...] = BOTH) -> Sheet:
    """The sheet of a site file as it lies there, signed."""
    site = load_site(site_file)
    sheet = new_sheet(site_file.read_bytes(), site, file_hashes(site, site_file.parent), serial)
    for role in roles:
        sheet = sheet.sign(role, PEOPLE[role])
    return sheet


def sign_and_put(site_file: Path, serial: int = 1, roles: tuple[Role, ...] = BOTH) -> Sheet:
    """Sign a site file where it lies, and put it in place."""
    sheet = sheet_for(site_file, serial, roles)
    sheet_of(site_file).write_bytes(sheet.dump())
    put_in_place(Parcel(site_file.read_bytes(), sheet), site_file)
    return sheet
