"""The sealed room as a program: what it refuses to start with, and what comes through the door."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenes import drukte, moving_square, site_file

from drukte.exits import Exit
from drukte.summary import SIZE, Summary, decode


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving_square(tmp_path_factory.mktemp("video") / "square.avi", size=(768, 576))


def records(site: Path, many: int, timeout: float = 60) -> Iterator[tuple[Summary, subprocess.Popen[bytes]]]:
    """The first records of a sealed room, and its process."""
    readable, writable = os.pipe()
    child = subprocess.Popen(drukte("sense", "--site", site, "--door", "1"), stdout=writable)
    os.close(writable)
    give_up = time.monotonic() + timeout
    try:
        for _ in range(many):
            assert time.monotonic() < give_up
            data = os.read(readable, SIZE)
            assert data, f"sense ended with {child.wait()}"
            yield decode(data), child
    finally:
        os.close(readable)
        child.kill()
        child.wait()


def ended(site: Path) -> tuple[int, str]:
    """Exit status of a sealed room that does not start, and what it said."""
    done = subprocess.run(
        drukte("sense", "--site", site, "--door", "1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_sealed_numbers_come_through_the_door(tmp_path: Path, street: Path, model_store: Path) -> None:
    site = site_file(tmp_path, source__path=str(street), source__rate=10, tick=5)
    seen = []
    for record, child in records(site, 3):
        seen.append(record)
        status = Path(f"/proc/{child.pid}/status").read_text()
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status
    assert [r.seq for r in seen] == [0, 1, 2]
    assert seen[2].end - seen[1].end == 5
    assert seen[1].frames == pytest.approx(50, abs=10)
    assert seen[1].observed == 5
    assert all(r.seal & 7 == 7 for r in seen)


def test_a_recording_that_ends_closes_its_last_tick(tmp_path: Path, street: Path, model_store: Path) -> None:
    site = site_file(tmp_path, source__path=str(street), source__rate="max", source__loop=False, tick=5)
    frames, child = 0, None
    try:
        for record, child in records(site, 99):  # noqa: B007
            frames += record.frames
    except AssertionError as end:
        assert f"sense ended with {int(Exit.OK)}" in str(end)
    assert 60 - 20 <= frames < 60  # those that warmed it up are not counted


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"purpose__valid_until": "2020-01-31"}, Exit.PURPOSE, "ended on 2020-01-31"),
        ({"purpose": None}, Exit.SITE, "purpose: is empty"),
        ({"source__path": "/nowhere.avi"}, Exit.SOURCE, "no such file"),
        ({"source": {"kind": "camera", "device": "/dev/video99"}}, Exit.SOURCE, "no such device"),
        ({"source": {"kind": "picamera"}}, Exit.SOURCE, "python3-picamera2"),
        ({"source": {"kind": "images", "path": "/"}}, Exit.SOURCE, "no .jpg"),
        ({"ground__picture": [768, 300]}, Exit.CALIBRATION, "another shape"),
    ],
    ids=["expired", "no purpose", "no video", "no camera", "no picamera", "no images", "wrong shape"],
)
def test_it_does_not_start_and_says_why(
    tmp_path: Path, street: Path, model_store: Path, changes: dict[str, object], status: Exit, message: str
) -> None:
    site = site_file(tmp_path, **({"source__path": str(street)} | changes))
    code, text = ended(site)
    assert code == status
    assert message in text


def test_a_missing_model_is_named_with_the_command_that_brings_it(
    tmp_path: Path, street: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRUKTE_MODELS", str(tmp_path))
    code, text = ended(site_file(tmp_path, source__path=str(street)))
    assert code == Exit.MODEL
    assert "drukte models pull yolox-nano" in text


def test_it_ends_when_nobody_reads_the_door(tmp_path: Path, street: Path, model_store: Path) -> None:
    readable, writable = os.pipe()
    site = site_file(tmp_path, source__path=str(street), source__rate=10, tick=5)
    child = subprocess.Popen(drukte("sense", "--site", site, "--door", "1"), stdout=writable)
    os.close(writable)
    assert os.read(readable, SIZE)
    os.close(readable)
    assert child.wait(20) == Exit.DOOR


def opening(start: float, seconds: float) -> dict[str, object]:
    """A schedule in UTC with one event, from whole minutes."""
    first, last = (time.strftime("%Y-%m-%d %H:%M", time.gmtime(t)) for t in (start, start + seconds))
    return {"place__time_zone": "UTC", "schedule": {"events": [{"from": first, "to": last}]}}


def test_outside_its_schedule_the_recording_is_not_even_opened(tmp_path: Path, street: Path, model_store: Path) -> None:
    site = site_file(tmp_path, source__path=str(street), **opening(time.time() + 3600, 3600))
    child = subprocess.Popen(drukte("sense", "--site", site, "--door", "1"), stdout=subprocess.DEVNULL)
    try:
        time.sleep(4)
        assert child.poll() is None
        held = [str(fd.readlink()) for fd in Path(f"/proc/{child.pid}/fd").iterdir()]
        assert str(street) not in held
        assert "onnxruntime" not in Path(f"/proc/{child.pid}/maps").read_text()
    finally:
        child.kill()
        child.wait()


def test_at_closing_time_the_last_tick_is_told_and_the_room_ends(
    tmp_path: Path, street: Path, model_store: Path
) -> None:
    closes = (time.time() // 60 + 1) * 60
    if closes - time.time() < 15:
        closes += 60
    plan = opening(closes - 3600, 3600)
    site = site_file(tmp_path, source__path=str(street), source__rate=10, tick=5, **plan)
    last = None
    with pytest.raises(AssertionError, match=f"sense ended with {int(Exit.CLOSED)}"):
        for last, _ in records(site, 99, timeout=100):  # noqa: B007
            pass
    assert last is not None
    assert last.end in (closes, closes + 5)  # places are smoothed, so the last second is told with the next tick
    assert time.time() - closes < 10
