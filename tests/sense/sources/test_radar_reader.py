"""The reader thread on a pseudo-terminal: frames, overrun, silence, unplug, and nothing that can be used."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drukte.sense.sources.base import SourceError
from drukte.sense.sources.radar import RadarFrame, Target
from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_port import PortStream, RadarError, find_port, open_port
from drukte.sense.sources.radar_reader import QUEUE, RadarReader, State
from drukte_tools.simulate.ld2450_stream import report

from .pseudo import Pseudo

LD2450 = MODULES["ld2450"]


def read(module: Pseudo, *, name: str = "pty", clock: Callable[[], float] = time.monotonic) -> RadarReader:
    return RadarReader(PortStream(open_port(module.path, 115200), name, LD2450.period), LD2450, clock=clock)


def wait_for(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_frames_arrive_whole_and_in_order() -> None:
    with Pseudo() as module, read(module) as reader:
        assert reader.next(0.01) is None
        assert reader.state is State.WAITING
        for k in range(20):
            module.say(b"\0" * (k % 3) + report([(0.0, 1.0 + k / 10, 0.1)]))
            frame = reader.next(2.0)
            assert frame is not None
            assert frame.targets is not None
            assert frame.targets[0, Target.Y] == np.float32(1.0 + k / 10)
            assert abs(frame.time - time.monotonic()) < 2
        assert reader.state is State.RUNNING
        view = frame.targets
        assert reader.next(0.01) is None
        assert not view.any()


def test_a_loop_that_is_late_loses_the_oldest_frames_and_knows_it() -> None:
    with Pseudo() as module, read(module) as reader:
        module.say(b"".join(report([(0, 1 + k / 10, 0.1)]) for k in range(30)))
        wait_for(lambda: reader.counters.frames == 30)
        got = []
        while (frame := reader.next(0.01)) is not None:
            got.append(frame.sequence)
        assert got == list(range(30 - QUEUE, 30))
        assert reader.counters.overrun == 30 - QUEUE


def test_silence_is_noticed() -> None:
    now = [100.0]
    with Pseudo() as module, read(module, clock=lambda: now[0]) as reader:
        module.say(report([]))
        assert reader.next(2.0) is not None
        now[0] += 9 * LD2450.period
        assert reader.next(0.01) is None
        assert reader.state is State.RUNNING
        now[0] += 2 * LD2450.period
        assert reader.next(0.01) is None
        assert reader.state is State.SILENT
        module.say(report([]))
        assert reader.next(2.0) is not None
        assert reader.state is State.RUNNING
        assert reader.counters.silences == 1


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"", "radar pty: sent nothing in 10 s. Check power"),
        (b"\r\nGarbage, GPS or another module" * 40, "radar pty: sent 1280 bytes that are no frames of ld2450"),
    ],
)
def test_a_module_that_never_gives_a_frame_is_told_from_one_that_says_nothing(sent: bytes, says: str) -> None:
    now = [100.0]
    with Pseudo() as module, read(module, clock=lambda: now[0]) as reader:
        module.say(sent)
        wait_for(lambda: reader.framer.counters.bytes == len(sent))
        assert reader.next(0.01) is None
        now[0] += 11
        with pytest.raises(SourceError, match=says):
            reader.next(0.01)


def test_what_goes_wrong_in_the_thread_is_heard_by_the_loop() -> None:
    class Broken(PortStream):
        def stamp(self, frame: RadarFrame) -> float:
            raise ZeroDivisionError

    with Pseudo() as module:
        stream = Broken(open_port(module.path, 115200), "pty", LD2450.period)
        with RadarReader(stream, LD2450) as reader:
            module.say(report([]))
            with pytest.raises(ZeroDivisionError):
                reader.next(2.0)


def test_unplugging_ends_a_sealed_reader_with_a_reason() -> None:
    module = Pseudo()
    with read(module, name="/dev/radar") as reader:
        module.say(report([(0, 1, 0)]))
        assert reader.next(2.0) is not None
        module.unplug()
        with pytest.raises(RadarError, match=r"radar /dev/radar: lost .*cable"):
            for _ in range(100):
                reader.next(0.1)
        assert reader.state is State.GONE


def devices(root: Path, *names: str) -> None:
    (root / "dev/serial/by-id").mkdir(parents=True)
    for k, name in enumerate(names):
        (root / f"dev/ttyUSB{k}").touch()
        (root / "dev/serial/by-id" / name).symlink_to(root / f"dev/ttyUSB{k}")


def test_a_port_is_found_by_pattern(tmp_path: Path) -> None:
    devices(tmp_path, "usb-Silicon_Labs_CP2105-if00-port0", "usb-Silicon_Labs_CP2105-if01-port0")
    found = find_port("/dev/serial/by-id/*CP2105*if01*", tmp_path)
    assert found.resolve() == tmp_path / "dev/ttyUSB1"


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("/dev/serial/by-id/*CP2105*", "matches 2 devices"),
        ("/dev/serial/by-id/*LD2450*", "connected are: a-CP2105-0, b-CP2105-1"),
        ("ttyUSB0", "must begin with /dev/"),
    ],
)
def test_a_port_that_is_not_found_says_what_to_do(tmp_path: Path, pattern: str, says: str) -> None:
    devices(tmp_path, "a-CP2105-0", "b-CP2105-1")
    with pytest.raises(RadarError, match=says):
        find_port(pattern, tmp_path)


def test_without_any_device_the_cable_is_named(tmp_path: Path) -> None:
    with pytest.raises(RadarError, match=r"no USB serial device is connected. Check cable"):
        find_port("/dev/ttyUSB7", tmp_path)


def test_a_port_that_is_taken_says_so() -> None:
    with (
        Pseudo() as module,
        open_port(module.path, 115200),
        pytest.raises(RadarError, match="in use by another program"),
    ):
        open_port(module.path, 115200)


def test_a_port_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(RadarError, match="not there; check cable"):
        open_port(tmp_path / "ttyUSB0", 115200)


def test_the_odd_speed_of_the_ld2450_can_be_set() -> None:
    with Pseudo() as module, open_port(module.path, LD2450.baud) as port:
        assert port.baudrate == 256_000
