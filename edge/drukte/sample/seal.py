"""The sampler's own seal: that of the sealed room, and writing to files that were opened as it closed.

Everything else stays refused: no network, no other file, no program, no thread. The kernel cannot see that what is
written is encrypted; that the sampler writes nothing else is what its tests look for on the disk.
"""

import os
import resource
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from drukte.sense.lock.kernel import SealError
from drukte.sense.lock.seal import SealReport, lock, rules, wakers
from drukte.sense.lock.seccomp import Check

FIRST: Final = 1024
"""Descriptor of the first file. They lie in a block whose numbers one mask tells from all others."""
MOST: Final = 1024
_MASK: Final = 0xFFFFFFFF ^ (MOST - 1)


def seal_with_files(
    door_fd: int, ioctls: Iterable[int], files: Sequence[Path], size: int, source_fds: Sequence[int] = ()
) -> SealReport:
    """Lock the sampler's room. `files[i]` can then be written as descriptor `FIRST + i`, up to `size` bytes.

    Args:
        door_fd: writing end of a pipe or FIFO.
        ioctls: as in `drukte.sense.lock.seal.seal`.
        files: existing files; they are opened for writing only, so that nothing can be read back.
        size: most bytes in one file.
        source_fds: descriptors to read from, as in `drukte.sense.lock.seal.seal`.

    Raises SealError, see `drukte.sense.lock.seal.seal`.
    """
    if len(files) > MOST:
        raise SealError(f"{len(files)} files; at most {MOST}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FIRST + len(files) + 1:
        if hard != resource.RLIM_INFINITY and hard < FIRST + len(files) + 1:
            raise SealError(f"only {hard} descriptors allowed; set LimitNOFILE={FIRST + MOST} in the unit")
        resource.setrlimit(resource.RLIMIT_NOFILE, (FIRST + MOST, hard))
    wake = {fd: length for fd, length in wakers().items() if fd != door_fd}
    policy = rules(door_fd, ioctls, wake)
    policy["write"].append([Check(0, FIRST, _MASK)])
    policy["fdatasync"] = [[Check(0, FIRST, _MASK)]]

    def open_files() -> tuple[set[int], int]:
        opened = set()
        for i, path in enumerate(files):
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            os.dup2(fd, FIRST + i, inheritable=False)
            os.close(fd)
            opened.add(FIRST + i)
        return opened, size

    return lock(door_fd, policy, {door_fd, *wake, *source_fds}, open_last=open_files)
