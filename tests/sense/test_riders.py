"""Riders are told by the detector's own classes, how boxes lie over each other, and pace."""

from dataclasses import replace

import numpy as np
import pytest
from tests.sense.reduction.test_zones import tracks

from drukte.sense.people import BICYCLE, MOTORCYCLE, PERSON, RIDER, WALKER, Detections
from drukte.sense.riders import FAST_FOR, Pace, riding
from drukte.sense.tracking.tracks import Mode

RIDER_BOX = (100, 50, 140, 150)
BIKE_BOX = (85, 95, 155, 165)


def found(*boxes):
    """Detections from (kind, box) or (kind, box, score)."""
    return Detections(
        np.array([b[1] for b in boxes], np.float32).reshape(-1, 4),
        np.array([b[2] if len(b) > 2 else 0.8 for b in boxes], np.float32),
        np.array([b[0] for b in boxes], np.uint8),
    )


def split(*boxes):
    every = found(*boxes)
    return riding(every.select(every.kinds == PERSON), every).tolist()


@pytest.mark.parametrize("vehicle", [BICYCLE, MOTORCYCLE])
def test_who_sits_on_a_vehicle_rides(vehicle):
    assert split((PERSON, RIDER_BOX), (vehicle, BIKE_BOX)) == [True]


@pytest.mark.parametrize(
    "vehicle",
    [
        (BICYCLE, (180, 95, 250, 165)),  # beside
        (BICYCLE, (85, 20, 155, 70)),  # behind, further away
        (BICYCLE, (20, 40, 300, 170)),  # a row of parked ones, of which the person hides little
        (BICYCLE, BIKE_BOX, 0.2),  # hardly seen
    ],
)
def test_who_is_near_one_does_not(vehicle):
    assert split((PERSON, RIDER_BOX), vehicle) == [False]


def test_a_vehicle_has_one_rider_and_two_boxes_of_it_are_one():
    passer = (130, 45, 165, 160)
    moped = tuple(np.add(BIKE_BOX, 3))
    assert sum(split((PERSON, RIDER_BOX), (PERSON, passer), (BICYCLE, BIKE_BOX), (MOTORCYCLE, moped))) == 1


def test_nobody_and_nothing():
    assert split() == []
    assert split((BICYCLE, BIKE_BOX)) == []
    assert split((PERSON, RIDER_BOX)) == [False]


def judged(speeds, kind, ids=(1,)):
    """Kinds of somebody who goes at these speeds, five times a second."""
    pace, x, out = Pace(), 0.0, []
    for k, speed in enumerate(speeds):
        x += speed / 5
        now = tracks((x, 0), ids, t=k / 5, velocity=(speed, 0), kinds=np.array([kind], np.uint8))
        out.append(int(pace.judge(now, k / 5).kinds[0]))
    return out


def test_who_pushes_a_bicycle_walks():
    assert set(judged([1.3] * 50, RIDER)) == {WALKER}


def test_who_rides_rides_and_still_does_at_the_lights():
    kinds = judged([5.0] * 20 + [0.0] * 50 + [4.0] * 10, RIDER)
    assert set(kinds) == {RIDER}


def test_who_waits_and_rides_off_is_a_rider_then():
    assert judged([0.0] * 10 + [3.0] * 5, RIDER)[-1] == RIDER


def test_a_jogger_is_on_foot_and_an_electric_scooter_is_not():
    assert set(judged([3.4] * 50, WALKER)) == {WALKER}
    kinds = judged([6.0] * 20, WALKER)
    assert kinds[-1] == RIDER
    assert kinds.count(WALKER) <= FAST_FOR * 5 + 1


def test_a_box_that_jumps_once_makes_no_rider():
    assert set(judged([1.2] * 10 + [7.0] * 2 + [1.2] * 10, WALKER)) == {WALKER}


def test_a_new_person_in_an_old_row_begins_anew():
    pace = Pace()
    for k, who in enumerate([1] * 10 + [2] * 3):
        now = tracks((0, 0), (who,), velocity=(6.0 if who == 1 else 1.0, 0), kinds=np.array([RIDER], np.uint8))
        kind = pace.judge(now, k / 5).kinds[0]
    assert kind == WALKER


def test_where_nobody_can_be_followed_the_picture_decides():
    now = tracks((0, 0), mode=Mode.DETECTIONS, kinds=np.array([RIDER], np.uint8))
    assert Pace().judge(now, 0.0).kinds.tolist() == [RIDER]


def test_many_people():
    n = 200
    now = tracks(np.zeros((n, 2)), np.arange(1, n + 1), velocity=(3.0, 0), kinds=np.full(n, RIDER, np.uint8))
    pace = Pace()
    assert set(pace.judge(now, 0.0).kinds.tolist()) == {RIDER}
    assert len(pace.judge(replace(now), 0.2)) == n
