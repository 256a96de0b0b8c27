"""The lock of the room in which frames are seen.

`early()` is the first thing the program does; it opens its source, loads its model, runs the whole way of a
frame a few times so that every library has started its threads, and then calls `seal()`. From there on this
process can

* compute, wait, and read what is already open;
* send whole records of 64 bytes through the door (sense calls it by its descriptor; see summary.py);
* wake its own threads (8 bytes into an eventfd, 1 byte into a pipe of its own);
* give its own camera the commands of a short list (see commands.py),

and nothing else. Everything else is refused by the kernel, for every thread, until the process ends; nobody,
root included, can lift that. What the seal does not cover: the kernel and its drivers, root reading this
process's memory, other processes that hold frames (a camera daemon), and signals in timing or processor
load.
"""

import gc
import hashlib
import os
import resource
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Final

import drukte

from . import holdings, landlock, memory, seccomp, selftest
from .holdings import wakers
from .kernel import SealError, status
from .seccomp import Check

__all__ = ["SealBits", "SealError", "SealReport", "early", "lock", "rules", "seal", "wakers"]

RECORD: Final = 64  # bytes: all that may be written to the door at once

ENVIRONMENT: Final = {
    "MALLOC_PERTURB_": memory.PERTURB,
    "OPENBLAS_NUM_THREADS": "1",  # else importing numpy starts threads
    "ORT_DISABLE_TELEMETRY": "1",  # else ONNX Runtime >= 1.29 reports to its maker
    "PYTHONDONTWRITEBYTECODE": "1",
}
_TRIED = "DRUKTE_ENVIRONMENT_SET"

_FREE_CALLS = (
    "futex read readv poll ppoll select pselect6 epoll_wait epoll_pwait lseek fstat close "
    "clock_gettime clock_nanosleep clock_getres nanosleep gettimeofday "
    "munmap mremap madvise brk getrandom sched_yield sched_getaffinity getcpu getpid gettid getrusage "
    "rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit exit_group"
)
_DEADLY = (
    "execve execveat socket socketpair connect sendto sendmsg sendmmsg memfd_create ptrace process_vm_writev "
    "io_uring_setup bpf mount unshare setns"
)
_PROT_EXEC = 4


class SealBits(IntFlag):
    """What the kernel enforces, as it travels in the door's heartbeat. A set bit is good."""

    FILTERED = 1  # every thread runs under the system call filter and can gain no privilege
    REFUSED = 2  # every forbidden act was tried and refused
    NO_DUMP = 4  # no core file, no debugger
    LANDLOCK = 8  # files were restricted from the start of the program
    LOCKED = 16  # memory is locked: nothing reaches swap
    NO_SWAP = 32  # no swap area on a disk or card is in use
    WIPED = 64  # freed memory is overwritten
    DEADLY = 128  # an attempt to start a program or reach the network ends the process


REQUIRED: Final = SealBits.FILTERED | SealBits.REFUSED | SealBits.NO_DUMP
"""Without these `seal` raises; the others depend on kernel, C library and unit, and are reported."""


@dataclass(frozen=True, slots=True)
class SealReport:
    """The state of the seal as read from the kernel or tried out."""

    bits: SealBits
    threads: int
    landlock_abi: int  # 0: not in force
    swap_on_disk: tuple[str, ...]
    acts_refused: int
    filter_sha256: str  # of the program the kernel runs; the same for the same version, machine and descriptors
    kept: tuple[str, ...]  # descriptors left open: "3 pipe:[123]"


def early(read: Iterable[Path] = (), devices: Iterable[Path] = (), door: Path | None = None) -> int:
    """Set the environment and restrict files. Call it before numpy is imported and before any thread runs.

    Starts this program again, once, if its environment was not yet right: the C library reads it at the
    start only. Then allows, where the kernel has Landlock, to read Python, system libraries and `read` (site
    file, model, recording), to use `devices` and, if it is a path, to write to `door`; nothing else in the
    file system.

    Returns the Landlock version in force, 0 if there is none. Raises SealError, see there.
    """
    if any(os.environ.get(k) != v for k, v in ENVIRONMENT.items()):
        if _TRIED in os.environ or not sys.executable:
            names = " ".join(f"{k}={v}" for k, v in ENVIRONMENT.items())
            raise SealError(f"the environment does not reach the program; start it with {names}")
        os.environ.update(ENVIRONMENT, **{_TRIED: "1"})
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    os.environ.pop(_TRIED, None)
    code: list[str | Path] = [sys.prefix, sys.base_prefix, *filter(None, sys.path), Path(drukte.__file__).parent]
    system = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc", "/sys", "/run/udev"]
    rules: list[tuple[str | Path, int]] = [(path, landlock.READ) for path in (*code, *system, *read)]
    rules += [("/dev/urandom", landlock.READ), ("/dev/null", landlock.DEVICE)]
    rules += [(device, landlock.DEVICE) for device in devices]
    if door is not None:
        rules.append((door, landlock.WRITE_FILE))
    return landlock.restrict(rules)


