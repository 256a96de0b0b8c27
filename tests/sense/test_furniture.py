"""Signs go, people who sit stay: told apart by movements of less than a pixel, in changing light."""

from functools import partial

import cv2
import numpy as np
import pytest
from tests.sense.test_moved import place

from drukte.sense.edges import Edges
from drukte.sense.furniture import KEPT, LOST, Furniture
from drukte.sense.people import PERSON, Detections

SIZE = 140, 120
BOX = np.array([40.0, 10.0, 80.0, 110.0])
ASIDE, AROUND = np.array([58, 0, 58, 0]), np.array([10, -4, 14, 8])
AFTER = 60.0
STREET = cv2.resize(place(), (2 * SIZE[0], 2 * SIZE[1]))[: SIZE[1], : SIZE[0]].astype(np.float32) * 0.8
NOISE = np.random.default_rng(1).normal(0, 2, (16, *STREET.shape)).astype(np.float32)


def changing(t):
    """Clouds."""
    return 1 + 0.2 * np.sin(2 * np.pi * t / 100)


def steady(_):
    return 1.0


class Scene:
    """One box at one place, twice a second, under noise; the detector's box jitters and follows the light."""

    def __init__(self, light=changing, still=True):
        self.rng = np.random.default_rng(0)
        self.light, self.still = light, still
        self.furniture = Furniture(AFTER)
        self.edges = Edges(*SIZE)
        self.t = 0.0
        # who sits shifts by half a pixel or so, in seconds
        way = np.cumsum(self.rng.normal(0, 0.3, (8000, 2)), axis=0)
        self.way = 0.7 * np.sin(way)

    def watch(self, seconds, boxes=BOX, seen=1.0):
        """The answer for the first box after each picture in which it is detected."""
        out = []
        for _ in range(int(2 * seconds)):
            light, shift = self.light(self.t), np.zeros(2) if self.still else self.way[int(self.t)]
            matrix = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])
            picture = cv2.warpAffine(STREET, matrix, SIZE, borderMode=cv2.BORDER_REFLECT) * light
            picture = np.clip(picture + NOISE[self.rng.integers(16)], 0, 255).astype(np.uint8)
            here = np.atleast_2d(boxes) + np.tile(shift, 2) + 4 * (light - 1)
            here = here + self.rng.normal(0, 0.5, here.shape)
            if self.rng.random() >= seen:
                here = here[:0]
            found = Detections(here.astype(np.float32), np.full(len(here), 0.7, np.float32), np.full(len(here), PERSON))
            answer = self.furniture.things(partial(self.edges.measure, picture), found, self.t)
            out += answer[:1].tolist()
            self.t += 0.5
        return out


def test_a_sign_is_a_person_for_a_time_and_then_a_thing():
    answers = Scene().watch(300)
    assert not any(answers[: int(2 * AFTER)])
    assert all(answers[-100:])


def test_in_steady_light_it_takes_three_times_as_long():
    answers = Scene(steady).watch(4 * AFTER)
    assert not any(answers[: int(6 * AFTER)])
    assert answers[-1]


@pytest.mark.parametrize("light", [changing, steady])
def test_somebody_who_sits_for_twenty_minutes_stays_a_person(light):
    assert not any(Scene(light, still=False).watch(1200))


def test_a_sign_that_is_seen_now_and_then_is_a_thing_too():
    assert Scene().watch(900, seen=0.6)[-1]


def test_a_person_in_front_of_a_known_sign_counts():
    scene = Scene()
    assert scene.watch(300)[-1]
    assert not any(scene.watch(5, boxes=BOX + AROUND))
    assert scene.watch(5)[-1]


def test_a_neighbour_of_a_known_sign_counts():
    scene = Scene()
    scene.watch(300)
    both = np.array([BOX + ASIDE, BOX])
    assert not any(scene.watch(5, boxes=both))


def test_the_scene_changed_and_all_is_forgotten():
    scene = Scene()
    assert scene.watch(300)[-1]
    scene.furniture.forget()
    assert not scene.watch(10)[-1]
    for name, value in vars(scene.furniture).items():
        if name in ("_before",):
            assert not value.any(), name


def test_a_thing_that_is_gone_is_forgotten_after_an_hour_and_a_candidate_after_minutes():
    scene = Scene()
    scene.watch(300)
    scene.t += KEPT / 2
    assert scene.watch(2)[-1]
    scene.t += KEPT + 10
    assert not scene.watch(2)[-1]
    scene = Scene()
    scene.watch(AFTER)
    scene.t += LOST + 10
    assert not any(scene.watch(AFTER))


def test_somebody_who_begins_to_move_counts_again():
    scene = Scene()
    assert scene.watch(300)[-1]
    scene.still = False
    assert not any(scene.watch(120)[-20:])


def test_pixels_are_never_kept():
    scene = Scene()
    scene.watch(60)
    assert not scene.edges._scratch.any()
    assert not scene.edges._edges.any()
    scene.furniture.wipe()
    assert not any(v.any() for v in vars(scene.furniture).values() if isinstance(v, np.ndarray))


def test_more_boxes_than_are_followed():
    boxes = np.array([[x, y, x + 6, y + 12] for x in range(0, 130, 9) for y in range(0, 108, 14)], float)
    scene = Scene()
    assert not any(scene.watch(30, boxes=boxes))
