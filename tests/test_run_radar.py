# ruff: noqa: F811 - the broker fixtures are imported
"""A radar is unplugged and put back while both rooms run: counting goes on by itself, and the gap is told."""

import json
import os
import threading
import time
from pathlib import Path

import yaml

from drukte.exits import Exit
from drukte_tools.simulate.command import recording
from tests.report.conftest import Listener, Mosquitto, broker, listening, new_broker  # noqa: F401 - fixtures
from tests.scenes import SITES
from tests.sense.sources.pseudo import Pseudo
from tests.test_run import Both

TICK = 5


class Plug:
    """A path that leads to the module while it is plugged in, and a module that never stops sending."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self._data = path, data
        self.plug()

    def plug(self) -> None:
        self._module, self._stop = Pseudo(), threading.Event()
        self.path.symlink_to(self._module.path)
        self._player = threading.Thread(target=self._play)
        self._player.start()

    def unplug(self) -> None:
        self._stop.set()
        self._player.join()
        self.path.unlink()
        self._module.unplug()

    def _play(self) -> None:
        while True:
            for k in range(0, len(self._data), 240):
                if self._stop.wait(0.055):
                    return
                self._module.say(self._data[k : k + 240])


class OnRadar(Both):
    """`drukte run` on a radar at a port."""

    def __init__(self, folder: Path, port: int, radar: Path) -> None:
        tree = yaml.safe_load((SITES / "radar-demo.yaml").read_text())
        tree |= {"source": {"kind": "radar-ti", "module": "iwr6843isk", "port": str(radar)}, "tick": TICK}
        tree |= {"window": TICK, "mqtt": {"host": "127.0.0.1", "port": port}}
        self.site = folder / "site.yaml"
        self.site.write_text(yaml.safe_dump(tree))
        self.log = folder / "log"
        self.environment = Both.surroundings(folder)
        self.start()


def await_observed(listener: Listener, after: int, expected: bool, timeout: float = 60) -> list[float]:
    """Observed shares from message `after` on, up to the first that is (or is not) above zero."""
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up:
        shares = [json.loads(m.payload)["observed"] for m in list(listener.messages) if m.topic.endswith("/obs")]
        if any((share > 0) == expected for share in shares[after:]):
            return shares
        time.sleep(0.1)
    raise AssertionError(f"observed stayed {shares[after:]} for {timeout} s")


def test_a_radar_that_was_unplugged_counts_on_when_it_is_back_and_the_gap_shows(
    tmp_path: Path, broker: Mosquitto
) -> None:
    plug = Plug(Path("/dev/shm") / f"drukte-radar-{os.getpid()}", recording(2, 20.0, "iwr6843isk", 1)[0])
    rooms = OnRadar(tmp_path, broker.port, plug.path)
    try:
        with listening(broker.port) as listener:
            before = len(await_observed(listener, 0, True))
            plug.unplug()
            gone = len(await_observed(listener, before, False))
            plug.plug()
            back = time.monotonic()
            shares = await_observed(listener, gone, True)
            # The first message comes at the end of the window in which counting began again.
            assert time.monotonic() - back < 5 + TICK + 20, "a generous limit for a busy machine"
            assert 0.0 in shares[before:]
    finally:
        if plug.path.is_symlink():
            plug.unplug()
        assert rooms.end() == Exit.OK
    log = rooms.log.read_text()
    assert "starting again" in log
    assert "Traceback" not in log
