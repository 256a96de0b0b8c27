"""What a sealed process must not be able to do, tried by the sealed process itself.

Each act is made so that it does nothing where it is *not* refused (null pointers, bad descriptors, unknown
flags): the kernel would then complain about its arguments or do nothing, with anything but EPERM. The filter
answers before arguments are looked at, so EPERM is the answer of the seal. On an unsealed process nearly all
acts are reported open.
"""

import ctypes
import errno
from collections.abc import Collection
from typing import Final, NamedTuple

from .kernel import number, syscall

_HERE = -100  # AT_FDCWD
_NONE = -1  # no descriptor
_EXEC = 4  # PROT_EXEC
_KEY = 0x6472756B  # of System V objects that nobody made
_DOOR = "door"  # the descriptor of the door
_BYTES = "bytes"  # address of 64 bytes


class Act(NamedTuple):
    """One forbidden act: what it would be good for, and the call with its arguments."""

    what: str
    call: str
    args: tuple[int | str, ...] = ()


FORBIDDEN: Final = (
    Act("open a file", "openat", (_HERE, 0)),
    Act("open a file, old call", "open"),
    Act("open a file, new call", "openat2", (_HERE, 0, 0, 24)),
    Act("open a file by handle", "open_by_handle_at", (_NONE, 0)),
    Act("create a file, old call", "creat"),
    Act("ask about a file by name", "newfstatat", (_HERE, 0)),
    Act("ask about a file by name, new call", "statx", (_HERE, 0)),
    Act("create a file in memory", "memfd_create"),
    Act("shorten a file", "truncate"),
    Act("shorten an open file", "ftruncate", (_NONE,)),
    Act("make a directory, its name a message", "mkdirat", (_HERE, 0)),
    Act("make a device or pipe", "mknodat", (_HERE, 0)),
    Act("remove a file", "unlinkat", (_HERE, 0)),
    Act("rename a file", "renameat2", (_HERE, 0, _HERE, 0)),
    Act("link a file", "linkat", (_HERE, 0, _HERE, 0)),
    Act("make a symbolic link", "symlinkat", (0, _HERE, 0)),
    Act("label a file", "setxattr"),
    Act("set the times of a file", "utimensat", (_NONE, 0)),
    Act("write less than a record to the door", "write", (_DOOR, _BYTES, 0)),
    Act("write elsewhere", "write", (_NONE, _BYTES, 64)),
    Act("write from several buffers", "writev", (_DOOR, 0, 0)),
    Act("write at a place", "pwrite64", (_NONE, _BYTES, 0)),
    Act("write at a place, new call", "pwritev2", (_NONE, 0, 0)),
    Act("move a file into the door", "sendfile", (_NONE, _NONE)),
    Act("move pages into the door", "vmsplice", (_NONE, 0, 0)),
    Act("move between pipes", "splice", (_NONE, 0, _NONE, 0, 1)),
    Act("copy between pipes", "tee", (_NONE, _NONE, 1)),
    Act("copy a descriptor", "dup", (_NONE,)),
    Act("change a descriptor", "fcntl", (_NONE, 3)),
    Act("type into a terminal", "ioctl", (_DOOR, 0x5412, 0)),
    Act("make a socket", "socket", (0xFFFF, 0, 0)),
    Act("make a pair of sockets", "socketpair", (0xFFFF, 0, 0)),
    Act("connect", "connect", (_NONE,)),
    Act("send", "sendto", (_NONE,)),
    Act("send a message or a descriptor", "sendmsg", (_NONE,)),
    Act("send many messages", "sendmmsg", (_NONE,)),
    Act("share memory, System V", "shmget", (_KEY, 1, 0)),
    Act("attach shared memory, System V", "shmat", (_NONE,)),
    Act("open a semaphore, System V", "semget", (_KEY, 1, 0)),
    Act("open a message queue, System V", "msgget", (_KEY, 0)),
    Act("open a message queue, POSIX", "mq_open"),
    Act("start a program", "execve"),
    Act("start a program, by descriptor", "execveat", (_NONE,)),
    Act("start a process or thread", "clone", (0x800,)),  # CLONE_SIGHAND alone is invalid
    Act("start a process or thread, new call", "clone3"),
    Act("read another process", "process_vm_readv", (_NONE,)),
    Act("write into another process", "process_vm_writev", (_NONE,)),
    Act("debug another process", "ptrace", (2, 0)),
    Act("take hold of a process", "pidfd_open", (0, 0)),
    Act("take a descriptor of another process", "pidfd_getfd", (_NONE,)),
    Act("signal a process", "kill", (0x7FFFFFFF, 0)),
    Act("signal a thread", "tgkill", (_NONE, _NONE, 0)),
    Act("signal with a value", "rt_sigqueueinfo", (0x7FFFFFFF, 0)),
    Act("set its own name, visible to others", "prctl", (15, 0)),
    Act("make memory executable", "mprotect", (0, 0, _EXEC)),
    Act("make memory executable, new call", "pkey_mprotect", (0, 0, _EXEC, _NONE)),
    Act("map executable memory", "mmap", (0, 0, _EXEC, 0x22, _NONE)),
    Act("make all memory executable", "personality", (0xFFFFFFFF,)),
    Act("queue work in the kernel", "io_uring_setup"),
    Act("load a program into the kernel", "bpf", (0xFFFF,)),
    Act("watch memory faults", "userfaultfd", (0xFFFF,)),
    Act("keep data in the kernel", "add_key"),
    Act("mount", "mount"),
    Act("leave its namespaces", "unshare", (0,)),
    Act("enter other namespaces", "setns", (_NONE,)),
)


def attempt(door_fd: int, skip: Collection[str] = ()) -> dict[str, bool]:
    """Try every act of `FORBIDDEN` and say whether it was refused. Calls named in `skip` are left out."""
    some = ctypes.create_string_buffer(64)
    known: dict[int | str, int] = {_DOOR: door_fd, _BYTES: ctypes.addressof(some)}
    refused = {}
    for what, call, args in FORBIDDEN:
        if call in skip or number(call) is None:
            continue
        try:
            syscall(call, *(known[a] if isinstance(a, str) else a for a in args))
            refused[what] = False
        except OSError as e:
            refused[what] = e.errno == errno.EPERM
    return refused
