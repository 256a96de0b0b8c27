"""The board: what it is, its heat and power, its memory, swap and disk."""

import os
import re
from collections.abc import Iterator
from typing import Final

from drukte.doctor.machine import Finding, Machine, fine, fix

HOT: Final = 80.0
"""Degrees Celsius: a Raspberry Pi slows down from 80 (raspberrypi.com, frequency management and thermal control)."""
LEAST_MEMORY: Final = 900
"""MiB that both rooms and the system need with some air."""
LEAST_DISK: Final = 500
"""MiB: a week of messages without a broker, and room for an upgrade."""
_THROTTLED: Final = {
    0: "under-voltage now",
    1: "processor slowed down now",
    2: "throttled now",
    3: "temperature limit reached now",
    16: "under-voltage since it started",
    18: "throttled since it started",
    19: "temperature limit reached since it started",
}
"""Bits of `vcgencmd get_throttled` (raspberrypi.com, documentation of vcgencmd)."""
_POWER: Final = 1 << 0 | 1 << 16


def look(machine: Machine) -> Iterator[Finding]:
    """All of it."""
    yield _model(machine)
    yield _heat(machine)
    yield _power(machine)
    yield _memory(machine)
    yield _memory_groups(machine)
    yield _swap(machine)
    yield _disk(machine)


def is_pi(machine: Machine) -> bool:
    """Whether this is a Raspberry Pi."""
    return "Raspberry Pi" in (machine.read("/proc/device-tree/model") or "")


def _model(machine: Machine) -> Finding:
    model = machine.read("/proc/device-tree/model") or machine.read("/sys/class/dmi/id/product_name") or "unknown board"
    system = re.search(r'PRETTY_NAME="?([^"\n]*)', machine.read("/etc/os-release") or "")
    bits = (machine.run("getconf", "LONG_BIT") or "64").strip()
    text = f"{model}, {system[1] if system else 'unknown system'}, {bits} bits"
    if bits != "64":
        return fix("board", text, "install the 64-bit system (on a Pi: Raspberry Pi OS 64-bit)")
    return fine("board", text)


def _heat(machine: Machine) -> Finding:
    temperatures = [
        int(text) / 1000
        for zone in machine.glob("sys/class/thermal/thermal_zone*/temp")
        if (text := machine.read(str(zone.relative_to(machine.root)))) and re.fullmatch(r"-?\d+", text)
    ]
    if not temperatures:
        return fine("temperature", "this machine does not tell")
    hottest = max(temperatures)
    if hottest >= HOT:
        return fix("temperature", f"{hottest:.0f} °C", "give it air, shade or a fan; it slows down from 80 °C")
    return fine("temperature", f"{hottest:.0f} °C")


def _power(machine: Machine) -> Finding:
    said = machine.run("vcgencmd", "get_throttled") or ""
    word = said.partition("=")[2] or machine.read("/sys/devices/platform/soc/soc:firmware/get_throttled")
    if word:
        try:
            bits = int(word, 16)
        except ValueError:
            return fine("power", f"the firmware answers '{word[:40]}'")
        told = ", ".join(text for bit, text in _THROTTLED.items() if bits >> bit & 1)
        if bits & _POWER:
            return fix("power", told, "use the board's own power supply and a short thick cable; then restart it")
        if bits:
            return fix("power", told, "give it air, shade or a fan; `vcgencmd get_throttled` shows 0x0 after a restart")
        return fine("power", "no under-voltage and no throttling since it started")
    alarms = [str(p.relative_to(machine.root)) for p in machine.glob("sys/class/hwmon/hwmon*/in*_lcrit_alarm")]
    if any(machine.read(alarm) == "1" for alarm in alarms):
        return fix("power", "under-voltage", "use the board's own power supply and a short thick cable")
    return fine("power", "no under-voltage reported" if alarms else "this machine does not tell")


def _memory(machine: Machine) -> Finding:
    found = re.search(r"MemTotal:\s+(\d+) kB", machine.read("/proc/meminfo") or "")
    if not found:
        return fix("memory", "/proc/meminfo cannot be read", "look at what is mounted on /proc")
    size = int(found[1]) // 1024
    if size < LEAST_MEMORY:
        return fix("memory", f"{size} MiB", "use a board with 1 GiB or more, or a smaller model (model.size: 320x192)")
    return fine("memory", f"{size} MiB")


def _memory_groups(machine: Machine) -> Finding:
    controllers = (machine.read("/sys/fs/cgroup/cgroup.controllers") or "").split()
    if "memory" in controllers:
        return fine("memory cgroup", "on: systemd keeps the sealed room out of swap")
    line = "/boot/firmware/cmdline.txt" if is_pi(machine) else "the kernel's command line"
    do = f"add cgroup_enable=memory to {line} and restart"
    if is_pi(machine):
        do = f"sudo sed -i '1s/$/ cgroup_enable=memory/' {line} && sudo reboot"
    return fix("memory cgroup", "off, so MemorySwapMax=0 of the units does nothing", do)


def _swap(machine: Machine) -> Finding:
    lines = (machine.read("/proc/swaps") or "").splitlines()[1:]
    on_disk = []
    for row in lines:
        name = row.split()[0]
        behind = machine.read(f"/sys/block/{name.rpartition('/')[2]}/backing_dev")
        if "zram" not in name or behind not in (None, "none", ""):
            on_disk.append(name)
    if on_disk:
        do = f"sudo swapoff {on_disk[0]}"
        if (
            machine.at("/etc/rpi/swap.conf").exists()
            or machine.at("/usr/lib/systemd/system/rpi-setup-loop@.service").exists()
        ):
            do = "set Mechanism=zram in /etc/rpi/swap.conf ([Main]) and restart"
        elif machine.at("/etc/dphys-swapfile").exists():
            do = "sudo dphys-swapfile swapoff && sudo systemctl disable --now dphys-swapfile"
        else:
            do += ", and take it out of /etc/fstab"
        return fix("swap", f"reaches a disk or card: {', '.join(on_disk)}", do)
    return fine("swap", "in memory only (zram)" if lines else "none")


def _disk(machine: Machine) -> Finding:
    where = machine.at("/var/lib")
    try:
        room = os.statvfs(where)
    except OSError as error:
        return fix("disk", f"/var/lib: {error.strerror}", "look at what is mounted there: findmnt /var/lib")
    free = room.f_bavail * room.f_frsize // 2**20
    if room.f_flag & os.ST_RDONLY and not _writable_for_others(machine):
        return fix("disk", "/var/lib is read-only, so messages cannot wait for the broker", "mount a writable /var/lib")
    if free < LEAST_DISK or (room.f_files and room.f_favail < 1000):
        return fix("disk", f"{free} MiB free in /var/lib", "sudo apt clean && sudo journalctl --vacuum-size=50M")
    return fine("disk", f"{free} MiB free in /var/lib")


def _writable_for_others(machine: Machine) -> bool:
    """Whether only this process sees /var/lib read-only, as the doctor's own unit does, and the file system is not."""
    found: tuple[int, bool] | None = None
    for row in (machine.read("/proc/self/mountinfo") or "").splitlines():
        words = row.split()  # proc(5): the fifth is the mount point; after "-" come type, source, file system's options
        point, rest = words[4], words[words.index("-") + 1 :]
        if "/var/lib/".startswith(point.rstrip("/") + "/") and (found is None or len(point) >= found[0]):
            found = len(point), "ro" not in rest[2].split(",")
    return found is not None and found[1]
