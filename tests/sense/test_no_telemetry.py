"""ONNX Runtime phones home unless told not to, and says nothing when it runs under continuous integration."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = "trace=%network,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2"
OURS = """
from pathlib import Path
from drukte.sense.detect.yolox import YoloxDetector
import numpy as np
YoloxDetector(Path({model!r}), (416, 256), threads=2)(np.zeros((90, 160, 3), np.uint8))
"""
THEIRS = "import onnxruntime; onnxruntime.InferenceSession({model!r})"


def traced(code: str, home: Path) -> list[str]:
    """System calls of a program, those that talk or write: sockets, and files not opened for reading only."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: nobody watched ONNX Runtime for telemetry (apt install strace)")
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "XDG_CACHE_HOME"}}
    # A user who sets it to "on" does not get it either.
    environment = kept | {"HOME": str(home), "ORT_DISABLE_TELEMETRY": "0"}
    log = home.with_suffix(".strace")
    home.mkdir()
    subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "--signal=none",
            "-e",
            CALLS,
            "-o",
            str(log),
            sys.executable,
            "-B",
            "-c",
            code,
        ],
        check=True,
        env=environment,
    )
    return [line for line in log.read_text().splitlines() if "O_RDONLY" not in line and "+++" not in line]


def test_the_detector_opens_no_socket_and_writes_no_file(model_store: Path, tmp_path: Path) -> None:
    model = str(model_store / "yolox-nano_416x256.onnx")
    assert traced(OURS.format(model=model), tmp_path / "ours") == []
    assert list((tmp_path / "ours").iterdir()) == []


def test_the_watch_sees_telemetry_when_it_is_on(model_store: Path, tmp_path: Path) -> None:
    """Without this the test above could pass for the wrong reason."""
    model = str(model_store / "yolox-nano_416x256.onnx")
    assert any("onnxruntime" in line for line in traced(THEIRS.format(model=model), tmp_path / "theirs"))
