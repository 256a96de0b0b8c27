"""The benchmark of a crowd times every stage, and the crowd it makes is one that the tracker can follow."""

import math

import numpy as np
from tests.scenes import SITES

from drukte.config import load_site
from drukte.sense.tracking.track import Tracker
from drukte_tools.bench.crowd import DENSITY, RATE, STAGES, Crowd, measure, table


def test_every_stage_is_measured_and_shown() -> None:
    site = load_site(SITES / "demo-street.yaml")
    measured = [(n, measure(site, n, 10)) for n in (10, 40)]
    for _, spent in measured:
        assert {len(spent[name]) for name, _ in STAGES} == {10}
        assert np.allclose(spent["whole"], np.sum([spent[name] for name, _ in STAGES], axis=0))
        assert all(sum(spent[name]) > 0 for name, _ in STAGES)
    shown = table(measured)
    assert all(meaning in shown for _, meaning in STAGES)
    assert f"n log n: {40 * math.log(40) / (10 * math.log(10)):.2f}" in shown


def test_the_crowd_is_as_dense_as_said_and_is_followed() -> None:
    crowd = Crowd(40)
    assert math.isclose(40 / crowd.side**2, DENSITY)
    tracker = Tracker()
    counts = []
    for k in range(50):
        tracks = tracker.update(crowd.step(), k / RATE)
        counts.append(int(tracks.confirmed.sum()))
    assert abs(np.mean(counts[10:]) - 40) < 3
