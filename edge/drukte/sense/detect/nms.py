"""Greedy non-maximum suppression without a loop over boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], kinds: NDArray[np.uint8], overlap: float
) -> NDArray[np.intp]:
    """Indices of the boxes that stay, best score first.

    A box goes when a better one of its kind that stays overlaps it by more than `overlap` (intersection over
    union). Equal scores are ordered by kind and coordinates, so the order of the input never matters.

    The rule is applied to all boxes at once until nothing changes, which gives exactly the greedy result:
    after k rounds the k best boxes are settled (Cluster-NMS, Zheng et al. 2021, "Enhancing Geometric Factors
    in Model Learning and Inference for Object Detection and Instance Segmentation").

    Args:
        boxes: (n, 4) x1, y1, x2, y2.
        scores: (n,).
        kinds: (n,) boxes of different kinds never suppress each other.
        overlap: 0..1.
    """
    order = np.lexsort((boxes[:, 3], boxes[:, 2], boxes[:, 1], boxes[:, 0], kinds, -scores))
    if len(order) < 2:
        return order
    b, k = boxes[order], kinds[order]
    width = np.minimum(b[:, None, 2], b[:, 2]) - np.maximum(b[:, None, 0], b[:, 0])
    height = np.minimum(b[:, None, 3], b[:, 3]) - np.maximum(b[:, None, 1], b[:, 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    # shared / union > overlap, without the division; [i, j] says that i, the better one, would suppress j.
    beats = np.triu((shared > overlap * (area[:, None] + area - shared)) & (k[:, None] == k), 1)
    stays = np.ones(len(order), np.bool_)
    while True:
        after = ~beats[stays].any(axis=0)
        if np.array_equal(after, stays):
            return order[stays]
        stays = after
