"""Samples opened into memory, and nowhere else."""

from dataclasses import dataclass
from pathlib import Path

import pyrage

from drukte.sample.container import ContainerError, Header, unpack
from drukte_tools.validate.judging import plan_view


class SampleError(Exception):
    """Samples or counts that cannot be used; says which file and what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """One decrypted file."""

    header: Header
    content: bytes

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what a counter sees, px: the picture, or the drawing of a radar's echoes."""
        return self.header.size if self.header.kind == "picture" else plan_view.DRAWING

    @property
    def outline(self) -> list[tuple[float, float]]:
        """The zone in what a counter sees, px."""
        return self.header.outline if self.header.kind == "picture" else plan_view.outline(self.header)

    def shown(self) -> tuple[str, bytes]:
        """What a counter sees: its media type and bytes."""
        if self.header.kind == "picture":
            return "image/jpeg", self.content
        return "image/svg+xml", plan_view.draw(self.header, self.content)


def open_samples(folder: Path, key_file: Path) -> tuple[list[Opened], list[str]]:
    """All samples in a folder, in order, and the names of damaged files, as a power cut leaves them.

    Raises:
        SampleError: no file can be opened with this key, or the key cannot be read.
    """
    try:
        identity = pyrage.x25519.Identity.from_str(key_file.read_text().strip().splitlines()[-1])
    except (OSError, pyrage.IdentityError, IndexError, UnicodeDecodeError) as error:
        raise SampleError(f"{key_file}: no age key can be read from it ({error})") from None
    opened, damaged = [], []
    files = sorted(folder.glob("*.age"))
    for path in files:
        try:
            sample = Opened(*unpack(pyrage.decrypt(path.read_bytes(), [identity])))
            sample.shown()
            opened.append(sample)
        except (pyrage.DecryptError, ContainerError):
            damaged.append(path.name)
    if not opened:
        raise SampleError(f"{folder}: none of {len(files)} files opens with this key. Right folder? Right key?")
    return sorted(opened, key=lambda o: o.header.index), damaged
