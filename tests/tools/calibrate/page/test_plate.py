"""A picture of the place with nobody in it."""

import numpy as np

from drukte.config.source import Model, VideoSource
from drukte_tools.calibrate.page.plate import GREY, VOTES, Plate
from drukte_tools.calibrate.page.watch import Watcher

NOBODY = np.empty((0, 4))


def scene(rng: np.random.Generator, walker: int | None) -> np.ndarray:
    picture = np.full((90, 160, 3), (60, 110, 90), np.float64)
    picture[:, 80:] = (150, 140, 130)
    if walker is not None:
        picture[30:70, walker : walker + 14] = (20, 20, 200)
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def test_a_walker_whom_the_detector_never_sees_is_not_on_the_plate() -> None:
    rng, plate = np.random.default_rng(0), Plate(90, 160)
    for i in range(60):
        plate.add(scene(rng, (i * 5) % 180 - 20 if i % 3 else None) if i % 3 else scene(rng, None), NOBODY)
    assert plate.resolved > 0.95
    shown = plate.picture().astype(int)
    assert not (shown[:, :, 2] > 170).any()


def test_who_stands_still_in_a_box_stays_grey() -> None:
    rng, plate = np.random.default_rng(0), Plate(90, 160)
    for _ in range(40):
        plate.add(scene(rng, 40), np.array([[40.0, 30, 54, 70]]))
    assert (plate.picture()[30:70, 40:54] == GREY).all()
    assert 0.5 < plate.resolved < 1


def test_nothing_is_shown_before_it_was_seen_empty_often_enough() -> None:
    rng, plate = np.random.default_rng(0), Plate(90, 160)
    for _ in range(VOTES):
        plate.add(scene(rng, None), NOBODY)
    assert (plate.picture() == GREY).all()
    for _ in range(2):
        plate.add(scene(rng, None), NOBODY)
    assert plate.resolved > 0.99


def test_who_is_found_on_the_plate_itself_is_made_grey() -> None:
    rng, plate = np.random.default_rng(0), Plate(90, 160)
    for _ in range(30):
        plate.add(scene(rng, 40), NOBODY)
    assert (plate.picture()[40:60, 42:52, 2] > 150).all()
    assert plate.search(lambda _: np.array([[40.0, 30, 54, 70]])) == 1
    assert (plate.picture()[30:70, 40:54] == GREY).all()


def test_wiped_means_every_byte() -> None:
    rng, plate = np.random.default_rng(0), Plate(90, 160)
    for _ in range(30):
        plate.add(scene(rng, None), NOBODY)
    plate.wipe()
    assert not plate._value.any() and not plate._votes.any() and not plate._before.any() and not plate._blur.any()
    assert (plate.picture() == GREY).all()


def test_the_recorded_road_is_resolved_within_a_minute(test_data, model_store) -> None:
    """Half a minute of it is enough: 96 % are resolved after 15 s, 99 % after 30 s."""
    source = VideoSource(kind="video", path="vtest.avi", rate="max")
    with Watcher(source, Model(threads=1), test_data / "camera/pets09-s2l1") as watcher:
        plate = watcher.plate(20, lambda *_: None)
        try:
            assert plate.resolved >= 0.95
            assert len(watcher.people(plate.picture())) == 0
        finally:
            plate.wipe()
