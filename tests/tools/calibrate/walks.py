"""Boxes of simulated people before a camera of known mount."""

from typing import Any

import numpy as np

from drukte.sense.geometry.ground import Ground
from drukte_tools.calibrate.page.watch import Sight

SPEED = 1.3
"""Of a walker, m/s."""
JITTER = 0.035
"""Standard error of each edge of a box, as a part of its height."""


def box_of(ground: Ground, xy: tuple[float, float], tall: float, rng: np.random.Generator) -> np.ndarray:
    """A detector's box of somebody who stands at `xy`; NaN out of the picture."""
    foot, head = (ground.to_pixels([xy], h)[0][0] for h in (0.0, tall))
    high = foot[1] - head[1]
    half = 0.16 * high
    box = np.array([min(foot[0], head[0]) - half, head[1], max(foot[0], head[0]) + half, foot[1]]) + 0.5
    return box + rng.normal(0, JITTER * high, 4)


def walk(
    ground: Ground, path: list[tuple[float, float]], stand: float, tall: float = 1.8, rate: float = 5.0, seed: int = 0
) -> list[Sight]:
    """Somebody stands `stand` seconds at each point of a path, about on it, and walks straight in between.

    At each stop the detector's lower edge is off by the same bit in every frame: that does not average out.
    """
    rng = np.random.default_rng(seed)
    places: list[tuple[float, float]] = []
    low: list[float] = []
    for here, there in zip(path, [*path[1:], path[-1]], strict=True):
        places += [tuple(np.add(here, rng.normal(0, 0.1, 2)))] * int(stand * rate)
        low += [rng.normal(0, 0.03)] * int(stand * rate)
        steps = max(1, int(np.hypot(*np.subtract(there, here)) / SPEED * rate))
        places += [tuple(np.add(here, np.subtract(there, here) * k / steps)) for k in range(1, steps)]
        low += [0.0] * (steps - 1)
    boxes = [box_of(ground, p, tall, rng) for p in places]
    for box, off in zip(boxes, low, strict=True):
        box[3] += off * (box[3] - box[1])
    return [Sight(k / rate, box[None], np.ones(1)) for k, box in enumerate(boxes)]


def crowd(ground: Ground, people: int, seed: int = 0, mean: float = 1.72, spread: float = 0.10) -> list[Sight]:
    """People who cross the view one after the other, somewhere between near and far."""
    rng = np.random.default_rng(seed)
    width, height = ground.picture
    sights: list[Sight] = []
    time = 0.0
    for _ in range(people):
        tall = float(rng.normal(mean, spread))
        left, right = (ground.to_ground([[x * width, rng.uniform(0.35, 0.9) * height]])[0][0] for x in (0.1, 0.9))
        steps = int(np.clip(np.hypot(*(right - left)) / SPEED * 5, 8, 80))
        for k in range(steps):
            box = box_of(ground, tuple(left + (right - left) * k / steps), tall, rng)
            sights.append(Sight(time, box[None], np.ones(1)))
            time += 0.2
        time += 5.0
    return sights


def mot(sights: list[Sight]) -> str:
    """The boxes as a MOTChallenge file."""
    rows: list[Any] = []
    for n, sight in enumerate(sights, start=1):
        for left, top, right, bottom in sight.boxes:
            rows.append(f"{n},1,{left + 1:.2f},{top + 1:.2f},{right - left:.2f},{bottom - top:.2f},1")
    return "\n".join(rows) + "\n"


def pair_errors(found: Ground, true: Ground, pixels: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the distances of pairs of feet under 5 m, m, and what the calibration says its part in them is."""
    a, _, seen = true.to_ground(pixels)
    b, _, told = found.to_ground(pixels)
    good = np.flatnonzero(seen & told)
    rng = np.random.default_rng(seed)
    i, j = rng.choice(good, 4000), rng.choice(good, 4000)
    apart = np.hypot(*(a[i] - a[j]).T)
    near = (apart > 0.3) & (apart < 5)
    i, j, apart = i[near], j[near], apart[near]
    gap = b[i] - b[j]
    measured = np.hypot(*gap.T)
    along = gap / measured[:, None]
    shared = found.shared(b)
    stated = np.linalg.norm(np.einsum("ni,nik->nk", along, shared[i] - shared[j]), axis=1)
    return measured - apart, stated
