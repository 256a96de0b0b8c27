"""Recorded truth: who was where in each frame, or just how many."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class TruthError(Exception):
    """A truth file that cannot be used; says where and what to do."""


@dataclass(frozen=True, slots=True)
class TruthFrame:
    """The people of one frame.

    Attributes:
        boxes: (n, 4) left, top, right, bottom in pixels, counted from 0.
        xy: (n, 2) metres on the ground, NaN where the file has none.
        ids: (n,) numbers of the persons.
        sure: (n,) False for people whom the annotators say neither to reward nor to punish.
    """

    boxes: Floats
    xy: Floats
    ids: NDArray[np.int64]
    sure: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a truth file says. `frames` and `counts` are keyed by the frame's number, from 1."""

    frames: dict[int, TruthFrame] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the frames that the file speaks of, in order."""
        return sorted(self.frames or self.counts)

    @property
    def in_metres(self) -> bool:
        """Whether positions on the ground are given."""
        return any(np.isfinite(f.xy).any() for f in self.frames.values())


NOBODY = TruthFrame(np.empty((0, 4)), np.empty((0, 2)), np.empty(0, np.int64), np.empty(0, bool))


def read_truth(path: Path) -> Truth:
    """Read MOTChallenge ground truth (`frame,id,x,y,w,h,conf,X,Y,Z`) or a CSV with the header `frame,count`.

    Frames are counted from 1, pixels of MOTChallenge too. X, Y, Z of -1 mean that the file has no metres. Frames of a
    MOTChallenge file without rows hold nobody.

    Raises:
        TruthError: the file is missing or a row cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError) as error:
        raise TruthError(f"truth {path}: cannot be read ({error})") from None
    if not rows:
        raise TruthError(f"truth {path}: is empty")
    if [c.strip().lower() for c in rows[0][:2]] == ["frame", "count"]:
        return Truth(counts=_counts(path, rows[1:]))
    return Truth(frames=_frames(path, rows))


def _counts(path: Path, rows: list[list[str]]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for number, row in enumerate(rows, start=2):
        try:
            counts[int(row[0])] = int(row[1])
        except (ValueError, IndexError):
            raise TruthError(f"truth {path}, line {number}: must be two whole numbers, frame and count") from None
    return counts


def _frames(path: Path, rows: list[list[str]]) -> dict[int, TruthFrame]:
    parsed = np.full((len(rows), 10), -1.0)
    for number, row in enumerate(rows):
        try:
            values = [float(c) for c in row[:10]]
        except ValueError:
            raise TruthError(f"truth {path}, line {number + 1}: not a number among {','.join(row)[:60]}") from None
        if len(values) < 7:
            raise TruthError(f"truth {path}, line {number + 1}: needs frame,id,x,y,w,h,conf and, if known, X,Y,Z")
        parsed[number, : len(values)] = values
    boxes = parsed[:, 2:6].copy()
    boxes[:, :2] -= 1.0
    boxes[:, 2:] += boxes[:, :2]
    xy = parsed[:, 7:9].copy()
    xy[(parsed[:, 7:10] == -1).all(axis=1)] = np.nan
    frames = dict.fromkeys(range(1, int(parsed[:, 0].max()) + 1), NOBODY)
    for number in np.unique(parsed[:, 0]).astype(int):
        here = parsed[:, 0] == number
        frames[int(number)] = TruthFrame(boxes[here], xy[here], parsed[here, 1].astype(np.int64), parsed[here, 6] > 0)
    return frames
