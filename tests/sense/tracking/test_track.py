"""The tracker against the things that make counters drift, stick and multiply."""

import numpy as np
import pytest

from drukte.config.tracking import MAX_MEMORY, Tracking
from drukte.sense.geometry.view import View
from drukte.sense.people import RIDER, WALKER, Positions
from drukte.sense.tracking.track import Mode, Tracker

RATE = 5.0
ROOM = View(np.array([(-10, -10), (10, -10), (10, 10), (-10, 10)], float))


def seen(xy, scores=0.8, sigma=0.1, kinds=WALKER):
    xy = np.asarray(xy, float).reshape(-1, 2)
    n = len(xy)
    return Positions(xy, np.eye(2) * np.full((n, 1, 1), sigma**2), np.full(n, scores), np.full(n, kinds, np.uint8))


def run(tracker, frames, rate=RATE, start=0.0):
    """Tracks after each frame of positions (None: a frame that shows nobody)."""
    return [tracker.update(Positions.empty() if p is None else p, start + k / rate) for k, p in enumerate(frames)]


def counted(tracks):
    return [int(t.confirmed.sum()) for t in tracks]


def ids(tracks):
    return {i for t in tracks for i in t.ids[t.confirmed].tolist()}


def walk(start, velocity, seconds, rate=RATE, noise=0.0, rng=None):
    k = np.arange(int(seconds * rate))[:, None]
    way = np.asarray(start) + k / rate * np.asarray(velocity)
    return way if rng is None else way + rng.normal(0, noise, way.shape)


@pytest.mark.parametrize("rate", [2.0, 5.0, 30.0])
def test_a_walker_is_one_person_at_any_frame_rate(rate):
    rng = np.random.default_rng(1)
    way = walk((-5, 0), (1.4, 0), 7, rate, 0.1, rng)
    tracks = run(Tracker(view=ROOM), [seen(p) for p in way], rate)
    assert ids(tracks) == {1}
    assert counted(tracks)[-1] == 1
    late = tracks[-1]
    assert abs(late.velocity[0, 0] - 1.4) < 0.4


def test_whoever_is_there_at_the_start_counts_at_once():
    assert counted(run(Tracker(), [seen([(0, 0), (3, 0)])])) == [2]


def test_a_newcomer_counts_after_a_few_tenths_of_a_second_and_a_flash_never():
    frames = [None, seen((0, 0)), seen((0, 0)), seen((0, 0))]
    assert counted(run(Tracker(), frames)) == [0, 0, 1, 1]
    assert counted(run(Tracker(), [None, seen((0, 0)), *[None] * 10])) == [0] * 12


def test_weak_detections_begin_nobody_but_hold_somebody():
    assert counted(run(Tracker(), [None, *[seen((0, 0), 0.3)] * 30])) == [0] * 31
    held = counted(run(Tracker(), [seen((0, 0))] * 10 + [seen((0, 0), 0.34)] * 50))
    assert held[-1] == 1


def test_two_people_who_cross_stay_two_and_keep_their_ids():
    rng = np.random.default_rng(2)
    a, b = walk((-4, -0.4), (1.3, 0.1), 6, noise=0.1, rng=rng), walk((4, 0.4), (-1.3, -0.1), 6, noise=0.1, rng=rng)
    tracks = run(Tracker(view=ROOM), [seen(p) for p in np.stack([a, b], 1)])
    assert ids(tracks) == {1, 2}
    first, last = tracks[0], tracks[-1]
    assert first.xy[0, 0] < 0 < last.xy[last.ids == 1][0, 0]
    assert last.xy[last.ids == 2][0, 0] < 0 < first.xy[1, 0]


def test_hidden_for_three_seconds_is_still_one_person_all_along():
    way = walk((-6, 0), (1.2, 0), 10)
    frames = [seen(p) for p in way]
    frames[20:35] = [None] * 15
    tracks = run(Tracker(view=ROOM), frames)
    assert ids(tracks) == {1}
    assert counted(tracks)[0:] == [1] * 50


