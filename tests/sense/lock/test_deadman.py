"""What hangs is ended; what works is left alone."""

import subprocess
import sys

from drukte.exits import Exit

PROGRAM = """
import sys, time
from drukte.sense.lock.deadman import Deadman
deadman = Deadman(0.3)
for _ in range(int(sys.argv[1])):
    time.sleep(0.05)
    deadman.feed()
if len(sys.argv) > 2:
    time.sleep(60)
"""


def run(*words: str) -> int:
    return subprocess.run([sys.executable, "-c", PROGRAM, *words], check=False, timeout=30).returncode


def test_a_loop_that_hangs_is_ended_with_its_own_status() -> None:
    assert run("1", "hang") == Exit.NOT_ALIVE


def test_a_loop_that_goes_round_is_left_alone() -> None:
    assert run("20") == 0
