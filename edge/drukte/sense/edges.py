"""How the edges within a box lie, and how bright it is: five numbers, and nothing of the picture is kept."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from drukte.sense.frame import hidden
from drukte.sense.people import Floats

WINDOW: Final = 320
"""Largest side of what is looked at around a box, px: of larger ones the middle is enough."""


class Edges:
    """Measures boxes in the pictures of one camera.

    Args:
        width, height: size of the pictures, px.
    """

    def __init__(self, width: int, height: int) -> None:
        self._scratch: NDArray[np.uint8] = hidden((WINDOW**2,), np.uint8)
        self._edges: NDArray[np.float32] = hidden((3, WINDOW**2), np.float32)
        # Whatever a library starts at first use must be started before the room is sealed.
        self.measure(np.zeros((height, width, 3), np.uint8), np.array([0.0, 0.0, width, height]))

    def wipe(self) -> None:
        """Overwrite everything that held pixels."""
        self._scratch.fill(0)
        self._edges.fill(0)

    def measure(self, picture: NDArray[np.uint8], box: Floats) -> tuple[float, float, float, float, float]:
        """Centre (x, y) and spread (x, y) of the edges in and around a box, px, and its brightness.

        Edges are weighted by their strength, which moves neither with brightness nor with contrast.
        """
        middle = (box[2:] + box[:2]) / 2
        half = np.minimum((box[2:] - box[:2]) * 0.6, WINDOW / 2 - 1)
        left, top = np.maximum(middle - half, 0).astype(int).tolist()
        right, bottom = np.minimum(middle + half, picture.shape[1::-1]).astype(int).tolist()
        rows, columns = max(bottom - top, 1), max(right - left, 1)
        size = rows * columns
        try:
            grey = self._scratch[:size].reshape(rows, columns)
            across, down, strength = (buffer[:size].reshape(rows, columns) for buffer in self._edges)
            cv2.cvtColor(picture[top : top + rows, left : left + columns], cv2.COLOR_BGR2GRAY, dst=grey)
            brightness = float(cv2.mean(grey)[0])
            cv2.blur(grey, (3, 3), dst=grey)
            cv2.Sobel(grey, cv2.CV_32F, 1, 0, dst=across)
            cv2.Sobel(grey, cv2.CV_32F, 0, 1, dst=down)
            cv2.magnitude(across, down, strength)
            m = cv2.moments(strength)
        finally:
            self._scratch[:size] = 0
            self._edges[:, :size] = 0
        total = m["m00"] + 1e-6
        spread = np.sqrt(np.maximum([m["mu20"] / total, m["mu02"] / total], 0)).tolist()
        return m["m10"] / total, m["m01"] / total, spread[0], spread[1], max(brightness, 1.0)
