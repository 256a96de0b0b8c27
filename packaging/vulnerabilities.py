"""Known vulnerabilities of the locked packages: `make vulnerabilities`. Never green by silence.

Asks the advisory databases of PyPI and OSV through pip-audit. A package that none of them knows counts as not checked,
and a database that does not find a vulnerability which everybody knows counts as out of reach.

Status: 0 all checked, nothing known; 1 something is known; 3 not everything could be checked.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SERVICES: Final = ("pypi", "osv")
CANARY: Final = "pyyaml==5.3"
"""Runs code from a file it loads (CVE-2020-1747): a database that does not say so tells nothing."""
NOTHING, KNOWN, NOT_CHECKED = 0, 1, 3


@dataclass
class Findings:
    """What the databases said.

    Attributes:
        checked: packages that one of them knows, as name==version.
        skipped: packages that none of them knows.
        found: for each vulnerable package, the identifiers and the versions in which they are mended.
        trouble: for each database that could not be asked, why.
    """

    checked: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    found: dict[str, dict[str, str]] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)


def ask(program: list[str], service: str, lock: Path, into: Findings) -> bool:
    """One database about one file of pinned packages. Returns whether it answered."""
    command = [*program, "--requirement", str(lock), "--disable-pip", "--no-deps", "--vulnerability-service", service]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        into.trouble[service] = str(error)[:200]
        return False
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        into.trouble[service] = (said[-1] if said else f"pip-audit ended with status {done.returncode}")[:200]
        return False
    for package in answer["dependencies"]:
        if "skip_reason" in package:
            into.skipped.add(package["name"])
            continue
        name = f"{package['name']}=={package['version']}"
        into.checked.add(name)
        for known in package["vulns"]:
            fixed = ", ".join(known.get("fix_versions", [])) or "no version yet"
            into.found.setdefault(name, {})[" ".join([known["id"], *known.get("aliases", [])])] = fixed
    return True


def audit(program: list[str], locks: list[Path]) -> Findings:
    """Every database that can be trusted to answer, about every file."""
    all_of_them = Findings()
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary.txt"
        canary.write_text(f"{CANARY}\n")
        for service in SERVICES:
            trial = Findings()
            if not ask(program, service, canary, trial):
                all_of_them.trouble |= trial.trouble
            elif not trial.found:
                all_of_them.trouble[service] = f"does not know that {CANARY} is vulnerable, so what it says is not used"
            else:
                for lock in locks:
                    ask(program, service, lock, all_of_them)
    all_of_them.skipped -= {name.split("==")[0] for name in all_of_them.checked}
    return all_of_them


def judge(findings: Findings, say: list[str]) -> int:
    """The status, and what there is to say."""
    for service, why in findings.trouble.items():
        say.append(f"{service}: {why}")
    for name, known in sorted(findings.found.items()):
        say += [f"{name}: {identifier} (mended in: {fixed})" for identifier, fixed in sorted(known.items())]
    if findings.found:
        say.append(f"KNOWN VULNERABILITIES in {len(findings.found)} of {len(findings.checked)} packages")
        return KNOWN
    if not findings.checked:
        say.append("NOT CHECKED: no advisory database could be used from here. Run this where one can be reached")
        return NOT_CHECKED
    if findings.skipped:
        say.append(f"NOT CHECKED: {len(findings.skipped)} packages: {', '.join(sorted(findings.skipped))}")
        return NOT_CHECKED
    say.append(f"{len(findings.checked)} packages checked, nothing is known against them")
    return NOTHING


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lock", type=Path, nargs="*", default=[ROOT / "requirements/device.txt"])
    parser.add_argument("--program", default="pip-audit")
    chosen = parser.parse_args()
    said: list[str] = []
    status = judge(audit(chosen.program.split(), chosen.lock), said)
    sys.stdout.write("".join(f"{line}\n" for line in said))
    sys.exit(status)


if __name__ == "__main__":
    main()
