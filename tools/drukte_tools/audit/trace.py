"""Reads what strace wrote down: files opened for writing, bytes sent and where, and what the kernel refused.

strace is used without its own filter in the kernel (`--seccomp-bpf`): that one is answered after the seal's, so that
refused calls would not be seen, and it would make an unsealed program look like a sealed one.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drukte.sense.lock.kernel import number
from drukte.sense.lock.seal import rules
from drukte.sense.lock.selftest import FORBIDDEN

OPENING: Final = ("open", "openat", "openat2", "creat")
WRITING: Final = (
    *("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "sendfile", "splice"),
    *("vmsplice", "copy_file_range", "tee"),
)
LEAVING: Final = (
    *("memfd_create", "shmget", "mq_open", "io_uring_setup", "rename", "renameat", "renameat2", "link", "linkat"),
    *("symlink", "symlinkat", "mkdir", "mkdirat", "mknod", "mknodat", "truncate", "ftruncate", "fallocate", "mount"),
    *("ptrace", "process_vm_writev", "setxattr", "fsetxattr", "add_key", "msgget", "semget", "pidfd_getfd"),
)
"""Other ways to leave something behind: noted when they work."""
HARMLESS: Final = ("/dev/null", "/dev/tty", "/proc/self/")
NEVER: Final = frozenset(act.call for act in FORBIDDEN) - frozenset(rules(1, (), {}))
"""Calls that the seal refuses whatever their arguments: after it none may have another answer."""
ATTACK: Final = Counter(act.call for act in FORBIDDEN)
"""How often the room tries each call on itself once it is sealed."""
CALLS: Final = sorted({*OPENING, *WRITING, *LEAVING, *ATTACK, "connect", "bind", "execve", "execveat", "seccomp"})


@dataclass
class Traced:
    """What one program did, by its system calls.

    Attributes:
        opened: files opened for writing, and how often.
        written: bytes written, by what was written to.
        sent: bytes sent, by destination.
        connected: addresses named in `connect` and `bind`.
        asked: names of hosts that an address was asked for.
        started: programs started.
        other: further calls that leave something behind.
        sealed: whether the kernel took a filter of system calls from the program.
        refused: calls that the kernel refused after that.
        allowed: calls that it did not refuse after that, though the seal never allows them.
        lines: length of the trace; 0 means that nothing was watched.
    """

    opened: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    connected: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    peers: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    sealed: bool = False
    refused: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    lines: int = 0


def command(log: Path) -> list[str]:
    """How to start a program under strace, which works on any kernel with ptrace."""
    known = ",".join(f"?{name}" for name in CALLS)
    return ["strace", "-f", "-y", "-qq", "-s", "96", "-e", "signal=none", "-e", f"trace={known}", "-o", str(log)]


def attack_expected() -> int:
    """How many acts the room tries on itself on this machine."""
    return sum(n for call, n in ATTACK.items() if number(call) is not None)


def parse(log: Path) -> Traced:
    """What a trace tells."""
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
    if call == "seccomp":
        seen.sealed |= result == 0 and arguments.startswith("SECCOMP_SET_MODE_FILTER")
    elif seen.sealed and result < 0 and rest.startswith(" EPERM"):
        seen.refused[call] += 1
        return
    elif seen.sealed and call in NEVER:
        seen.allowed[f"{call}({arguments[:60]})"] += 1
    if call in OPENING:
        if result >= 0 and re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)|creat", arguments + call):
            target = re.match(r"<(.*?)(<.*>)?>", rest)
            seen.opened[target[1] if target else arguments] += 1
    elif call in WRITING:
        if call in ("sendto", "sendmsg", "sendmmsg"):
            seen.asked |= _asked(arguments)
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
    elif call in LEAVING and result >= 0:
        seen.other[f"{call}({arguments[:300]})"] += 1


def _address(arguments: str) -> str | None:
    """`127.0.0.1:1883` or the like, of a call that names one; None also for talk with the kernel itself."""
    if not (found := re.search(r"\{sa_family=(AF_\w+)(.*?)\}", arguments)) or found[1] == "AF_NETLINK":
        return None
    host = re.search(r'"([^"]+)"', found[2])
    port = re.search(r"port=htons\((\d+)\)", found[2])
    return f"{host[1] if host else found[2]}:{port[1]}" if port else f"{found[1]} {host[1] if host else found[2]}"


def _asked(arguments: str) -> set[str]:
    """Names in questions to a name server, which come as labels with their length in front."""
    names = set()
    for text in re.findall(r'"((?:[^"\\]|\\.)*)"', arguments):
        raw = re.sub(r"\\(x[0-9a-f]{2}|[0-7]{1,3}|.)", _unescaped, text)
        at = 12
        labels: list[str] = []
        while at < len(raw) and 0 < ord(raw[at]) < 64 and at + ord(raw[at]) < len(raw):
            labels.append(raw[at + 1 : at + 1 + ord(raw[at])])
            at += 1 + ord(raw[at])
        if len(labels) > 1 and at < len(raw) and raw[at] == "\0" and all(map(_is_label, labels)):
            names.add(".".join(labels))
    return names


def _is_label(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]+", text) is not None


def _unescaped(found: re.Match[str]) -> str:
    text = found[1]
    if text[0].isdigit():
        return chr(int(text, 8))
    return {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}.get(text, text)
