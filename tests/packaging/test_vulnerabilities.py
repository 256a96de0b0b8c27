"""The check for known vulnerabilities is never green by silence. A double of pip-audit says what we tell it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging/vulnerabilities.py"
CANARY = {"name": "pyyaml", "version": "5.3", "vulns": [{"id": "PYSEC-2020-96", "fix_versions": ["5.3.1"]}]}
CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
BAD = {
    "name": "click", "version": "8.1",
    "vulns": [{"id": "GHSA-x", "aliases": ["CVE-2026-1"], "fix_versions": ["8.2"]},
              {"id": "GHSA-y", "fix_versions": []}],
}  # fmt: skip
SKIPPED = {"name": "numpy", "skip_reason": "Dependency not found on PyPI and could not be audited: numpy (2.4.6)"}
UNREACHABLE = "requests.exceptions.ConnectionError: Failed to resolve 'api.example.org'"


def run(tmp_path: Path, answers: dict[tuple[str, str], Any]) -> subprocess.CompletedProcess[str]:
    """`answers`: for (service, "canary" or "lock") the packages it tells of; none is a database out of reach."""
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy==2.4.6\nclick==8.1\n")
    (tmp_path / "answers.json").write_text(json.dumps([[*key, value] for key, value in answers.items()]))
    double = tmp_path / "double.py"
    double.write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        "asked = 'canary' if sys.argv[sys.argv.index('--requirement') + 1].endswith('canary.txt') else 'lock'\n"
        "service = sys.argv[sys.argv.index('--vulnerability-service') + 1]\n"
        f"rows = json.loads(Path({str(tmp_path / 'answers.json')!r}).read_text())\n"
        "told = next((row[2] for row in rows if row[:2] == [service, asked]), None)\n"
        f"if told is None: sys.exit({UNREACHABLE!r})\n"
        "print(json.dumps({'dependencies': told, 'fixes': []}))\n"
    )
    return subprocess.run(
        [sys.executable, SCRIPT, "--program", f"{sys.executable} {double}", lock],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_no_database_is_no_clean_bill(tmp_path: Path) -> None:
    done = run(tmp_path, {})
    assert done.returncode == 3
    assert "NOT CHECKED: no advisory database" in done.stdout
    assert "Failed to resolve" in done.stdout


def test_a_database_that_knows_nothing_is_not_believed(tmp_path: Path) -> None:
    silent = {("pypi", "canary"): [CANARY | {"vulns": []}], ("pypi", "lock"): [CLEAN]}
    done = run(tmp_path, silent)
    assert done.returncode == 3
    assert "does not know that pyyaml==5.3 is vulnerable" in done.stdout


@pytest.mark.parametrize("canary", [[CANARY | {"vulns": []}], [{"name": "pyyaml", "skip_reason": "not found"}]])
def test_the_other_database_is_enough(tmp_path: Path, canary: list[Any]) -> None:
    done = run(
        tmp_path,
        {("pypi", "canary"): canary, ("osv", "canary"): [CANARY], ("osv", "lock"): [CLEAN, CLEAN | {"name": "click"}]},
    )
    assert done.returncode == 0, done.stdout
    assert "2 packages checked" in done.stdout


def test_what_is_known_is_told_with_the_version_that_mends_it(tmp_path: Path) -> None:
    done = run(tmp_path, {("osv", "canary"): [CANARY], ("osv", "lock"): [CLEAN, BAD]})
    assert done.returncode == 1
    assert "click==8.1: GHSA-x CVE-2026-1 (mended in: 8.2)" in done.stdout
    assert "click==8.1: GHSA-y (mended in: no version yet)" in done.stdout


def test_a_package_that_was_passed_over_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, {("osv", "canary"): [CANARY], ("osv", "lock"): [SKIPPED, CLEAN | {"name": "click"}]})
    assert done.returncode == 3
    assert "NOT CHECKED: 1 packages: numpy" in done.stdout


def test_a_program_that_is_missing_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--program", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "No such file" in done.stdout
