"""What `make run` starts: numbers on the screen, with Mosquitto and without it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from drukte_tools.demo import DemoError, recording
from tests.scenes import ROOT, drukte, moving_square


def show(video: Path, **environment: str) -> str:
    """What a person sees in the first half minute."""
    done = subprocess.run(
        drukte("demo", "--seconds", "28"),
        env=os.environ | {"DRUKTE_DEMO_VIDEO": str(video), "TERM": "dumb"} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.usefixtures("model_store")
@pytest.mark.parametrize("broker", ["Mosquitto", "embedded"])
def test_numbers_appear(tmp_path: Path, broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    video = moving_square(tmp_path / "square.avi", size=(768, 576), rate=7)
    if broker == "embedded":
        (tmp_path / "sitecustomize.py").write_text(
            "import shutil\nreal = shutil.which\n"
            "shutil.which = lambda name, *a, **k: None if name == 'mosquitto' else real(name, *a, **k)\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    shown = show(video)
    assert f"Broker: {broker}" in shown
    assert re.search(r"demo-street/road: people 0 .* observed 100%", shown)


def test_a_wrong_recording_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRUKTE_DEMO_VIDEO", "/nowhere.avi")
    with pytest.raises(DemoError, match=r"DRUKTE_DEMO_VIDEO: /nowhere\.avi is not a file"):
        recording()
