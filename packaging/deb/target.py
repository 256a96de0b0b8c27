"""For which Debian and which processor a package is made."""

from dataclasses import dataclass
from typing import Final

MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
PYTHONS: Final = {"bookworm": ("deb12", "3.11", 36), "trixie": ("deb13", "3.13", 41)}
"""Suite: mark in the version, its python3, minor version of its glibc 2."""


@dataclass(frozen=True, slots=True)
class Target:
    """One suite of Debian on one processor.

    Attributes:
        suite: Debian's name of the release: bookworm (12) or trixie (13).
        arch: Debian's name of the processor: amd64 or arm64.
    """

    suite: str
    arch: str

    @property
    def machine(self) -> str:
        """The processor as wheels and the kernel call it."""
        return MACHINES[self.arch]

    @property
    def mark(self) -> str:
        """End of the package's version; a newer Debian sorts after an older one."""
        return PYTHONS[self.suite][0]

    @property
    def python(self) -> str:
        """Version of the suite's python3, as 3.11."""
        return PYTHONS[self.suite][1]

    @property
    def platforms(self) -> list[str]:
        """Platform tags of the wheels that run there, newest first."""
        newest = PYTHONS[self.suite][2]
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in range(newest, 4, -1)]
        return [*tags, f"manylinux2014_{self.machine}"]

    def __str__(self) -> str:
        return f"{self.mark}-{self.arch}"
