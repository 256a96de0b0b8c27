"""The whole way of pictures: numbers for each of them, a second late, and a word when the camera was moved."""

import cv2
import numpy as np
import pytest
from tests.scenes import SITES
from tests.sense.test_moved import place, turned

from drukte.config import load_site
from drukte.models import read
from drukte.sense.furniture import Furniture
from drukte.sense.moved import GOOD, LEARN, SUSPECT
from drukte.sense.people import BICYCLE, PERSON, Detections
from drukte.sense.pipeline import Pipeline
from drukte.sense.tracking.smooth import BATCH, LAG
from drukte.summary import COVERED, RUNNING

SIZE = 768, 576


@pytest.fixture
def pipeline(model_store):
    site = load_site(SITES / "demo-street.yaml")
    return Pipeline(site, SITES, read(site.model.name, site.model.size), *SIZE)


def standing(n=1):
    """Boxes of people who stand on the recorded street."""
    boxes = np.array([[300, 250, 330, 335], [420, 260, 450, 345]], np.float32)[:n]
    return Detections(boxes, np.full(n, 0.8, np.float32), np.full(n, PERSON, np.uint8))


def live(picture, k):
    """The picture as the k-th of a working camera: never quite the same."""
    picture = picture.copy()
    picture[0, :, 0] = k
    return picture


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
        seen += pipeline.step(live(street, k), float(k))
    assert {result.calibration for result in seen} == {GOOD}
    seen = []
    for k in range(40):
        seen += pipeline.step(live(turned(street, 2), k), LEARN + 15 + k)
    assert seen[-1].calibration == SUSPECT


class Stub:
    """Stands in for the detector: what it finds is made, the rest of the way is real."""

    def __init__(self, find):
        self._find, self._k = find, -1

    def __call__(self, picture):
        self._k += 1
        return self._find(self._k)

    def wipe(self):
        pass


def watch(pipeline, pictures, rate=5.0, start=0.0):
    return [r for k, picture in enumerate(pictures) for r in pipeline.step(picture, start + k / rate)]


def noisy(picture, n, seed=0):
    noise = np.random.default_rng(seed).normal(0, 3, picture.shape[:2]).astype(np.float32)[:, :, None]
    return (np.clip(picture + np.roll(noise, k, axis=k % 2), 0, 255).astype(np.uint8) for k in range(n))


def test_riders_are_counted_apart_from_who_walks_and_who_pushes(pipeline):
    def find(k):
        # a rider at 5 m/s, a walker, somebody who pushes a bicycle
        at = pipeline._ground.to_pixels(np.array([(2.0 - k, -4.0), (-4.0 - 0.25 * k, -6.0), (-4 - 0.25 * k, -10.6)]))[0]
        boxes, kinds = [], []
        for i, (x, y) in enumerate(at):
            boxes.append((x - 15, y - 80, x + 15, y))
            kinds.append(PERSON)
            if i != 1:
                boxes.append((x - 30, y - 45, x + 30, y + 2))
                kinds.append(BICYCLE)
        return Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.8, np.float32), np.array(kinds, np.uint8))

    pipeline._detector = Stub(find)
    results = watch(pipeline, noisy(cv2.resize(place(), SIZE), 12)) + pipeline.finish()
    assert [(r.zones[0].people, r.zones[0].riders) for r in results[5:]] == [(2, 1)] * 7
    assert {r.zones[0].people for r in results} == {2}
    crossed = np.array([r.zones[0].rider_crossings for r in results]).sum(axis=0)
    assert crossed.sum() >= 1
    assert np.array([r.zones[0].crossings for r in results]).sum() == 0


def test_a_covered_lens_is_no_empty_street(pipeline):
    pipeline._detector = Stub(lambda k: standing(2))
    street = cv2.resize(place(), SIZE)
    before = watch(pipeline, noisy(street, 25))
    pipeline._detector = Stub(lambda k: Detections.empty())
    covered = watch(pipeline, noisy(np.full_like(street, 20), 25), start=5.0)
    assert {(r.zones[0].people, r.state) for r in [*before, *covered] if r.zones} == {(2, RUNNING)}
    assert sum(not r.zones for r in covered) == 25
    assert covered[-1].state == COVERED
    pipeline._detector = Stub(lambda k: standing(2))
    after = watch(pipeline, noisy(street, 25), start=10.0) + pipeline.finish()
    assert {r.zones[0].people for r in after} == {2}
    assert after[-1].state == RUNNING
    # every picture is told of once, in order
    assert [round(5 * r.at) for r in [*before, *covered, *after]] == list(range(75))


