"""The seal, tried from inside by a process that reads video and runs a model; and what it refuses to seal."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from drukte.sense.lock import landlock
from drukte.sense.lock.seal import ENVIRONMENT, REQUIRED, SealBits

CHILD = Path(__file__).with_name("sealed_child.py")
FRAMES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sealed")
    rng = np.random.default_rng(4)
    for name, codec in (("video.avi", "MJPG"), ("video.mp4", "mp4v")):
        writer = cv2.VideoWriter(str(place / name), cv2.VideoWriter.fourcc(*codec), 10, (320, 240))
        assert writer.isOpened()
        for i in range(FRAMES):
            picture = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
            cv2.circle(picture, (8 * i, 120), 40, (255, 255, 255), -1)
            writer.write(picture)
        writer.release()
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 62, 62])
    kernel = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    weights = helper.make_tensor("w", TensorProto.FLOAT, kernel.shape, kernel.ravel())
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "tiny", [x], [y], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, place / "model.onnx")
    return place


def run(folder: Path, *modes: str, code: int = 0) -> list[tuple[str, str]]:
    """Run the child; its records as (verdict, what)."""
    door, end = os.pipe()
    child = subprocess.Popen([sys.executable, CHILD, str(end), folder, *modes], pass_fds=[end], stderr=subprocess.PIPE)
    os.close(end)
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    with os.fdopen(door, "rb") as pipe:
        data = pipe.read()
    _, errors = child.communicate()
    watchdog.cancel()
    assert child.returncode == code, errors.decode()
    assert b"this must not appear" not in errors
    return [(v.decode(), what.decode()) for v, what in re.findall(rb"\x01([a-z]+)\t([^\x01\x02]*)\x02", data)]


def verdicts(records: list[tuple[str, str]], verdict: str) -> set[str]:
    return {what for v, what in records if v == verdict}


@pytest.fixture(scope="module")
def unsealed(folder: Path) -> list[tuple[str, str]]:
    return run(folder, "unsealed")


def test_every_door_is_open_without_the_seal(unsealed: list[tuple[str, str]]) -> None:
    """The negative control: a harness that calls a door shut that is open would prove nothing."""
    assert verdicts(unsealed, "refused") == set()
    assert len(verdicts(unsealed, "open")) > 40


@pytest.mark.parametrize("mode", ["landlock", "nolandlock"])
@pytest.mark.parametrize("video", ["video.avi", "video.mp4"])
def test_every_door_is_shut_and_frames_still_flow(
    folder: Path, unsealed: list[tuple[str, str]], mode: str, video: str
) -> None:
    before = set(folder.iterdir())
    records = run(folder, mode, video)
    assert verdicts(records, "open") == set()
    assert verdicts(records, "refused") == verdicts(unsealed, "open")
    assert verdicts(records, "dead") == set()
    (frames,) = verdicts(records, "frames")
    count, repeats = map(int, frames.split())
    assert count >= FRAMES - 3 - 10
    assert repeats == 0
    (report,) = verdicts(records, "report")
    bits, threads, abi = map(int, report.split())
    assert SealBits(bits) & (REQUIRED | SealBits.WIPED) == REQUIRED | SealBits.WIPED
    assert threads >= 2
    assert abi == (landlock.abi() if mode == "landlock" else 0)
    assert (SealBits.LANDLOCK in SealBits(bits)) == (abi > 0)
    assert set(folder.iterdir()) == before


def test_a_cold_decoder_is_noticed_behind_the_seal(folder: Path) -> None:
    """FFmpeg that converts its first picture behind the seal gives the same picture for ever, without an
    error."""
    records = run(folder, "cold", "video.avi")
    assert len(verdicts(records, "dead")) == 1


def test_deadly_seal_ends_the_process(folder: Path) -> None:
    records = run(folder, "deadly", code=-signal.SIGSYS)
    (report,) = verdicts(records, "report")
    assert SealBits.DEADLY in SealBits(int(report.split()[0]))


def sealed(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with `w`, the door, and `seal` at hand; it prints what seal() says, or does not."""
    head = "import os, sys\nfrom drukte.sense.lock import seal\nr, w = os.pipe(); os.dup2(r, 90); os.close(r)\n"
    tail = "\ntry:\n    seal.seal(w)\nexcept seal.SealError as e:\n    print(e)\nelse:\n    os._exit(7)\n"
    return subprocess.run(
        [sys.executable, "-c", head + script + tail],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def test_a_clean_process_is_sealed() -> None:
    assert sealed("").returncode == 7


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("seal._FREE_CALLS += ' openat'", "open a file"),
        ("seal.seccomp.install = lambda program: None", "is not sealed"),
    ],
)
def test_a_seal_that_does_not_hold_is_not_believed(fault: str, words: str) -> None:
    script = f"""
{fault}
try:
    seal.seal(w)
except seal.SealError as e:
    os._exit(7 if {words!r} in str(e) else 8)
os._exit(9)
"""
    assert sealed(script).returncode == 7


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("import socket; s = socket.socket()", "socket"),
        ("import socket; s = socket.socketpair()", "socket"),
        ("f = open('{tmp}/kept', 'wb')", "kept"),
        ("f = os.memfd_create('hidden')", "hidden"),
        ("import numpy as np; m = np.memmap('{tmp}/mapped', np.uint8, 'w+', shape=4096)", "mapped"),
        ("import mmap; m = mmap.mmap(-1, 4096)", "shared"),
        ("import subprocess; p = subprocess.Popen(['sleep', '1'])", "child"),
        ("w = os.open('/dev/null', os.O_WRONLY)", "door"),
        ("w = 90", "door"),
        ("w = 91", "door"),
    ],
)
def test_what_could_carry_data_out_stops_the_seal(tmp_path: Path, script: str, names: str) -> None:
    done = sealed(script.replace("{tmp}", str(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert names in done.stdout


def test_a_pipe_of_another_process_wakes_nobody() -> None:
    """The door's twin: inherited, so its other end may be anywhere."""
    script = """
a, b = os.pipe()
os.set_inheritable(b, True)
assert b not in seal.wakers()
try:
    seal.seal(w, wake_fds=[b])
except seal.SealError as e:
    sys.exit(str(e))
"""
    assert "another process" in sealed(script).stderr


def test_harmless_descriptors_are_closed_or_kept(tmp_path: Path) -> None:
    """Devices, directories and other pipes go, a recording stays readable, hot-plug listeners go silently."""
    (tmp_path / "recording").write_bytes(b"echoes")
    script = f"""
import socket
listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
zero, folder = os.open('/dev/zero', os.O_RDWR), os.open('/', os.O_RDONLY)
_, other = os.pipe()
recording = os.open('{tmp_path}/recording', os.O_RDONLY)
report = seal.seal(w)
open_now = {{int(k.split()[0]) for k in report.kept}}
good = not open_now & {{listener.fileno(), zero, folder, other}} and os.read(recording, 99) == b'echoes'
os._exit(7 if good else 8)
"""
    assert sealed(script).returncode == 7


def test_a_serial_port_can_be_read_but_not_written(tmp_path: Path) -> None:
    script = """
far, near = os.openpty()
os.write(far, b'echo\\n')
seal.seal(w, ioctls=(), source_fds=[near, far])
data = os.read(near, 5)
try:
    os.write(near, b'x' * 64)
except PermissionError:
    os._exit(7 if data == b'echo\\n' else 8)
"""
    assert sealed(script).returncode == 7


def test_the_program_starts_itself_again_for_its_environment() -> None:
    script = "import os; from drukte.sense.lock import seal; seal.early(); print(sorted(os.environ.items()))"
    bare = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", script], env=bare, capture_output=True, text=True, timeout=120, check=True
    )
    for item in ENVIRONMENT.items():
        assert str(item) in done.stdout
    assert "DRUKTE_ENVIRONMENT_SET" not in done.stdout


def test_an_environment_that_never_arrives_is_an_error_not_a_loop() -> None:
    script = "import os; from drukte.sense.lock import seal; seal.early()"
    bare = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT} | {"DRUKTE_ENVIRONMENT_SET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=bare, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "MALLOC_PERTURB_=165" in done.stderr


@pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
def test_restricting_files_too_late_is_an_error() -> None:
    thread = "threading.Thread(target=time.sleep, args=[1], daemon=True).start()"
    script = f"import threading, time; {thread}; seal.early()"
    done = sealed(script, **ENVIRONMENT)
    assert "threads run already" in done.stderr


@pytest.mark.parametrize(("perturb", "good"), [("165", True), ("", False)])
def test_whether_freed_memory_is_overwritten_is_tried_out(perturb: str, good: bool) -> None:
    """The negative control of the WIPED bit: without the setting, the block still holds what was in it."""
    script = f"rep = seal.seal(w); os._exit(7 if (seal.SealBits.WIPED in rep.bits) == {good} else 8)"
    environment = {"MALLOC_PERTURB_": perturb} if perturb else {"MALLOC_PERTURB_": "0"}
    assert sealed(script, **environment).returncode == 7


def test_memory_is_not_locked_under_a_limit() -> None:
    script = """
import resource
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 16, 1 << 16))
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    seal.memory.prctl(seal.memory.PR_SET_DUMPABLE, 1)  # as after the exec that follows in real life
rep = seal.seal(w); data = bytearray(1 << 24)
os._exit(7 if seal.SealBits.LOCKED not in rep.bits else 8)
"""
    assert sealed(script).returncode == 7
