"""Replay of recorded bytes."""

from itertools import islice
from pathlib import Path

import pytest

from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_replay import RadarReplay
from drukte.sense.sources.radar_ti import Family
from drukte_tools.simulate import ld2450_stream, ti_stream


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def ld2450_file(tmp_path: Path) -> Path:
    path = tmp_path / "reports.bin"
    path.write_bytes(b"noise" + b"".join(ld2450_stream.report([(0, 1 + k / 10, 0)]) for k in range(10)))
    return path


def test_real_time_waits_for_each_frame(ld2450_file: Path) -> None:
    clock = Clock()
    with RadarReplay(ld2450_file, MODULES["ld2450"], period=0.1, clock=clock, sleep=clock.sleep) as replay:
        times = [frame.time for frame in replay.frames()]
    assert times == pytest.approx([100.1 + k / 10 for k in range(10)])
    assert clock.slept == pytest.approx(1.0)


def test_full_speed_never_waits_and_keeps_the_same_times(ld2450_file: Path) -> None:
    clock = Clock()
    with RadarReplay(
        ld2450_file, MODULES["ld2450"], period=0.1, real_time=False, clock=clock, sleep=clock.sleep
    ) as replay:
        times = [frame.time for frame in replay.frames()]
    assert times == pytest.approx([100.1 + k / 10 for k in range(10)])
    assert clock.slept == 0


def test_frames_that_the_recording_lacks_leave_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "ti.bin"
    path.write_bytes(b"".join(ti_stream.packet(Family.SDK, n, []) for n in (7, 8, 11)))
    clock = Clock()
    with RadarReplay(path, MODULES["iwr6843isk"], period=0.05, clock=clock, sleep=clock.sleep) as replay:
        times = [round(frame.time - 100, 3) for frame in replay.frames()]
    assert times == [0.05, 0.1, 0.25]
    assert replay.decoder.counters.lost == 2


def test_a_frame_is_wiped_when_the_next_is_asked_for_and_at_the_end(ld2450_file: Path) -> None:
    with RadarReplay(ld2450_file, MODULES["ld2450"], real_time=False) as replay:
        views = [frame.targets for frame in replay.frames()]
    assert all(view is not None and not view.any() for view in views)


def test_a_loop_starts_again(ld2450_file: Path) -> None:
    with RadarReplay(ld2450_file, MODULES["ld2450"], real_time=False, loop=True) as replay:
        assert sum(1 for _ in islice(replay.frames(), 25)) == 25


def test_a_loop_over_a_file_without_a_packet_ends(tmp_path: Path) -> None:
    path = tmp_path / "text.bin"
    path.write_bytes(b"not radar" * 1000)
    with RadarReplay(path, MODULES["ld2450"], real_time=False, loop=True) as replay:
        assert list(replay.frames()) == []


@pytest.mark.parametrize(
    ("name", "module", "frames"),
    [
        ("pc3d_1person_rebuilt_40hdr.bin", "iwr6843isk", 122),
        ("iwr6843aop_sdk36_oob_3targets.bin", "iwr6843aop", 178),
        ("ld2450_mov_rebuilt.bin", "ld2450", 1602),
    ],
)
def test_recordings_play(test_data: Path, name: str, module: str, frames: int) -> None:
    with RadarReplay(test_data / "radar" / name, MODULES[module], real_time=False) as replay:
        assert sum(1 for _ in replay.frames()) == frames
    assert replay.framer.counters.skipped == 0
