"""Calibrating by walking over marks, from simulated boxes: the camera comes back, and errors are what is stated."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.scenes import site_file
from tests.tools.calibrate.walks import mot, pair_errors, walk

from drukte.config import load_site
from drukte.exits import Exit
from drukte.sense.geometry.calibration import ground_from
from drukte.sense.geometry.plane import GroundError
from drukte_tools.calibrate.camera.fit import ground_of
from drukte_tools.calibrate.camera.heights import Bodies
from drukte_tools.calibrate.camera.passersby import ways
from drukte_tools.calibrate.camera.walking import Mark, fit_walk, ground_map, stops, walker
from drukte_tools.calibrate.cli import calibrate

PICTURE = 1280, 720
LENS = {"fov": 66.0}
MOUNT = {"kind": "mount", "height": 4.6, "tilt": 24.0, "roll": 1.0, "picture": list(PICTURE), "lens": LENS}
TRUE = ground_of(MOUNT | {"at": [2.0, -3.0], "bearing": 10.0})
MARKS = [Mark("A", (0, 5)), Mark("B", (3, 12)), Mark("C", (7, 8)), Mark("D", (1, 9))]
FEET = np.stack(np.meshgrid(np.arange(200, 1100, 60), np.arange(250, 700, 40)), axis=-1).reshape(-1, 2)


def fitted(marks, seed=0, base=None, body=None):
    sights = walk(TRUE, [m.metres for m in marks], 5, seed=seed)
    way = walker(ways(sights, PICTURE))
    return fit_walk(way, marks, base or {"picture": list(PICTURE), "lens": LENS}, body or Bodies(1.8, 0.02), 3)


def pooled(marks, walks: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of pairs' distances and what is stated for them, over several walks."""
    found = [pair_errors(fitted(marks, seed).ground, TRUE, FEET, seed) for seed in range(walks)]
    return np.concatenate([e for e, _ in found]), np.concatenate([s for _, s in found])


@pytest.mark.parametrize("marks", [MARKS[:2], MARKS[:3], MARKS], ids=["two marks", "three", "four"])
def test_the_camera_comes_back(marks) -> None:
    error, sigma = pooled(marks, 4)
    assert np.abs(error).mean() < 0.08
    # One standard error holds most of them, but is not so wide as to say nothing.
    assert (np.abs(error) < sigma).mean() > 0.6
    assert sigma.mean() < 5 * np.abs(error).mean()


@pytest.mark.slow
def test_figures_of_walking() -> None:
    """Run by `make calibration`: prints how far distances are off."""
    for marks in (MARKS[:2], MARKS[:3], MARKS):
        error, sigma = pooled(marks, 12)
        within = (np.abs(error) < sigma).mean()
        print(
            f"\n{len(marks)} marks: distances under 5 m: mean absolute error {np.abs(error).mean():.3f} m, stated "
            f"{sigma.mean():.3f} m, {within:.0%} within"
        )
        assert within > 0.6


def test_four_marks_find_an_unknown_lens() -> None:
    found = fitted(MARKS, base={"picture": list(PICTURE)})
    assert found.section["lens"]["fov"] == pytest.approx(66, abs=4)
    assert found.section["at"] == pytest.approx([2, -3], abs=0.7)


def test_two_marks_need_the_lens() -> None:
    with pytest.raises(GroundError, match="--fov"):
        fitted(MARKS[:2], base={"picture": list(PICTURE)})


def test_stops_are_told_from_walking() -> None:
    way = walker(ways(walk(TRUE, [m.metres for m in MARKS], 5), PICTURE))
    assert [round(s.end - s.start) for s in stops(way, 3)] == pytest.approx([5] * 4, abs=1)


def test_a_mark_that_was_left_out_is_named() -> None:
    sights = walk(TRUE, [m.metres for m in MARKS[:3]], 5)
    with pytest.raises(GroundError, match=r"3 stops .* 4 marks"):
        fit_walk(walker(ways(sights, PICTURE)), MARKS, {"picture": list(PICTURE), "lens": LENS}, Bodies(), 3)


def test_somebody_else_all_the_time_is_refused() -> None:
    one = walk(TRUE, [(0, 5), (3, 12)], 5)
    two = walk(TRUE, [(6, 6), (6, 13)], 5, seed=1)
    both = [type(a)(a.time, np.concatenate([a.boxes, b.boxes]), np.ones(2)) for a, b in zip(one, two, strict=False)]
    with pytest.raises(GroundError, match="two people"):
        walker(ways(both, PICTURE))


def test_nobody_is_said() -> None:
    with pytest.raises(GroundError, match="nobody"):
        walker(ways([], PICTURE))


def test_the_map_shows_marks_where_they_are() -> None:
    shown = ground_map(np.array([[0.0, 0.0], [4.0, 0.0]]), [Mark("x", (0, 0)), Mark("Yes", (4, 2))]).splitlines()
    x = next(i for i, line in enumerate(shown) if "X" in line)
    y = next(i for i, line in enumerate(shown) if "Y" in line)
    assert y < x
    assert shown[y].index("Y") > shown[x].index("X")


def test_the_command_from_recorded_boxes(tmp_path: Path) -> None:
    site = site_file(tmp_path, ground=MOUNT, zones=[{"name": "z", "polygon": [[0, 6], [4, 6], [4, 11], [0, 11]]}])
    boxes = tmp_path / "walk.txt"
    boxes.write_text(mot(walk(TRUE, [m.metres for m in MARKS], 5, seed=3)))
    marks = [part for m in MARKS for part in ("--mark", f"{m.name}={m.metres[0]},{m.metres[1]}")]
    command = ["by-walking", "--site", str(site), "--boxes", str(boxes), "--rate", "5", "--tall", "1.8", *marks]
    done = CliRunner().invoke(calibrate, command)
    assert done.exit_code == 0, done.output
    assert "PASS" in done.output
    error, _ = pair_errors(ground_from(load_site(site).ground, tmp_path), TRUE, FEET)
    assert np.abs(error).mean() < 0.1
    assert (tmp_path / "site.calibration.html").exists()
    wrong = CliRunner().invoke(calibrate, [*command, "--visit", "A,B"])
    assert wrong.exit_code == Exit.CALIBRATION
    assert "4 stops" in wrong.output
    assert CliRunner().invoke(calibrate, ["by-walking", "--site", str(site), "--mark", "A"]).exit_code == Exit.USAGE
