"""Zones and lines, with exact tracks of which every number is known."""

import numpy as np
import pytest

from drukte.config.zones import Zone
from drukte.sense.geometry.view import View
from drukte.sense.people import RIDER, WALKER
from drukte.sense.reduction.zones import ZoneCounter
from drukte.sense.tracking.tracks import Mode, Tracks

ZONE = Zone.model_validate(
    {
        "name": "square",
        "polygon": [[-5, -5], [5, -5], [5, 5], [-5, 5]],
        # from south to north, so that left to right ('in') is walking east
        "lines": [{"name": "middle", "from": [0, -3], "to": [0, 3]}],
    }
)
VIEW = View(np.array([(-20, -20), (20, -20), (20, 20), (-20, 20)], float))
RATE = 5.0


def tracks(xy, ids=(1,), t=0.0, velocity=(0.0, 0.0), **changes):
    xy = np.asarray(xy, float).reshape(-1, 2)
    n = len(xy)
    given = {
        "ids": np.asarray(ids, np.int64)[:n],
        "slots": np.arange(n),
        "xy": xy,
        "cov": np.eye(2) * np.full((n, 1, 1), 0.05**2),
        "velocity": np.broadcast_to(np.asarray(velocity, float), (n, 2)),
        "confirmed": np.ones(n, bool),
        "seen": np.ones(n, bool),
        "leapt": np.zeros(n, bool),
        "scores": np.full(n, 0.8),
        "kinds": np.full(n, WALKER, np.uint8),
        "born": np.zeros(n),
        "last_seen": np.full(n, t),
        "source": np.arange(n),
    }
    return Tracks(**(given | changes))


def nobody():
    return tracks(np.empty((0, 2)), ids=())


def follow(way, counter=None, start=0.0, **changes):
    counter = counter or ZoneCounter(ZONE, view=VIEW)
    return [
        counter.update(tracks(p, t=start + k / RATE, **changes), start + k / RATE)
        for k, p in enumerate(np.atleast_2d(way))
    ]


def crossings(states):
    return sum(s.flows[0].entered for s in states), sum(s.flows[0].left for s in states)


def path(*corners, speed=1.25):
    """A walk along straight pieces."""
    out = []
    for a, b in zip(np.array(corners[:-1], float), np.array(corners[1:], float), strict=True):
        n = max(int(np.hypot(*(b - a)) / speed * RATE), 1)
        out.append(a + (b - a) * np.arange(n)[:, None] / n)
    return np.concatenate([*out, np.array(corners[-1:], float)])


def test_a_walk_through_counts_in_out_and_once_over_the_line():
    states = follow(path((-8, 0), (8, 0)))
    assert sum(s.entered for s in states) == sum(s.left for s in states) == 1
    assert sum(s.appeared + s.vanished for s in states) == 0
    assert crossings(states) == (1, 0)
    assert crossings(follow(path((8, 0), (-8, 0)))) == (0, 1)


def test_in_minus_out_plus_found_minus_lost_is_the_change_of_occupancy():
    rng = np.random.default_rng(0)
    counter = ZoneCounter(ZONE, view=VIEW)
    xy, ids, following = rng.uniform(-7, 7, (12, 2)), np.arange(1, 13), 13
    balance, before = 0, 0
    for k in range(600):
        xy = xy + rng.normal(0, 0.35, xy.shape)
        if rng.random() < 0.1:
            gone = rng.integers(12)
            xy[gone], ids[gone], following = rng.uniform(-7, 7, 2), following, following + 1
        s = counter.update(tracks(xy, ids, t=k / RATE), k / RATE)
        balance += s.entered - s.left + s.appeared - s.vanished
        assert balance == s.staying - before
    assert before == 0


def test_swaying_over_the_edge_of_a_zone_is_one_stay():
    rng = np.random.default_rng(1)
    way = np.column_stack([5 + rng.uniform(-0.14, 0.14, 500), np.zeros(500)])
    states = follow(np.concatenate([path((0, 0), (4.8, 0)), way]))
    assert {s.staying for s in states[20:]} == {1}
    assert sum(s.entered for s in states) <= 1 and sum(s.left for s in states) == 0
    share = np.mean([s.walkers for s in states])
    assert 0.4 < share < 0.7  # half the time they are not there, and half the time is what counts


