"""What was put in place last, `site.yaml.accepted`: the serial number and hash below which nothing may come back.

Only `drukte settings apply` writes it, as root. The rooms only read it, so a room gone bad cannot turn it back.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from drukte.config import Site
from drukte.config.base import Section
from drukte.settings.sheet import MOST_SERIAL, Hash

GUARDED: Final = ("organisation", "device", "purpose", "disclosure")
"""Parts of the site file whose change needs both signatures: whose device it is, what it is for, and how small numbers
are protected."""


class Record(Section):
    """The site file that was put in place last."""

    serial: Annotated[int, Field(ge=1, le=MOST_SERIAL)]
    sha256: Hash
    guarded: Hash = Field(description="Hash of the parts whose change needs both signatures")


def guarded(site: Site) -> str:
    """SHA-256 over the parts of a site file whose change needs both signatures.

    Only over keys that stand in the file, so that a new version of drukte with further keys changes nothing.
    """
    parts = site.model_dump(mode="json", include=set(GUARDED), exclude_unset=True)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def record_of(site_file: Path) -> Path:
    """Where the record of a site file lies."""
    return site_file.with_name(site_file.name + ".accepted")


def read_record(site_file: Path) -> Record | None:
    """The record beside a site file; None if there is none.

    Raises:
        ValueError: it is damaged, or others than root or the reader may write it.
    """
    path = record_of(site_file)
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            data = file.read(4096)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & 0o022:
        raise ValueError(f"{path}: somebody else may write it. Run: sudo chown root {path} && sudo chmod 644 {path}")
    try:
        return Record.model_validate(json.loads(data))
    except (ValidationError, ValueError):
        raise ValueError(
            f"{path}: is damaged. Put the newest signed settings in place again: sudo rm {path} && "
            "sudo drukte settings apply ..."
        ) from None
