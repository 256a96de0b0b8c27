"""One body detected twice."""

import numpy as np

from drukte.sense.people import Positions
from drukte.sense.tracking.twins import twins


def positions(xy, scores, sigma=0.05):
    return Positions(np.array(xy, float), np.eye(2) * np.full((len(xy), 1, 1), sigma**2), np.array(scores, float))


def test_the_less_sure_of_two_in_one_place_is_the_twin():
    assert twins(positions([(0, 0), (0.3, 0), (2, 0)], [0.5, 0.8, 0.9])).tolist() == [True, False, False]


def test_a_couple_side_by_side_are_two():
    assert not twins(positions([(0, 0), (0.6, 0)], [0.5, 0.8])).any()


def test_vague_positions_need_more_room():
    assert twins(positions([(0, 0), (0.6, 0)], [0.5, 0.8], sigma=0.4)).tolist() == [True, False]


def test_nobody_and_one():
    assert twins(Positions.empty()).tolist() == []
    assert twins(positions([(0, 0)], [0.4])).tolist() == [False]
