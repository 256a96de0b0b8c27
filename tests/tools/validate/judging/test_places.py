"""Places and levels against people whose places are known; thresholds against a detector that is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.scenes import SITES
from tests.tools.validate.judging.test_counting import sample

from drukte.config import load_site
from drukte.sample.container import Candidate, Header, Person
from drukte.sense.geometry.calibration import ground_from
from drukte_tools.validate.judging.opened import Opened
from drukte_tools.validate.judging.places import level_figures, level_of, place_figures, placed
from drukte_tools.validate.judging.settled import Counted
from drukte_tools.validate.judging.threshold import threshold_figures
from drukte_tools.validate.report.intervals import design

STREET = load_site(SITES / "demo-street.yaml")
GROUND = ground_from(STREET.ground, Path()).for_picture(768, 576)


def picture(index: int, hand: np.ndarray, device: np.ndarray, **more: object) -> Counted:
    header = sample(index).header.model_copy(
        update={
            "size": (768, 576),
            "ground": json.loads(STREET.ground.model_dump_json()),
            "people": [Person(xy=tuple(xy), box=None) for xy in device.tolist()],
            "count": len(device),
            "closeness": (1.8, 1.5),
            **more,
        }
    )
    marks = GROUND.to_pixels(hand)[0]
    return Counted(Opened(header, b""), marks, marks, marks)


def people(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.column_stack([rng.uniform(-12, -2, n), rng.uniform(-12, 0, n)])


def test_who_is_missed_far_away_and_how_far_off_the_rest_are() -> None:
    rng = np.random.default_rng(1)
    foot = GROUND.pose.centre[:2]
    pictures = []
    for i in range(30):
        hand = people(rng, 6)
        seen = np.hypot(*(hand - foot).T) < 27
        pictures.append(picture(i, hand, hand[seen] + (0.3, 0.0)))
    got = place_figures(placed(pictures))
    assert got["people_marked"] == 180
    assert got["people_false"] == 0
    assert got["place_error_median_m"] == pytest.approx(0.3, abs=0.02)
    shares = [b["found_share"]["value"] for b in got["by_distance"]]
    assert shares[0] == 1
    assert shares[-1] < 0.5
    assert sum(b["marked"] for b in got["by_distance"]) == 180
    assert sum(b["found"] for b in got["by_distance"]) == got["people_found"] < 180


def test_levels_by_hand_against_the_device() -> None:
    a, b, far = (-8.0, -6.0), (-8.0, -4.4), (-4.0, -9.0)
    hand = np.array([a, b, far])
    assert level_of(hand, (1.8, 1.5)).tolist() == [1, 1, 0]
    closer = np.array([a, (-8.0, -4.6), far])
    levels = {"safe": 1.0, "low_risk": 0.0, "high_risk": 2.0, "undetermined": 0.0}
    got = level_figures(placed([picture(0, hand, closer, levels=levels), picture(1, hand, hand[:1], levels=levels)]))
    assert got["matrix"] == [[1, 0, 0, 1], [1, 0, 2, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert got["same_level"] == pytest.approx(1 / 4)
    assert got["hand_mean"] == {"safe": 1.0, "low_risk": 2.0, "high_risk": 0.0}
    assert got["device_mean"]["high_risk"] == 2.0


def test_heads_give_no_metres() -> None:
    spots = np.array([(-8.0, -6.0)])
    assert placed([picture(0, spots, spots, mark="head")]) == []


def headers(rng: np.random.Generator, true: np.ndarray, threshold: float) -> list[Header]:
    """A detector that scores people above 0.5 and ghosts below it."""
    made = []
    for i, n in enumerate(true):
        scores = [*rng.uniform(0.5, 0.9, n), *rng.uniform(0.1, 0.5, 4)]
        candidates = [Candidate(xy=(0, 0), score=round(float(s), 4)) for s in scores]
        made.append(sample(i).header.model_copy(update={"candidates": candidates, "threshold": threshold}))
    return made


def test_a_threshold_is_suggested_only_when_it_is_better_beyond_chance() -> None:
    rng = np.random.default_rng(2)
    true = rng.integers(2, 9, 60)
    plan = design(np.arange(60) * 600.0)
    bad = threshold_figures(headers(rng, true, 0.2), true.astype(float), plan)
    assert bad is not None
    assert bad["suggested"] == pytest.approx(0.5, abs=0.03)
    assert bad["gain_on_other_pictures"]["low"] > 0
    good = threshold_figures(headers(rng, true, 0.5), true.astype(float), plan)
    assert good is not None
    assert good["suggested"] is None
    few = threshold_figures(headers(rng, true[:10], 0.2), true[:10].astype(float), design(np.arange(10) * 600.0))
    assert few is not None
    assert (few["suggested"], few["enough_blocks"]) == (None, False)
    assert threshold_figures([sample(0).header], np.ones(1), design([0.0])) is None