def test_an_hour_on_the_line_is_no_crossing():
    rng = np.random.default_rng(2)
    sway = np.cumsum(rng.normal(0, 0.05, (18_000, 2)), 0)
    sway = 0.25 * np.sin(sway) + rng.normal(0, 0.01, sway.shape)
    assert crossings(follow(np.concatenate([path((-4, 0), (0, 0)), sway]))) == (0, 0)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (path((-4, 0), (0.2, 0), (-4, 0)), (0, 0)),  # turns back on the line
        (path((-4, 0), (2, 0), (-4, 0)), (1, 1)),  # crosses, and crosses back
        (path((-0.2, -4), (0.2, -1), (-0.2, 1), (0.2, 4)), (0, 0)),  # walks along it
        (path((-2, 2), (-1, 4), (1, 4), (2, 2)), (0, 0)),  # walks around its end
        (path((-2, -2.5), (2, 2.5)), (1, 0)),  # crosses it at a slant
    ],
)
def test_what_is_a_crossing(way, expected):
    assert crossings(follow(way)) == expected


def test_lost_before_the_line_and_found_behind_it_counts_once():
    counter = ZoneCounter(ZONE, view=VIEW)
    states = [
        counter.update(tracks(p, seen=np.array([abs(p[0]) > 1.2])), k / RATE)
        for k, p in enumerate(path((-4, 0), (4, 0)))
    ]
    assert crossings(states) == (1, 0)


def test_found_again_without_knowing_how_is_no_crossing():
    counter = ZoneCounter(ZONE, view=VIEW)
    states = [counter.update(tracks((-1, 0)), 0.0), counter.update(tracks((1, 0), leapt=np.array([True])), 2.0)]
    states += [counter.update(tracks((1 + 0.2 * k, 0)), 2 + k / RATE) for k in range(10)]
    assert crossings(states) == (0, 0)


@pytest.mark.parametrize(
    ("before", "to", "velocity", "expected"),
    [
        ((1.2, 0.0), (0.6, 0.1), (1.2, 0.0), (1, 0)),  # a step further, and walking on
        ((1.2, 0.0), (0.6, 0.1), (-1.2, 0.0), (0, 0)),  # they walk the other way: somebody who came from there
        ((1.2, 0.0), (0.6, 0.1), (0.1, 0.0), (0, 0)),  # they stand there
        ((1.2, 0.0), (2.4, 0.1), (1.2, 0.0), (0, 0)),  # too far
        ((1.2, 0.0), (0.6, 4.0), (1.2, 0.0), (0, 0)),  # around its end
        ((0.0, 0.0), (0.6, 0.1), (1.2, 0.0), (0, 0)),  # they stood when they were lost: somebody else walks there
    ],
)
def test_a_leap_over_the_line_is_a_crossing_if_it_is_a_step_on_the_way(before, to, velocity, expected):
    counter = ZoneCounter(ZONE, view=VIEW)
    states = [counter.update(tracks((-0.8, 0), velocity=before), 0.0)]
    leapt = np.array([True])
    states.append(counter.update(tracks(to, velocity=velocity, leapt=leapt), 0.6))
    states += [counter.update(tracks(to, velocity=velocity), 0.8 + k / RATE) for k in range(3)]
    assert crossings(states) == expected


def test_a_crossing_before_somebody_counts_is_not_lost():
    way = path((-1, 0), (4, 0))
    counter = ZoneCounter(ZONE, view=VIEW)
    states = [counter.update(tracks(p, confirmed=np.array([k > 8])), k / RATE) for k, p in enumerate(way)]
    assert crossings(states) == (1, 0)
    counter = ZoneCounter(ZONE, view=VIEW)
    states = [counter.update(tracks(p, confirmed=np.array([False])), k / RATE) for k, p in enumerate(way)]
    assert crossings(states) == (0, 0)
    assert {s.walkers for s in states} == {0}


