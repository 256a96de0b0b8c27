"""The signature sheet of a site file, `site.yaml.sig`: which bytes, in which turn, signed by whom.

The site file itself stays as its author wrote it, comments and all: the sheet holds its hash. The serial number keeps
an older file, however well signed, from coming back.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from drukte.config import Site
from drukte.config.base import Name, Section
from drukte.settings.files import SHARED, named_files
from drukte.signing import Role, Signature, SigningError, public_text, reasons, sign_text

MOST_BYTES: Final = 16 * 1024
MOST_FILE: Final = 4 * 1024 * 1024
"""Most bytes of a calibration or configuration file that the site file names."""
MOST_SERIAL: Final = 2**53
_DOMAIN: Final = b"drukte settings 1\n"
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Sheet(Section):
    """Who signed which site file."""

    drukte_settings: Literal[1] = 1
    organisation: Name = Field(description="As in the site file")
    device: Name = Field(description="As in the site file")
    serial: Annotated[int, Field(ge=1, le=MOST_SERIAL)] = Field(description="Larger than that of any file before")
    sha256: Hash = Field(description="Hash of the site file")
    files: dict[str, Hash] = Field(default_factory=dict, max_length=8, description="Hashes of files that it names")
    signatures: Annotated[list[Signature], Field(max_length=2)] = Field(default_factory=list)

    @property
    def body(self) -> bytes:
        """What is signed."""
        content = self.model_dump(exclude={"signatures"})
        return _DOMAIN + json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")

    def dump(self) -> bytes:
        """The sheet's file."""
        return (json.dumps(self.model_dump(), sort_keys=True, indent=2, ensure_ascii=True) + "\n").encode("ascii")

    def sign(self, role: Role, key: Ed25519PrivateKey) -> "Sheet":
        """The sheet with one more signature; an earlier one of the same role is replaced.

        Raises:
            SigningError: the key has signed in the other role.
        """
        public = public_text(key.public_key())
        others = [s for s in self.signatures if s.role != role]
        if any(s.key == public for s in others):
            raise SigningError("this key has signed already; the second signature must be another person's")
        made = Signature(role=role, key=public, signature=sign_text(key, self.body))
        return self.model_copy(update={"signatures": [*others, made]})


def new_sheet(data: bytes, site: Site, files: Mapping[str, str], serial: int) -> Sheet:
    """The sheet of a site file, signed by nobody yet."""
    return Sheet(
        organisation=site.organisation,
        device=site.device,
        serial=serial,
        sha256=hashlib.sha256(data).hexdigest(),
        files=dict(files),
    )


def parse_sheet(data: bytes) -> Sheet:
    """The sheet in a file's bytes. Signatures are not looked at.

    Raises:
        SigningError: it is no sheet.
    """
    if len(data) > MOST_BYTES:
        raise SigningError(f"the signature sheet has {len(data)} bytes; at most {MOST_BYTES}")
    try:
        return Sheet.model_validate(json.loads(data))
    except ValidationError as error:
        raise SigningError("the signature sheet is not right:\n" + reasons(error)) from None
    except (ValueError, RecursionError):
        raise SigningError("the signature sheet is not JSON. Make one with `drukte settings sign`") from None


def sheet_of(site_file: Path) -> Path:
    """Where the sheet of a site file lies."""
    return site_file.with_name(site_file.name + ".sig")


def file_hashes(site: Site, folder: Path) -> dict[str, str]:
    """Hash of each file that a site file names, and of the shared settings beside it if there are any.

    Raises:
        SigningError: one cannot be read or is too large.
    """
    found = {}
    shared = [SHARED] if (folder / SHARED).exists() else []
    for name in (*shared, *named_files(site)):
        try:
            with (folder / name).open("rb") as file:
                data = file.read(MOST_FILE + 1)
        except OSError as error:
            raise SigningError(f"{folder / name}: cannot be read ({error.strerror})") from None
        if len(data) > MOST_FILE:
            raise SigningError(f"{folder / name}: more than {MOST_FILE >> 20} MiB")
        found[name] = hashlib.sha256(data).hexdigest()
    return found
