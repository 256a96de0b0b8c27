"""Reads what strace wrote down: which files a program opened for writing, and how many bytes went where."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CALLS: Final = list(
    filter(
        None,
        re.split(
            r"\s+",
            """
open openat openat2 creat write pwrite64 writev pwritev pwritev2 sendto sendmsg sendmmsg sendfile splice vmsplice
copy_file_range connect bind memfd_create shmget mq_open execve execveat io_uring_setup rename renameat renameat2
link linkat symlink symlinkat mkdir mkdirat ftruncate fallocate mount ptrace process_vm_writev setxattr fsetxattr
""",
        ),
    )
)
OPENING: Final = CALLS[: CALLS.index("write")]
WRITING: Final = CALLS[CALLS.index("write") : CALLS.index("connect")]
HARMLESS: Final = ("/dev/null", "/dev/tty", "/proc/self/")


@dataclass
class Traced:
    """What one program did, by its system calls."""

    opened: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    connected: list[str] = field(default_factory=list)
    peers: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    lines: int = 0


def command(log: Path) -> list[str]:
    """How to start a program under strace, which works on any kernel with ptrace."""
    known = ",".join(f"?{name}" for name in CALLS)
    options = ["-f", "--seccomp-bpf", "-y", "-qq", "-s", "64", "-e", "signal=none", "-e", f"trace={known}"]
    return ["strace", *options, "-o", str(log)]


def parse(log: Path) -> Traced:
    """The calls in a trace that reached the kernel and were not refused by it."""
    seen = Traced()
    unfinished: dict[str, str] = {}
    with log.open(errors="replace") as text:
        for row in text:
            seen.lines += 1
            pid, _, call = row.rstrip().partition(" ")
            call = call.strip()
            if call.endswith("<unfinished ...>"):
                unfinished[pid] = call[:-16].rstrip()
                continue
            if resumed := re.match(r"<\.\.\. (\w+) resumed>(.*)", call):
                call = unfinished.pop(pid, resumed[1] + "(") + resumed[2]
            if whole := re.match(r"(\w+)\((.*)\)\s+=\s+(-?\d+)(.*)", call):
                _note(seen, whole[1], whole[2], int(whole[3]), whole[4])
    return seen


def _note(seen: Traced, call: str, arguments: str, result: int, rest: str) -> None:
    if call in OPENING:
        if result >= 0 and re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)|creat", arguments + call):
            target = re.match(r"<(.*?)(<.*>)?>", rest)
            seen.opened[target[1] if target else arguments] += 1
    elif call in WRITING:
        target = re.match(r"\d+<([^<>]*)>", arguments)
        where = target[1] if target else arguments.split(",", maxsplit=1)[0]
        if result > 0 and where.startswith("socket:"):
            seen.sent[_address(arguments) or seen.peers.get(where, where)] += result
        elif result > 0:
            seen.written[where] += result
    elif call in ("connect", "bind"):
        if (address := _address(arguments)) and (target := re.match(r"\d+<([^<>]*)>", arguments)):
            seen.connected.append(f"{call} {address}")
            if call == "connect":
                seen.peers[target[1]] = address
    elif call.startswith("exec"):
        if result == 0:
            seen.started.append(arguments.split(",", maxsplit=1)[0])
    elif result >= 0:
        seen.other[f"{call}({arguments[:80]})"] += 1


def _address(arguments: str) -> str | None:
    """`127.0.0.1:1883` or the like, of a call that names one; None also for talk with the kernel itself."""
    if not (found := re.search(r"\{sa_family=(AF_\w+)(.*?)\}", arguments)) or found[1] == "AF_NETLINK":
        return None
    host = re.search(r'"([^"]+)"', found[2])
    port = re.search(r"port=htons\((\d+)\)", found[2])
    return f"{host[1] if host else found[2]}:{port[1]}" if port else f"{found[1]} {host[1] if host else found[2]}"
