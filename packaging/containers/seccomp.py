"""Make the seccomp profiles of the containers out of the units' own filters, so that both walls are the same.

seccomp.py             write seccomp-sense.json and seccomp-report.json beside this file (needs systemd-analyze)
seccomp.py --check     end with 1 when they are not what would be written
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
UNITS: Final = HERE.parent / "systemd"
NAMESPACES: Final = {"unshare", "setns", "mount", "umount2", "clone3"}
"""What RestrictNamespaces= and the like keep out; clone3 hides its flags from a filter, so libraries fall back."""
NEW_NAMESPACE: Final = 0x7E020080
"""CLONE_NEW* flags of clone."""
PERSONALITY: Final = 0
EPERM: Final = 1
ENOSYS: Final = 38


def group(name: str) -> set[str]:
    """System calls of a group of systemd's, with those of the groups in it."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    found: set[str] = set()
    for row in (line.strip() for line in done.stdout.splitlines()):
        if row.startswith("@") and row != name:
            found |= group(row)
        elif row and not row.startswith(("#", "@")):
            found.add(row)
    return found


def allowed(unit: Path) -> set[str]:
    """What the lines SystemCallFilter= of a unit leave, read in their order."""
    calls: set[str] = set()
    for line in unit.read_text().splitlines():
        key, _, value = line.partition("=")
        if key != "SystemCallFilter":
            continue
        names = value.removeprefix("~").split()
        meant = set().union(*(group(n) if n.startswith("@") else {n} for n in names))
        calls = calls - meant if value.startswith("~") else calls | meant
    return calls


def profile(unit: Path) -> dict[str, object]:
    """As container engines read it."""
    calls = allowed(unit) - NAMESPACES - {"clone", "personality"}
    rules: list[dict[str, object]] = [
        {"names": sorted(calls), "action": "SCMP_ACT_ALLOW"},
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": NEW_NAMESPACE, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
        },
        {
            "names": ["personality"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": PERSONALITY, "op": "SCMP_CMP_EQ"}],
        },
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS},
    ]
    # no memory both writable and executable: as MemoryDenyWriteExecute=
    for names, index in ((["mmap", "mmap2"], 2), (["mprotect", "pkey_mprotect"], 2)):
        both = 0x6 if "mmap" in names else 0x4
        rules[0]["names"] = [n for n in rules[0]["names"] if n not in names]  # type: ignore[attr-defined]
        rules += [
            {
                "names": names,
                "action": "SCMP_ACT_ALLOW",
                "args": [{"index": index, "value": 0x7, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}],
            }
            for value in range(8)
            if value & both != both
        ]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": rules,
    }


def main() -> None:
    """See the top of this file."""
    wrong = []
    for room in ("sense", "report"):
        text = json.dumps(profile(UNITS / f"drukte-{room}.service"), indent=1) + "\n"
        path = HERE / f"seccomp-{room}.json"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            wrong.append(path.name)
    if wrong:
        sys.exit(f"{', '.join(wrong)}: not what the units say now. Run: python3 packaging/containers/seccomp.py")


if __name__ == "__main__":
    main()
