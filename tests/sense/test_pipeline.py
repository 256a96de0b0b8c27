"""The whole way of pictures: numbers for each of them, a second late, and a word when the camera was moved."""

import cv2
import numpy as np
import pytest
from tests.scenes import SITES
from tests.sense.test_moved import place, turned

from drukte.config import load_site
from drukte.models import read
from drukte.sense.moved import GOOD, LEARN, SUSPECT
from drukte.sense.people import PERSON, Detections
from drukte.sense.pipeline import Pipeline
from drukte.sense.tracking.smooth import BATCH, LAG

SIZE = 768, 576


@pytest.fixture
def pipeline(model_store):
    site = load_site(SITES / "demo-street.yaml")
    return Pipeline(site, SITES, read(site.model.name, site.model.size), *SIZE)


def standing(n=1):
    """Boxes of people who stand on the recorded street."""
    boxes = np.array([[300, 250, 330, 335], [420, 260, 450, 345]], np.float32)[:n]
    return Detections(boxes, np.full(n, 0.8, np.float32), np.full(n, PERSON, np.uint8))


def test_every_picture_gets_its_numbers_a_second_late(pipeline):
    out = []
    for k in range(30):
        for result in pipeline.count(standing(2), k / 5):
            assert LAG - 1e-6 <= k / 5 - result.at <= LAG + BATCH + 0.2 + 1e-6
            out.append(result)
    out += pipeline.finish()
    assert [round(result.at * 5) for result in out] == list(range(30))
    assert [result.zones[0].people for result in out] == [2] * 30


def test_a_person_counts_in_one_level_and_a_box_stands_where_they_do(pipeline):
    for k in range(20):
        pipeline.count(standing(1), k / 5)
    result = pipeline.finish()[-1]
    zone = result.zones[0]
    assert zone.safe + zone.low_risk + zone.high_risk + zone.undetermined == pytest.approx(1.0)
    assert result.seen.boxes[0, 3] == pytest.approx(335, abs=4)


def test_forgetting_leaves_nobody(pipeline):
    for k in range(20):
        pipeline.count(standing(2), k / 5)
    pipeline.forget()
    assert pipeline.finish() == []


def test_a_moved_camera_makes_the_calibration_suspect(pipeline):
    street = cv2.resize(place(), SIZE)
    seen = []
    for k in range(int(LEARN) + 15):
        seen += pipeline.step(street, float(k))
    assert {result.calibration for result in seen} == {GOOD}
    seen = []
    for k in range(40):
        seen += pipeline.step(turned(street, 2), LEARN + 15 + k)
    assert seen[-1].calibration == SUSPECT
