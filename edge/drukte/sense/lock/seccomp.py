"""A list of allowed system calls, as a program that the kernel runs before every one of them.

The kernel takes a program in its classic packet-filter language (BPF): read one 32-bit word of the call (its
number, machine or a half of an argument), mask it, compare it, jump forward, return a verdict. That language
has no loops and no memory of earlier calls, and a filter once set can never be lifted. See `man 2 seccomp`
and linux/filter.h.

Everything that is not listed is refused with EPERM.
"""

import ctypes
import errno
import struct
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from .kernel import PR_SET_NO_NEW_PRIVS, SealError, machine, number, prctl, syscall

ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000 | errno.EPERM
KILL: Final = 0x80000000  # the whole process, with SIGSYS

# linux/bpf_common.h: load a word at a fixed place, jumps that compare with a constant, mask, return
LD, JEQ, JGE, AND, RET = 0x20, 0x15, 0x35, 0x54, 0x06
# struct seccomp_data in linux/seccomp.h, little endian on both machines
NUMBER, ARCH, ARGS = 0, 4, 16
AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000  # x86_64 accepts calls of its 32-bit-pointer ABI under these numbers
_SET_MODE_FILTER, _GET_ACTION_AVAIL, _TSYNC = 1, 2, 1
_LOW = 0xFFFFFFFF


class Check(NamedTuple):
    """Argument number `arg` (0..5), masked, must equal `value`. A 32-bit mask ignores the upper half."""

    arg: int
    value: int
    mask: int = _LOW


class Op(NamedTuple):
    """One BPF instruction: code, jump if true, jump if false (instructions to skip), constant."""

    code: int
    jt: int
    jf: int
    k: int


Rules = Mapping[str, Sequence[Sequence[Check]]]
"""Call -> alternatives, each a list of checks that must all hold. No alternatives: allowed whatever its
arguments."""


def _alternative(checks: Sequence[Check]) -> list[Op]:
    """Code that returns ALLOW if all checks hold and otherwise continues behind its own end."""
    words = []
    for arg, value, mask in checks:
        place = ARGS + 8 * arg
        words.append((place, value & _LOW, mask & _LOW))
        if mask > _LOW:
            words.append((place + 4, value >> 32, mask >> 32))
    length = sum(2 + (mask != _LOW) for _, _, mask in words) + 1
    code: list[Op] = []
    for place, value, mask in words:
        code.append(Op(LD, 0, 0, place))
        if mask != _LOW:
            code.append(Op(AND, 0, 0, mask))
        code.append(Op(JEQ, 0, length - len(code) - 1, value))
    code.append(Op(RET, 0, 0, ALLOW))
    return code


def assemble(rules: Rules, deadly: Collection[str] = (), on: str | None = None) -> list[Op]:
    """The filter for machine `on` (this one unless given).

    Calls in `rules` are allowed as they say, calls in `deadly` end the process, all others are refused with
    EPERM. Calls made the way of another machine (32-bit, x32) end the process.
    """
    on = on or machine()
    code = [Op(LD, 0, 0, ARCH), Op(JEQ, 1, 0, AUDIT_ARCH[on]), Op(RET, 0, 0, KILL), Op(LD, 0, 0, NUMBER)]
    if on == "x86_64":
        code += [Op(JGE, 0, 1, X32), Op(RET, 0, 0, KILL)]
    for name, alternatives in rules.items():
        if (n := number(name, on)) is None:
            continue
        body = [op for checks in alternatives for op in _alternative(checks)]
        body.append(Op(RET, 0, 0, REFUSE if alternatives else ALLOW))
        if len(body) > 255:
            raise SealError(f"too many conditions on {name}: a jump in the filter can skip 255 instructions")
        code += [Op(JEQ, 0, len(body), n), *body]
    for name in deadly:
        if (n := number(name, on)) is not None:
            code += [Op(JEQ, 0, 1, n), Op(RET, 0, 0, KILL)]
    return [*code, Op(RET, 0, 0, REFUSE)]


def pack(program: Sequence[Op]) -> bytes:
    """The program as the kernel reads it (struct sock_filter)."""
    return b"".join(struct.pack("<HBBI", *op) for op in program)


def available() -> bool:
    """Whether this kernel can filter system calls and a surrounding sandbox lets us ask it to."""
    action = ctypes.c_uint32(REFUSE & 0xFFFF0000)
    try:
        syscall("seccomp", _GET_ACTION_AVAIL, 0, ctypes.addressof(action))
    except OSError:
        return False
    return True


def install(program: Sequence[Op]) -> None:
    """Set the filter on every thread of this process, for good. Raises SealError if the kernel does not take
    it."""
    raw = ctypes.create_string_buffer(pack(program))
    head = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(raw))  # struct sock_fprog
    buffer = ctypes.create_string_buffer(head)
    try:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        stuck = syscall("seccomp", _SET_MODE_FILTER, _TSYNC, ctypes.addressof(buffer))
    except OSError as e:
        raise SealError(f"the kernel refused the system call filter ({e}): see `drukte doctor`") from e
    if stuck:
        raise SealError(f"thread {stuck} carries another system call filter and cannot be sealed")
