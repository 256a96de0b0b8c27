"""Frames stay in memory, and nobody else reads that memory: swap, core files, debuggers, freed blocks.

All of it is asked back from the kernel or tried out, so that the report says what is, not what was meant.
"""

import ctypes
import os
import resource
from pathlib import Path
from typing import Final

from .kernel import PR_GET_DUMPABLE, PR_SET_DUMPABLE, SealError, prctl, status, syscall

PERTURB: Final = "165"
"""Value for the environment's MALLOC_PERTURB_: glibc then overwrites every block that is freed (`man 3
mallopt`)."""

_CURRENT, _FUTURE, _ONFAULT = 1, 2, 4
_CAP_IPC_LOCK = 14
_PROBE = 65_536  # bytes: more than glibc's per-thread cache keeps, less than it maps one by one


def lock() -> bool:
    """Keep all memory, present and future, out of swap; pages are locked when first used. Returns success.

    Done only without a limit (`LimitMEMLOCK=infinity`): under one, a later allocation would fail.
    """
    state = status(Path("/proc/self/status").read_text())
    privileged = int(state["CapEff"], 16) >> _CAP_IPC_LOCK & 1
    if not privileged:
        _, most = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        if most != resource.RLIM_INFINITY:
            return False
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))
    try:
        syscall("mlockall", _CURRENT | _FUTURE | _ONFAULT)
    except OSError:
        return False
    return not status(Path("/proc/self/status").read_text())["VmLck"].startswith("0 ")


def swap_on_disk() -> tuple[str, ...]:
    """Swap areas whose pages reach a disk or card: all but compressed memory (zram) with no disk behind it.

    A unit with ProcSubset=pid hides the list of them; then one entry says so, since nothing is known.
    """
    try:
        areas = Path("/proc/swaps").read_text().splitlines()[1:]
    except OSError:
        return ("unknown: /proc/swaps is hidden from this process",)
    found = []
    for line in areas:
        name = line.split()[0]
        behind = Path("/sys/block", Path(name).name, "backing_dev")
        if not (Path(name).name.startswith("zram") and _read(behind) in ("none", "")):
            found.append(name)
    return tuple(found)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def no_dump() -> None:
    """No core file, no debugger, no reading of /proc/PID/mem by others of the same user. Root still can.

    Raises SealError if the kernel does not confirm it. A new program (exec) would undo it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl(PR_SET_DUMPABLE, 0)
    if prctl(PR_GET_DUMPABLE) != 0 or resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise SealError("the kernel would still write a core file of this process")


def frees_are_wiped() -> bool:
    """Whether the C library overwrites memory when it is freed, tried out on a block of our own.

    False also if that cannot be tried. The block is read back through /proc/self/mem, which fails softly
    where it was given back to the kernel.
    """
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free.restype = None
    mark = b"freed memory keeps this"
    block, fence = libc.malloc(_PROBE), libc.malloc(_PROBE)  # the fence keeps the block from the heap's end
    middle = block + _PROBE // 2
    ctypes.memmove(middle, mark, len(mark))
    try:
        memory = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # changed its user without a new program
    try:
        libc.free(block)
        return os.pread(memory, len(mark), middle) != mark
    except OSError:
        return True  # the block is no longer ours: the kernel hands out zeroed pages only
    finally:
        os.close(memory)
        libc.free(fence)
