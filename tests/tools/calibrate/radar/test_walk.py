"""How a radar hangs, from a simulated walker on a line: through the module's own bytes, and against the truth."""

import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.scenes import site_file
from tests.sense.sources.pseudo import Pseudo

from drukte.config import load_site
from drukte.config.radar import RadarTiSource
from drukte.exits import Exit
from drukte.sense.detect.fmcw import Chirp
from drukte.sense.geometry.plane import GroundError
from drukte.sense.sources import SourceError
from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_ti import Family
from drukte_tools.calibrate.cli import calibrate
from drukte_tools.calibrate.radar.source import radar_frames
from drukte_tools.calibrate.radar.walk import Known, Line, body, fit_line, places
from drukte_tools.simulate.crowd import Crowd, walk
from drukte_tools.simulate.evaluate import BACK, frames
from drukte_tools.simulate.points import PointModel
from drukte_tools.simulate.scene import Mount, Scene
from drukte_tools.simulate.ti_stream import compressed_points, packet

LINE = Line((-1.5, 2.5), (1.5, 5.5))


def walker(
    line: Line, bearing: float, at=(0.0, 0.0), seed: int = 0, module: str = "iwr6843isk", turns: int = 4
) -> Crowd:
    """Somebody who walks to and fro on a line, in the floor frame of a radar of that bearing (rad)."""
    ends = np.array([line.start, line.end])[np.arange(turns + 1) % 2] - np.array(at)
    c, s = np.cos(bearing), np.sin(bearing)
    local = np.column_stack([c * ends[:, 0] - s * ends[:, 1], s * ends[:, 0] + c * ends[:, 1]])
    return walk(local, MODULES[module].period, seed=seed)


def seen(height: float, tilt: float, crowd: Crowd, kind: str = "points", seed: int = 0) -> np.ndarray:
    scene = Scene(Mount(height, np.radians(tilt)), crowd, walls=(BACK,), seed=seed)
    return places(frames(scene, kind, seed), 600)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("height", "tilt", "bearing", "at"),
    [(2.0, 15.0, 0.0, (0.0, 0.0)), (2.4, 25.0, 12.0, (0.2, -0.3)), (3.0, 35.0, -20.0, (0.0, 0.0))],
)
@pytest.mark.parametrize("measured", [True, False], ids=["height by tape", "height unknown"])
def test_the_mount_comes_back_within_its_error(height, tilt, bearing, at, measured) -> None:
    walked = seen(height, tilt, walker(LINE, np.radians(bearing), at, seed=3), seed=3)
    hang = fit_line(walked, LINE, Known(height if measured else None, at, np.radians(tilt + 10)))
    assert abs(hang.height - height) < 2 * hang.sigmas[0]
    assert abs(np.degrees(hang.tilt) - tilt) < 2 * np.degrees(hang.sigmas[1])
    assert abs(np.degrees(hang.bearing) - bearing) < 2 * np.degrees(hang.sigmas[2])
    assert np.degrees(hang.sigmas[1]) < 4
    assert np.hypot(*np.subtract(hang.at, at)) < 0.25
    assert np.sqrt(np.mean(hang.beside**2)) < 0.3


def test_a_module_without_elevation_keeps_the_tilt() -> None:
    line = Line((0, 2), (0, 5.5))
    crowd = walker(line, np.radians(10), module="ld2450", turns=6)
    hang = fit_line(seen(2.0, 0.0, crowd, "ld2450"), line, Known(2.0, (0, 0), 0.0))
    assert not hang.elevation
    assert np.degrees(hang.tilt) == pytest.approx(0, abs=0.1)
    assert np.degrees(hang.bearing) == pytest.approx(10, abs=4)


