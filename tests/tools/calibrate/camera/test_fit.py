"""Fits from distances and from points: whatever the mount, exact measurements give the exact ground."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from tests.tools.calibrate.walks import pair_errors

from drukte.sense.geometry.plane import GroundError
from drukte_tools.calibrate.camera.fit import fit_points, ground_of
from drukte_tools.calibrate.camera.points import PointsError, check_points

PICTURE = [1280, 720]
SPREAD = [(160, 640), (1120, 660), (1000, 330), (260, 320), (640, 450), (420, 540)]
"""Where the marks are in the picture, about; px."""
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def mounts(draw):
    height, tilt = draw(st.floats(2.5, 9)), draw(st.floats(22, 60))
    section = {"kind": "mount", "height": height, "tilt": tilt, "roll": draw(st.floats(-6, 6)), "picture": PICTURE}
    return section | {"lens": {"fov": draw(st.floats(45, 80))}}


def marks(true, seed, number=6):
    """Pixels of marks on the ground, and their metres."""
    rng = np.random.default_rng(seed)
    pixels = np.array(SPREAD[:number]) + rng.uniform(-60, 60, (number, 2))
    metres, _, ok = true.to_ground(pixels)
    if not ok.all():
        reject()
    return pixels, metres


def measured(pixels, metres, lens=None, noise=0.0, seed=0, pairs=None):
    rng = np.random.default_rng(seed)
    names = [f"m{i}" for i in range(len(pixels))]

    def length(i: int, j: int) -> float:
        return float(np.hypot(*(metres[i] - metres[j])) + rng.normal(0, noise))

    return check_points(
        {
            "picture": PICTURE,
            "points": [{"name": n, "pixel": p.tolist()} for n, p in zip(names, pixels, strict=True)],
            "distances": [
                {"between": [names[i], names[j]], "metres": length(i, j)}
                for i, j in pairs or [p for p in combinations(range(len(pixels)), 2) if len(pixels) < 5 or sum(p) % 3]
            ],
            **({"lens": lens} if lens else {}),
        },
        "points",
    )  # fmt: skip


@settings(max_examples=4)
@given(mounts(), SEEDS)
def test_exact_distances_give_the_exact_ground(mount, seed) -> None:
    true = ground_of(mount)
    pixels, metres = marks(true, seed)
    found = fit_points(measured(pixels, metres, mount["lens"]), {})
    xy, _, ok = found.ground.to_ground(pixels)
    assert ok.all()
    gaps = [[float(np.hypot(*(p[i] - p[j]))) for i, j in combinations(range(len(p)), 2)] for p in (xy, metres)]
    # The section keeps 0.1 px and 1 mm.
    assert gaps[0] == pytest.approx(gaps[1], rel=0.02, abs=0.02)
    # The first mark is the origin, the second lies on the x axis, and the ground is not mirrored.
    assert xy[0] == pytest.approx([0, 0], abs=0.05)
    assert xy[1][1] == pytest.approx(0, abs=0.1)
    turn = [np.cross(np.append(p[1] - p[0], 0), np.append(p[2] - p[0], 0))[2] for p in (xy, metres)]
    assert np.sign(turn[0]) == np.sign(turn[1])


@settings(max_examples=4)
@given(mounts(), SEEDS)
def test_the_order_of_points_does_not_matter(mount, seed) -> None:
    true = ground_of(mount)
    pixels, metres = marks(true, seed, 5)
    order = np.random.default_rng(seed).permutation(5)
    one = fit_points(measured(pixels, metres, mount["lens"]), {}).ground
    other = fit_points(measured(pixels[order], metres[order], mount["lens"]), {}).ground
    error, _ = pair_errors(one, other, pixels)
    assert np.abs(error).max(initial=0) < 0.03


@settings(max_examples=4)
@given(mounts(), SEEDS)
def test_coordinates_and_distances_agree(mount, seed) -> None:
    true = ground_of(mount)
    pixels, metres = marks(true, seed)
    rows = [
        {"name": f"m{i}", "pixel": p.tolist(), "metres": m.tolist()}
        for i, (p, m) in enumerate(zip(pixels, metres, strict=True))
    ]
    by_place = fit_points(check_points({"picture": PICTURE, "points": rows}, "points"), {}).ground
    by_length = fit_points(measured(pixels, metres, mount["lens"]), {}).ground
    error, _ = pair_errors(by_length, by_place, pixels)
    assert np.abs(error).max(initial=0) < 0.05


def test_noise_stays_within_the_stated_error() -> None:
    """A tape that errs by 2 cm and clicks by 2 px: one standard error holds most distances, two nearly all."""
    true = ground_of({"kind": "mount", "height": 5.0, "tilt": 32.0, "picture": PICTURE, "lens": {"fov": 62.0}})
    rng = np.random.default_rng(3)
    errors, stated = [], []
    for k in range(5):
        pixels = np.array(SPREAD) + rng.uniform(-60, 60, (6, 2))
        metres = true.to_ground(pixels)[0]
        clicked = pixels + rng.normal(0, 2, pixels.shape)
        found = fit_points(measured(clicked, metres, {"fov": 62.0}, 0.02, k), {})
        error, sigma = pair_errors(found.ground, true, pixels, k)
        errors.append(error)
        stated.append(sigma)
    share = [(np.abs(np.concatenate(errors)) < n * np.concatenate(stated)).mean() for n in (1, 2)]
    assert 0.5 < share[0] < 0.97
    assert share[1] > 0.85


def test_a_wrong_length_shows() -> None:
    true = ground_of({"kind": "mount", "height": 5.0, "tilt": 32.0, "picture": PICTURE, "lens": {"fov": 62.0}})
    pixels, metres = marks(true, 1)
    points = measured(pixels, metres, {"fov": 62.0})
    wrong = points.distances[3].model_copy(update={"metres": points.distances[3].metres + 1.0})
    found = fit_points(
        points.model_copy(update={"distances": [*points.distances[:3], wrong, *points.distances[4:]]}), {}
    )
    worst = max(found.residuals, key=lambda r: r.sigmas)
    assert worst.name == " - ".join(wrong.between)
    assert worst.left_out == pytest.approx(1.0, abs=0.2)


def test_too_few_lengths_and_lone_points_are_said() -> None:
    true = ground_of({"kind": "mount", "height": 5.0, "tilt": 32.0, "picture": PICTURE, "lens": {"fov": 62.0}})
    pixels, metres = marks(true, 1, 4)
    with pytest.raises(PointsError, match="three are enough"):
        fit_points(measured(pixels[:3], metres[:3]), {})
    with pytest.raises(PointsError, match="'m3'"):
        fit_points(measured(pixels, metres, {"fov": 62.0}, pairs=[(0, 1), (1, 2), (0, 2)]), {})
    with pytest.raises((PointsError, GroundError)):
        fit_points(measured(pixels, metres * 0.0 + metres[0], {"fov": 62.0}, 1e-9), {})