def test_hidden_while_turning_is_found_a_step_further():
    frames = [seen(p) for p in walk((-3, 0), (1.2, 0), 4)] + [None] * 8 + [seen((2.2, 1.4))] * 5
    assert ids(run(Tracker(view=ROOM), frames)) == {1}


def test_gone_for_good_is_given_up_after_the_memory():
    frames = [seen((0, 0))] * 20 + [None] * 40
    memory = Tracking().memory
    counts = counted(run(Tracker(view=ROOM), frames))
    gone = counts.index(0) / RATE - 19 / RATE
    assert memory < gone <= memory + 0.5


def test_the_memory_is_capped_in_code():
    settings = Tracking.model_construct(memory=3600.0)
    counts = counted(run(Tracker(settings), [seen((0, 0))] * 20 + [None] * 200))
    assert counts.index(0) / RATE <= MAX_MEMORY + 5


def test_who_walks_out_of_view_is_gone_at_once():
    way = walk((6, 0), (1.5, 0), 2.6)
    counts = counted(run(Tracker(view=ROOM), [seen(p) for p in way] + [None] * 5))
    assert counts[-1] == 0


def test_a_gap_of_five_seconds_neither_loses_nor_doubles_anybody():
    before = run(tracker := Tracker(view=ROOM), [seen((0, 0))] * 20)
    after = run(tracker, [seen((0.5, 0))] * 20, start=19 / RATE + 5.0)
    assert counted(before)[-1] == 1
    assert counted(after) == [1] * 20


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_clock_step_changes_no_count(step):
    people = seen([(0, 0), (3, 1)])
    before = run(tracker := Tracker(view=ROOM), [people] * 20)
    after = run(tracker, [people] * 20, start=20 / RATE + step)
    assert counted(before) + counted(after) == [2] * 40


def test_a_night_of_weaker_detections_keeps_the_people():
    day, night = [seen((0, 0), 0.8)] * 20, [seen((0, 0), 0.38)] * 20
    assert counted(run(Tracker(), day + night + day)) == [1] * 60


def test_frames_too_slow_to_follow_count_detections_and_say_so():
    tracker = Tracker()
    slow = run(tracker, [seen([(0, 0), (5, 5)])] * 10, rate=0.5)
    assert slow[-1].mode is Mode.DETECTIONS
    assert counted(slow) == [2] * 10
    fast = run(tracker, [seen([(0, 0), (5, 5)])] * 20, start=20.2)
    assert fast[-1].mode is Mode.TRACKS
    assert counted(fast) == [2] * 20


def test_one_late_frame_does_not_switch_the_mode():
    tracker = Tracker()
    run(tracker, [seen((0, 0))] * 10)
    assert tracker.update(seen((0, 0)), 9 / RATE + 8).mode is Mode.TRACKS


def test_two_boxes_of_one_body_are_one_person():
    rng = np.random.default_rng(3)
    way = walk((-4, 0), (1.3, 0), 6, noise=0.05, rng=rng)
    frames = [seen([p, p + np.array([0.3, 0.1])] if rng.random() < 0.6 else p) for p in way]
    assert max(counted(run(Tracker(view=ROOM), [None, *frames]))) == 1


def test_riders_are_told_by_their_detections():
    way = walk((-9, 0), (5, 0), 3)
    tracks = run(Tracker(view=ROOM), [seen(p, kinds=RIDER) for p in way])
    assert ids(tracks) == {1}
    assert tracks[-1].kinds.tolist() == [RIDER]


def test_a_crowd_larger_than_the_first_arrays():
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(15.0)), -1).reshape(-1, 2)
    tracks = run(Tracker(), [None, *[seen(grid + 0.02 * k) for k in range(8)]])
    assert counted(tracks)[-1] == 300
    assert tracks[-1].ids.tolist() == list(range(1, 301))


def test_false_alarms_all_over_the_place_are_nobody():
    rng = np.random.default_rng(4)
    counts = counted(run(Tracker(view=ROOM), [None, *[seen(rng.uniform(-9, 9, (1, 2)), 0.5) for _ in range(600)]]))
    assert np.mean(counts) < 0.02
