"""Two counts become one: what is agreed, what must be looked at again, and that nobody is told who marked what."""

from typing import Any

import numpy as np
import pytest
from tests.tools.validate.judging.test_counting import sample

from drukte_tools.validate.judging.opened import SampleError
from drukte_tools.validate.judging.settled import disputes, settle

SPOTS = [[100.0, 100.0], [300.0, 200.0], [500.0, 300.0]]
NOBODY: dict[str, Any] = {"marks": {}}


def count(name: str, *pictures: list[list[float]] | None) -> dict[str, Any]:
    marks = {str(i): {"people": p or [], "unsure": p is None} for i, p in enumerate(pictures)}
    return {"counter": name, "marks": marks}


def test_agreed_marks_lie_midway() -> None:
    shifted = [[x + 4, y] for x, y in reversed(SPOTS)]
    (got,), doubted = settle([sample(0)], count("A", SPOTS), count("B", shifted), NOBODY)
    assert doubted == []
    assert sorted(got.marks.tolist()) == [[102.0, 100.0], [302.0, 200.0], [502.0, 300.0]]


def test_the_same_number_of_different_people_is_a_dispute() -> None:
    one, two = count("A", SPOTS[:2]), count("B", [SPOTS[0], SPOTS[2]])
    (found,) = disputes([sample(0)], one, two)
    assert found.agreed.tolist() == [SPOTS[0]]
    assert found.open.tolist() == [SPOTS[1], SPOTS[2]]
    (swapped,) = disputes([sample(0)], two, one)
    assert np.array_equal(found.open, swapped.open), "the order would tell who marked what"
    with pytest.raises(SampleError, match="picture 1: 2 marks of only one counter"):
        settle([sample(0)], one, two, NOBODY)
    (got,), _ = settle([sample(0)], one, two, count("A and B", SPOTS))
    assert len(got.marks) == 3


def test_who_cannot_tell() -> None:
    opened = [sample(0), sample(1)]
    one, two = count("A", None, None), count("B", None, SPOTS)
    assert [(d.index, d.doubted) for d in disputes(opened, one, two)] == [(1, True)]
    counted, doubted = settle(opened, one, two, {"marks": {"1": {"people": SPOTS[:1], "unsure": False}}})
    assert [o.header.index for o in doubted] == [0]
    assert [(len(c.marks), c.first) for c in counted] == [(1, None)]
    _, doubted = settle(opened, one, two, {"marks": {"1": {"people": [], "unsure": True}}})
    assert len(doubted) == 2


def test_one_person_under_two_spellings_is_one_person() -> None:
    with pytest.raises(SampleError, match="two people must count"):
        disputes([sample(0)], count("Anna", SPOTS), count("anna ", SPOTS))
