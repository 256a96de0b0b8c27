"""A street with nobody in it, drawn by code: what a camera of known mount would see of it, pixel by pixel."""

import cv2
import numpy as np

from drukte_tools.calibrate.camera.fit import ground_of

SIZE = 1280, 720
MOUNT = {"kind": "mount", "height": 4.6, "tilt": 24.0, "roll": 0.8, "picture": list(SIZE), "lens": {"fov": 68.0}}
FACADE = 24.0
"""Distance of the houses, m."""
MARKS = {"drain": (-2.5, 5.2), "post": (3.1, 5.6), "hydrant": (4.4, 14.2), "bollard": (-5.0, 13.6), "cover": (0.6, 9.4)}
"""Marks on the ground by name, m."""


def street(seed: int = 0) -> np.ndarray:
    """The picture, (height, width, 3) uint8, blue, green, red."""
    ground = ground_of(MOUNT)
    width, height = SIZE
    x, y = np.meshgrid(np.arange(0, width, 0.5) - 0.25, np.arange(0, height, 0.5) - 0.25)
    rays = ground.lens.rays(np.column_stack([x.ravel(), y.ravel()]))
    toward = np.column_stack([rays, np.ones(len(rays))]) @ ground.pose.rotation
    camera = ground.pose.centre
    with np.errstate(divide="ignore", invalid="ignore"):
        down = -camera[2] / toward[:, 2]
        wall = (FACADE - camera[1]) / toward[:, 1]
    on_wall = (toward[:, 1] > 0) & ((down < 0) | (wall < down))
    reach = np.where(on_wall, wall, down)
    at = camera + toward * np.where(np.isfinite(reach), reach, 0)[:, None]
    rng = np.random.default_rng(seed)
    colour = np.where(on_wall[:, None], _houses(at[:, 0], at[:, 2]), _pavement(at[:, 0], at[:, 1]))
    picture = colour.reshape(*x.shape, 3) + rng.normal(0, 6, (*x.shape, 1))
    small = cv2.resize(np.clip(picture, 0, 255).astype(np.uint8), SIZE, interpolation=cv2.INTER_AREA)
    for px, py in ((-6.4, 7.0), (-6.4, 14.0), (7.6, 7.5), (7.6, 15.0)):
        _post(small, ground, (px, py))
    return small


def pixels(names: list[str]) -> np.ndarray:
    """Where marks are in the picture, px."""
    return ground_of(MOUNT).to_pixels([MARKS[n] for n in names])[0]


def _pavement(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    slab = (np.floor(x / 0.6) * 7 + np.floor(y / 0.6) * 13) % 5
    out = np.stack([150 + 3 * slab, 156 + 3 * slab, 160 + 3 * slab], axis=1)
    joint = (np.abs(x / 0.6 - np.round(x / 0.6)) < 0.025) | (np.abs(y / 0.6 - np.round(y / 0.6)) < 0.025)
    out[joint] = (118, 122, 126)
    road = (y > 16.5) & (y < 22)
    out[road] = (92, 90, 90)
    out[(np.abs(y - 16.4) < 0.1) | (np.abs(y - 22.1) < 0.1)] = (176, 178, 180)
    zebra = road & (np.abs(x) < 2.2) & (np.floor(x / 0.55) % 2 == 0)
    out[zebra] = (225, 228, 230)
    grass = (x < -7.2) & (y < 16.3)
    out[grass] = np.array((60, 118, 92)) + 14 * np.sin(5 * x[grass] + 3 * np.sin(4 * y[grass]))[:, None]
    out[np.abs(x + 7.1) < 0.1] = (170, 172, 174)
    for mx, my in MARKS.values():
        far = np.hypot(x - mx, y - my)
        out[far < 0.22] = (70, 74, 78)
        out[(far < 0.16) & ((np.floor((x - mx) / 0.05) + np.floor((y - my) / 0.05)) % 2 == 0)] = (105, 110, 116)
        out[far < 0.03] = (235, 240, 245)
    return out.astype(float)


def _houses(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    house = np.floor(x / 6.0)
    shade = (house * 5 % 4)[:, None]
    out = np.array((78, 96, 140)) + shade * np.array((16, 10, -6))
    course = np.abs(z / 0.25 - np.round(z / 0.25)) < 0.1
    out[course] *= 0.93
    u, v = x / 6.0 - house, z
    for left in (0.12, 0.4, 0.68):
        pane = (u > left) & (u < left + 0.2) & (((v > 1.2) & (v < 2.8)) | ((v > 4.4) & (v < 6.0)))
        out[pane] = (120, 104, 88)
        frame = pane & ((u < left + 0.015) | (u > left + 0.185) | (np.abs(u - left - 0.1) < 0.008))
        out[frame] = (226, 228, 228)
    out[(u > 0.40) & (u < 0.6) & (v < 2.5)] = (60, 72, 48)
    out[np.abs(v - 3.4) < 0.12] = (206, 210, 212)
    out[(u < 0.01) | (u > 0.99)] = (110, 118, 126)
    return np.asarray(out, float)


def _post(picture: np.ndarray, ground, xy: tuple[float, float]) -> None:
    foot, top = (ground.to_pixels([xy], h)[0][0] for h in (0.0, 5.5))
    side = ground.to_pixels([(xy[0] + 0.07, xy[1])])[0][0]
    thick = max(2, round(2 * float(np.hypot(*(side - foot)))))
    a, b = (tuple(np.round(p).astype(int).tolist()) for p in (foot, top))
    cv2.line(picture, a, b, (58, 62, 60), thick, cv2.LINE_AA)
    cv2.line(
        picture, (a[0] + thick // 3, a[1]), (b[0] + thick // 3, b[1]), (98, 104, 102), max(1, thick // 4), cv2.LINE_AA
    )