def seal(
    door_fd: int,
    ioctls: Collection[int] = (),
    wake_fds: Iterable[int] = (),
    source_fds: Iterable[int] = (),
    deadly: bool = False,
) -> SealReport:
    """Lock the room. Call it from the main thread when the whole way of a frame has run, and only once.

    Args:
        door_fd: writing end of a pipe or FIFO.
        ioctls: numbers of the device commands that the source goes on using, as in `commands`; none for a radar.
        wake_fds: eventfds and pipes that threads of this process are woken through, some of `wakers()`.
        source_fds: descriptors to read from that `seal` cannot know (serial port, standard input). Files open
            for reading, camera devices and pipes to read from stay open anyway.
        deadly: end the process at an attempt to start a program or reach the network, instead of refusing it.

    Raises SealError if anything is open that could carry data out (socket, file open for writing, memory
    shared with others, child process), or if the kernel does not enforce all of it. Before that nothing is
    changed, after that (very rare) standard output and error are gone: exit at once with a status that says
    so.
    """
    known = wakers()
    wake = {fd: known.get(fd, 0) for fd in wake_fds if fd != door_fd}
    if strange := [fd for fd, length in wake.items() if not length]:
        raise SealError(f"descriptors {strange} were given to wake threads, but can reach another process")
    fatal = _DEADLY.split() if deadly else []
    return lock(door_fd, rules(door_fd, ioctls, wake), {door_fd, *wake, *source_fds}, fatal)


def lock(
    door_fd: int,
    policy: Mapping[str, Sequence[Sequence[Check]]],
    needed: set[int],
    fatal: Collection[str] = (),
    open_last: Callable[[], tuple[set[int], int]] | None = None,
) -> SealReport:
    """Close what is not needed and put the policy in force; `seal` says what the sealed room's policy is.

    `open_last` is for another program than the sealed room, one that may write certain files: it opens them when
    everything else has been looked through and closed, and returns their descriptors and the most bytes of a file.
    """
    program = seccomp.assemble(policy, fatal)
    if not seccomp.available():
        raise SealError(
            "this kernel or container does not offer seccomp: a kernel with CONFIG_SECCOMP_FILTER is needed"
        )
    gc.collect()  # closes files that nobody holds any more
    holdings.check_door(door_fd)
    holdings.check_children()
    holdings.check_shared_memory()
    surplus = holdings.surplus(needed)

    swap = memory.swap_on_disk()
    wiped = memory.frees_are_wiped()
    abi = landlock.abi() if landlock.active() else 0
    threads = _threads()
    holdings.close(surplus, needed)
    locked = memory.lock()
    memory.no_dump()
    if late := holdings.surplus({*needed, *threads}):
        raise SealError(f"descriptors {late} were opened by another thread while the room was sealed")
    before = {fd for fd, _ in holdings.descriptors()}
    files, most = open_last() if open_last else (set(), 0)
    if late := sorted({fd for fd, _ in holdings.descriptors()} - before - files):
        raise SealError(f"descriptors {late} were opened by another thread while the room was sealed")
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    kept = tuple(f"{fd} {target}" for fd, target in holdings.descriptors() if fd not in threads)

    seccomp.install(program)

    for fd, filters in threads.items():
        _confirm(fd, filters)
    acts = selftest.attempt(door_fd, skip=fatal)
    if allowed := [act for act, refused in acts.items() if not refused]:
        raise SealError(f"the seal does not hold, this was possible: {', '.join(allowed)}")
    bits = REQUIRED
    for bit, good in (
        (SealBits.LANDLOCK, abi > 0),
        (SealBits.LOCKED, locked),
        (SealBits.NO_SWAP, not swap),
        (SealBits.WIPED, wiped),
        (SealBits.DEADLY, bool(fatal)),
    ):
        bits |= bit if good else 0
    digest = hashlib.sha256(seccomp.pack(program)).hexdigest()
    return SealReport(bits, len(threads), abi, swap, len(acts), digest, kept)


def rules(door_fd: int, ioctls: Iterable[int], wake: Mapping[int, int]) -> dict[str, list[list[Check]]]:
    """The whole policy. Lengths are compared over all 64 bits, descriptors over 32, as the kernel does."""
    whole = 2**64 - 1
    policy: dict[str, list[list[Check]]] = {name: [] for name in _FREE_CALLS.split()}
    policy["write"] = [[Check(0, door_fd), Check(2, RECORD, whole)]]
    policy["write"] += [[Check(0, fd), Check(2, length, whole)] for fd, length in wake.items()]
    policy["mmap"] = policy["mprotect"] = [[Check(2, 0, _PROT_EXEC)]]
    if commands := [[Check(1, command)] for command in ioctls]:
        policy["ioctl"] = commands  # an empty list would allow them all
    return policy


def _threads() -> dict[int, int]:
    """Every thread's /proc status, held open to be read behind the seal, and its number of filters now."""
    opened = {}
    for task in Path("/proc/self/task").iterdir():
        fd = os.open(task / "status", os.O_RDONLY | os.O_CLOEXEC)
        opened[fd] = int(status(os.pread(fd, 8192, 0).decode()).get("Seccomp_filters", 0))
    return opened


def _confirm(fd: int, filters: int) -> None:
    """Raises SealError unless the kernel says that this thread runs under one filter more than before."""
    try:
        state = status(os.read(fd, 8192).decode())
    except ProcessLookupError:
        return  # the thread has ended
    finally:
        os.close(fd)
    more = int(state.get("Seccomp_filters", filters + 1)) > filters  # kernels before 5.9 give no number
    if (state["Seccomp"], state["NoNewPrivs"], more) != ("2", "1", True):
        raise SealError(f"thread {state['Pid']} is not sealed")
