"""The sampler killed with pictures in its hands: nothing of them is left outside its own memory, which is gone.

Its source shows a watermark, so that what is looked for is known: rows of pixels, what the network gets, pieces of the
JPEG, the start of a container. That the search finds them where they are is shown on the living room itself.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyrage
import pytest
import yaml
from tests.sample.test_sampler import IDENTITY, OFFICER, TECHNICIAN, order, start, written
from tests.scenes import SITES

from drukte.order import Order, public_text
from drukte.sample.container import unpack
from drukte_tools.audit.needles import Needles, count, in_memory, needles

ROUNDS = 12
SEED, WIDTH, HEIGHT = 4711, 768, 576
COMMON = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/run"))


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory, model_store: Path) -> Path:
    place = tmp_path_factory.mktemp("canary")
    site = yaml.safe_load((SITES / "demo-street.yaml").read_text())
    site["source"] = {"kind": "canary", "seed": SEED, "width": WIDTH, "height": HEIGHT, "rate": 10}
    (place / "site.yaml").write_text(yaml.safe_dump(site))
    keys = {"technician": TECHNICIAN, "privacy_officer": OFFICER}
    (place / "signers.yaml").write_text(json.dumps({k: [public_text(v.public_key())] for k, v in keys.items()}))
    return place


def wanted(made: Order, jpeg: bytes | None) -> Needles:
    """What must be nowhere."""
    found = dict(needles(SEED, WIDTH, HEIGHT, "416x256"))
    found["header"] = f'{{"order":"{made.id}","device"'.encode()
    if jpeg is not None:
        third = len(jpeg) // 3
        found |= {"jpeg 1": jpeg[third : third + 32], "jpeg 2": jpeg[2 * third : 2 * third + 32]}
    return found


def changed_since(folders: tuple[Path, ...], moment: float, deep: bool) -> Iterator[Path]:
    """Plain files in these folders, or also below them, that were written to since."""
    for folder in folders:
        for place, below, names in os.walk(folder):
            if not deep:
                below.clear()
            for path in (Path(place) / name for name in names):
                try:
                    if not path.is_symlink() and path.is_file() and path.stat().st_mtime >= moment - 1:
                        yield path
                except OSError:
                    continue


@contextmanager
def sampler(canary: Path, state: Path, made: Order) -> Iterator["subprocess.Popen[bytes]"]:
    door, end = os.pipe()
    child = start(canary, made, end, state)
    os.close(end)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGCONT)
        child.kill()
        child.communicate(timeout=30)
        os.close(door)


def rooms(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def status(pid: int, key: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{key}:")))


def everybody() -> list[int]:
    """Every process but this one, which knows what it looks for."""
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal() and int(p.name) != os.getpid()]


def born(pid: int) -> float:
    """When a process began, seconds since 1970; 0 when it has gone."""
    try:
        after_the_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    up = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - up + int(after_the_name[19]) / os.sysconf("SC_CLK_TCK")


def look_everywhere(state: Path, pids: list[int], begun: float, what: Needles, deep: bool) -> dict[str, set[str]]:
    """Where pieces of pictures are: files that were written to since, and memory of processes."""
    hits = {}
    for path in {*changed_since((state,), begun, True), *changed_since(COMMON, begun, deep)}:
        try:
            data = path.read_bytes() if path.stat().st_size < 64 << 20 else b""
        except OSError:
            continue
        if n := {name for name, number in count(data, what).items() if number}:
            hits[str(path)] = n
    for pid in pids:
        try:
            if n := {name for name, number in in_memory(pid, what)[0].items() if number}:
                hits[f"memory of {pid}"] = n
        except (OSError, ValueError):
            continue
    return hits


@pytest.mark.skipif(os.geteuid() != 0, reason="reading the memory of a process that cannot be dumped needs root")
def test_killed_while_it_samples(canary: Path, tmp_path: Path) -> None:
    made = order(100, 48)
    begun = time.time()
    with sampler(canary, tmp_path, made) as child:
        files = written(tmp_path / made.id, 2)
        (room,) = rooms(child.pid)
        header, jpeg = unpack(pyrage.decrypt(files[0].read_bytes(), [IDENTITY]))
        assert header.order == made.id
        what = wanted(made, jpeg)
        assert status(room, "VmSwap") == 0
        # The negative control: it is killed at a moment when what is looked for is there.
        for _ in range(60):
            os.kill(room, signal.SIGSTOP)
            seen = in_memory(room, what)[0]
            if seen["raw"] + seen["jpeg 1"] + seen["header"] > 0:
                break
            os.kill(room, signal.SIGCONT)
            time.sleep(0.03)
        child.send_signal(signal.SIGSTOP)
        os.kill(room, signal.SIGKILL)
        assert seen["raw"] + seen["jpeg 1"] + seen["header"] > 0, seen
        assert look_everywhere(tmp_path, [child.pid], begun, what, deep=False) == {}
    for path in (p for p in tmp_path.rglob("*.age") if p.stat().st_size):
        raw = path.read_bytes()
        assert raw.startswith(b"age-encryption.org/v1\n")
        if len(raw) == len(files[0].read_bytes()):
            pyrage.decrypt(raw, [IDENTITY])


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="reading the memory of a process that cannot be dumped needs root")
def test_killed_at_any_moment(canary: Path, tmp_path: Path) -> None:
    """The whole program, at a dozen moments between its start and deep in its work.

    After each every process born since is searched; in the end every process, and every file written to since.
    """
    jpeg: bytes | None = None
    rng = random.Random(5)
    first = time.time()
    looked_for: dict[str, bytes] = {}
    for n in range(ROUNDS):
        state = tmp_path / str(n)
        made = order(100, 48)
        begun = time.time()
        with sampler(canary, state, made) as child:
            time.sleep(rng.uniform(0.2, 25))
            files = [p for p in (state / made.id).glob("*.age") if p.stat().st_size]
            if jpeg is None and len(files) > 1:
                jpeg = unpack(pyrage.decrypt(sorted(files)[0].read_bytes(), [IDENTITY]))[1]
            for pid in (*rooms(child.pid), child.pid):
                os.kill(pid, signal.SIGKILL)
        what = wanted(made, jpeg)
        looked_for |= what | {f"header {n}": what["header"]}
        since = [pid for pid in everybody() if born(pid) > begun - 1]
        assert look_everywhere(state, since, begun, what, deep=False) == {}, n
    assert jpeg is not None, "no round was long enough for a picture"
    assert look_everywhere(tmp_path, everybody(), first, looked_for, deep=True) == {}