def test_nobody_a_short_walk_and_a_short_line_are_said() -> None:
    with pytest.raises(GroundError, match="0 s"):
        fit_line(np.empty((0, 4)), LINE, Known(2.0, (0, 0), 0.2))
    with pytest.raises(GroundError, match="2 m"):
        fit_line(np.zeros((90, 4)), Line((0, 2), (0, 3)), Known(2.0, (0, 0), 0.2))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bytes as the module sends them: 2.4 m up, 25 degrees down, 12 degrees to the right."""
    crowd = walker(LINE, np.radians(12), seed=5)
    scene = Scene(Mount(2.4, np.radians(25)), crowd, walls=(BACK,), seed=5)
    model = PointModel(Chirp(period=crowd.period), seed=5)
    out = b"".join(
        packet(Family.SDK, k + 1, [(1020, compressed_points(model(scene.at(k))))]) for k in range(crowd.moments)
    )
    path = tmp_path_factory.mktemp("radar") / "walk.bin"
    path.write_bytes(out)
    return path


def radar_site(folder: Path) -> Path:
    ground = {"kind": "radar", "height": 2.0, "tilt": 10, "walls": [[[-4, 7], [4, 7]]]}
    source = {"kind": "radar-ti", "module": "iwr6843isk", "port": "/dev/serial/by-id/none"}
    zone = {"name": "plaza", "polygon": [[-1.5, 1.5], [1.5, 1.5], [2, 5], [-1, 5]]}
    return site_file(folder, source=source, ground=ground, zones=[zone])


def command(site: Path, recording: Path, *more: str) -> list[str]:
    return ["radar", "--site", str(site), "--recording", str(recording), "--height", "2.4", *more]


def test_the_command_from_recorded_bytes(tmp_path: Path, recording: Path) -> None:
    site = radar_site(tmp_path)
    ends = ["--from", "A=-1.5,2.5", "--to", "B=1.5,5.5"]
    done = CliRunner().invoke(calibrate, command(site, recording, *ends))
    assert done.exit_code == 0, done.output
    assert "PASS" in done.output
    ground = load_site(site).ground
    assert ground.kind == "radar"
    assert ground.height == pytest.approx(2.4, abs=0.1)
    assert ground.tilt == pytest.approx(25, abs=3)
    assert ground.bearing == pytest.approx(12, abs=3)
    assert len(ground.walls) == 1
    page = (tmp_path / "site.calibration.html").read_text()
    assert "tells no elevation" not in page
    assert "PASS" in page


def test_a_line_of_the_wrong_length_fails(tmp_path: Path, recording: Path) -> None:
    site = radar_site(tmp_path)
    before = site.read_text()
    wrong = ["--from", "A=-2.5,1.5", "--to", "B=2.5,6.5", "--dry-run"]
    done = CliRunner().invoke(calibrate, command(site, recording, *wrong))
    assert done.exit_code == 1
    assert "from its mark" in done.output
    assert site.read_text() == before


def test_a_camera_is_no_radar(tmp_path: Path, recording: Path) -> None:
    done = CliRunner().invoke(calibrate, command(site_file(tmp_path), recording, "--from", "A=0,1", "--to", "B=0,5"))
    assert done.exit_code == Exit.SITE
    assert "no radar" in done.output


def test_a_module_on_a_port_is_watched_live_until_it_is_unplugged(recording: Path, tmp_path: Path) -> None:
    data = recording.read_bytes()
    with Pseudo() as module:
        source = RadarTiSource(kind="radar-ti", module="iwr6843isk", port=str(module.path))
        play = threading.Thread(target=lambda: (module.say(data), module.unplug()), daemon=True)
        seen_at = []
        with pytest.raises(SourceError, match="radar"), radar_frames(source, tmp_path) as live:
            play.start()
            for frame in live:
                seen_at.append(body(frame))  # noqa: PERF401 - the end comes as an error, and what came is kept
        play.join()
    found = [xyz for xyz in seen_at if xyz is not None]
    assert len(found) > 50
    assert all(0.5 < xyz[1] < 8 for xyz in found)


def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    ends = ["--from", "A=0,2", "--to", "B=0,6", "--ledger", str(tmp_path / "ledger.jsonl")]
    done = CliRunner().invoke(calibrate, ["radar", "--site", str(radar_site(tmp_path)), *ends])
    assert done.exit_code == Exit.SOURCE
    assert "by-id/none" in done.output
