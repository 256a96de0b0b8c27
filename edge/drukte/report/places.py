"""Where the open room keeps what must outlive it."""

import os
from pathlib import Path

from drukte.config import Site


def given_folder() -> Path | None:
    """systemd's state directory, if it gave one."""
    given = os.environ.get("STATE_DIRECTORY")
    return Path(given.split(":")[0]) if given else None


def named_folder(organisation: str, device: str) -> Path:
    """The state folder of a device in the home of the user."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "drukte" / f"{organisation}-{device}"


def state_folder(site: Site) -> Path:
    """Where the process keeps its store: systemd's state directory, else one in the user's home."""
    return given_folder() or named_folder(site.organisation, site.device)
