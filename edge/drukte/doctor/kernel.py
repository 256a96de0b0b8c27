"""What the kernel offers for the seal, and whether the clock can be trusted."""

import re
import time
from collections.abc import Iterator
from typing import Final

from drukte.doctor.machine import Finding, Machine, fine, fix

NOT_BEFORE: Final = 1_767_225_600
"""1 January 2026: a clock before it was never set."""


def look(machine: Machine, landlock: int | None = None, now: float | None = None) -> Iterator[Finding]:
    """All of it.

    Args:
        machine: what is looked at.
        landlock: the kernel's Landlock version; asked of the running kernel when None.
        now: wall clock, s since 1970; this machine's when None.
    """
    yield _seccomp(machine)
    yield _landlock(landlock)
    yield _dumps(machine)
    yield _clock(machine, time.time() if now is None else now)


def _seccomp(machine: Machine) -> Finding:
    actions = (machine.read("/proc/sys/kernel/seccomp/actions_avail") or "").split()
    if "errno" in actions and "kill_process" in actions:
        return fine("seccomp", "the kernel has the lock that the sealed room needs")
    text = "the kernel cannot filter system calls, so the sealed room will not start"
    return fix("seccomp", text, "use a kernel with CONFIG_SECCOMP_FILTER (those of Debian and Raspberry Pi OS have it)")


def _landlock(version: int | None) -> Finding:
    if version is None:
        from drukte.sense.lock.landlock import abi

        version = abi()
    if version:
        return fine("landlock", f"version {version}: a second wall around files")
    return fine("landlock", "not in this kernel (as on Raspberry Pi OS and Jetson); the seal does not depend on it")


def _dumps(machine: Machine) -> Finding:
    pattern = machine.read("/proc/sys/kernel/core_pattern") or ""
    if pattern.startswith("|") and "systemd-coredump" in pattern:
        kept = re.search(r"^\s*Storage\s*=\s*none", machine.read("/etc/systemd/coredump.conf") or "", re.M)
        if not kept:
            return fix(
                "core dumps",
                "systemd-coredump keeps memory of programs that fall over (the rooms forbid it for themselves)",
                "sudo sed -i 's/^#\\?Storage=.*/Storage=none/' /etc/systemd/coredump.conf",
            )
    return fine("core dumps", "none are kept of the rooms")


def _clock(machine: Machine, now: float) -> Finding:
    told = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < NOT_BEFORE:
        return fix(
            "clock", f"{told} was never set; records with a wrong clock are refused", "sudo timedatectl set-ntp true"
        )
    said = machine.run("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    if said == "yes" or machine.at("/run/systemd/timesync/synchronized").exists():
        return fine("clock", f"{told}, kept right by a time server")
    if said is None:
        return fix("clock", f"{told}; nothing tells whether it is kept right", "sudo apt install systemd-timesyncd")
    return fix("clock", f"{told}, not kept right by a time server", "sudo timedatectl set-ntp true")
