"""`drukte calibrate points`: from measured points to a site file that the device understands."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from tests.scenes import site_file

from drukte.config import load_site
from drukte.exits import Exit
from drukte.sense.geometry.calibration import ground_from
from drukte_tools.calibrate.cli import calibrate

ZONE = [[0, 0], [8, 0], [8, 14], [0, 14]]
MEASURED = {
    "kerb": ([212, 640], [0, 0]),
    "lamp post": ([1033, 655], [8.2, 0]),
    "drain": ([880, 260], [7.9, 14.5]),
    "bench": ([402, 251], [0.4, 14.1]),
}


def prepared(folder: Path, measured: dict[str, tuple[list[float], list[float]]]) -> tuple[Path, Path]:
    points = folder / "points.yaml"
    rows = [{"name": name, "pixel": pixel, "metres": metres} for name, (pixel, metres) in measured.items()]
    points.write_text(yaml.safe_dump({"picture": [1280, 720], "points": rows}))
    site = site_file(folder, zones=[{"name": "square", "polygon": ZONE}])
    site.write_text("# kept\n" + site.read_text())
    return site, points


def run(site: Path, points: Path, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(calibrate, ["points", "--site", str(site), "--points", str(points), *more])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done.exit_code, done.output


def test_measured_points_become_the_site_s_ground(tmp_path: Path) -> None:
    site, points = prepared(tmp_path, MEASURED)
    code, shown = run(site, points)
    assert (code, "PASS" in shown) == (0, True)
    assert site.read_text().startswith("# kept\n")
    ground = ground_from(load_site(site).ground, tmp_path)
    pixels, metres = (np.array([m[i] for m in MEASURED.values()], float) for i in (0, 1))
    xy, cov, ok = ground.to_ground(pixels)
    assert ok.all()
    assert xy == pytest.approx(metres, abs=0.01)
    assert (np.sqrt(cov[:, 0, 0]) < 0.5).all()
    certificate = (tmp_path / "site.calibration.html").read_text()
    assert "lamp post" in certificate
    assert "http" not in certificate.replace("http://www.w3.org", "")


def test_swapped_points_do_not_pass(tmp_path: Path) -> None:
    swapped = MEASURED | {"kerb": MEASURED["lamp post"], "lamp post": MEASURED["kerb"]}
    swapped = {name: (MEASURED[name][0], where[1]) for name, where in swapped.items()}
    site, points = prepared(tmp_path, swapped)
    before = site.read_text()
    code, shown = run(site, points)
    assert code == Exit.CALIBRATION
    assert "are two swapped?" in shown
    assert site.read_text() == before


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    site, points = prepared(tmp_path, MEASURED)
    before = site.read_text()
    assert run(site, points, "--dry-run")[0] == 0
    assert site.read_text() == before
    assert not (tmp_path / "site.calibration.html").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": []}, "points"),
        ({"points": [{"name": "a", "pixel": [1, 2]}] * 4}, "stands twice"),
        ({"pionts": []}, "pionts"),
    ],
)
def test_a_wrong_points_file_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    site, points = prepared(tmp_path, MEASURED)
    points.write_text(yaml.safe_dump(yaml.safe_load(points.read_text()) | change))
    code, shown = run(site, points)
    assert code != 0
    assert message in shown
