"""After a wipe no row of the picture is left anywhere in the memory of the process, not only in our own buffers.

Another process looks, as the one that knows what to look for has it in its own memory.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

HEIGHT, WIDTH = 256, 416
CHILD = f"""
import os, sys
from pathlib import Path
from drukte.sense.detect.yolox import YoloxDetector
from drukte.sense.frame import Frame

detector = YoloxDetector(Path(sys.argv[1]), ({WIDTH}, {HEIGHT}), threads=2)
frame = Frame({HEIGHT}, {WIDTH})
with frame:
    view = memoryview(frame.into({HEIGHT}, {WIDTH})).cast("B")
    while view:
        view = view[os.readv(0, [view]):]
    view.release()
    for _ in range(3):
        detector(frame.image)
    os.write(1, b"s")
    os.read(0, 1)
detector.wipe()
os.write(1, b"w")
os.read(0, 1)
"""


def memory(pid: int) -> Iterator[bytes]:
    """What lies in the writable memory of a process, region by region, without the pages that are all zero."""
    handle = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if "w" in rights and "r" in rights:
                start, end = (int(part, 16) for part in place.split("-"))
                # A thread's guard pages and the like cannot be read.
                try:
                    pages = np.frombuffer(os.pread(handle, end - start, start), np.uint64).reshape(-1, 512)
                except OSError:
                    continue
                yield pages[pages.any(axis=1)].tobytes()
    finally:
        os.close(handle)


def rows_found(pid: int, needles: list[bytes]) -> int:
    return sum(region.count(needle) for region in memory(pid) for needle in needles)


def test_no_row_of_the_picture_is_left(model_store: Path) -> None:
    image = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    # Runs of 16 pixels, as bytes of the picture and as the numbers the network reads, from 8 rows.
    as_bytes = [image[row, 100:116].tobytes() for row in range(0, HEIGHT, 32)]
    as_numbers = [image[row, 100:116, 1].astype(np.float32).tobytes() for row in range(0, HEIGHT, 32)]
    model = str(model_store / "yolox-nano_416x256.onnx")
    command = [sys.executable, "-c", CHILD, model]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        rest = memoryview(image).cast("B")
        while rest:
            rest = rest[child.stdin.write(rest) :]
        assert child.stdout.read(1) == b"s"
        try:
            seen = rows_found(child.pid, as_bytes), rows_found(child.pid, as_numbers)
        except PermissionError:
            child.stdin.write(b"xx")
            pytest.skip("the memory of a child process may not be read here (kernel.yama.ptrace_scope)")
        child.stdin.write(b"x")
        assert child.stdout.read(1) == b"w"
        left = rows_found(child.pid, as_bytes), rows_found(child.pid, as_numbers)
        child.stdin.write(b"x")
    # Without this the test would also pass if it looked in the wrong place.
    assert seen[0] >= 2 * len(as_bytes)
    assert seen[1] >= len(as_numbers)
    assert left == (0, 0)
