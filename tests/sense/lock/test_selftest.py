"""The self-test must find every door open where there is no seal, and do no harm there."""

import os
from pathlib import Path

import pytest

from drukte.sense.lock.selftest import FORBIDDEN, attempt

# Refused to ordinary processes (or by the container around the tests) too, so not proof of anything there.
PRIVILEGED = {
    "io_uring_setup", "bpf", "userfaultfd", "mount", "setns", "unshare", "open_by_handle_at", "add_key",
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "personality",
}  # fmt: skip


def test_every_act_is_reported_open_without_the_seal_and_changes_nothing(tmp_path: Path) -> None:
    read_end, door = os.pipe()
    os.set_blocking(read_end, False)
    before = [set(Path(p).iterdir()) for p in ("/proc/self/fd", "/proc/self/task", tmp_path)]
    acts = attempt(door)
    after = [set(Path(p).iterdir()) for p in ("/proc/self/fd", "/proc/self/task", tmp_path)]
    assert before == after
    assert {a.what for a in FORBIDDEN if a.call not in PRIVILEGED and acts.get(a.what)} == set()
    assert len(acts) > 60
    with pytest.raises(BlockingIOError):  # nothing came through the door
        os.read(read_end, 64)
    os.close(read_end)
    os.close(door)


def test_skipped_calls_are_not_tried() -> None:
    read_end, door = os.pipe()
    acts = attempt(door, skip=["socket", "openat"])
    assert not {a.what for a in FORBIDDEN if a.call in ("socket", "openat")} & set(acts)
    os.close(read_end)
    os.close(door)
