"""The command line: what it offers, and how it speaks when something is wrong."""

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from drukte import __version__
from drukte.exits import HOPELESS, MEANING, Exit
from tests.scenes import ROOT, SITES, drukte, site_file


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(drukte(*arguments), capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert "Traceback" not in done.stderr
    return done


def test_help_lists_every_command_of_the_device_and_of_the_tools() -> None:
    shown = run("--help").stdout
    for command in ("run", "sense", "report", "check", "watch", "models", "evaluate", "demo"):
        assert f"\n  {command} " in shown


def test_version() -> None:
    assert __version__ in run("--version").stdout


def test_check_says_what_the_device_would_do() -> None:
    done = run("check", SITES / "demo-street.yaml")
    assert done.returncode == 0
    for part in ("demo/demo-street", "road: 283 m2, lines: west, east", "until 2035-12-31", "nothing but lies"):
        assert part in done.stdout


def test_check_names_every_mistake(tmp_path: Path) -> None:
    done = run("check", site_file(tmp_path, tick=7, device="Not A Name"))
    assert done.returncode == Exit.SITE
    assert done.stdout == ""
    assert "device" in done.stderr


def test_the_schema_accepts_what_the_program_accepts() -> None:
    schema = json.loads(run("check", "--schema", "-").stdout)
    site = yaml.safe_load((SITES / "demo-street.yaml").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(site, default=str)))


@pytest.mark.parametrize("command", ["sense", "report", "run"])
def test_a_missing_site_file_is_named(tmp_path: Path, command: str) -> None:
    done = run(command, "--site", tmp_path / "nothing.yaml")
    assert done.returncode == Exit.SITE
    assert "nothing.yaml" in done.stderr


def test_every_way_to_end_has_a_meaning() -> None:
    assert set(MEANING) == set(Exit)
    assert Exit.SOURCE not in HOPELESS  # a camera may come back
