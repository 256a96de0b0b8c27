"""What other programs wrote down is in the ledger exactly once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drukte import acts
from drukte.report.ledger.ledger import Ledger, read, verify
from drukte.report.ledger.others import MOST_AT_A_TIME, OthersActs
from drukte.sample.acts import note


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "acts"
    place.mkdir()
    monkeypatch.setenv("DRUKTE_ACTS", str(place))
    return place


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


def did(ledger: Ledger) -> list[tuple[str, str]]:
    return [(e.act, e.details["did"]) for e in read(ledger.path) if "did" in e.details]


def test_each_line_once_also_after_a_restart(folder: Path, ledger: Ledger, tmp_path: Path) -> None:
    assert note(tmp_path, "validation_started", "abc", 1.0, pictures=3)
    others = OthersActs(ledger)
    assert others.take() == 1
    assert others.take() == 0
    assert note(tmp_path, "validation_deleted", "abc", 2.0)
    acts.append(folder / "calibrate.jsonl", {"act": "calibration_made", "by": "someone"})
    acts.append(folder / "calibrate.jsonl", {"act": "lunch"})
    acts.append(folder / "calibrate.jsonl", {"act": "purpose", "keys": {"x": 1}})
    assert OthersActs(Ledger(ledger.path)).take() == 4
    assert OthersActs(Ledger(ledger.path)).take() == 0
    assert sorted(did(ledger)) == [
        ("act", "lunch"),
        ("act", "purpose"),
        ("calibration", "calibration_made"),
        ("validation", "validation_deleted"),
        ("validation", "validation_started"),
    ]
    verify(ledger.path)


def test_a_process_killed_in_between_takes_the_rest_and_nothing_twice(folder: Path, ledger: Ledger) -> None:
    for number in range(40):
        acts.append(folder / "sample.jsonl", {"act": "validation_started", "number": number})
    code = (
        "import os, sys; from pathlib import Path; from drukte.report.ledger import others, ledger\n"
        "left = [7]\n"
        "class Dies(ledger.Ledger):\n"
        "    def record(self, *a, **k):\n"
        "        left[0] -= 1\n"
        "        if not left[0]: os.kill(os.getpid(), 9)\n"
        "        return super().record(*a, **k)\n"
        "others.OthersActs(Dies(Path(sys.argv[1]))).take()"
    )
    for _ in range(3):
        assert subprocess.run([sys.executable, "-c", code, str(ledger.path)], check=False).returncode == -9
    assert OthersActs(Ledger(ledger.path)).take() == 40 - 3 * 6
    numbers = [e.details["details"]["number"] for e in read(ledger.path) if "did" in e.details]
    assert numbers == list(range(40))


def test_what_is_no_act_is_passed_over(folder: Path, ledger: Ledger) -> None:
    file = folder / "strange.jsonl"
    file.write_bytes(
        b'\xff\xfe\n[]\n{"act": 1}\n{"act": "a", "x": 1e999}\n'
        + b'{"act": "'
        + b"a" * 5000
        + b'"}\n{"act": "b"}\n{"act":'
    )
    assert OthersActs(ledger).take() == 2
    acts.append(file, {"act": "c"})
    assert OthersActs(ledger).take() == 1
    assert [what for _, what in did(ledger)] == ["a", "b", "c"]
    verify(ledger.path)


def test_a_file_begun_anew_is_another_one(folder: Path, ledger: Ledger) -> None:
    file = folder / "sample.jsonl"
    for number in range(3):
        acts.append(file, {"act": "x", "number": number})
    others = OthersActs(ledger)
    assert others.take() == 3
    file.unlink()
    acts.append(file, {"act": "x", "number": 9})
    assert others.take() == 1


def test_many_lines_are_taken_in_turns(folder: Path, ledger: Ledger) -> None:
    many = MOST_AT_A_TIME + 10
    (folder / "x.jsonl").write_text("".join(json.dumps({"act": "x", "n": n}) + "\n" for n in range(many)))
    others = OthersActs(ledger)
    assert [others.take(), others.take(), others.take()] == [MOST_AT_A_TIME, 10, 0]
