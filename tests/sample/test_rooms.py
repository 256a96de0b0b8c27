"""One room after another: a camera that hangs is tried again, and an end is an end."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.scenes import SITES

from drukte.config import load_site
from drukte.exits import Exit
from drukte.sample import process

SITE = load_site(SITES / "demo-street.yaml")
COUNT = "import sys,pathlib; p=pathlib.Path(sys.argv[1]); p.write_text(p.read_text() + 'x'); "


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(process, "RETRY", 0.05)
    file = tmp_path / "starts"
    file.write_text("")
    return file


def rooms(starts: Path, program: str, ends: float, ending: threading.Event) -> int:
    door, end = os.pipe()
    try:
        command = [sys.executable, "-c", COUNT + program, str(starts)]
        return process._rooms(command, end, SITE, ends, ending)
    finally:
        os.close(door)
        os.close(end)


def test_a_camera_that_hangs_is_tried_again(starts: Path) -> None:
    program = f"sys.exit({Exit.SOURCE} if len(p.read_text()) < 3 else 0)"
    assert rooms(starts, program, time.time() + 100, threading.Event()) == Exit.OK
    assert starts.read_text() == "xxx"


@pytest.mark.parametrize("status", [Exit.OK, Exit.SEAL, Exit.USAGE, Exit.INTERNAL])
def test_an_end_is_an_end(starts: Path, status: Exit) -> None:
    assert rooms(starts, f"sys.exit({status})", time.time() + 100, threading.Event()) == status
    assert starts.read_text() == "x"


def test_nothing_is_tried_after_the_order(starts: Path) -> None:
    assert rooms(starts, f"sys.exit({Exit.SOURCE})", time.time(), threading.Event()) == Exit.SOURCE
    assert starts.read_text() == "x"


def test_a_request_to_end_reaches_the_room(starts: Path) -> None:
    ending = threading.Event()
    timer = threading.Timer(0.5, ending.set)
    timer.start()
    assert rooms(starts, "import time; time.sleep(60)", time.time() + 100, ending) == -signal.SIGTERM
    timer.join()
