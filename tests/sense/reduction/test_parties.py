"""People who walk together, told apart from those who pass, follow, wait or stand about."""

import numpy as np
import pytest

from drukte.sense.people import Positions
from drukte.sense.reduction.parties import AWHILE, Parties
from drukte.sense.tracking.smooth import Smoother
from drukte.sense.tracking.track import Tracker

RATE = 5.0


def parties(*ways, sigma=0.12, seed=0):
    """[(t, party number of each way's person or -1)] as the device finds them from noisy detections."""
    rng = np.random.default_rng(seed)
    tracker, smoother, found = Tracker(sure=0.35), Smoother(), Parties()
    ways = np.stack(ways)
    out, frames = [], []
    for k in range(ways.shape[1]):
        xy = ways[:, k] + rng.normal(0, sigma, (len(ways), 2))
        positions = Positions(
            xy, np.broadcast_to(sigma**2 * np.eye(2), (len(ways), 2, 2)).copy(), np.full(len(ways), 0.8)
        )
        frames += smoother.update(tracker.update(positions, k / RATE), positions, k / RATE)
    for t, tracks in frames + smoother.flush():
        numbers = found.update(tracks, t)
        there = ways[:, round(t * RATE)]
        whose = np.hypot(*(tracks.xy[None] - there[:, None]).transpose(2, 0, 1)).argmin(axis=1)
        out.append((t, numbers[whose].tolist()))
    return out


def straight(start, speed, n=70):
    return np.array(start) + np.arange(n)[:, None] / RATE * np.array(speed)


@pytest.mark.parametrize("seed", range(5))
def test_a_couple_is_found_after_a_while_and_stays_one(seed):
    out = parties(straight((0, 0), (1.3, 0)), straight((0, 0.8), (1.3, 0.02)), straight((0, 6), (1.3, 0)), seed=seed)
    for t, (a, b, c) in out:
        assert c == -1
        if t < AWHILE - 0.5:
            assert a == b == -1
        if t > AWHILE + 3:
            assert a == b >= 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "other",
    [straight((16, 1), (-1.3, 0)), straight((-3.5, 0.9), (1.75, 0)), straight((8, -8), (0, 1.2))],
    ids=["towards each other", "overtaking", "crossing"],
)
def test_who_passes_is_a_stranger(other, seed):
    out = parties(straight((0, 0), (1.3, 0)), other, seed=seed)
    assert all(numbers == [-1, -1] for _, numbers in out)


def test_a_queue_is_no_party():
    out = parties(*(straight((0.8 * k, 0), (0, 0)) for k in range(4)), sigma=0.05)
    assert all(set(numbers) == {-1} for _, numbers in out)


def test_a_couple_that_stops_stays_one_and_parts_when_it_parts():
    walk, stop = straight((0, 0), (1.2, 0), 50), np.repeat([[1.2 * 49 / RATE, 0.0]], 25, axis=0)
    away = stop[:25] - straight((0, 0), (0, 1.3), 25)
    one = np.concatenate([walk, stop, stop])
    two = np.concatenate([walk, stop, away]) - np.array([0.0, 0.7])
    out = parties(one, two, sigma=0.05)
    standing = [numbers for t, numbers in out if 10.5 < t < 14.5]
    assert all(a == b >= 0 for a, b in standing)
    assert out[-1][1] == [-1, -1]


def test_three_in_a_row_are_one_party_round_a_corner():
    turn = np.minimum(np.arange(90) / 90 * np.pi / 2, np.pi / 2)
    ways = [np.column_stack([r * np.sin(turn), r * np.cos(turn)]) for r in (13.0, 13.8, 14.6)]
    out = parties(*ways, sigma=0.05)
    a, b, c = out[-5][1]
    assert a == b == c >= 0


def test_new_owners_of_a_slot_inherit_nothing():
    found = Parties()
    couple = [straight((0, 0), (1.3, 0)), straight((0, 0.8), (1.3, 0))]
    tracker = Tracker(sure=0.35)
    numbers = None
    for k in range(70):
        xy = np.stack([w[k] for w in couple])
        positions = Positions(xy, np.broadcast_to(1e-4 * np.eye(2), (2, 2, 2)).copy(), np.full(2, 0.9))
        tracks = tracker.update(positions, k / RATE)
        numbers = found.update(tracks, k / RATE)
    assert numbers[0] == numbers[1] >= 0
    tracks.ids = tracks.ids + 100
    assert found.update(tracks, 70 / RATE).tolist() == [-1, -1]
