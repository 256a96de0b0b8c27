"""Recorded bytes as a stream that the reader takes."""

import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from drukte.sense.sources.base import SourceEnded, SourceError
from drukte.sense.sources.radar_modules import MODULES, Module
from drukte.sense.sources.radar_reader import QUEUE, RadarReader, State
from drukte.sense.sources.radar_replay import Recording
from drukte.sense.sources.radar_ti import Family
from drukte_tools.simulate import ld2450_stream, ti_stream

from .streams import frames_of

LD2450 = MODULES["ld2450"]


def play(path: Path, module: Module = LD2450, *, real_time: bool = False, loop: bool = False) -> RadarReader:
    recording = Recording(path, module.period, real_time=real_time, loop=loop, clock=lambda: 100.0)
    return RadarReader(recording, module)


@pytest.fixture
def ld2450_file(tmp_path: Path) -> Path:
    path = tmp_path / "reports.bin"
    path.write_bytes(b"noise" + b"".join(ld2450_stream.report([(0, 1 + k / 10, 0)]) for k in range(20)))
    return path


def test_frames_carry_the_modules_pace_at_full_speed(ld2450_file: Path) -> None:
    with play(ld2450_file) as reader:
        times = [frame.time for frame in frames_of(reader)]
    assert times == pytest.approx([100 + k * LD2450.period for k in range(1, 21)])


def test_in_real_time_each_frame_is_held_back_until_it_is_due(ld2450_file: Path) -> None:
    clock = time.monotonic
    with RadarReader(Recording(ld2450_file, 0.02, clock=clock), LD2450) as reader:
        late = [clock() - frame.time for frame in frames_of(reader)]
    assert len(late) == 20
    assert min(late) >= 0


def test_frames_that_the_recording_lacks_leave_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "ti.bin"
    path.write_bytes(b"".join(ti_stream.packet(Family.SDK, n, []) for n in (7, 8, 11, 3, 500)))
    module = MODULES["iwr6843isk"]
    with play(path, module) as reader:
        steps = [round((frame.time - 100) / module.period, 3) for frame in frames_of(reader)]
    # A number that goes back, or far ahead, is a restart: nothing is known of the time between.
    assert steps == [1, 2, 5, 6, 7]
    assert reader.decoder.counters.lost == 2 + 496


def test_a_loop_that_is_late_loses_nothing_of_a_recording(ld2450_file: Path) -> None:
    with play(ld2450_file) as reader:
        while reader.counters.frames < QUEUE:
            time.sleep(0.005)
        time.sleep(0.05)
        assert reader.counters.frames == QUEUE
        assert [frame.sequence for frame in frames_of(reader)] == list(range(20))
        assert reader.counters.overrun == 0
        assert reader.state is State.GONE


def test_a_frame_is_wiped_when_the_next_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "few.bin"
    path.write_bytes(b"".join(ld2450_stream.report([(0, 1 + k / 10, 0)]) for k in range(QUEUE)))
    views: list[np.ndarray] = []
    with play(path) as reader:
        for frame in frames_of(reader):
            assert frame.targets is not None
            assert frame.targets.any()
            assert not any(view.any() for view in views)
            views.append(frame.targets)
        assert not any(view.any() for view in views)
    assert len(views) == QUEUE


def test_all_frames_are_wiped_at_the_end(ld2450_file: Path) -> None:
    with play(ld2450_file) as reader:
        frame = reader.next(2.0)
        assert frame is not None
        view = frame.targets
    assert view is not None
    assert not view.any()
    assert not any(frame.targets is not None or len(frame.points) for frame in reader._frames)


def test_a_loop_starts_again(ld2450_file: Path) -> None:
    with play(ld2450_file, loop=True) as reader:
        assert sum(1 for _ in islice(frames_of(reader), 45)) == 45


@pytest.mark.parametrize("loop", [False, True])
def test_a_file_without_a_packet_says_so(tmp_path: Path, loop: bool) -> None:
    path = tmp_path / "text.bin"
    path.write_bytes(b"not radar" * 1000)
    with (
        play(path, loop=loop) as reader,
        pytest.raises(SourceError, match=r"text.bin: no frame .*source.module"),
    ):
        reader.next(2.0)


def test_a_reader_that_is_closed_in_the_middle_ends(ld2450_file: Path) -> None:
    reader = play(ld2450_file, real_time=True, loop=True)
    assert reader.next(2.0) is not None
    reader.close()
    assert not reader._thread.is_alive()


def test_a_recording_that_is_over_stays_over(ld2450_file: Path) -> None:
    with play(ld2450_file) as reader:
        assert sum(1 for _ in frames_of(reader)) == 20
        for _ in range(2):
            with pytest.raises(SourceEnded):
                reader.next(0.1)


@pytest.mark.parametrize(
    ("name", "module", "frames"),
    [
        ("pc3d_1person_rebuilt_40hdr.bin", "iwr6843isk", 122),
        ("iwr6843aop_sdk36_oob_3targets.bin", "iwr6843aop", 178),
        ("ld2450_mov_rebuilt.bin", "ld2450", 1602),
    ],
)
def test_recordings_play(test_data: Path, name: str, module: str, frames: int) -> None:
    with play(test_data / "radar" / name, MODULES[module]) as reader:
        assert sum(1 for _ in frames_of(reader)) == frames
        assert reader.framer.counters.skipped == 0
