"""Self-calibration from passers-by: simulated ones, and recorded ones against the published calibration."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from tests.scenes import SITES, moving_square, site_file
from tests.tools.calibrate.walks import crowd, mot, pair_errors

from drukte.config import load_site
from drukte.config.source import Model, VideoSource
from drukte.exits import Exit
from drukte.report.ledger import read
from drukte.sense.geometry.plane import GroundError
from drukte_tools.calibrate.camera.fit import ground_of
from drukte_tools.calibrate.camera.heights import Bodies, fit_heights, seen
from drukte_tools.calibrate.camera.passersby import Way, read_boxes, ways, whole_bodies
from drukte_tools.calibrate.cli import calibrate
from drukte_tools.calibrate.page.watch import Watcher

PICTURE = 1280, 720
BASE = {"picture": list(PICTURE), "lens": {"fov": 66.0}}
FEET = np.stack(np.meshgrid(np.arange(200, 1100, 60), np.arange(280, 700, 40)), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize(("height", "tilt"), [(3.2, 18.0), (8.0, 35.0)])
def test_the_camera_comes_back_from_sixty_people(height: float, tilt: float) -> None:
    true = ground_of({"kind": "mount", "height": height, "tilt": tilt, **BASE})
    errors, stated = [], []
    for seed in range(2):
        found = fit_heights(ways(crowd(true, 60, seed), PICTURE), BASE, Bodies())
        assert found.section["height"] == pytest.approx(height, rel=0.1)
        assert found.section["tilt"] == pytest.approx(tilt, abs=2)
        error, sigma = pair_errors(found.ground, true, FEET, seed)
        errors.append(error)
        stated.append(sigma)
    error, sigma = np.concatenate(errors), np.concatenate(stated)
    assert np.abs(error).mean() < 0.15
    assert (np.abs(error) < sigma).mean() > 0.5


def test_the_whole_scale_hangs_on_the_mean_height() -> None:
    true = ground_of({"kind": "mount", "height": 5.0, "tilt": 28.0, **BASE})
    passed = ways(crowd(true, 40, 1), PICTURE)
    usual, tall = (fit_heights(passed, BASE, Bodies(mean)).section["height"] for mean in (1.72, 1.892))
    assert tall / usual == pytest.approx(1.1, abs=0.02)
    wide = fit_heights(passed, BASE, Bodies(mean_error=0.2)).section["error"]["height"]
    assert wide > 2 * fit_heights(passed, BASE, Bodies()).section["error"]["height"]


def test_more_people_make_it_more_certain() -> None:
    true = ground_of({"kind": "mount", "height": 5.0, "tilt": 28.0, **BASE})
    sights = crowd(true, 80, 2)
    few, many = (fit_heights(ways(sights[:n], PICTURE), BASE, Bodies()).section["error"] for n in (600, len(sights)))
    assert many["tilt"] < few["tilt"]


def test_too_few_people_and_an_unknown_lens_are_said() -> None:
    true = ground_of({"kind": "mount", "height": 5.0, "tilt": 28.0, **BASE})
    with pytest.raises(GroundError, match="3 people"):
        fit_heights(ways(crowd(true, 3), PICTURE), BASE, Bodies())
    with pytest.raises(GroundError, match="--fov"):
        fit_heights(ways(crowd(true, 20), PICTURE), {"picture": list(PICTURE)}, Bodies())


def test_cut_and_hidden_bodies_are_no_whole_ones() -> None:
    rows = [[0, 100, 40, 200], [100, 100, 140, 200], [120, 110, 160, 215], [300, 100, 420, 200], [500, 100, 540, 200]]
    boxes = np.array(rows)
    assert whole_bodies(boxes.astype(float), (640, 480)).tolist() == [False, False, False, False, True]


def test_the_command_from_recorded_boxes(tmp_path: Path) -> None:
    mount = {"kind": "mount", "height": 5.0, "tilt": 28.0, **BASE}
    site = site_file(
        tmp_path,
        ground=mount | {"height": 3.0, "tilt": 10.0},
        zones=[{"name": "near", "polygon": [[-2, 6], [2, 6], [2, 9], [-2, 9]]}],
    )
    boxes = tmp_path / "boxes.txt"
    boxes.write_text(mot(crowd(ground_of(mount), 60, 4)))
    done = CliRunner().invoke(calibrate, ["by-height", "--site", str(site), "--boxes", str(boxes), "--rate", "5"])
    assert done.exit_code == 0, done.output
    assert "PASS" in done.output
    assert load_site(site).ground.height == pytest.approx(5, rel=0.1)  # type: ignore[union-attr]
    boxes.write_text("frame,count\n1,2\n")
    wrong = CliRunner().invoke(calibrate, ["by-height", "--site", str(site), "--boxes", str(boxes)])
    assert wrong.exit_code == Exit.CALIBRATION
    assert "not boxes" in wrong.output


def test_a_live_look_is_recorded_before_it_begins(tmp_path: Path, model_store: Path) -> None:
    moving_square(tmp_path / "nobody.avi", frames=12)
    mount = {"kind": "mount", "height": 3.0, "tilt": 30.0, "picture": [320, 240], "lens": {"fov": 66}}
    site = site_file(tmp_path, source={"kind": "video", "path": "nobody.avi", "rate": "max"}, ground=mount)
    command = ["by-height", "--site", str(site), "--seconds", "5", "--by", "T. Echnician", "--ledger"]
    done = CliRunner().invoke(calibrate, [*command, str(tmp_path / "ledger.jsonl")])
    assert done.exit_code == Exit.CALIBRATION
    assert "0 people" in done.output
    (act,) = [e for e in read(tmp_path / "ledger.jsonl") if e.act == "calibration"]
    assert act.details["by"] == "T. Echnician"
    refused = CliRunner().invoke(calibrate, [*command, str(site / "ledger.jsonl")])
    assert refused.exit_code == Exit.INTERNAL
    assert "nothing was shown" in refused.output


def test_without_a_purpose_nothing_is_looked_at(tmp_path: Path) -> None:
    site = site_file(tmp_path, purpose__valid_until="2020-01-31")
    ledger = tmp_path / "ledger.jsonl"
    for way in (["by-height"], ["page", "--seconds", "5"], ["by-walking", "--mark", "A=0,0", "--mark", "B=3,0"]):
        done = CliRunner().invoke(calibrate, [*way, "--site", str(site), "--ledger", str(ledger)])
        assert done.exit_code == Exit.SITE, done.output
        assert "purpose" in done.output
    assert not ledger.exists()


@pytest.fixture
def road(test_data: Path):
    """Folder, true ground and base of the recorded road."""
    true = ground_of(yaml.safe_load((SITES / "demo-street.yaml").read_text())["ground"])
    fov = float(np.degrees(2 * np.arctan(true.picture[0] / 2 / true.lens.focal[0])))
    return test_data / "camera/pets09-s2l1", true, {"picture": list(true.picture), "lens": {"fov": fov}}


def errors_on_road(found, true, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.concatenate([s.boxes for s in read_boxes(folder / "gt.txt", 7)])
    return pair_errors(found, true, np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]]) - 0.5)


def test_ten_recorded_people_with_true_boxes(road) -> None:
    folder, true, base = road
    passed = ways(read_boxes(folder / "gt.txt", 7), true.picture)
    found = fit_heights(passed, base, Bodies())
    assert seen(passed).people < 15
    error, stated = errors_on_road(found.ground, true, folder)
    assert np.abs(error).mean() < 0.12
    assert (np.abs(error) < stated).mean() > 0.6
    assert found.section["height"] == pytest.approx(true.pose.centre[2], rel=0.1)


@pytest.mark.slow
def test_recorded_people_as_the_detector_sees_them(road, model_store: Path) -> None:
    """Run by `make calibration`: prints how far distances are off."""
    folder, true, base = road
    with Watcher(VideoSource(kind="video", path="vtest.avi", rate="max"), Model(threads=1), folder) as watcher:
        passed = ways(watcher.sights(200, 0.5), true.picture)
    found = fit_heights(passed, base, Bodies())
    error, stated = errors_on_road(found.ground, true, folder)
    within = (np.abs(error) < stated).mean()
    print(
        f"\n{seen(passed).people} people; height {found.section['height']} m (true {true.pose.centre[2]:.2f}), "
        f"tilt {found.section['tilt']} (true {np.degrees(true.pose.tilt):.2f}); distances under 5 m: mean absolute "
        f"error {np.abs(error).mean():.3f} m, stated {stated.mean():.3f} m, {within:.0%} within"
    )
    assert np.abs(error).mean() < 0.2
    assert within > 0.5


@pytest.mark.slow
def test_seven_low_cameras_with_true_boxes(test_data: Path, tmp_path: Path) -> None:
    """Run by `make calibration`. The data set's boxes are those of upright bodies of 1.80 m, so that is the mean."""
    people = []
    with tarfile.open(test_data / "geometry/wildtrack/wildtrack-gt.tar.xz") as archive:
        for member in archive:
            path = Path(member.name)
            if path.parent.name == "annotations_positions":
                people.append((int(path.stem), json.load(archive.extractfile(member))))  # type: ignore[arg-type]
            elif path.parent.name in {"extrinsic", "intrinsic_zero"}:
                (tmp_path / path.name).write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
    for view, camera in enumerate(["CVLab1", "CVLab2", "CVLab3", "CVLab4", "IDIAP1", "IDIAP2", "IDIAP3"]):
        files = {"intrinsics": f"intr_{camera}.xml", "extrinsics": f"extr_{camera}.xml"}
        true = ground_of({"kind": "wildtrack", **files}, tmp_path)
        fov = float(np.degrees(2 * np.arctan(true.picture[0] / 2 / true.lens.focal[0])))
        passed: dict[int, Way] = {}
        feet = []
        for number, group in sorted(people, key=lambda frame: frame[0]):
            rows = [(p["personID"], p["views"][view]) for p in group if p["views"][view]["xmax"] >= 0]
            boxes = np.array([[b["xmin"], b["ymin"], b["xmax"] + 1, b["ymax"] + 1] for _, b in rows]).reshape(-1, 4)
            for (who, _), box, whole in zip(rows, boxes, whole_bodies(boxes, true.picture), strict=True):
                way = passed.setdefault(who, Way())
                way.times.append(number)
                way.boxes.append(box.astype(float))
                way.whole.append(bool(whole))
            feet.append(np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]]))
        base = {"picture": list(true.picture), "lens": {"fov": fov}}
        found = fit_heights(list(passed.values()), base, Bodies(1.80)).ground
        error, stated = pair_errors(found, true, np.concatenate(feet))
        print(f"\n{camera}: mean absolute error {np.abs(error).mean():.3f} m, stated {stated.mean():.3f} m")
        assert np.abs(error).mean() < 0.08
        assert (np.abs(error) < stated).mean() > 0.6
