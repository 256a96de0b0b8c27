"""The geometry alone, on recorded boxes with known places: pair distances under 5 m."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from drukte.config.ground import Ground as Section
from drukte.sense.geometry.calibration import ground_from

SECTION = TypeAdapter(Section)
CAMERAS = ["CVLab1", "CVLab2", "CVLab3", "CVLab4", "IDIAP1", "IDIAP2", "IDIAP3"]


def pair_errors(frames, truth, xy, cov, shared):
    """Errors of pair distances under 5 m and their stated standard errors."""
    errors, sigmas = [], []
    for frame in np.unique(frames):
        who = np.flatnonzero(frames == frame)
        a, b = np.triu_indices(len(who), 1)
        i, j = who[a], who[b]
        real = np.linalg.norm(truth[i] - truth[j], axis=1)
        i, j, real = i[real < 5], j[real < 5], real[real < 5]
        delta = xy[i] - xy[j]
        d = np.linalg.norm(delta, axis=1)
        cross = shared[i] @ shared[j].transpose(0, 2, 1)
        pair = cov[i] + cov[j] - cross - cross.transpose(0, 2, 1)
        u = delta / d[:, None]
        errors.append(d - real)
        sigmas.append(np.sqrt(np.einsum("ni,nij,nj->n", u, pair, u)))
    return np.concatenate(errors), np.concatenate(sigmas)


@pytest.fixture(scope="module")
def pets(test_data):
    folder = test_data / "camera" / "pets09-s2l1"
    rows = np.loadtxt(folder / "gt.txt", delimiter=",")
    rows = rows[rows[:, 6] == 1]
    left, top = rows[:, 2] - 1, rows[:, 3] - 1  # MOTChallenge counts pixels from 1
    boxes = np.column_stack([left, top, left + rows[:, 4], top + rows[:, 5]])
    return folder, rows[:, 0], boxes, rows[:, 7:9]


def test_pets_from_its_own_calibration(pets):
    folder, frames, boxes, truth = pets
    ground = ground_from(SECTION.validate_python({"kind": "tsai", "file": "View_001.xml"}), folder)
    np.testing.assert_allclose(ground.pose.centre[2], 7.07, atol=0.01)
    xy, cov, ok = ground.positions(boxes)
    assert ok.all()
    errors, _ = pair_errors(frames, truth, xy, cov, ground.shared(xy))
    assert len(errors) > 1900
    assert np.abs(errors).mean() < 0.04


def test_pets_from_four_points(pets):
    folder, frames, boxes, truth = pets
    exact = ground_from(SECTION.validate_python({"kind": "tsai", "file": "View_001.xml"}), folder)
    pixels = [(100, 500), (650, 500), (560, 220), (200, 230)]
    points = [{"pixel": p, "metres": tuple(m)} for p, m in zip(pixels, exact.to_ground(pixels)[0], strict=True)]
    section = SECTION.validate_python({"kind": "homography", "picture": (768, 576), "points": points})
    ground = ground_from(section, folder)
    xy, cov, ok = ground.positions(boxes)
    assert ok.all()
    errors, _ = pair_errors(frames, truth, xy, cov, ground.shared(xy))
    assert np.abs(errors).mean() < 0.04


@pytest.fixture(scope="module")
def wildtrack(test_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wildtrack")
    people = []
    with tarfile.open(test_data / "geometry" / "wildtrack" / "wildtrack-gt.tar.xz") as archive:
        for member in archive:
            path = Path(member.name)
            if path.parent.name == "annotations_positions" and int(path.stem) % 10 == 0:
                people.append(json.load(archive.extractfile(member)))
            elif path.parent.name in {"extrinsic", "intrinsic_zero"}:
                (folder / path.name).write_bytes(archive.extractfile(member).read())
    assert len(people) == 200
    return folder, people


@pytest.mark.parametrize("view", range(7), ids=CAMERAS)
def test_wildtrack(wildtrack, view):
    folder, people = wildtrack
    files = {"intrinsics": f"intr_{CAMERAS[view]}.xml", "extrinsics": f"extr_{CAMERAS[view]}.xml"}
    ground = ground_from(SECTION.validate_python({"kind": "wildtrack", **files}), folder)
    rows = []
    for frame, group in enumerate(people):
        for person in group:
            box = person["views"][view]
            x, y = -3 + 0.025 * (person["positionID"] % 480), -9 + 0.025 * (person["positionID"] // 480)
            if box["xmax"] >= 0:
                rows.append((frame, box["xmin"], box["ymin"], box["xmax"] + 1, box["ymax"] + 1, x, y))
    rows = np.array(rows, float)
    xy, cov, ok = ground.positions(rows[:, 1:5])
    assert ok.all()
    errors, _ = pair_errors(rows[:, 0], rows[:, 5:7], xy, cov, ground.shared(xy))
    assert len(errors) > 700
    assert np.abs(errors).mean() < 0.06
