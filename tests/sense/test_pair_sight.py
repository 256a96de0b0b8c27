"""Two sensors in one sealed room give one count."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.scenes import SITES

from drukte.config import SiteError, load_site
from drukte.sense.geometry.view import View
from drukte.sense.pair_sight import WITNESS, Pair
from drukte.sense.people import Positions
from drukte.sense.sight import open_sight
from drukte.sense.sources import SourceEnded, SourceError
from drukte_tools.simulate.command import recording


def tree() -> dict:  # type: ignore[type-arg]
    return dict(yaml.safe_load((SITES / "radar-demo.yaml").read_text()))


def two_radars(folder: Path, second: str = "two.bin") -> Path:
    site = tree()
    site["source"] = {"kind": "radar-replay", "path": "two.bin", "module": "iwr6843isk", "rate": "max"}
    site["second"] = {"source": {**site["source"], "path": second}, "ground": site["ground"]}
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(site))
    return file


def test_two_radars_count_two_people_as_two_and_agree(tmp_path: Path) -> None:
    (tmp_path / "two.bin").write_bytes(recording(2, 12.0, "iwr6843isk", 1)[0])
    sight = open_sight(load_site(two_radars(tmp_path)), tmp_path, b"")
    counts = []
    with pytest.raises(SourceEnded):
        while True:
            counts += [result.zones[0] for result in sight.turn() or []]
    counts += [result.zones[0] for result in sight.finish()]
    sight.wipe()
    late = counts[60:]
    assert len(counts) == 218
    assert np.median([c.people for c in late]) == 2
    assert sum(c.agreed for c in late) > 0.9 * sum(c.judged for c in late) > 0


def test_a_missing_second_sensor_is_named_and_the_first_let_go(tmp_path: Path) -> None:
    (tmp_path / "two.bin").write_bytes(recording(1, 1.0, "iwr6843isk", 1)[0])
    with pytest.raises(SourceError, match=r"none\.bin"):
        open_sight(load_site(two_radars(tmp_path, "none.bin")), tmp_path, b"")


def test_a_recording_at_full_speed_does_not_go_with_a_second_sensor(tmp_path: Path) -> None:
    site = tree()
    site["second"] = {
        "source": {"kind": "video", "path": "street.avi", "rate": "max"},
        "ground": {"kind": "points", "points": []},
    }
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(site))
    with pytest.raises(SiteError):
        load_site(file)


def test_a_second_radar_needs_a_radars_ground(tmp_path: Path) -> None:
    site = yaml.safe_load((SITES / "demo-street.yaml").read_text())
    site["source"]["rate"] = 5
    site["second"] = {"source": tree()["source"], "ground": site["ground"]}
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(site))
    with pytest.raises(SiteError, match=r"second\.source\.kind radar-replay"):
        load_site(file)


def test_two_radars_do_not_load_the_picture_detector() -> None:
    code = "import sys, drukte.sense.pair_sight, drukte.sense.radar_sight; print('onnxruntime' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def one(x: float, y: float, score: float) -> Positions:
    return Positions(np.array([[x, y]]), 0.04 * np.eye(2)[None], np.array([score]))


def counted(seconds: float, camera: float, radar: float) -> list[tuple[float, int]]:
    """Times and people, of whom the camera sees one up to `camera` s and the radar has fresh echoes up to `radar`."""
    pair = Pair(load_site(SITES / "radar-demo.yaml"), (View(), View()), (True, False))
    people = []
    for k in range(round(seconds / 0.2)):
        t = k * 0.2
        pair.see(0, t, one(0.0, 3.0, 0.8) if t < camera else Positions.empty())
        pair.see(1, t, one(0.1, 3.0, 0.9 if t < radar else 0.7))
        people += [(result.at, result.zones[0].people) for result in pair.step(t)]
    return people


def test_who_the_radar_only_remembers_counts_on_no_longer_than_the_camera_says() -> None:
    people = counted(16, camera=4, radar=4)
    assert all(n == 1 for at, n in people if at < 4)
    assert all(n == 0 for at, n in people if at > 4 + WITNESS + 2.5)


def test_a_blind_camera_takes_nobody_from_the_radar() -> None:
    people = counted(110, camera=1, radar=110)
    assert all(n == 1 for at, n in people if at > 90)
