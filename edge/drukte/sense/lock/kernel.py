"""The few system calls that Python has no function for, by number.

Numbers are those of asm/unistd_64.h (x86_64) and asm-generic/unistd.h (aarch64); a test compares them with
the headers where those are installed. `None`: the call does not exist on that machine.
"""

import ctypes
import os
import platform
import struct
from typing import Final

SYSCALLS: Final[dict[str, tuple[int | None, int | None]]] = {  # name: (x86_64, aarch64)
    "add_key": (248, 217),
    "bpf": (321, 280),
    "brk": (12, 214),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "clone": (56, 220),
    "clone3": (435, 435),
    "close": (3, 57),
    "connect": (42, 203),
    "creat": (85, None),
    "dup": (32, 23),
    "epoll_pwait": (281, 22),
    "epoll_wait": (232, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "fcntl": (72, 25),
    "fdatasync": (75, 83),
    "fork": (57, None),
    "fstat": (5, 80),
    "ftruncate": (77, 46),
    "futex": (202, 98),
    "getcpu": (309, 168),
    "getpid": (39, 172),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "kill": (62, 129),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "linkat": (265, 37),
    "lseek": (8, 62),
    "madvise": (28, 233),
    "memfd_create": (319, 279),
    "mkdirat": (258, 34),
    "mknodat": (259, 33),
    "mlockall": (151, 230),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mprotect": (10, 226),
    "mq_open": (240, 180),
    "mremap": (25, 216),
    "msgget": (68, 186),
    "munmap": (11, 215),
    "nanosleep": (35, 101),
    "newfstatat": (262, 79),
    "open": (2, None),
    "open_by_handle_at": (304, 265),
    "openat": (257, 56),
    "openat2": (437, 437),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pkey_mprotect": (329, 288),
    "poll": (7, None),
    "ppoll": (271, 73),
    "prctl": (157, 167),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pselect6": (270, 72),
    "ptrace": (101, 117),
    "pwrite64": (18, 68),
    "pwritev2": (328, 287),
    "read": (0, 63),
    "readv": (19, 65),
    "renameat2": (316, 276),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigqueueinfo": (129, 138),
    "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123),
    "sched_yield": (24, 124),
    "seccomp": (317, 277),
    "select": (23, None),
    "semget": (64, 190),
    "sendfile": (40, 71),
    "sendmmsg": (307, 269),
    "sendmsg": (46, 211),
    "sendto": (44, 206),
    "setns": (308, 268),
    "setxattr": (188, 5),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "sigaltstack": (131, 132),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "splice": (275, 76),
    "statx": (332, 291),
    "symlinkat": (266, 36),
    "syslog": (103, 116),
    "tee": (276, 77),
    "tgkill": (234, 131),
    "truncate": (76, 45),
    "unlinkat": (263, 35),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "utimensat": (280, 88),
    "vfork": (58, None),
    "vmsplice": (278, 75),
    "write": (1, 64),
    "writev": (20, 66),
}
MACHINES: Final = ("x86_64", "aarch64")

PR_GET_DUMPABLE: Final = 3
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.argtypes = [ctypes.c_long] * 7
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.prctl.restype = ctypes.c_int
_SOL_SOCKET, _SO_DOMAIN = 1, 39


class SealError(RuntimeError):
    """The room cannot be sealed, so no frame may be looked at. The message says what to do."""


def machine() -> str:
    """`x86_64` or `aarch64`.

    Raises SealError on anything else, 32-bit programs on a 64-bit kernel included: their calls have other
    numbers.
    """
    name = platform.machine()
    if name not in MACHINES or struct.calcsize("P") != 8:
        bits = 8 * struct.calcsize("P")
        raise SealError(f"cannot seal a {bits}-bit program on {name}: install a 64-bit system (x86_64 or aarch64)")
    return name


def number(name: str, on: str | None = None) -> int | None:
    """The number of a system call on machine `on` (this one unless given), None where it does not exist."""
    return SYSCALLS[name][MACHINES.index(on or machine())]


def syscall(name: str, *args: int) -> int:
    """Make system call `name`; pointers are passed as addresses. Raises OSError as the os module does."""
    n = number(name)
    if n is None:
        raise SealError(f"{machine()} has no system call {name}")
    result: int = _libc.syscall(n, *args, *[0] * (6 - len(args)))
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def prctl(option: int, value: int = 0) -> int:
    """Ask or change a property of this process. Raises OSError."""
    result: int = _libc.prctl(option, value, 0, 0, 0)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")
    return result


def status(text: str) -> dict[str, str]:
    """The lines of a /proc/PID/status as name and value."""
    return {k: v.strip() for k, _, v in (line.partition(":") for line in text.splitlines())}


def socket_family(fd: int) -> int:
    """Address family of a socket (AF_...), without the socket module. Raises OSError."""
    family, size = ctypes.c_int(), ctypes.c_uint(4)
    if _libc.getsockopt(fd, _SOL_SOCKET, _SO_DOMAIN, ctypes.byref(family), ctypes.byref(size)):
        raise OSError(ctypes.get_errno(), "getsockopt")
    return family.value
