"""Radars through the whole way of a frame: site file, replay, a module on a pseudo-terminal, the seal."""

import os
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.scenes import SITES, drukte
from tests.sense.sources.pseudo import Pseudo

from drukte.config import SiteError, load_site
from drukte.exits import Exit
from drukte.sense.sight import open_sight
from drukte.sense.sources import SourceEnded, SourceError
from drukte.summary import decode
from drukte_tools.simulate.command import recording


def radar_site(folder: Path, **source: object) -> Path:
    tree = yaml.safe_load((SITES / "radar-demo.yaml").read_text())
    tree["source"] = source
    tree["tick"] = 5
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


@pytest.fixture(scope="module")
def walkers() -> bytes:
    return recording(2, 20.0, "iwr6843isk", 1)[0]


def test_two_walkers_are_counted_from_the_bytes_alone(tmp_path: Path, walkers: bytes) -> None:
    (tmp_path / "two.bin").write_bytes(walkers)
    file = radar_site(tmp_path, kind="radar-replay", path="two.bin", module="iwr6843isk", rate="max")
    sight = open_sight(load_site(file), tmp_path, b"")
    people = []
    with pytest.raises(SourceEnded):
        while True:
            people += [r.zones[0].people for r in sight.turn() or []]
    sight.wipe()
    assert len(people) == 364
    assert np.median(people[60:]) == 2
    assert max(people) <= 3


def test_a_missing_recording_says_how_to_make_one(tmp_path: Path) -> None:
    file = radar_site(tmp_path, kind="radar-replay", path="none.bin", module="iwr6843isk")
    with pytest.raises(SourceError, match="drukte simulate radar"):
        open_sight(load_site(file), tmp_path, b"")


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    file = radar_site(tmp_path, kind="radar-ti", module="iwr6843isk", port="/dev/serial/by-id/none*")
    with pytest.raises(SourceError, match="Check cable and power"):
        open_sight(load_site(file), tmp_path, b"")


def test_a_radar_with_a_cameras_ground_is_refused(tmp_path: Path) -> None:
    tree = yaml.safe_load((SITES / "demo-street.yaml").read_text())
    tree["source"] = {"kind": "radar-ld2450", "port": "/dev/ttyUSB0"}
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(tree))
    with pytest.raises(SiteError, match="do not go together"):
        load_site(file)


def test_a_sealed_room_counts_from_a_port_and_ends_when_it_is_unplugged(tmp_path: Path, walkers: bytes) -> None:
    """The supervisor starts it again; tests/test_run.py shows that."""
    with Pseudo() as module:
        file = radar_site(tmp_path, kind="radar-ti", module="iwr6843isk", port=str(module.path))
        reading, writing = os.pipe()
        room = subprocess.Popen(drukte("sense", "--site", file, "--door", str(writing)), pass_fds=[writing])
        os.close(writing)
        stop = threading.Event()

        def play() -> None:
            while not stop.is_set():
                for k in range(0, len(walkers), 240):
                    if stop.is_set():
                        return
                    module.say(walkers[k : k + 240])
                    time.sleep(0.055)

        player = threading.Thread(target=play)
        player.start()
        try:
            records = [decode(os.read(reading, 64)) for _ in range(2)]
            stop.set()
            player.join()
            module.unplug()
            assert room.wait(10) == Exit.SOURCE
        finally:
            stop.set()
            player.join()
            room.kill()
            room.wait()
            os.close(reading)
    assert records[-1].frames > 20
    assert records[-1].most >= 1
