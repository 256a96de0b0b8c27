"""Boards that are not here, as folders that look like theirs."""

import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from drukte.doctor import board, kernel, sensor
from drukte.doctor.machine import Finding, Machine

PI = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "proc/meminfo": "MemTotal:        4145152 kB\n",
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
    "proc/sys/kernel/seccomp/actions_avail": "kill_process kill_thread trap errno user_notif trace log allow\n",
    "proc/sys/kernel/core_pattern": "core\n",
    "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
    "sys/class/thermal/thermal_zone0/temp": "48250\n",
    "var/lib/x": "",
}
GOOD = {
    ("getconf", "LONG_BIT"): "64",
    ("vcgencmd", "get_throttled"): "throttled=0x0",
    ("timedatectl", "show", "-p", "NTPSynchronized", "--value"): "yes",
}
NO_TOOL = {("vcgencmd", "get_throttled"): ""}
NOW = datetime(2026, 11, 24, tzinfo=UTC).timestamp()


def machine(
    tmp_path: Path, files: dict[str, str | None] | None = None, programs: dict[tuple[str, ...], str] | None = None
) -> Machine:
    for name, text in {**PI, **(files or {})}.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    return Machine(tmp_path, {**GOOD, **(programs or {})})


def found(m: Machine) -> dict[str, Finding]:
    return {f.name: f for f in [*board.look(m), *kernel.look(m, landlock=0, now=NOW)]}


def test_a_healthy_pi_is_fine(tmp_path: Path) -> None:
    findings = found(machine(tmp_path))
    assert [f for f in findings.values() if f.verdict == "fix" and f.name != "disk"] == []
    assert "Raspberry Pi 5" in findings["board"].text
    assert findings["temperature"].text == "48 °C"
    assert "not in this kernel" in findings["landlock"].text


@pytest.mark.parametrize(
    ("files", "programs", "name", "text", "do"),
    [
        ({"sys/fs/cgroup/cgroup.controllers": "cpu io pids"}, {}, "memory cgroup", "off", "cgroup_enable=memory"),
        ({"sys/class/thermal/thermal_zone0/temp": "84100"}, {}, "temperature", "84 °C", "air"),
        ({}, {("vcgencmd", "get_throttled"): "throttled=0x50005"}, "power", "under-voltage now", "power supply"),
        ({}, {("vcgencmd", "get_throttled"): "throttled=0x80008"}, "power", "temperature limit", "air"),
        ({"proc/meminfo": "MemTotal: 430000 kB"}, {}, "memory", "419 MiB", "1 GiB"),
        ({"proc/swaps": "Filename\n/var/swap file 524284 0 -2\n"}, {}, "swap", "/var/swap", "swapoff"),
        (
            {
                "proc/swaps": "Filename\n/dev/zram0 partition 1 0 100\n",
                "sys/block/zram0/backing_dev": "/dev/loop0",
                "etc/rpi/swap.conf": "",
            },
            {}, "swap", "zram0", "Mechanism=zram",
        ),
        ({"proc/sys/kernel/seccomp/actions_avail": ""}, {}, "seccomp", "cannot filter", "CONFIG_SECCOMP_FILTER"),
        ({}, {("timedatectl", "show", "-p", "NTPSynchronized", "--value"): "no"}, "clock", "not kept right", "set-ntp"),
        ({}, {("getconf", "LONG_BIT"): "32"}, "board", "32 bits", "64-bit"),
        ({"proc/sys/kernel/core_pattern": "|/x/systemd-coredump"}, {}, "core dumps", "keeps memory", "Storage"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_what_mends_it(
    tmp_path: Path, files: dict[str, str | None], programs: dict[tuple[str, ...], str], name: str, text: str, do: str
) -> None:
    finding = found(machine(tmp_path, files, programs))[name]
    assert finding.verdict == "fix"
    assert text in finding.text
    assert do in finding.do


def test_swap_in_compressed_memory_is_fine(tmp_path: Path) -> None:
    files = {"proc/swaps": "Filename\n/dev/zram0 partition 1 0 100\n", "sys/block/zram0/backing_dev": "none"}
    assert found(machine(tmp_path, files))["swap"].verdict == "fine"


def test_power_is_read_from_the_kernel_where_the_firmware_tool_is_missing(tmp_path: Path) -> None:
    m = machine(tmp_path, {"sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1"}, {("vcgencmd", "get_throttled"): ""})
    assert found(m)["power"].text == "under-voltage"
    m = machine(tmp_path, {"sys/devices/platform/soc/soc:firmware/get_throttled": "10001"}, NO_TOOL)
    assert "under-voltage since" in found(m)["power"].text


def test_a_clock_that_was_never_set(tmp_path: Path) -> None:
    (clock,) = [f for f in kernel.look(machine(tmp_path), landlock=7, now=1000.0) if f.name == "clock"]
    assert clock.verdict == "fix"


def test_a_machine_that_tells_nothing_brings_nothing_down(tmp_path: Path) -> None:
    assert len(list(board.look(Machine(tmp_path, {})))) == 7
    assert next(iter(sensor.look(Machine(tmp_path, {}), None))).verdict == "fine"


@pytest.mark.parametrize(
    ("mounts", "verdict"),
    [
        # the doctor's own unit: the mount is read-only, the file system is not
        ("1 0 8:2 / / ro,relatime - ext4 /dev/mmcblk0p2 rw,errors=remount-ro", "fine"),
        ("1 0 8:2 / / ro,relatime - ext4 /dev/mmcblk0p2 ro", "fix"),
        ("1 0 8:2 / / rw - ext4 /dev/a rw\n2 1 8:3 / /var/lib ro shared:1 - ext4 /dev/b ro", "fix"),
        ("1 0 8:2 / / ro - ext4 /a ro\n2 1 8:3 / /var rw - ext4 /b rw\n3 1 8:4 / /var/liberty rw - ext4 /c ro", "fine"),
        ("", "fix"),
    ],
)
def test_a_disk_that_only_this_process_may_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, verdict: str
) -> None:
    here = machine(tmp_path, {"proc/self/mountinfo": mounts})
    read_only = SimpleNamespace(f_bavail=10**9, f_frsize=4096, f_flag=os.ST_RDONLY, f_files=10**6, f_favail=10**6)
    monkeypatch.setattr(os, "statvfs", lambda _path: read_only)
    (disk,) = [found for found in board.look(here) if found.name == "disk"]
    assert disk.verdict == verdict
