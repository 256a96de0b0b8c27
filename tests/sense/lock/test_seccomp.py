"""The filter as a program: run by an interpreter of our own for both machines, and numbers against the
headers."""

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.lock import commands, kernel, seal, seccomp
from drukte.sense.lock.kernel import MACHINES, SYSCALLS, SealError, number
from drukte.sense.lock.seccomp import ALLOW, AUDIT_ARCH, KILL, REFUSE, Check, Op, assemble

DOOR, WAKE, PIPE = 5, 9, 11
WAKERS = {WAKE: 8, PIPE: 1}
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(program: list[Op], machine: str, call: int, args: tuple[int, ...] = (), arch: int | None = None) -> int:
    """What the kernel would do: the part of classic BPF that seccomp allows and the filter uses."""
    data = struct.pack("<IIQ6Q", call, arch or AUDIT_ARCH[machine], 0, *args, *[0] * (6 - len(args)))
    at, a = 0, 0
    while True:
        code, jt, jf, k = program[at]
        at += 1
        match code:
            case seccomp.LD:
                (a,) = struct.unpack_from("<I", data, k)
            case seccomp.AND:
                a &= k
            case seccomp.JEQ:
                at += jt if a == k else jf
            case seccomp.JGE:
                at += jt if a >= k else jf
            case seccomp.RET:
                return k
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def policy(machine: str, deadly: bool = False, ioctls: tuple[int, ...] = commands.V4L2) -> list[Op]:
    return assemble(seal.rules(DOOR, ioctls, WAKERS), seal._DEADLY.split() if deadly else (), machine)


def expected(machine: str, call: int, args: tuple[int, ...]) -> bool:
    """The policy in plain words."""
    names = [name for name in SYSCALLS if number(name, machine) == call]
    name = names[0] if names else ""
    low = [a & 0xFFFFFFFF for a in args]
    match name:
        case "write":
            return (low[0], args[2]) in [(DOOR, 64), (WAKE, 8), (PIPE, 1)]
        case "mmap" | "mprotect":
            return not args[2] & 4
        case "ioctl":
            return low[1] in commands.V4L2
        case _:
            return name in seal._FREE_CALLS.split()


words = st.integers(0, 2**64 - 1) | st.sampled_from(
    [0, 1, 4, 8, 64, 2**32 + 64, 2**32 + 8, DOOR, WAKE, PIPE, 2**32 + DOOR, 0xC0585611, 0x5412, 0x541B]
)


@pytest.mark.parametrize("machine", MACHINES)
@given(data=st.data())
def test_filter_does_what_the_policy_says(machine: str, data: st.DataObject) -> None:
    program = policy(machine)
    checked = [number(name, machine) or 0 for name in ("write", "ioctl", "mmap", "mprotect")]
    call = data.draw(st.sampled_from(checked) | st.integers(0, 500))
    args = data.draw(st.tuples(words, words, words))
    assert verdict(program, machine, call, args) == (ALLOW if expected(machine, call, args) else REFUSE)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_of_the_kernel_is_decided(machine: str) -> None:
    """With harmless looking arguments, no call but those on the list passes; unknown future ones neither."""
    program = policy(machine)
    passed = {n for n in range(2000) if verdict(program, machine, n, (DOOR, 0, 64)) == ALLOW}
    listed = {number(name, machine) for name in seal._FREE_CALLS.split()} - {None}
    may = {number(name, machine) for name in ("write", "mmap", "mprotect")}
    assert passed == listed | may


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_machine_end_the_process(machine: str) -> None:
    program = policy(machine)
    read = number("read", machine)
    assert read is not None
    assert verdict(program, machine, read, arch=0x40000003) == KILL  # i386, int 0x80
    assert verdict(program, machine, read, arch=0x40000028) == KILL  # 32-bit ARM
    x32 = verdict(program, machine, 0x40000000 + read)
    assert x32 == (KILL if machine == "x86_64" else REFUSE)


