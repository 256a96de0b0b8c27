"""Who stops, who is passed, and who was there already: what a radar's people must not be taken for."""

import numpy as np

from drukte.sense.detect.echo_beliefs import Beliefs, EchoSettings
from drukte.sense.detect.echo_tracks import NOBODY, STOPPED, Tracks

PERIOD = 0.055
STILL = 0.7
SURE = 0.01 * np.eye(2)[None]


def walking(tracks: Tracks, start: tuple[float, float], velocity: tuple[float, float], seconds: float) -> np.ndarray:
    """Begin somebody, let them walk with exact echoes, and return where the last one was."""
    place, v = np.array([start], float), np.array(velocity)
    first = tracks.time if np.isfinite(tracks.time) else 0.0
    tracks.predict(first, STILL)
    which = np.array([len(tracks)])
    tracks.add(place, SURE, np.array([0.0]), np.array([20.0]))
    for k in range(1, round(seconds / PERIOD)):
        tracks.predict(first + k * PERIOD, STILL)
        place = np.array([start]) + v * k * PERIOD
        radial = np.array([place[0] @ v / np.linalg.norm(place[0])])
        tracks.update(which, place, SURE, radial, np.array([20.0]))
    tracks.confirmed[which] = True
    return place[0]


def test_who_stops_stands_where_the_last_echo_was() -> None:
    # Across the line of sight, where a stop looks like walking on.
    tracks = Tracks()
    last = walking(tracks, (-2.0, 2.5), (1.3, 0.0), 1.5)
    start = tracks.time
    for k in range(1, 40):
        tracks.predict(start + k * PERIOD, STILL)
        if tracks.unseen()[0] > STOPPED + PERIOD:
            assert np.linalg.norm(tracks.xy[0] - last) < 0.15
            assert tracks.speed[0] == 0
    assert tracks.unseen()[0] > 1.5


def test_who_is_out_of_sight_may_walk_on() -> None:
    tracks = Tracks()
    last = walking(tracks, (-2.0, 2.5), (1.3, 0.0), 1.5)
    tracks.hidden[:] = True
    start = tracks.time
    for k in range(1, 19):
        tracks.predict(start + k * PERIOD, STILL)
    assert tracks.x[0, 0] > last[0] + 0.3


def test_who_stands_takes_no_echo_of_who_walks_by() -> None:
    tracks = Tracks()
    walking(tracks, (0.0, 3.0), (0.0, 0.0), 1.0)
    for _ in range(20):
        tracks.predict(tracks.time + PERIOD, STILL)
    passing = walking(tracks, (-1.0, 2.7), (1.2, 0.0), 0.8)
    spread = 0.05 * np.eye(2)[None].repeat(2, axis=0)
    # Between both, and nearer to the one who stands.
    echoes = np.array([passing, [0.6 * passing[0], 2.8]])
    who, _ = tracks.assign(echoes, spread)
    assert who.tolist() == [1, 1]
    who, _ = tracks.assign(np.array([[0.1, 3.3], [0.0, 6.0]]), spread)
    assert who.tolist() == [0, NOBODY]


def test_who_was_there_while_another_was_still_seen_is_not_that_other() -> None:
    tracks = Tracks()
    beliefs = Beliefs(EchoSettings(), tracks)
    for at in ((0.0, 3.0), (0.5, 3.3)):
        walking(tracks, at, (0.0, 0.0), 0.2)
    tracks.alone[:] = 2.0
    for k in range(32):
        tracks.predict(tracks.time + PERIOD, STILL)
        # Both give echoes for more than half a second, then only the one who came last.
        seen = [0, 1] if k < 12 else [1]
        places = np.array([[0.0, 3.0], [0.5 + 0.02 * k, 3.3]])[seen]
        some = np.full(len(seen), 0.1)
        tracks.update(np.array(seen), places, SURE.repeat(len(seen), axis=0), some, 200 * some)
        beliefs.judge(PERIOD)
    assert len(tracks) == 2
