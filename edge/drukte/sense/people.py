"""People in one frame, as arrays: first boxes in the picture, then positions on the ground.

Printing them shows how many there are, never where: what ends up in a log or a traceback stays harmless.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PERSON, BICYCLE, MOTORCYCLE = 0, 1, 2
WALKER, RIDER = 0, 1


@dataclass(slots=True, eq=False, repr=False)
class Detections:
    """What a detector found in one picture.

    Attributes:
        boxes: (n, 4) float32, left, top, right, bottom in pixels of the source picture.
        scores: (n,) float32, 0 to 1.
        kinds: (n,) uint8, PERSON, BICYCLE or MOTORCYCLE.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    kinds: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"Detections({len(self)})"

    def select(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """The detections that a mask or an index array names."""
        return type(self)(self.boxes[which], self.scores[which], self.kinds[which])

    @classmethod
    def empty(cls) -> Self:
        """Nobody."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.uint8))


@dataclass(slots=True, eq=False, repr=False)
class Positions:
    """Where people stand, whatever sensor saw them.

    Attributes:
        xy: (n, 2) float64, metres on the site's ground plane.
        cov: (n, 2, 2) float64, covariance of `xy`, square metres.
        scores: (n,) float64, 0 to 1: how sure the detector is that this is a person.
        kinds: (n,) uint8, WALKER or RIDER.
    """

    xy: Floats
    cov: Floats
    scores: Floats
    kinds: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))

    def __post_init__(self) -> None:
        if len(self.kinds) != len(self.xy):
            self.kinds = np.full(len(self.xy), WALKER, np.uint8)

    def __len__(self) -> int:
        return len(self.xy)

    def __repr__(self) -> str:
        return f"Positions({len(self)})"

    def select(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """The positions that a mask or an index array names."""
        return type(self)(self.xy[which], self.cov[which], self.scores[which], self.kinds[which])

    @classmethod
    def empty(cls) -> Self:
        """Nobody."""
        return cls(np.empty((0, 2)), np.empty((0, 2, 2)), np.empty(0))
