import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.geometry.lens import BrownLens, RadialLens

LENSES = {
    "none": BrownLens((900, 910), (640, 360)),
    "barrel": BrownLens((900, 910), (640, 360), (-0.35, 0.12, 0.001, -0.0008, -0.02)),
    "rational": BrownLens((900, 910), (640, 360), (0.3, 0.1, 0.0005, 0.0003, 0.01, 0.6, 0.2, 0.02)),
    "tsai": RadialLens("tsai", (1185, 1194.6), (324.2, 282.6), (0.158,)),
    "fisheye": RadialLens("fisheye", (500, 505), (640, 360), (0.02, -0.01, 0.003, -0.0005)),
}
PIXELS = st.lists(st.tuples(st.floats(0, 1279), st.floats(0, 719)), min_size=1, max_size=20)


@pytest.mark.parametrize("name", LENSES)
@given(PIXELS)
def test_pixel_to_ray_and_back(name, pixels):
    px = np.array(pixels, float)
    rays = LENSES[name].rays(px)
    ok = np.isfinite(rays).all(axis=1)
    assert ok.all() or name == "fisheye"
    np.testing.assert_allclose(LENSES[name].pixels(rays[ok]), px[ok], atol=1e-4)


@pytest.mark.parametrize("name", LENSES)
def test_jacobian_is_the_derivative(name):
    px = np.random.default_rng(1).uniform((200, 100), (1000, 600), (50, 2))
    lens, h = LENSES[name], 1e-3
    rays = lens.rays(px)
    slopes = [(lens.rays(px + d) - lens.rays(px - d)) / (2 * h) for d in (np.array([h, 0]), np.array([0, h]))]
    np.testing.assert_allclose(lens.jacobian(rays), np.stack(slopes, axis=-1), atol=1e-8)


def test_agrees_with_opencv():
    import cv2

    lens = LENSES["rational"]
    rays = np.random.default_rng(2).uniform(-0.7, 0.7, (100, 2))
    matrix = np.array([[900, 0, 640], [0, 910, 360], [0, 0, 1.0]])
    theirs = cv2.projectPoints(np.column_stack([rays, np.ones(100)]), np.zeros(3), np.zeros(3), matrix, lens.distortion)
    np.testing.assert_allclose(lens.pixels(rays), np.asarray(theirs[0])[:, 0], atol=1e-9)
    fish = LENSES["fisheye"]
    matrix = np.array([[500, 0, 640], [0, 505, 360], [0, 0, 1.0]])
    points = np.column_stack([rays, np.ones(100)])[:, None]
    theirs = cv2.fisheye.projectPoints(points, np.zeros(3), np.zeros(3), matrix, np.array(fish.k))
    np.testing.assert_allclose(fish.pixels(rays), np.asarray(theirs[0])[:, 0], atol=1e-9)


def test_where_the_model_folds_there_is_no_ray():
    lens = BrownLens((500, 500), (640, 360), (-0.5, 0.0, 0.0, 0.0))
    assert lens.reach < 1
    assert np.isnan(lens.pixels(np.array([[1.5, 0.0]]))).all()
    assert np.isnan(lens.rays(np.array([[640 + 500 * 0.9, 360.0]]))).all()


@given(st.floats(0.2, 4), PIXELS)
def test_scaled_lens_sees_the_same(scale, pixels):
    px = np.array(pixels, float)
    lens = LENSES["barrel"]
    np.testing.assert_allclose(lens.scaled(scale, scale).rays((px + 0.5) * scale - 0.5), lens.rays(px), atol=1e-9)
