"""Landlock, in child processes, since it can never be lifted."""

import subprocess
import sys
from pathlib import Path

import pytest

from drukte.sense.lock import landlock

pytestmark = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")


def confined(tmp_path: Path, script: str) -> str:
    head = f"""
import os
from drukte.sense.lock import landlock
from drukte.sense.lock.landlock import READ, WRITE_FILE
tmp = {str(tmp_path)!r}
def can(act):
    try:
        act()
    except PermissionError:
        return False
    return True
"""
    done = subprocess.run([sys.executable, "-c", head + script], capture_output=True, text=True, timeout=99, check=True)
    return done.stdout.strip()


def test_only_what_is_listed_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "model").write_text("weights")
    (tmp_path / "out").write_text("private")
    script = """
assert not landlock.active()
landlock.restrict([(tmp + '/in', READ), ('/nonexistent', READ)])
assert landlock.active()
acts = [
    lambda: open(tmp + '/in/model'),
    lambda: os.listdir(tmp + '/in'),
    lambda: open(tmp + '/out'),
    lambda: os.listdir(tmp),
    lambda: open(tmp + '/in/model', 'a'),
    lambda: open(tmp + '/in/new', 'w'),
    lambda: os.unlink(tmp + '/in/model'),
    lambda: os.mkdir(tmp + '/in/d'),
]
print([can(act) for act in acts])
"""
    assert confined(tmp_path, script) == str([True, True, *[False] * 6])


def test_the_door_can_be_written_but_not_read_or_replaced(tmp_path: Path) -> None:
    script = """
os.mkfifo(tmp + '/door')
landlock.restrict([(tmp + '/door', WRITE_FILE)])
print([can(lambda: os.open(tmp + '/door', os.O_RDWR)), can(lambda: os.unlink(tmp + '/door'))])
try:
    os.open(tmp + '/door', os.O_WRONLY | os.O_NONBLOCK)
except OSError as e:
    print(e.errno)
"""
    assert confined(tmp_path, script).split("\n") == ["[False, False]", "6"]  # ENXIO: nobody reads yet


@pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock does not know the network")
def test_tcp_is_forbidden(tmp_path: Path) -> None:
    script = """
import socket
landlock.restrict([])
print(can(lambda: socket.socket().bind(('127.0.0.1', 0))))
"""
    assert confined(tmp_path, script) == "False"
