"""`drukte export`: the history of a device as a table, and what it says when that cannot be."""

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner

from drukte.report.export_cli import export
from drukte.report.formats.native import seconds
from drukte.report.store.history import History
from tests.report.conftest import site_text
from tests.report.disclosure.attack import publish, random_day, town

DAY = "2027-01-15"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(site_text(60, 900))
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    history = History(tmp_path / "history.sqlite")
    for zone in publish(town(), random_day(3))[:1]:
        history.keep([o.model_copy(update={"zone": "square"}) for o in zone])
    history.close()
    return tmp_path


def test_days_of_the_place_come_out_as_rows(site: Path, state: Path) -> None:
    got = CliRunner().invoke(export, ["--site", str(site), "--state", str(state), "--from", DAY, "--to", DAY])
    assert got.exit_code == 0, got.output
    rows = list(csv.DictReader(io.StringIO(got.stdout)))
    # A day from 00:00 UTC on is kept; the day in Amsterdam began an hour before.
    assert len(rows) == 92
    assert seconds(rows[-1]["to"]) == seconds("2027-01-15T23:00:00Z")
    assert any(r["people_status"] == "under_5" and r["people_mean"] == "" for r in rows)
    assert "92 rows" in got.stderr


def test_parquet_to_a_file(site: Path, state: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "x.parquet"
    args = ["--site", str(site), "--state", str(state), "--from", DAY, "--to", "2027-01-16"]
    got = CliRunner().invoke(export, [*args, "--format", "parquet", "--out", str(out)])
    assert got.exit_code == 0, got.output
    assert parquet.read_table(out).num_rows == 96


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--zone", "attic"], "there is no zone attic; there are: square, corner"),
        (["--format", "parquet"], "name it with --out"),
        (["--from", "2027-01-16", "--to", "2027-01-15"], "is after --to"),
        (["--state", "/nonexistent"], "there is no history.sqlite in /nonexistent"),
    ],
)
def test_what_is_wrong_is_said(site: Path, state: Path, args: list[str], words: str) -> None:
    got = CliRunner().invoke(export, ["--site", str(site), "--state", str(state), *args])
    assert got.exit_code == 1
    assert words in got.output
    assert "Traceback" not in got.output
