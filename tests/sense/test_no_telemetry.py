"""ONNX Runtime phones home unless told not to, and says nothing when it runs under continuous integration.

Both programs are watched as a device runs them, for long enough that a library's first report would have gone out, by
strace, without `CI` in the environment and with a user's environment that asks for telemetry.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from drukte.report.broker.desk import HOST, free_port
from drukte_tools.audit.trace import Traced, command, parse

SITE = Path(__file__).parents[2] / "firmware_config" / "sites" / "demo-street.yaml"
WATCHED = 16.0
"""Seconds: ONNX Runtime sends its first report after about ten."""
START = 90.0
THEIRS = """
import time, onnxruntime
session = onnxruntime.InferenceSession({model!r})
time.sleep(13)
"""


@dataclass
class Watched:
    """What was seen of one program: its system calls, the broker in its settings, the files that it left."""

    seen: Traced
    broker: str
    left: list[str]


def start(folder: Path, program: list[str], models: Path) -> "subprocess.Popen[bytes]":
    """A program under strace, with a home of its own."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: nobody watched for telemetry (apt install strace)")
    (folder / "home").mkdir(parents=True)
    dropped = {"CI", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME", "XDG_STATE_HOME", "ORT_DISABLE_TELEMETRY"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    own = {"HOME": str(folder / "home"), "ORT_DISABLE_TELEMETRY": "0", "DRUKTE_MODELS": str(models)}
    with (folder / "said").open("wb") as said:
        line = [*command(folder / "trace"), sys.executable, "-B", *program]
        return subprocess.Popen(line, env=kept | own, stdout=said, stderr=said, start_new_session=True)


def wait_for(process: "subprocess.Popen[bytes]", folder: Path, text: str) -> None:
    end = time.monotonic() + START
    trace = folder / "trace"
    while process.poll() is None and time.monotonic() < end:
        if trace.exists() and text in trace.read_text(errors="replace"):
            return
        time.sleep(0.2)
    raise AssertionError(f"{text} did not come: {(folder / 'said').read_text()}")


def end(process: "subprocess.Popen[bytes]", folder: Path, broker: str = "") -> Watched:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(15)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    home = folder / "home"
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    return Watched(parse(folder / "trace"), broker, left)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, model_store: Path) -> tuple[Watched, Watched]:
    """Ours, and a bare use of ONNX Runtime that nobody told to keep quiet; at one time, since both take a while."""
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    content = yaml.safe_load(SITE.read_text())
    content["source"] = {"kind": "canary", "seed": 1, "width": 768, "height": 576, "rate": 2}
    port = free_port()
    content |= {"tick": 5, "window": 5, "mqtt": {"host": HOST, "port": port}}
    (ours / "site.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    one = start(ours / "run", ["-m", "drukte", "run", "--site", str(ours / "site.yaml")], model_store)
    model = str(model_store / "yolox-nano_416x256.onnx")
    other = start(theirs / "run", ["-c", THEIRS.format(model=model)], model_store)
    try:
        wait_for(one, ours / "run", "SECCOMP_SET_MODE_FILTER")
        time.sleep(WATCHED)
        assert one.poll() is None, (ours / "run" / "said").read_text()
        other.wait(60)
    finally:
        found = end(one, ours / "run", f"{HOST}:{port}"), end(other, theirs / "run")
    return found


def test_both_programs_ask_nobody_and_tell_nobody_but_the_broker(watched: tuple[Watched, Watched]) -> None:
    ours, _ = watched
    assert ours.seen.sealed
    assert ours.seen.asked == set()
    assert set(ours.seen.connected) <= {f"connect {ours.broker}", "bind 0.0.0.0:0"}  # any port, to call from
    assert {peer for peer in ours.seen.sent if not peer.startswith("socket:")} <= {ours.broker}


def test_both_programs_write_nothing_but_the_open_rooms_own_files(watched: tuple[Watched, Watched]) -> None:
    ours, _ = watched
    assert ours.left
    assert all(path.startswith(".local/state/drukte/") for path in ours.left), ours.left
    outside = [
        path for path in ours.seen.opened if "/.local/state/drukte/" not in path and not path.startswith("/dev/")
    ]
    assert outside == []


def test_the_watch_sees_telemetry_when_it_is_on(watched: tuple[Watched, Watched]) -> None:
    """Without this the tests above could pass for the wrong reason."""
    _, theirs = watched
    assert any("onnxruntime" in path for path in theirs.left)
    # it looks for its maker's address, at whatever this machine looks addresses up with
    assert any(call.endswith(":53") or "AF_UNIX" in call for call in theirs.seen.connected)
