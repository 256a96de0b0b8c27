"""Which files this process may open from here on: the kernel's Landlock, where it has it.

A second wall in front of the seal. It stands from the first line of the program, before libraries and models
are loaded, and it also holds for whatever was allowed to open files at that time. Kernels of Raspberry Pi OS
and Jetson are built without Landlock; the seal itself (seccomp) does not depend on it. See `man 7 landlock`,
linux/landlock.h.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .kernel import PR_SET_NO_NEW_PRIVS, SealError, prctl, syscall

WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15
READ: Final = READ_FILE | READ_DIR
DEVICE: Final = READ | WRITE_FILE | IOCTL_DEV
_OF_FILES: Final = WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # rights that make sense for a single file

_FILES_V1: Final = (1 << 13) - 1  # execute, write, read, and all ways to make or remove an entry
_NET: Final = 0b11  # bind and connect TCP
_SCOPE: Final = 0b11  # abstract unix sockets and signals, of processes outside
_GET_VERSION, _PATH_BENEATH = 1, 1


def abi() -> int:
    """Version of Landlock in the running kernel, 0 if there is none (not built in, switched off or
    filtered)."""
    try:
        return syscall("landlock_create_ruleset", 0, 0, _GET_VERSION)
    except OSError:
        return 0


def active() -> bool:
    """Whether this process is bound by `restrict`, tried out: the root directory is on nobody's list."""
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except PermissionError:
        return True
    return False


def restrict(rules: Iterable[tuple[str | Path, int]]) -> int:
    """Forbid every file that is not under a path in `rules`, and all TCP. Returns the version in force, or 0.

    A rule is a path and the rights under it; a path that does not exist is left out. Nothing may be executed,
    made, removed or renamed anywhere. Only the calling thread and those it starts later are bound, therefore:
    raises SealError if another thread exists, or if a kernel that has Landlock refuses it.
    """
    version = abi()
    if version == 0:
        return 0
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - kernel objects, not files
    if threads > 1:
        raise SealError(f"{threads} threads run already: restrict files before numpy or OpenCV is imported")
    files = _FILES_V1
    files |= REFER if version >= 2 else 0
    files |= TRUNCATE if version >= 3 else 0
    files |= IOCTL_DEV if version >= 5 else 0
    words = [files] + [_NET] * (version >= 4) + [_SCOPE] * (version >= 6)
    attributes = ctypes.create_string_buffer(struct.pack(f"<{len(words)}Q", *words))
    try:
        ruleset = syscall("landlock_create_ruleset", ctypes.addressof(attributes), 8 * len(words), 0)
        for path, rights in rules:
            _allow(ruleset, path, rights & files)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        syscall("landlock_restrict_self", ruleset, 0)
        os.close(ruleset)
    except OSError as e:
        raise SealError(f"the kernel has Landlock {version} but refused it ({e}): see `drukte doctor`") from e
    return version


def _allow(ruleset: int, path: str | Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not Path(path).is_dir():
        rights &= _OF_FILES
    rule = ctypes.create_string_buffer(struct.pack("<Qi", rights, fd))
    syscall("landlock_add_rule", ruleset, _PATH_BENEATH, ctypes.addressof(rule), 0)
    os.close(fd)