def test_vague_positions_must_be_further_beyond_the_line():
    way = np.column_stack([np.where(np.arange(40) % 2, 0.5, -0.5), np.zeros(40)])
    assert sum(crossings(follow(way))) > 30
    assert crossings(follow(way, cov=np.eye(2)[None] * 0.3**2)) == (0, 0)


def test_riders_are_counted_apart():
    states = follow(path((-8, 0), (8, 0), speed=5), kinds=np.array([RIDER], np.uint8))
    assert max(s.riders for s in states) == 1
    assert max(s.walkers for s in states) == 0
    assert crossings(states) == (0, 0)
    assert sum(s.flows[0].riders_entered for s in states) == 1
    assert sum(s.walking for s in states) == 0


def test_speed_is_of_those_who_walk():
    counter = ZoneCounter(ZONE, view=VIEW)
    s = counter.update(tracks([(0, 0), (1, 1)], (1, 2), velocity=[(1.2, 0), (0.1, 0)]), 0.0)
    assert (s.walking, s.speed_sum) == (1, 1.2)


def test_lost_inside_is_vanished_and_lost_at_the_edge_has_left():
    counter = ZoneCounter(ZONE, view=VIEW)
    follow(path((-8, 0), (0, 0)), counter)
    assert counter.update(nobody(), 9.0).vanished == 1
    follow(path((-8, 0), (4.6, 0)), counter, start=20.0, ids=(2,))
    s = counter.update(nobody(), 40.0)
    assert (s.vanished, s.left, s.walkers) == (0, 1, 0)


def test_plain_detections_count_heads_and_nothing_else():
    counter = ZoneCounter(ZONE, view=VIEW)
    s = [
        counter.update(tracks([(x, 0), (9, 0)], (2 * k + 1, 2 * k + 2), mode=Mode.DETECTIONS), 2.0 * k)
        for k, x in enumerate([-2, 2, -2, 2])
    ]
    assert [x.walkers for x in s] == [1] * 4
    assert crossings(s) == (0, 0)
    assert sum(x.entered + x.left + x.appeared + x.vanished + x.stays.sum() for x in s) == 0


def stay(seconds, gap=None):
    """Classes of the stays of somebody who walks in, stands for so long, and walks out."""
    counter = ZoneCounter(ZONE, view=VIEW)
    t, total = 0.0, np.zeros(4, np.int64)
    way = np.concatenate([path((-8, 0), (0, 0)), np.zeros((int(seconds * RATE), 2)), path((0, 0), (8, 0))])
    identity = 1
    for k, p in enumerate(way):
        t = k / RATE
        if gap and abs(k - len(way) // 2) < gap / 2 * RATE:
            total += counter.update(nobody(), t).stays
            identity = 2
            continue
        total += counter.update(tracks(p, (identity,), t=t, born=np.array([t])), t).stays
    for k in range(200):
        total += counter.update(nobody(), t + k / RATE).stays
    return total.tolist()


@pytest.mark.parametrize(
    ("seconds", "classes"), [(20, [1, 0, 0, 0]), (120, [0, 1, 0, 0]), (600, [0, 0, 1, 0]), (1200, [0, 0, 0, 1])]
)
def test_stays_by_class(seconds, classes):
    assert stay(seconds) == classes


def test_a_stay_survives_being_lost_for_a_moment():
    assert stay(1200, gap=6) == [0, 0, 0, 1]


def test_a_stay_does_not_survive_a_longer_absence():
    assert sum(stay(1200, gap=40)) == 2


def test_the_visible_part_of_a_zone():
    assert ZoneCounter(ZONE).visible_area == 100
    half = View(np.array([(0, -20), (20, -20), (20, 20), (0, 20)], float))
    assert ZoneCounter(ZONE, view=half).visible_area == 50


def test_many_people_are_more_than_the_first_arrays_hold():
    counter = ZoneCounter(ZONE, view=VIEW)
    xy = np.random.default_rng(0).uniform(-4.5, 4.5, (300, 2))
    assert counter.update(tracks(xy, np.arange(1, 301)), 0.0).walkers == 300
    assert counter.update(tracks(xy + 0.01, np.arange(1, 301)), 0.2).walkers == 300
