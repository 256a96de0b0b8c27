"""The audit's parts: what it looks for, what it reads from a trace, and a leak that it has to catch, for real."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from drukte_tools.audit import checks
from drukte_tools.audit.needles import count, in_files, in_memory, needles
from drukte_tools.audit.page import page
from drukte_tools.audit.rooms import Run, Seen
from drukte_tools.audit.scope import code_lines, measure
from drukte_tools.audit.trace import parse
from drukte_tools.audit.words import CHECK, LEAK, WORDS

SITE = Path(__file__).parents[3] / "firmware_config" / "sites" / "demo-street.yaml"
TRACE = """\
10 openat(AT_FDCWD</w>, "/etc/x", O_RDONLY|O_CLOEXEC) = 3</etc/x>
10 openat(AT_FDCWD</w>, "/tmp/a", O_WRONLY|O_CREAT, 0600) = 4</tmp/a>
10 openat(AT_FDCWD</w>, "/tmp/b", O_WRONLY|O_CREAT, 0600) = -1 EPERM (Operation not permitted)
10 write(4</tmp/a>, "xx"..., 2) = 2
11 write(1<pipe:[7]>, "xx"..., 64 <unfinished ...>
10 connect(5<socket:[9]>, {sa_family=AF_INET, sin_port=htons(1883), sin_addr=inet_addr("10.0.0.1")}, 16) = 0
11 <... write resumed>) = 64
10 sendto(5<socket:[9]>, "xx"..., 5, 0, NULL, 0) = 5
10 sendto(6<socket:[8]>, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("1.1.1.1")}, 16) = 1
10 memfd_create("x", 0) = 6
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    content = yaml.safe_load(SITE.read_text())
    content["source"] = {"kind": "canary", "seed": 99, "width": 768, "height": 576, "rate": 4}
    content["tick"] = 5
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_a_trace_says_what_was_opened_sent_and_refused(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(TRACE)
    seen = parse(tmp_path / "t")
    assert dict(seen.opened) == {"/tmp/a": 1}
    assert dict(seen.written) == {"/tmp/a": 2, "pipe:[7]": 64}
    assert dict(seen.sent) == {"10.0.0.1:1883": 5, "1.1.1.1:53": 1}
    assert seen.connected == ["connect 10.0.0.1:1883"]
    assert list(seen.other) == ['memfd_create("x", 0)']
    found = checks.network(Seen(report=seen), "10.0.0.1:1883").found
    assert found == ["report: 1 bytes to 1.1.1.1:53"]


@pytest.mark.skipif(os.geteuid() != 0, reason="reading a program's memory needs root here: the scan was not tried")
def test_pieces_are_found_in_memory_and_files(tmp_path: Path) -> None:
    wanted = needles(7, 640, 480, "416x256")
    here = np.frombuffer(wanted["float"] * 3, np.uint8).copy()
    assert in_memory(os.getpid(), wanted)[0]["float"] >= 3
    assert len(here)
    (tmp_path / "kept").write_bytes(b"..." + wanted["resized"])
    assert in_files([tmp_path], wanted) == {str(tmp_path / "kept"): 1}
    assert not any(count(bytes(1000), wanted).values())


@pytest.mark.parametrize(
    ("twin", "check", "named"),
    [
        ("file", "files", "leak"),
        ("door", "door", "reserved"),
        ("telemetry", "network", "telemetry of ONNX Runtime"),
        ("network", "network", "bytes to 127.0.0.1:9"),
    ],
)
def test_a_room_gone_bad_is_caught(
    twin: str, check: str, named: str, site: Path, tmp_path: Path, model_store: Path
) -> None:
    run = Run(site, tmp_path / "work", model_store, twin, report=False)
    try:
        run.wait_for_records(1, 60)
    finally:
        seen = run.end()
    results = {r.check: r for r in (checks.files(seen, "-"), checks.network(seen, "-"), checks.door(seen, 1, 1))}
    assert any(named in found for found in results[check].found), seen.said


def test_the_whole_sealed_program_sends_nothing_and_writes_nothing(
    site: Path, tmp_path: Path, model_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a library brings along; some keep quiet under continuous integration, so that is not let on."""
    monkeypatch.setenv("CI", "true")
    run = Run(site, tmp_path / "work", model_store, report=False)
    try:
        run.wait_for_records(1, 60)
    finally:
        seen = run.end()
    assert seen.records and not seen.refused, seen.said
    assert checks.files(seen, "-").found == []
    assert checks.network(seen, "-").found == []
    assert list(run.home.iterdir()) == []


def test_a_check_whose_leak_was_not_caught_does_not_hold() -> None:
    assert not checks.Result("files").holds
    assert checks.Result("files", control=True).holds
    assert not checks.Result("files", ["sense: /tmp/x"], control=True).holds


def test_what_an_auditor_must_read_is_bounded() -> None:
    assert sum(code for _, _, code, _ in measure()) < 2500
    assert code_lines('"""Text."""\n\n# why\nx = 1\ny = """a\nb"""\n') == 3


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_page_names_what_was_found_and_lets_nothing_through_as_markup(language: str) -> None:
    report = {
        "verdict": "FAIL", "planted": None, "began": "b", "ended": "e", "minutes": 1.0,
        "device": {"organisation": "o", "device": "d", "place": "<b>P</b>"},
        "purpose": {"controller": "C", "contact": "c", "what_for": "w", "valid_until": "2030-01-01"},
        "checks": [
            {"check": c, "holds": False, "found": ["sense: <i>x</i>"], "seen": [], "control": checks.PROVEN_BY[c],
             "control_caught": False}
            for c in checks.CHECKS
        ],
        "door": {"bits_per_hour": 1, "hours_for_10_kb": 2.0}, "versions": {"drukte": "1"}, "kernel": {"swap": []},
    }  # fmt: skip
    html = page(report, language)
    assert "<i>" not in html and "<b>" not in html and "&lt;i&gt;x" in html
    assert html.count("<h3>") == len(checks.CHECKS)
    assert CHECK[language].keys() == set(checks.CHECKS)
    assert LEAK["nl"].keys() == LEAK["en"].keys() and WORDS["nl"].keys() == WORDS["en"].keys()
