"""Suppression that knows the ground and body heights, and the boxes that places imply."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from drukte.config.ground import Ground as Section
from drukte.sense.bodies import OVERLAP, WIDTH, Bodies
from drukte.sense.detect.nms import suppress
from drukte.sense.geometry.calibration import ground_from
from drukte.sense.people import Detections

SECTION = TypeAdapter(Section)


def camera(tilt=20.0):
    values = {"kind": "mount", "picture": (1280, 720), "height": 4.0, "tilt": tilt, "lens": {"fov": 66.0}}
    return ground_from(SECTION.validate_python(values), Path())


GROUND = camera()
BODIES = Bodies(GROUND)


def found(boxes, scores):
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Detections(boxes, np.asarray(scores, np.float32), np.zeros(len(boxes), np.uint8))


def body(x, y, share=1.0):
    """Box of a person `share` of the usual height who stands there."""
    box = BODIES.boxes(np.array([[x, y]]))[0]
    box[1] = box[3] - share * (box[3] - box[1])
    return box


@given(st.floats(-4, 4), st.floats(7, 25))
def test_the_box_of_a_place_stands_there(x, y):
    people, placed = BODIES.settle(found([body(x, y)], [0.8]))
    assert len(people) == 1
    assert np.hypot(*(placed.xy[0] - (x, y))) < 0.1
    box = body(x, y)
    assert (box[2] - box[0]) / (box[3] - box[1]) == pytest.approx(WIDTH / GROUND.body_height, rel=0.1)


def test_a_box_around_two_loses_to_the_box_of_each():
    far, near = body(0.0, 14.0), body(0.3, 11.0)
    both = np.concatenate([np.minimum(far, near)[:2], np.maximum(far, near)[2:]])
    candidates = found([both, far, near], [0.7, 0.6, 0.6])
    assert suppress(candidates.boxes, candidates.scores, candidates.kinds, OVERLAP).tolist()[0] == 0
    people, _ = BODIES.settle(candidates)
    assert sorted(people.boxes[people.scores > 0.35, 3].tolist()) == pytest.approx(sorted([far[3], near[3]]), abs=1e-3)


def test_a_box_no_person_fits_loses_its_score():
    people, _ = BODIES.settle(found([body(0, 12, 1.6)], [0.8]))
    assert people.scores[0] < 0.05


def test_a_child_keeps_its_score():
    people, placed = BODIES.settle(found([body(0, 12, 0.65)], [0.6]))
    assert people.scores[0] == pytest.approx(0.6)
    # Child or somebody whose feet are hidden: the stated error covers both.
    miss = placed.xy[0] - (0, 12)
    assert miss @ np.linalg.solve(placed.cov[0], miss) < 4


def test_hidden_feet_are_placed_by_the_head():
    hidden, front = body(0.0, 14.0), body(0.05, 11.5)
    cut = hidden.copy()
    cut[3] = hidden[1] + 0.6 * (hidden[3] - hidden[1])
    _, placed = BODIES.settle(found([cut, front], [0.6, 0.9]))
    back = placed.xy[np.argmax(placed.xy[:, 1])]
    assert np.hypot(*(back - (0.0, 14.0))) < 0.4
    plain = GROUND.positions(cut[None], np.array([0.6]))[0][0]
    assert np.hypot(*(plain - (0.0, 14.0))) > 2


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_boxes_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    xy = np.column_stack([rng.uniform(-4, 4, 12), rng.uniform(7, 25, 12)])
    boxes = BODIES.boxes(xy) + rng.normal(0, 8, (12, 4))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 4)
    candidates = found(boxes, rng.uniform(0.1, 0.9, 12))
    order = rng.permutation(12)
    one, two = BODIES.settle(candidates), BODIES.settle(candidates.select(order))
    np.testing.assert_array_equal(one[0].boxes, two[0].boxes)
    np.testing.assert_array_equal(one[1].xy, two[1].xy)


def test_without_a_pose_suppression_is_plain(tmp_path):
    matrix = [[0.01, 0, -3.2], [0, -0.02, 14], [0, 0, 1]]
    values = {"kind": "homography", "picture": (640, 480), "matrix": matrix}
    ground = ground_from(SECTION.validate_python(values), tmp_path)
    assert ground.pose is None
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 300, (30, 2))
    candidates = found(
        np.concatenate([corner, corner + rng.uniform(30, 120, (30, 2))], axis=1), rng.uniform(0.1, 1, 30)
    )
    people, _ = Bodies(ground).settle(candidates)
    stay = suppress(candidates.boxes, candidates.scores, candidates.kinds, OVERLAP)
    np.testing.assert_array_equal(people.boxes, candidates.boxes[stay])
    assert np.isnan(Bodies(ground).boxes(np.zeros((2, 2)))).all()


def test_nobody():
    people, placed = BODIES.settle(Detections.empty())
    assert len(people) == len(placed) == 0
    assert BODIES.boxes(np.empty((0, 2))).shape == (0, 4)


def test_a_camera_overhead_has_no_heights_to_go_by():
    bodies = Bodies(camera(tilt=90.0))
    box = np.array([[600, 300, 680, 380]])
    people, _ = bodies.settle(found(box, [0.8]))
    assert people.scores[0] == pytest.approx(0.8)