def test_signs_go_and_who_sits_still_stays(pipeline):
    """Two figures that the detector takes for people; one of them moves by half a pixel or so."""
    pipeline._furniture = Furniture(60.0)
    boxes = np.array([[300, 250, 330, 335], [480, 280, 510, 365]], float)
    rng = np.random.default_rng(1)
    way = 0.8 * np.sin(np.cumsum(rng.normal(0, 0.3, (400, 2)), axis=0))
    street = cv2.convertScaleAbs(cv2.resize(place(), SIZE), alpha=0.8)
    for left, top, *_ in boxes.astype(int):
        for shade, height, half in ((60, 8, 5), (200, 30, 13), (20, 45, 9)):  # head, coat and legs
            street[top : top + height, left + 15 - half : left + 15 + half] = shade
            top += height
    right = street[:, 440:550]
    results = []
    for k, picture in enumerate(noisy(street, 260)):
        t = 0.8 * k
        light, sway = 1 + 0.1 * np.sin(2 * np.pi * t / 90), way[int(t)]
        moved = cv2.warpAffine(right, np.float32([[1, 0, sway[0]], [0, 1, sway[1]]]), right.shape[1::-1])
        picture[:, 440:550] = np.clip(moved + (picture[:, 440:550] - right.astype(float)), 0, 255)
        now = boxes + rng.normal(0, 0.5, boxes.shape) + 5 * (light - 1)
        now[1] += np.tile(sway, 2)
        found = Detections(now.astype(np.float32), np.full(2, 0.8, np.float32), np.full(2, PERSON, np.uint8))
        pipeline._detector = Stub(lambda _, found=found: found)
        results += pipeline.step(cv2.convertScaleAbs(picture, alpha=light), t)
    counts = [r.zones[0].people for r in results]
    assert set(counts[: int(60 / 0.8)]) == {2}
    assert set(counts[-20:]) == {1}
    (left,) = results[-1].seen.xy[results[-1].seen.inside[0]]
    assert np.hypot(*(left - pipeline.places(boxes[1:])[0])) < 1


@pytest.mark.slow
@pytest.mark.usefixtures("model_store")
def test_statues_go_and_who_sits_still_stays(test_data):
    """Recorded people, frozen: to the detector they are people for ever. One of them moves by half a pixel or so."""
    site = load_site(SITES / "demo-street.yaml")
    site = site.model_copy(update={"tracking": site.tracking.model_copy(update={"furniture": 60.0})})
    pipeline = Pipeline(site, SITES, read(site.model.name, site.model.size), *SIZE)
    recording = cv2.VideoCapture(str(test_data / "camera" / "pets09-s2l1" / "vtest.avi"))
    for _ in range(120):
        picture = recording.read()[1]
    left, top, right, bottom = 480, 200, 545, 300  # around one of them
    way = 0.8 * np.sin(np.cumsum(np.random.default_rng(1).normal(0, 0.3, (600, 2)), axis=0))
    results = []
    for k, still in enumerate(noisy(picture, 600)):
        t = 0.8 * k
        matrix = np.float32([[1, 0, way[int(t), 0]], [0, 1, way[int(t), 1]]])
        now = still.copy()
        now[top:bottom, left:right] = cv2.warpAffine(still, matrix, SIZE)[top:bottom, left:right]
        light = 1 + 0.1 * np.sin(2 * np.pi * t / 90)
        results += pipeline.step(np.clip(now * light, 0, 255).astype(np.uint8), t)
    counts = [r.zones[0].people for r in results]
    print("people counted, every 20 s:", counts[::25])
    assert set(counts[:60]) == {7}
    assert 1 <= counts[-1] <= 3
    place = pipeline.places(np.array([[494.0, 212, 528, 292]]))[0]
    inside = results[-1].seen.xy[results[-1].seen.inside[0]]
    assert np.hypot(*(inside - place).T).min() < 1
