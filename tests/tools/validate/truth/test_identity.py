"""MOTA and IDF1 on scenes of which they can be reckoned by hand."""

import numpy as np

from drukte_tools.validate.truth.identity import Identities


def figures(found_ids: list[list[int]], x: list[float]) -> dict[str, float]:
    """One person stands at the origin; tracks with these numbers are found at these places."""
    who = Identities()
    for ids, at in zip(found_ids, x, strict=True):
        who.add(
            np.array([[at, 0.0]] * len(ids)).reshape(-1, 2), np.array(ids, np.int64), np.zeros((1, 2)), np.array([7])
        )
    return who.figures()


def test_a_person_followed_all_along() -> None:
    assert figures([[1]] * 10, [0.4] * 10) == {
        "mota": 1, "idf1": 1, "switches": 0, "fragments": 0, "missed": 0, "false": 0
    }  # fmt: skip


def test_a_new_number_half_way_is_a_switch() -> None:
    got = figures([[1]] * 5 + [[2]] * 5, [0.0] * 10)
    assert (got["switches"], got["mota"], got["idf1"]) == (1, 0.9, 0.5)


def test_somebody_found_more_than_a_metre_away_is_missed_and_false() -> None:
    got = figures([[1]] * 10, [1.2] * 10)
    assert (got["missed"], got["false"], got["mota"]) == (10, 10, -1)


def test_nobody_found() -> None:
    assert figures([[]] * 4, [0.0] * 4)["missed"] == 4
