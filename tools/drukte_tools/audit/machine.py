"""The machine under audit: versions and hashes of what runs on it, and what its kernel offers."""

import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any, Final

import drukte
from drukte.report.ledger.attest import code_hash
from drukte.sense.lock import landlock, memory, seccomp

UNIT_FOLDERS: Final = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system")
LIBRARIES: Final = ("numpy", "onnxruntime", "opencv-python-headless", "scipy", "pyserial", "paho-mqtt")
_PROBES: Final = {
    "core_pattern": "/proc/sys/kernel/core_pattern",
    "ptrace_scope": "/proc/sys/kernel/yama/ptrace_scope",
}


def versions() -> dict[str, Any]:
    """Versions and hashes of the code, of what it stands on, and of the machine."""
    found: dict[str, Any] = {"drukte": drukte.__version__, "code_sha256": code_hash()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "model_of_machine": _text(Path("/proc/device-tree/model")).rstrip("\0") or None,
    }


def units(folders: tuple[str, ...] = UNIT_FOLDERS) -> dict[str, str]:
    """SHA-256 of drukte's unit files and their drop-ins, by path; empty where it is not installed as services."""
    found = {}
    for folder in map(Path, folders):
        for path in [*sorted(folder.glob("drukte-*")), *sorted(folder.glob("drukte-*.d/*.conf"))]:
            if path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def kernel() -> dict[str, Any]:
    """What the kernel offers for the seal and around it."""
    controllers = _text(Path("/sys/fs/cgroup/cgroup.controllers")).split()
    old = [line.split() for line in _text(Path("/proc/cgroups")).splitlines() if line.startswith("memory")]
    return {
        "seccomp": seccomp.available(),
        "landlock_abi": landlock.abi(),
        "cgroup_version": 2 if controllers else 1 if old else None,
        "cgroup_memory": "memory" in controllers or any(line[-1] == "1" for line in old),
        "frees_overwritten": "init_on_free=1" in _text(Path("/proc/cmdline")).split(),
        **{name: _text(Path(path)).strip() or None for name, path in _PROBES.items()},
    }


def swap() -> dict[str, Any]:
    """Swap areas in use, and those of them that reach a disk or card."""
    areas = [line.split()[0] for line in _text(Path("/proc/swaps")).splitlines()[1:]]
    return {"areas": areas, "on_disk": list(memory.swap_on_disk()), "zswap": _text(Path(_ZSWAP)).strip() == "Y"}


_ZSWAP: Final = "/sys/module/zswap/parameters/enabled"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
