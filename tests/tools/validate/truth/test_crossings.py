"""Crowds with exact truth through tracker, zones and lines: a short form of `make crowds`."""

from dataclasses import replace

import numpy as np
import pytest

from drukte.config.zones import Zone
from drukte.sense.geometry.view import View
from drukte.sense.people import Positions
from drukte.sense.reduction.zones import ZoneCounter
from drukte.sense.tracking.track import Tracker
from drukte_tools.validate.truth import crowds
from drukte_tools.validate.truth.crossings import _matched, check, grid, table
from drukte_tools.validate.truth.crowds import Scene

REACHES = (0.2, 0.4, 2.0)
"""How far beyond a line people get who do not cross it, who just do, and who clearly do, m: its margin is 0.3 m."""


def walking(ways: list[np.ndarray]) -> Scene:
    """People who walk these ways, five frames a second."""
    steps = max(len(way) for way in ways)
    ids = [np.array([i + 1 for i, way in enumerate(ways) if k < len(way)]) for k in range(steps)]
    xy = [np.array([way[k] for way in ways if k < len(way)]) for k in range(steps)]
    return Scene("made", np.arange(steps) / 5, ids, xy, np.array([(0.0, 0), (20, 0), (20, 10), (0, 10)]))


def test_truth_is_judged_person_by_person() -> None:
    there = np.column_stack([np.linspace(2, 18, 60), np.full(60, 5.0)])
    turning = np.column_stack([np.concatenate([np.linspace(2, 10.2, 30), np.linspace(10.2, 2, 30)]), np.full(60, 7.0)])
    scene = walking([there, np.add(there[::-1], (0, 1)), turning])
    entered, left = scene.crossing_times((10, 0), (10, 10), 0.3)
    assert (len(entered), len(left)) == (1, 1)
    assert abs(entered[0] - 6) < 0.5


def test_what_is_left_over_on_either_side_is_wrong() -> None:
    assert _matched([1.0, 5.0, 60.0], [5.2, 30.0]) == 1
    assert _matched([1.0, 2.0], [1.1, 2.1]) == 2
    assert _matched([], [1.0]) == 0


def test_a_crossing_that_noise_decides_is_neither_clear_nor_impossible() -> None:
    to = {
        reach: np.column_stack([np.linspace(2, 10 + reach, 60), np.full(60, y)])
        for reach, y in zip(REACHES, (2, 5, 8), strict=True)
    }
    outcome = check(walking(list(to.values())), [((10.0, 0.0), (10.0, 10.0))])
    assert (outcome.true, outcome.clear) == (2, 1)
    assert (outcome.clear_missed, outcome.impossible) == (0, 0)


def test_parts_that_follow_each_other_are_one_scene() -> None:
    there = np.column_stack([np.linspace(0.2, 19.8, 60), np.full(60, 5.0)])
    first = walking([there, np.add(there[::-1], (0, 2))])
    second = replace(first, times=first.times + 12.0)
    line = [((10.0, 0.0), (10.0, 10.0))]
    one, both = check(first, line), check(iter([first, second]), line)
    assert (one.true, both.true) == (2, 4)
    assert both.found == 4
    assert both.balance == 0


def test_a_day_goes_on_from_hour_to_hour() -> None:
    night, later = crowds.day(1, [2, 3])
    assert night.times[0] == 2 * 3600
    assert later.times[0] == 3 * 3600
    assert len(night.ids[-1]) == 0


@pytest.mark.parametrize(("make", "line"), [(crowds.corridor, (10.0, 5.0)), (crowds.counter_flow, (8.0, 3.0))])
def test_a_simulated_stream_is_counted(make, line) -> None:  # type: ignore[no-untyped-def]
    x, top = line
    outcome = check(make(60.0, 1), [((x, 0.0), (x, top))])
    assert outcome.true > 30
    assert outcome.off <= 0.05
    assert outcome.mae <= 0.5


def test_recorded_walkers_are_counted(test_data) -> None:  # type: ignore[no-untyped-def]
    path = test_data / "geometry" / "eth-ucy" / "UCY" / "zara01" / "obsmat.txt"
    scene = crowds.recorded(path, 25.0, "zara01")
    short = Scene(scene.name, scene.times[:600], scene.ids[:600], scene.xy[:600], scene.ground)
    outcome = check(short, grid(short)[:2])
    assert outcome.true > 20
    assert outcome.off <= 0.05
    assert "zara01" in table([outcome])


SQUARE = Zone.model_validate({"name": "z", "polygon": [[1, 1], [19, 1], [19, 9], [1, 9]]})


def counts(times: list[float], people: list[np.ndarray]) -> list[int]:
    """Occupancy of a zone after each frame."""
    view = View(np.array([(0.0, 0), (20, 0), (20, 10), (0, 10)]))
    tracker, zone = Tracker(view=view), ZoneCounter(SQUARE, view=view)
    out = []
    for t, xy in zip(times, people, strict=True):
        places = Positions(xy, np.broadcast_to(0.01 * np.eye(2), (len(xy), 2, 2)).copy(), np.full(len(xy), 0.8))
        out.append(zone.update(tracker.update(places, t), t).walkers)
    return out


@pytest.mark.parametrize("step", [5.0, 3600.0, -3600.0])
def test_a_gap_and_a_clock_step_change_no_occupancy(step: float) -> None:
    people = np.array([(5.0, 5.0), (8.0, 5.0), (12.0, 3.0)])
    times = [k / 5 for k in range(30)] + [30 / 5 + step + k / 5 for k in range(30)]
    assert counts(times, [people] * 60) == [3] * 60


def test_somebody_who_sits_for_twenty_minutes_is_one_person_all_along() -> None:
    rng = np.random.default_rng(1)
    sway = 0.1 * np.sin(np.cumsum(rng.normal(0, 0.2, (2400, 2)), axis=0))
    people = [np.array([[10.0, 5.0]]) + s if rng.random() > 0.1 else np.empty((0, 2)) for s in sway]
    people[0] = np.array([[10.0, 5.0]])
    assert set(counts([k / 2 for k in range(2400)], people)) == {1}
