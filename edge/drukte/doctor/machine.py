"""The machine that is looked at: its files and programs, so that one that is not here can stand in for it in a test."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

PROGRAM_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        name: what was looked at, a few words.
        verdict: fine, or fix: something has to be done.
        text: what was found.
        do: the command or act that mends it; empty when fine.
    """

    name: str
    verdict: Literal["fine", "fix"]
    text: str
    do: str = ""


def fine(name: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(name, "fine", text)


def fix(name: str, text: str, do: str) -> Finding:
    """Something to do."""
    return Finding(name, "fix", text, do)


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        root: folder that its file system starts at.
        programs: answers of programs by their words, for machines that are not here; None runs them.
    """

    root: Path = Path("/")
    programs: dict[Sequence[str], str] | None = field(default=None)

    def at(self, path: str) -> Path:
        """Where that file lies."""
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str | None:
        """Contents of a text file, without the zero bytes of device trees; None when it cannot be read."""
        try:
            return self.at(path).read_text(encoding="utf-8", errors="replace").replace("\0", "").strip()
        except OSError:
            return None

    def glob(self, pattern: str) -> list[Path]:
        """Files that match, sorted."""
        return sorted(self.root.glob(pattern.lstrip("/")))

    def run(self, *words: str) -> str | None:
        """What a program prints; None when it is missing, fails or hangs."""
        if self.programs is not None:
            return self.programs.get(words)
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None
