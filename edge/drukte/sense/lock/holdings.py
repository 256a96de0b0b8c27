"""What this process holds that could carry a frame out: descriptors, child processes, shared memory.

Looked up in /proc before the seal. What is needed stays, what is not is closed, and what should not be there
at all stops the seal with an error that names it.
"""

import fcntl
import io
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from .kernel import SealError, socket_family

_SOURCE_DEVICES = ("/dev/video", "/dev/media", "/dev/v4l-subdev", "/dev/dma_heap/", "/dmabuf", "/dev/nv")
"""Camera and accelerator devices: their descriptors stay open, and memory shared with them is theirs."""
_OWN_OBJECTS = ("anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:[timerfd]")
_NETLINK = 16


class _Nowhere(io.TextIOBase):
    """Takes what is printed and keeps nothing: behind the seal a real write would raise PermissionError."""

    def write(self, text: str, /) -> int:
        return len(text)


def descriptors() -> list[tuple[int, str]]:
    """Every open descriptor and what it points at. Raises SealError if /proc does not tell."""
    try:
        entries = sorted(Path("/proc/self/fd").iterdir(), key=lambda e: int(e.name))
    except OSError as e:
        raise SealError(f"what this process holds cannot be looked up ({e}): is /proc mounted?") from e
    found = []
    for entry in entries:
        try:
            found.append((int(entry.name), str(entry.readlink())))
        except FileNotFoundError:  # the descriptor used for looking
            continue
    return found


def writable(fd: int) -> bool:
    """Whether a descriptor was opened for writing."""
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def wakers() -> dict[int, int]:
    """Descriptors that can only wake a thread of this very process, and how many bytes do so.

    Eventfds (8 bytes), and pipes whose reading end is open here too (1 byte). Those of another process do not
    count: what a parent hands down cannot be marked close-on-exec.
    """
    own = [(fd, target) for fd, target in descriptors() if fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC]
    heard = {target for fd, target in own if target.startswith("pipe:") and not writable(fd)}
    found = {fd: 1 for fd, target in own if target in heard and writable(fd)}
    return found | {fd: 8 for fd, target in own if target == "anon_inode:[eventfd]"}


def check_door(door_fd: int) -> None:
    """Raises SealError unless the door is a pipe or FIFO that is open for writing only."""
    try:
        fifo = stat.S_ISFIFO(os.fstat(door_fd).st_mode)
        mode = fcntl.fcntl(door_fd, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError as e:
        raise SealError(f"the door (descriptor {door_fd}) is not open: {e}") from e
    if not fifo or mode != os.O_WRONLY:
        raise SealError(f"the door (descriptor {door_fd}) must be a pipe or FIFO that is open for writing only")


def check_children() -> None:
    """Raises SealError if this process has started another, which would not be sealed with it."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return
    raise SealError("a child process was started before the seal and would stay outside of it")


def check_shared_memory() -> None:
    """Raises SealError if writable memory is shared with a file or other processes (cameras excepted)."""
    target = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split(None, 5)
        if "-" in first and not first.endswith(":"):
            target = rest[4] if len(rest) == 5 else ""
        elif first == "VmFlags:" and "sh" in line.split() and not target.startswith(_SOURCE_DEVICES):
            raise SealError(f"memory is shared with {target} and can be written: it would carry data out")


def surplus(needed: set[int]) -> list[int]:
    """Descriptors to close. Raises SealError at one that may be neither closed silently nor kept."""
    found = []
    for fd, target in descriptors():
        if fd <= 2:
            continue  # becomes /dev/null
        mode = os.fstat(fd).st_mode
        if stat.S_ISSOCK(mode) and socket_family(fd) == _NETLINK:
            found.append(fd)  # libcamera's listener for cameras that are plugged in
            continue
        if stat.S_ISSOCK(mode):
            raise SealError(f"descriptor {fd} is a socket ({target}): something in this process uses the network")
        if stat.S_ISREG(mode) and writable(fd):
            raise SealError(f"{target} is open for writing (descriptor {fd}): close it before the seal")
        if target == "anon_inode:[io_uring]":
            raise SealError(f"descriptor {fd} lets the kernel read and write on behalf of this process (io_uring)")
        reads = (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)) and not writable(fd)
        if not (fd in needed or reads or target.startswith(_SOURCE_DEVICES) or target in _OWN_OBJECTS):
            found.append(fd)
    return found


def close(fds: Iterable[int], needed: set[int]) -> None:
    """Close `fds` and point standard input, output and error at /dev/null where they are not needed."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    sys.stdin = sys.stdout = sys.stderr = _Nowhere()
    for fd in fds:
        os.close(fd)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for fd in {0, 1, 2} - needed:
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
