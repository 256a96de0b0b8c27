"""The ledger: every way to tamper with it is found, and a power cut is not tampering."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from drukte.config import parse_site
from drukte.report.ledger.changes import fingerprints, note_changes
from drukte.report.ledger.ledger import ACTS, Ledger, LedgerError, read, verify
from drukte.report.ledger.ledger_cli import ledger as command
from tests.report.conftest import make_site, site_text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for number in range(5):
        ledger.record("settings", keys={f"k{number}": [None, "x"]})
    return ledger.path


def test_a_ledger_holds(path: Path) -> None:
    last = verify(path)
    assert last is not None
    assert (last.n, last.act) == (5, "settings")
    assert [e.act for e in read(path)] == ["begin"] + ["settings"] * 5


@given(data=st.data())
def test_any_flipped_bit_is_found(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.record("audit", verdict="PASS")
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    with pytest.raises(LedgerError):
        verify(path)


@pytest.mark.parametrize("number", range(6))
def test_a_dropped_line_is_found(path: Path, number: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[number]
    path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match="cut off" if number == 5 else f"line {number + 1}: does not follow"):
        verify(path)


@pytest.mark.parametrize(("a", "b"), [(0, 1), (2, 3), (4, 5), (1, 4)])
def test_swapped_lines_are_found(path: Path, a: int, b: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[a], lines[b] = lines[b], lines[a]
    path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match="does not follow"):
        verify(path)


def test_a_line_written_anew_with_a_right_hash_still_breaks_the_chain(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    entry = list(read(path))[2]
    forged = type(entry).make(entry.n, entry.at, entry.act, {"keys": {}}, entry.before)
    lines[2] = forged.line()
    path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match="line 4: does not follow"):
        verify(path)


def test_a_ledger_forged_as_a_whole_is_found_by_who_saw_the_old_head(path: Path, tmp_path: Path) -> None:
    seen = verify(path)
    assert seen is not None
    forged = Ledger(tmp_path / "forged.jsonl")
    for _ in range(5):
        forged.record("settings", keys={})
    verify(forged.path)
    with pytest.raises(LedgerError, match="rewritten or cut"):
        verify(forged.path, known=seen.hash)
    assert verify(path, known=seen.hash) == seen


def test_a_missing_head_is_said(path: Path) -> None:
    path.with_suffix(".head").unlink()
    with pytest.raises(LedgerError, match="missing"):
        verify(path)


@pytest.mark.parametrize("junk", [b"", b"junk", b"\xff\xfe 3", b"-1 x"])
def test_a_damaged_head_is_said(path: Path, junk: bytes) -> None:
    path.with_suffix(".head").write_bytes(junk)
    with pytest.raises(LedgerError, match="damaged"):
        verify(path)


def test_lines_that_were_cut_off_are_counted(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(LedgerError, match=f"knows of {len(lines)} lines, here are {len(lines) - 1}"):
        verify(path)


def test_a_power_cut_within_a_line_is_mended_and_written_down(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"act":"audit","at":"2026')
    with pytest.raises(LedgerError, match="cut off"):
        verify(path)
    Ledger(path)
    last = verify(path)
    assert last is not None
    assert (last.act, last.details) == ("repair", {"bytes": 25})


def test_a_power_cut_between_line_and_head_is_no_tampering(path: Path) -> None:
    head = path.with_suffix(".head")
    before = head.read_text()
    Ledger(path).record("audit", verdict="PASS")
    head.write_text(before)
    Ledger(path).record("clock", seconds=3600)
    last = verify(path)
    assert last is not None
    assert last.act == "clock"


def test_it_refuses_to_write_on_after_its_end_was_cut(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(LedgerError, match="not the one that was written last"):
        Ledger(path)


def test_only_known_acts(path: Path) -> None:
    with pytest.raises(ValueError, match="not an act"):
        Ledger(path).record("lunch")
    assert len(set(ACTS)) == len(ACTS)


def test_several_programs_write_whole_lines_in_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path)
    code = (
        "import sys; from pathlib import Path; from drukte.report.ledger.ledger import Ledger\n"
        "for n in range(20): Ledger(Path(sys.argv[1])).record('audit', n=n)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(4)]
    assert [child.wait(30) for child in children] == [0] * 4
    last = verify(path)
    assert last is not None
    assert last.n == 80


def test_changes_since_the_last_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert note_changes(ledger, make_site()) == ["software", "purpose", "calibration", "model", "settings"]
    assert note_changes(ledger, make_site()) == []
    other = parse_site(site_text().replace("testing", "following people").replace("tick: 60", "tick: 30"))
    assert note_changes(ledger, other) == ["purpose", "settings"]
    purpose, settings = list(read(ledger.path))[-2:]
    assert purpose.details["old"]["what_for"] == "testing"
    assert purpose.details["new"]["what_for"] == "following people"
    assert list(settings.details["keys"]) == ["tick"]
    moved = parse_site(site_text().replace("pixel: [640, 480]", "pixel: [630, 480]").replace("tick: 60", "tick: 30"))
    assert note_changes(ledger, moved) == ["purpose", "calibration"]
    assert note_changes(Ledger(ledger.path), moved) == []


def test_secrets_leave_no_trace() -> None:
    site = make_site(mqtt="{username: u, password_file: /very/secret}")
    assert "secret" not in json.dumps(fingerprints(site))
    assert not any("password" in key for key in fingerprints(site))


def test_the_command_shows_verifies_and_exports(path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(command, [*arguments, "--file", str(path)])
        return done.exit_code, done.output

    code, shown = run("verify")
    assert code == 0
    assert "sound, 6 lines" in shown
    assert "settings    k4" in run("show")[1]
    assert len(json.loads(run("export")[1])) == 6
    assert run("export", "--format", "csv")[1].count("\n") == 7
    code, shown = run("verify", "--known", "0" * 64)
    assert code != 0
    assert "NOT SOUND" in shown
