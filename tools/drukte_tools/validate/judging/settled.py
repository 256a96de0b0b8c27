"""From the marks of two counters, and of a third look where they differ, to the hand count of each picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from drukte_tools.validate.judging.agreement import SAME_MARK, Floats, same_people
from drukte_tools.validate.judging.opened import Opened, SampleError

Marks = Mapping[str, Any]
"""A counter's file, see `counting.read_marks`."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Counted:
    """A picture with its settled hand count.

    Attributes:
        opened: the picture and what the device made of it.
        marks: (n, 2) where people are, px.
        first, second: (n, 2) what each counter marked alone; None when one of them could not tell.
    """

    opened: Opened
    marks: Floats
    first: Floats | None
    second: Floats | None

    @property
    def reach(self) -> float:
        """How near two marks of the same person lie, px."""
        return reach_of(self.opened)


@dataclass(frozen=True, slots=True)
class Dispute:
    """What two counters do not agree on in one picture. It does not say who of them set which mark.

    Attributes:
        index: number of the picture.
        agreed: (n, 2) marks of people whom both marked, midway between the two, px.
        open: (m, 2) marks of only one of them, px, in order of place.
        doubted: whether one of them could not tell.
    """

    index: int
    agreed: Floats
    open: Floats
    doubted: bool


def reach_of(opened: Opened) -> float:
    """How near two marks of the same person lie, px."""
    return SAME_MARK * float(np.hypot(*opened.size))


def points(mark: Mapping[str, Any]) -> Floats:
    """(n, 2) marks of one picture, px."""
    return np.array(mark["people"], np.float64).reshape(-1, 2)


def both(opened: list[Opened], first: Marks, second: Marks) -> list[tuple[Opened, Any, Any]]:
    """Each picture with what the two counters marked in it.

    Raises:
        SampleError: the counters are the same, or a picture was not counted by both.
    """
    if first["counter"].strip().casefold() == second["counter"].strip().casefold():
        raise SampleError(f"both counts are by '{first['counter']}'; two people must count")
    missing = {
        marks["counter"]: [str(o.header.index + 1) for o in opened if str(o.header.index) not in marks["marks"]]
        for marks in (first, second)
    }
    for name, numbers in missing.items():
        if numbers:
            shown = ", ".join(numbers[:8]) + (" ..." if len(numbers) > 8 else "")
            raise SampleError(
                f"{name} has not counted {len(numbers)} of {len(opened)} pictures (picture {shown}); both must count "
                "all. Go on with `drukte validate count` and the same --out"
            )
    return [(o, first["marks"][str(o.header.index)], second["marks"][str(o.header.index)]) for o in opened]


def disputes(opened: list[Opened], first: Marks, second: Marks) -> list[Dispute]:
    """The pictures that need a third look: marks that only one counter set, or one of them could not tell.

    Raises:
        SampleError: see `both`.
    """
    found = []
    for o, a, b in both(opened, first, second):
        if a["unsure"] and b["unsure"]:
            continue
        one, two = points(a), points(b)
        rows, columns = same_people(one, two, reach_of(o))
        alone = np.concatenate([np.delete(one, rows, axis=0), np.delete(two, columns, axis=0)])
        doubted = a["unsure"] != b["unsure"]
        if len(alone) or doubted:
            order = np.lexsort((alone[:, 1], alone[:, 0]))
            found.append(Dispute(o.header.index, (one[rows] + two[columns]) / 2, alone[order], doubted))
    return found


def settle(opened: list[Opened], first: Marks, second: Marks, third: Marks) -> tuple[list[Counted], list[Opened]]:
    """The hand count of every picture, and the pictures that could not be told.

    Args:
        opened: the samples.
        first, second: marks of two counters.
        third: marks of a third look at the pictures in dispute.

    Raises:
        SampleError: see `both`; or a dispute is not settled.
    """
    in_dispute = {d.index: d for d in disputes(opened, first, second)}
    open_ones = [i for i in in_dispute if str(i) not in third["marks"]]
    if open_ones:
        d = in_dispute[open_ones[0]]
        what = "one counter could not tell" if d.doubted else f"{len(d.open)} marks of only one counter"
        raise SampleError(
            f"{len(open_ones)} pictures are in dispute and not settled, first picture {d.index + 1}: {what}. "
            "Look again together with `drukte validate settle` and give its file as --settled"
        )
    counted, doubted = [], []
    for o, a, b in both(opened, first, second):
        last = third["marks"].get(str(o.header.index))
        if (last is None and a["unsure"]) or (last is not None and last["unsure"]):
            doubted.append(o)
            continue
        one, two = points(a), points(b)
        if last is not None:
            marks = points(last)
        else:
            rows, columns = same_people(one, two, reach_of(o))
            marks = (one[rows] + two[columns]) / 2
        counted.append(Counted(o, marks, None if a["unsure"] else one, None if b["unsure"] else two))
    return counted, doubted
