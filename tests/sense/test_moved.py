"""A camera that was moved is noticed; weather, light, people and parked cars are not taken for it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from drukte.sense.frame import Frame
from drukte.sense.moved import GOOD, LEARN, PEOPLE, SUSPECT, MovedCamera
from drukte.sense.people import Positions
from drukte.sense.tracking.track import Tracker

SIZE = 640, 480


def place(seed=0):
    """A street of random boxes, lines and texture."""
    rng = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(rng.integers(60, 200, (SIZE[1], SIZE[0], 3)).astype(np.uint8), (0, 0), 3)
    for _ in range(60):
        corner, shade = rng.integers(0, SIZE, 2), rng.integers(0, 255, 3).tolist()
        cv2.rectangle(picture, corner.tolist(), (corner + rng.integers(10, 120, 2)).tolist(), shade, -1)
    return picture


def turned(picture, degrees=0.0, right=0.0):
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[0, 2] += right
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def walkers(picture, k):
    """People, as blobs that walk about."""
    picture = picture.copy()
    for p in range(6):
        x, y = (37 * p + 9 * k) % SIZE[0], 120 + 50 * p
        cv2.ellipse(picture, (x, y), (9, 28), 0, 0, 360, (20 * p, 90, 40), -1)
    return picture


def watch(camera, pictures, start=0.0):
    """Time of the first suspicion after `start`, or None; one picture a second."""
    first = None
    for k, picture in enumerate(pictures):
        camera.look(picture, start + k)
        if camera.calibration == SUSPECT and first is None:
            first = k
    return first


@pytest.fixture
def settled():
    """A camera that has learned its place, and the place."""
    camera, street = MovedCamera(*SIZE), place()
    assert watch(camera, (walkers(street, k) for k in range(60))) is None
    return camera, street


def light(picture, k):
    gain, offset = 0.7 + 0.3 * np.sin(k / 30), 25 * np.sin(k / 13)
    return cv2.convertScaleAbs(picture, alpha=gain, beta=offset)


def van(picture, _):
    picture = picture.copy()
    picture[150:450, 100:420] = (200, 200, 210)
    return picture


def night(picture, k):
    noise = np.random.default_rng(k).normal(0, 4, picture.shape)
    return np.clip(picture * 0.04 + noise + 8, 0, 255).astype(np.uint8)


def dark(picture, k):
    return np.clip(np.random.default_rng(k).normal(8, 5, picture.shape), 0, 255).astype(np.uint8)


def fog(picture, _):
    return cv2.convertScaleAbs(cv2.GaussianBlur(picture, (0, 0), 16), alpha=0.3, beta=120)


def sway(picture, k):
    return turned(picture, 0.2 * np.sin(k), 1.5 * np.sin(k / 2))


@pytest.mark.parametrize("weather", [light, van, night, dark, fog, sway])
def test_weather_is_no_move(settled, weather):
    camera, street = settled
    assert watch(camera, (weather(walkers(street, k), k) for k in range(120)), 60.0) is None


@pytest.mark.parametrize(
    ("degrees", "right"), [(2, 0), (-2, 0), (0, 12), (0, -90)], ids=["turn", "turn back", "pan", "far pan"]
)
def test_a_move_is_noticed_within_a_minute(settled, degrees, right):
    camera, street = settled
    moved = turned(street, degrees, right)
    first = watch(camera, (walkers(moved, k) for k in range(60)), 60.0)
    assert first is not None
    assert 5 < first < 60


def test_another_place_is_noticed(settled):
    first = watch(settled[0], (walkers(place(seed=9), k) for k in range(60)), 60.0)
    assert first is not None


def test_it_stays_suspect_until_the_camera_is_put_back(settled):
    camera, street = settled
    watch(camera, (turned(street, 2) for _ in range(300)), 60.0)
    assert camera.calibration == SUSPECT
    watch(camera, (street for _ in range(90)), 360.0)
    assert camera.calibration == GOOD


def test_nothing_of_a_picture_is_left():
    camera = MovedCamera(*SIZE)
    for k in range(int(LEARN) + 5):
        camera.look(place(), float(k))
    scratch = [camera._colour, camera._grey, *camera._work, *camera._spectra, *camera._parts]
    assert not any(buffer.any() for buffer in scratch)
    assert camera._place.size <= 160 * 160
    camera.wipe()
    assert not camera._place.any()
    assert not camera._recent.any()


def test_a_clock_that_steps_back_begins_anew(settled):
    camera, street = settled
    assert watch(camera, (turned(street, 2) for _ in range(120)), 0.0) is None


def people(camera, tallness, number, sigma=0.08, seed=0, speed=1.2, frames=12):
    """So many walkers, one after the other, whose boxes are `tallness` times as high as expected."""
    rng = np.random.default_rng(seed)
    tracker = Tracker(sure=0.35)
    t = 0.0
    for _ in range(number):
        own = tallness * (1 + rng.normal(0, sigma))
        for k in range(frames):
            at = np.array([[speed * k / 5, 0.0]])
            tracks = tracker.update(Positions(at, 0.01 * np.eye(2)[None], np.array([0.9])), t)
            shown = np.where(tracks.seen, own * (1 + rng.normal(0, 0.04)), np.nan)
            camera.measure(replace(tracks, velocity=np.full((len(tracks), 2), speed / np.sqrt(2))), shown)
            t += 0.2
        t += 20.0  # long enough to be forgotten
        tracks = tracker.update(Positions.empty(), t)
        camera.measure(tracks, np.full(len(tracks), np.nan))


@pytest.mark.parametrize(("tallness", "expected"), [(1.0, GOOD), (1.05, GOOD), (0.8, SUSPECT), (1.25, SUSPECT)])
def test_walkers_of_the_wrong_height(tallness, expected):
    camera = MovedCamera(*SIZE)
    people(camera, tallness, PEOPLE + 5)
    assert camera.calibration == expected


def test_few_people_or_people_who_sit_say_nothing():
    camera = MovedCamera(*SIZE)
    people(camera, 0.7, PEOPLE - 5)
    assert camera.calibration == GOOD
    people(camera, 0.7, 2 * PEOPLE, speed=0.1)
    assert camera.calibration == GOOD


def street_of(test_data):
    capture = cv2.VideoCapture(str(test_data / "camera" / "pets09-s2l1" / "vtest.avi"))
    frame = Frame(576, 768)
    k = 0
    while capture.grab():
        if k % 10 == 0:
            ok, picture = capture.retrieve(frame.into(576, 768))
            assert ok
            yield picture.copy()
        k += 1


def test_the_recorded_street_turned_by_two_degrees(test_data):
    pictures = list(street_of(test_data))
    assert len(pictures) == 80
    camera = MovedCamera(768, 576)
    assert watch(camera, pictures) is None
    first = watch(camera, (turned(p, 2) for p in pictures), 80.0)
    assert first is not None
    assert first < 60


def undisturbed(pictures, seconds):
    for k in range(seconds):
        yield light(pictures[k % len(pictures)], k)


def test_five_minutes_of_the_recorded_street_in_changing_light(test_data):
    assert watch(MovedCamera(768, 576), undisturbed(list(street_of(test_data)), 300)) is None


@pytest.mark.slow
def test_an_hour_of_the_recorded_street_in_changing_light(test_data):
    assert watch(MovedCamera(768, 576), undisturbed(list(street_of(test_data)), 3600)) is None
