"""What a connected module sends, told in numbers; it may be unplugged and plugged in again."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.scenes import SITES
from tests.sense.sources.pseudo import Pseudo

from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_port import PortStream, RadarError, open_port
from drukte.sense.sources.radar_reader import RadarReader, State
from drukte_tools.radar.command import radar
from drukte_tools.radar.listen import Replugged, listen
from drukte_tools.simulate.ld2450_stream import report

LD2450 = MODULES["ld2450"]


@contextmanager
def sending(module: Pseudo, data: bytes) -> Iterator[None]:
    """The module sends `data` again and again."""
    stop = threading.Event()

    def play() -> None:
        while not stop.wait(0.01):
            module.say(data)

    player = threading.Thread(target=play)
    player.start()
    try:
        yield
    finally:
        stop.set()
        player.join()


def opener(path: Path):
    def open_it() -> PortStream:
        if not path.exists():
            raise RadarError("radar /dev/radar: not there. Check cable and power")
        return PortStream(open_port(path, LD2450.baud), "/dev/radar", LD2450.period)

    return open_it


def test_a_module_that_was_unplugged_is_listened_to_again(tmp_path: Path) -> None:
    by_id = tmp_path / "radar-by-id"
    module = Pseudo()
    by_id.symlink_to(module.path)
    stream = Replugged(opener(by_id))
    with RadarReader(stream, LD2450) as reader:
        seconds = listen(reader, stream, step=0.2)
        with sending(module, report([(0, 2, 0), (1, 3, 0)]) + b"??" + report([])):
            next(seconds)
            told = next(seconds)
        assert (told.state, told.targets, told.why) == (State.RUNNING, 2, None)
        assert told.frames > 2
        assert told.outside > 0
        by_id.unlink()
        module.unplug()
        while "not there" not in str(told := next(seconds)):
            pass
        assert stream.unplugged == 1
        with Pseudo() as again:
            by_id.symlink_to(again.path)
            with sending(again, report([(0, 3, 0)])):
                give_up = time.monotonic() + 20
                while not (told := next(seconds)).frames or told.why:
                    assert time.monotonic() < give_up
        assert told.targets == 1


def site(folder: Path, **source: object) -> Path:
    tree = yaml.safe_load((SITES / "radar-demo.yaml").read_text()) | {"source": source}
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


def test_the_command_tells_every_second_and_sums_up(tmp_path: Path) -> None:
    with Pseudo() as module, sending(module, b"hello, no radar"):
        file = site(tmp_path, kind="radar-ti", module="iwr6843isk", port=str(module.path))
        done = CliRunner().invoke(radar, ["listen", "--site", str(file), "--seconds", "1"])
    assert done.exit_code == 0, done.output
    first, last = done.output.splitlines()
    assert first.startswith("waiting for the first frame: 0.0 frames/s")
    assert last == "0 frames, 0 silences, unplugged 0 times"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"kind": "radar-ti", "module": "iwr6843isk", "port": "/dev/serial/by-id/none*"}, "Check cable and power"),
        ({"kind": "radar-replay", "module": "iwr6843isk", "path": "x.bin"}, "no radar on a port"),
    ],
)
def test_what_cannot_be_listened_to_says_why(tmp_path: Path, source: dict[str, str], says: str) -> None:
    done = CliRunner().invoke(radar, ["listen", "--site", str(site(tmp_path, **source))])
    assert done.exit_code == 1
    assert says in done.output
