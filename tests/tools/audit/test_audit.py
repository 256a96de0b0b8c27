"""The audit's parts: what it looks for, what it reads from a trace, and leaks that it has to catch, for real."""

import base64
import io
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from drukte.config import load_site
from drukte_tools.audit import checks, machine, places, twins
from drukte_tools.audit.marks import Mark, PictureMark, mark_for
from drukte_tools.audit.needles import CHUNK, count, disguises, in_memory, in_stream, needles
from drukte_tools.audit.page import page
from drukte_tools.audit.places import Place
from drukte_tools.audit.rooms import Run, Seen
from drukte_tools.audit.scope import MOST, SETS, code_lines, measure, table
from drukte_tools.audit.trace import ATTACK, Traced, attack_expected, parse
from drukte_tools.audit.words import WORDS

SITES = Path(__file__).parents[3] / "firmware_config" / "sites"
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
10 seccomp(SECCOMP_GET_ACTION_AVAIL, 0, [SECCOMP_RET_ERRNO]) = 0
10 dup(-1) = -1 EBADF (Bad file descriptor)
10 seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, {len=103, filter=0x55}) = 0
10 openat(AT_FDCWD</w>, NULL, O_RDONLY) = -1 EPERM (Operation not permitted)
10 dup(-1) = -1 EPERM (Operation not permitted)
10 socket(0xffff /* AF_??? */, 0, 0) = -1 EAFNOSUPPORT (Address family not supported by protocol)
"""
QUESTION = r"""
9 sendto(4<socket:[5]>, "\326\21\1\0\0\1\0\0\0\0\0\0\6mobile\6events\4data\t"..., 50, MSG_NOSIGNAL, NULL, 0) = 50
9 sendto(4<socket:[5]>, "\326\21\1\0\0\1\0\0\0\0\0\0\6mobile\6events\4data\7example\0\0\1\0\1", 50, 0, NULL, 0) = 50
"""
root = pytest.mark.skipif(os.geteuid() != 0, reason="reading a program's memory needs root here: it was not tried")


def quick(site: str, mark: Mark, path: Path) -> Path:
    content = yaml.safe_load((SITES / site).read_text())
    content["source"] = mark.source
    content["tick"] = 5
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def watch(site: str, work: Path, models: Path, plant: str | None = None, scan: bool = False) -> tuple[Seen, Run]:
    mark = mark_for(load_site(SITES / site), 99)
    if isinstance(mark, PictureMark):
        mark.source["rate"] = 4
    run = Run(quick(site, mark, work / "site.yaml"), work / "work", models, mark, plant, report=False)
    try:
        run.wait_for_records(1, 90)
        if run.alive and scan:
            run.scan()
    finally:
        seen = run.end()
        mark.close()
    return seen, run


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


def test_only_what_comes_after_the_seal_speaks_of_it(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(TRACE)
    seen = parse(tmp_path / "t")
    assert seen.sealed
    assert seen.refused == Counter(openat=1, dup=1)
    assert list(seen.allowed) == ["socket(0xffff /* AF_??? */, 0, 0)"]
    result = checks.sealed(Seen(sense=seen))
    assert any("allowed behind the seal: socket" in text for text in result.found)
    assert any(f"{attack_expected() - 2} forbidden acts were not seen" in text for text in result.found)


def test_a_question_to_a_name_server_tells_the_name(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(QUESTION)
    assert parse(tmp_path / "t").asked == {"mobile.events.data.example"}


def test_a_seal_that_is_whole_holds_and_one_that_lacks_anything_does_not() -> None:
    def seen(**more: Any) -> Seen:
        traced = Traced(sealed=True, refused=Counter(ATTACK), lines=1)
        return Seen(sense=traced, seal={0x7F}, threads=[{"Pid": "1", "Seccomp": "2", "NoNewPrivs": "1"}], **more)

    assert checks.sealed(seen()).found == []
    loose = seen()
    loose.threads[0]["Seccomp"] = "0"
    less = seen()
    less.sense.refused["connect"] -= 1
    lying = seen()
    lying.seal = {0x7D}
    silent = seen()
    silent.sense.sealed = False
    for bad in (loose, less, lying, silent, seen(descriptors=["socket:[1]"]), Seen(sense=seen().sense)):
        assert checks.sealed(bad).found


@root
def test_pieces_are_found_in_memory() -> None:
    wanted = needles(7, 640, 480, "416x256")
    here = np.frombuffer(wanted["float"] * 3, np.uint8).copy()
    assert in_memory(os.getpid(), wanted)[0]["float"] >= 3
    assert len(here)
    assert not any(count(bytes(1000), wanted).values())


def test_pieces_are_found_in_a_stream_once_each_and_across_its_chunks() -> None:
    wanted = needles(7, 640, 480, "416x256")
    piece = wanted["raw"]
    data = bytes(CHUNK - 10) + piece + bytes(CHUNK - 50) + piece
    hits, read = in_stream(io.BytesIO(data), {"raw": piece}, 1 << 40)
    assert (hits, read) == (2, len(data))
    assert in_stream(io.BytesIO(data), {"raw": piece}, CHUNK) == (0, CHUNK)


def test_pieces_are_found_in_disguise(tmp_path: Path) -> None:
    wanted = needles(7, 640, 480, "416x256")
    piece = wanted["resized"]
    for n, shape in enumerate(
        (piece, piece.hex().encode(), *(base64.b64encode(b"x" * k + piece + b"y") for k in range(3)))
    ):
        (tmp_path / f"{n}").write_bytes(b"..." + shape)
    assert len(places.folder(tmp_path, wanted).found) == 5
    assert places.folder(tmp_path, wanted, since=datetime.now(UTC).timestamp() + 9).files == 0
    assert not any(count(bytes(1000), disguises(wanted)).values())


def test_swap_areas_are_searched_as_they_lie_there(tmp_path: Path) -> None:
    wanted = needles(7, 640, 480, "416x256")
    (tmp_path / "area").write_bytes(bytes(4096) + wanted["float"] + bytes(4096))
    table = tmp_path / "swaps"
    table.write_text(
        f"Filename\tType\tSize\tUsed\tPriority\n{tmp_path}/area file 8 0 -2\n{tmp_path}/gone file 8 0 -2\n"
    )
    one, other = places.swap(wanted, table)
    assert one.found == {f"{tmp_path}/area": 1} and one.read == 8192 + len(wanted["float"])
    result = checks.traces([one, other, Place("/x", not_searched="absent")])
    assert result.found == [f"{tmp_path}/area: 1 pieces", f"{tmp_path}/gone: not searched: No such file or directory"]
    assert places.swap(wanted, tmp_path / "none")[0].not_searched


def test_the_journal_is_searched_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = needles(7, 640, 480, "416x256")
    program = tmp_path / "journalctl"
    program.write_text(f"#!/bin/sh\necho MESSAGE={base64.b64encode(wanted['raw']).decode()}\n")
    program.chmod(0o700)
    monkeypatch.setattr(Path, "is_dir", lambda _path: True)
    assert places.journal(wanted, datetime.now(UTC), str(program)).found == {"journal": 1}
    program.write_text("#!/bin/sh\nexit 3\n")
    assert "status 3" in places.journal(wanted, datetime.now(UTC), str(program)).not_searched


def test_unit_files_are_hashed_with_their_drop_ins(tmp_path: Path) -> None:
    (tmp_path / "drukte-sense.service").write_text("[Service]\n")
    (tmp_path / "drukte-sense.service.d").mkdir()
    (tmp_path / "drukte-sense.service.d" / "own.conf").write_text("[Service]\nNoNewPrivileges=no\n")
    (tmp_path / "other.service").write_text("")
    found = machine.units((str(tmp_path), str(tmp_path / "none")))
    assert [Path(path).name for path in found] == ["drukte-sense.service", "own.conf"]
    assert all(len(digest) == 64 for digest in found.values())


@pytest.mark.parametrize(
    ("plant", "check", "named"),
    [
        ("file", "files", "leak"),
        ("door", "door", "flags"),
        pytest.param("network", "network", "bytes to 127.0.0.1:9", marks=pytest.mark.slow),
        pytest.param("unsealed", "seal", "is not sealed", marks=root),
        pytest.param("hole", "seal", "allowed behind the seal: openat", marks=root),
        pytest.param("hygiene", "memory", "copies, raw", marks=root),
    ],
)
def test_a_room_gone_bad_is_caught(plant: str, check: str, named: str, tmp_path: Path, model_store: Path) -> None:
    scan = check in ("seal", "memory")
    seen, run = watch("demo-street.yaml", tmp_path, model_store, plant, scan)
    results = [checks.files(seen, "-"), checks.network(seen, "-"), checks.sealed(seen), checks.door(seen, 1, 1)]
    found = {r.check: r.found for r in [*results, checks.memory(seen)]}
    assert any(named in text for text in found[check]), seen.said
    assert checks.caught(plant, seen, str(run.leak), run.mark.proof)


def test_telemetry_is_named(tmp_path: Path, model_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "_TELEMETRY", twins._TELEMETRY.replace("sleep(12)", "sleep(0)"))
    seen, _ = watch("demo-street.yaml", tmp_path, model_store, "telemetry")
    result = checks.network(seen, "-")
    assert result.leaks == {"telemetry"}
    assert any("keeps reports to its maker" in text and "onnxruntime.db" in text for text in result.found)
    # the seal refuses to close over memory that the library shares with its file: nothing is counted
    assert "onnxruntime.db" in seen.reason
    assert checks.sealed(seen).leaks == {"ended"}
    assert "had ended" in checks.memory(seen).found[0]


@root
@pytest.mark.parametrize("plant", [None, "hygiene"])
def test_a_radar_keeps_no_echoes_unless_they_are_not_overwritten(
    plant: str | None, tmp_path: Path, model_store: Path
) -> None:
    seen, run = watch("radar-demo.yaml", tmp_path, model_store, plant, scan=True)
    assert seen.records and not seen.refused and seen.scans, seen.said + seen.unread
    assert checks.files(seen, "-").found == []
    assert bool(checks.memory(seen).found) == (plant is not None)
    assert checks.caught("hygiene", seen, "-", run.mark.proof) == (plant is not None)


@pytest.mark.slow
def test_a_radar_that_leaks_is_caught(tmp_path: Path, model_store: Path) -> None:
    seen, run = watch("radar-demo.yaml", tmp_path, model_store, "door")
    assert checks.caught("door", seen, str(run.leak), run.mark.proof), seen.said


@pytest.mark.parametrize("module", ["ld2450", "rd03d", "iwrl6432", "iwr6843aop"])
def test_every_radar_module_has_a_stand_in(module: str, tmp_path: Path) -> None:
    content = yaml.safe_load((SITES / "radar-demo.yaml").read_text())
    content["source"] |= {"module": module}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(content))
    mark = mark_for(load_site(tmp_path / "site.yaml"), 5)
    try:
        assert mark.kind == "radar" and len(set(mark.wanted.values())) == len(mark.wanted) >= 4
        assert all(len(piece) >= 12 for piece in mark.wanted.values())
        load_site(quick("radar-demo.yaml", mark, tmp_path / "own.yaml"))
    finally:
        mark.close()


def test_a_check_whose_leak_was_not_caught_does_not_hold() -> None:
    result = checks.Result("seal")
    assert not result.holds
    result.caught["unsealed"] = True
    assert not result.holds
    result.caught["hole"] = True
    assert result.holds
    result.against("network", ["sense: x"])
    assert not result.holds and result.leaks == {"network"}


def test_what_an_auditor_must_read_is_bounded() -> None:
    sizes = {sensor: sum(row.code for row in measure(sensor)) for sensor in SETS}
    assert max(sizes.values()) < MOST == 2500, sizes
    for sensor in SETS:
        names = {row.file for row in measure(sensor)}
        assert names >= {"summary.py", "sense/room.py", "sense/lock/seal.py", "report/door.py", "sense/frame.py"}
    assert code_lines('"""Text."""\n\n# why\nx = 1\ny = """a\nb"""\n') == 3


def test_the_list_for_an_auditor_names_the_ways_out() -> None:
    text = table()
    assert "lines an auditor of a camera must read" in text
    (room,) = (row for row in text.splitlines() if "sense/room.py" in row)
    assert "os.write" in room


def report(kind: str) -> dict[str, Any]:
    tables = {
        "memory": [{"name": "raw", "values": [0, None, 9]}],
        "traces": [{"name": "<u>/x</u>", "values": ["", 1, 5000, 0]}, {"name": "/y", "values": ["absent", 0, 0, 0]}],
        "seal": [{"name": "FILTERED", "values": [True, True]}, {"name": "DEADLY", "values": [False, False]}],
    }
    return {
        "schema": "x", "verdict": "FAIL", "planted": "file", "leaks": ["file", "telemetry"], "minutes": 1.0,
        "began": "2026-01-02T03:04:05+00:00", "ended": "2026-01-02T03:05:05+00:00",
        "sensor": {"kind": "camera", "stand_in": kind},
        "device": {"organisation": "o", "device": "d", "place": "<b>P</b>"},
        "purpose": {"controller": "C", "contact": "c", "what_for": "w", "valid_until": "2030-01-01",
                    "legal_ground": "public_task", "legal_basis": None},
        "checks": [
            {"check": c, "holds": False, "found": ["sense: <i>x</i>"], "leaks": [], "seen": {"calls": "3"},
             "table": tables.get(c, []), "controls": dict.fromkeys(checks.PROVEN_BY[c], False)}
            for c in checks.CHECKS
        ],
        "door": {"bits_per_hour": 11_000, "hours_for_10_kb": 7.9},
        "versions": {"drukte": "1", "code_sha256": "ab" * 32, "model_sha256": None},
        "units": {}, "kernel": machine.kernel(), "swap": machine.swap(),
    }  # fmt: skip


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("kind", ["camera", "radar"])
def test_the_page_names_what_was_found_and_lets_nothing_through_as_markup(language: str, kind: str) -> None:
    html = page(report(kind), language)
    assert "<i>" not in html and "<b>" not in html and "<u>" not in html and "&lt;i&gt;x" in html
    assert html.count("<h3>") == len(checks.CHECKS)
    assert "{" not in html.partition("</style>")[2]
    words = WORDS[language]
    assert words["named"]["telemetry"] in html
    assert words["missed"] in html
    assert ("7,9" if language == "nl" else "7.9") in html


def test_both_languages_have_words_for_all_that_can_be_said() -> None:
    def shape(words: Any) -> Any:
        return (
            {key: shape(value) for key, value in words.items()}
            if isinstance(words, dict)
            else len(words) * isinstance(words, list)
        )

    assert shape(WORDS["nl"]) == shape(WORDS["en"])
    words = WORDS["en"]
    assert words["check"].keys() == set(checks.CHECKS)
    leaks = {leak for proofs in checks.PROVEN_BY.values() for leak in proofs}
    assert words["leak"].keys() >= leaks | set(twins.PLANTS) | set(twins.TWINS)
    assert words["kernel"].keys() >= machine.kernel().keys() and words["swap"].keys() == machine.swap().keys()
