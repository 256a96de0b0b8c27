"""Boxes that lost their feet, drawn by the camera's own model of a person."""

import numpy as np
import pytest

from drukte.config.ground import MountGround
from drukte.sense.bodies import Bodies
from drukte.sense.geometry.calibration import ground_from
from drukte.sense.geometry.feet import standing


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    section = MountGround.model_validate(
        {"kind": "mount", "picture": [1280, 720], "height": 5.0, "tilt": 25.0, "lens": {"fov": 70.0}}
    )
    return ground_from(section, tmp_path_factory.mktemp("site"))


def boxes_of(ground, xy):
    """Boxes of people of usual height at these places."""
    foot, _ = ground.to_pixels(xy)
    head, _ = ground.to_pixels(xy, ground.body_height)
    tall = np.abs(foot[:, 1] - head[:, 1])
    middle = (foot[:, 0] + head[:, 0]) / 2
    return np.column_stack([middle - tall / 6, head[:, 1], middle + tall / 6, foot[:, 1]]) + 0.5


PLACES = np.array([(0.0, 8.0), (2.0, 12.0), (-1.0, 15.0)])


def test_whole_boxes_stand_on_their_feet(ground):
    boxes = boxes_of(ground, PLACES)
    scores = np.full(3, 0.8)
    tall = Bodies(ground).tallness(boxes)
    np.testing.assert_array_equal(standing(ground, boxes, scores, tall)[0], ground.positions(boxes, scores)[0])


def test_a_box_cut_at_the_knees_is_placed_by_its_head(ground):
    boxes = boxes_of(ground, PLACES)
    boxes[:, 3] -= 0.3 * (boxes[:, 3] - boxes[:, 1])
    scores = np.full(3, 0.8)
    naive, _, _ = ground.positions(boxes, scores)
    xy, cov, ok = standing(ground, boxes, scores, Bodies(ground).tallness(boxes))
    assert ok.all()
    assert (np.hypot(*(naive - PLACES).T) > 0.9).all()
    assert (np.hypot(*(xy - PLACES).T) < 0.25).all()
    assert (np.linalg.eigvalsh(cov) > 0).all()


def test_the_error_grows_along_the_view_with_the_distance(ground):
    boxes = boxes_of(ground, np.array([(0.0, 8.0), (0.0, 16.0)]))
    boxes[:, 3] -= 0.3 * (boxes[:, 3] - boxes[:, 1])
    _, cov, _ = standing(ground, boxes, np.full(2, 0.8), Bodies(ground).tallness(boxes))
    assert cov[1, 1, 1] > 1.5 * cov[0, 1, 1]
