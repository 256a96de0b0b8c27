"""What a radar must not take for people: the far side of walls, mirror images, fans and curtains."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Segment = tuple[tuple[float, float], tuple[float, float]]

CELL: Final = 0.25  # m


class Walls:
    """Vertical mirrors in the sensor's floor frame, as segments in metres. The sensor is at (0, 0)."""

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        ends = np.array(segments, np.float64).reshape(-1, 2, 2)
        self._start = ends[:, 0]
        way = ends[:, 1] - ends[:, 0]
        self._length = np.linalg.norm(way, axis=1)
        self._along = way / np.maximum(self._length, 1e-9)[:, None]
        self._normal = np.column_stack([-self._along[:, 1], self._along[:, 0]])
        self._offset = (self._start * self._normal).sum(axis=1)

    def __len__(self) -> int:
        return len(self._start)

    def _cross(self, xy: Floats) -> tuple[Floats, Bools]:
        """Where the ray from the sensor to `xy` meets each wall's plane (share of the way), and whether it hits it."""
        across = xy @ self._normal.T
        share = self._offset / np.where(np.abs(across) > 1e-9, across, np.inf)
        foot = (xy[:, None] * share[..., None] - self._start) * self._along
        at = foot.sum(axis=2)
        return share, (share > 0) & (at > 0) & (at < self._length)

    def hides(self, xy: Floats) -> Bools:
        """(n,) True for positions that a wall stands before; echoes from there are mirror images."""
        if not len(self) or not len(xy):
            return np.zeros(len(xy), np.bool_)
        share, hit = self._cross(xy)
        return np.asarray((hit & (share < 0.98)).any(axis=1))

    def echoes(self, xy: Floats, velocity: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """What the radar sees of people when one leg of the way meets a wall.

        Such an echo has half the way of the direct and half of the mirrored path, and arrives from the person's own
        direction, from that of the mirror image, or, where both fall into one cell, from in between.

        Args:
            xy: (n, 2) people, m.
            velocity: (n, 2) m/s.

        Returns:
            (n, w) apparent distance (m), radial speed (m/s), lowest and highest azimuth (rad, from y to x) for each
            of w walls; the distance is NaN where a wall gives no image.
        """
        depth = xy @ self._normal.T - self._offset
        image = xy[:, None] - 2 * depth[..., None] * self._normal
        turned = velocity[:, None] - 2 * (velocity @ self._normal.T)[..., None] * self._normal
        _, hit = self._cross(image.reshape(-1, 2))
        w = len(self)
        seen = hit.reshape(len(xy), w, w)[:, np.arange(w), np.arange(w)]
        near = np.maximum(np.linalg.norm(xy, axis=1), 0.1)[:, None]
        far = np.maximum(np.linalg.norm(image, axis=2), 0.1)
        speed = ((xy * velocity).sum(axis=1)[:, None] / near + (image * turned).sum(axis=2) / far) / 2
        direct = np.broadcast_to(np.arctan2(xy[:, :1], xy[:, 1:]), far.shape)
        mirrored = np.arctan2(image[..., 0], image[..., 1])
        distance = np.where(seen, (near + far) / 2, np.nan)
        return distance, speed, np.minimum(direct, mirrored), np.maximum(direct, mirrored)


class Unrest:
    """Learns from empty hours where things move that are nobody: fans, curtains, plants.

    A map of the floor keeps, for each cell, the share of time in which something moved there without anybody being
    tracked. People pass; a fan stays. The map lives in memory only.

    Args:
        box: left, right, near and far edge of the floor, m.
        learn: time constant, s.
        share: of the time from which on a cell is distrusted.
    """

    def __init__(self, box: tuple[float, float, float, float], learn: float = 300.0, share: float = 0.25) -> None:
        self._corner = np.array([box[0], box[2]])
        size = np.ceil((np.array([box[1], box[3]]) - self._corner) / CELL).astype(int) + 1
        self._map = np.zeros(size)
        self._now = np.zeros(size, np.bool_)
        self._learn, self._share = learn, share

    def _cells(self, xy: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        cell = np.clip(((xy - self._corner) / CELL).astype(np.intp), 0, np.array(self._map.shape) - 1)
        return cell[:, 0], cell[:, 1]

    def observe(self, xy: Floats, seconds: float) -> None:
        """Take in echoes (n, 2) that belong to nobody, for a frame that lasted `seconds`."""
        self._now[:] = False
        if len(xy):
            i, j = self._cells(xy)
            # An echo's place is off by about a cell.
            for di in (-1, 0, 1):
                for dj in (-1, 0, 1):
                    self._now[
                        np.clip(i + di, 0, self._now.shape[0] - 1), np.clip(j + dj, 0, self._now.shape[1] - 1)
                    ] = True
        rate = min(1.0, seconds / self._learn)
        self._map += rate * (self._now - self._map)

    def distrusts(self, xy: Floats) -> Bools:
        """(n,) True where something that is nobody moves often."""
        if not len(xy):
            return np.zeros(0, np.bool_)
        i, j = self._cells(xy)
        return np.asarray(self._map[i, j] > self._share)