@pytest.mark.parametrize("machine", MACHINES)
def test_deadly_calls_end_the_process_and_others_do_not(machine: str) -> None:
    program = policy(machine, deadly=True)
    for name in SYSCALLS:
        if (n := number(name, machine)) is None:
            continue
        assert (verdict(program, machine, n, (99, 99, 99)) == KILL) == (name in seal._DEADLY.split()), name


@pytest.mark.parametrize("machine", MACHINES)
def test_a_radar_gets_no_device_requests(machine: str) -> None:
    n = number("ioctl", machine)
    assert n is not None
    program = policy(machine, ioctls=())
    for request in (commands.VIDIOC_DQBUF, 0x541B, 0x5412, 0):
        assert verdict(program, machine, n, (3, request)) == REFUSE


@pytest.mark.parametrize("machine", MACHINES)
def test_a_camera_can_give_back_buffers_but_make_no_other_and_show_none(machine: str) -> None:
    n = number("ioctl", machine)
    assert n is not None
    for listed in (commands.V4L2, commands.LIBCAMERA):
        program = policy(machine, ioctls=listed)
        passed = {
            k for k in (*range(0x5600, 0x5700), *commands.LIBCAMERA) if verdict(program, machine, n, (3, k)) == ALLOW
        }
        assert passed == set(listed)
        # its upper half does not count in the kernel; VIDIOC_S_FMT, S_OUTPUT, OVERLAY, EXPBUF, S_INPUT
        assert verdict(program, machine, n, (3, 1 << 32 | commands.VIDIOC_QBUF)) == ALLOW
        for other in (0xC0D05605, 0xC004562F, 0x4004560E, 0xC0405610, 0xC0045627):
            assert verdict(program, machine, n, (3, other)) == REFUSE


def test_commands_are_those_of_the_kernels_headers(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("no C compiler or kernel headers: the numbers of device commands were not compared with them")
    names = [name for name in vars(commands) if name.startswith(("VIDIOC_", "DMA_"))]
    lines = "".join(f'printf("{name} %lu ", (unsigned long){name});' for name in names)
    headers = "".join(f"#include <{name}.h>\n" for name in ("stdio", "linux/videodev2", "linux/dma-buf"))
    (tmp_path / "a.c").write_text(f"{headers}int main(void) {{ {lines} return 0; }}")
    subprocess.run([compiler, "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    told = subprocess.run([tmp_path / "a"], check=True, capture_output=True, text=True).stdout.split()
    assert dict(zip(told[::2], map(int, told[1::2]), strict=True)) == {name: getattr(commands, name) for name in names}


@pytest.mark.parametrize("machine", MACHINES)
def test_program_is_what_the_kernel_accepts(machine: str) -> None:
    """All jumps stay inside, the program ends in a verdict, and it is short (the kernel takes 4,096)."""
    program = policy(machine, deadly=True)
    assert len(program) < 400
    assert program[-1].code == seccomp.RET
    for i, op in enumerate(program[:-1]):
        assert max(op.jt, op.jf) <= 255
        assert i + 1 + max(op.jt, op.jf) < len(program)
    assert len(seccomp.pack(program)) == 8 * len(program)


def test_jump_too_far_is_an_error() -> None:
    with pytest.raises(SealError, match="255"):
        assemble({"write": [[Check(0, fd), Check(2, 8, 2**64 - 1)] for fd in range(60)]})


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} not installed (package linux-libc-dev)")
    found = re.findall(r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text())
    header = {name: int(n) for name, n in found}
    header.setdefault("newfstatat", header.get("fstatat", -1))
    assert {name: number(name, machine) for name in SYSCALLS} == {name: header.get(name) for name in SYSCALLS}


def test_other_machines_are_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.platform, "machine", lambda: "armv7l")
    with pytest.raises(SealError, match="64-bit system"):
        assemble({"read": []})
