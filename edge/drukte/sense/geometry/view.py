"""What a sensor sees of the ground, and who stands behind whom."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.people import Floats

Mask = NDArray[np.bool_]

BODY_HEIGHT: Final = 1.7
"""Height of the body that hides others, m."""
BODY_WIDTH: Final = 0.45
"""Distance across the line of sight within which somebody is mostly hidden by the body in front, m (shoulders)."""
COVERED: Final = 0.4
"""Part of the shadow on the ground, from the body on, in which less than 40 % of a person stays visible."""
EDGE: Final = 0.3
"""How far outside the visible ground somebody is certainly out of view, m."""


@dataclass(frozen=True, slots=True)
class View:
    """A sensor's view of the ground.

    Attributes:
        visible: (m, 2) polygon of the ground that the sensor sees, m; None if unknown.
        foot: point on the ground below the sensor, m; None if unknown.
        height: height of the sensor above the ground, m; None if unknown.
    """

    visible: Floats | None = None
    foot: tuple[float, float] | None = None
    height: float | None = None

    def outside(self, xy: Floats) -> Mask:
        """Which points (n, 2) lie outside the visible ground; none if that is unknown."""
        if self.visible is None:
            return np.zeros(len(xy), bool)
        return signed_distance(xy, self.visible) < -EDGE

    def hidden(self, xy: Floats, others: Floats) -> Mask:
        """Which points (n, 2) lie in the shadow that one of `others` (m, 2) throws as seen from the sensor.

        The shadow of a body of height h before a sensor of height H at distance d is h d / (H - h) long.
        """
        if self.foot is None or self.height is None or not len(xy) or not len(others):
            return np.zeros(len(xy), bool)
        foot = np.asarray(self.foot)
        ray = others - foot
        d = np.maximum(np.hypot(ray[:, 0], ray[:, 1]), 1e-6)
        ray /= d[:, None]
        to = xy[:, None, :] - others
        behind = to[:, :, 0] * ray[:, 0] + to[:, :, 1] * ray[:, 1]
        beside = np.abs(to[:, :, 0] * ray[:, 1] - to[:, :, 1] * ray[:, 0])
        over = self.height - BODY_HEIGHT
        shadow = BODY_HEIGHT * d / over if over > 0 else np.full(len(d), np.inf)
        return np.asarray(((behind > -0.3) & (behind < COVERED * shadow) & (beside < BODY_WIDTH)).any(1))
