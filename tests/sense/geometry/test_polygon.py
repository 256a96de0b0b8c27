"""Signed distance, area and clipping, against OpenCV's own."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.geometry.polygon import area, clip, signed_distance

SQUARE = np.array([(0, 0), (4, 0), (4, 4), (0, 4)], float)
coordinate = st.integers(-400, 400).map(lambda i: i / 20)
point = st.tuples(coordinate, coordinate)


def ring(radii):
    """A star-shaped polygon, so that its sides never cross."""
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return np.column_stack([np.cos(angles), np.sin(angles)]) * np.array(radii)[:, None]


rings = st.lists(st.integers(2, 100).map(lambda i: i / 10), min_size=3, max_size=12).map(ring)


def test_inside_is_positive_and_outside_negative():
    points = np.array([(2, 2), (2, 3.5), (5, 2), (-1, -1)], float)
    np.testing.assert_allclose(signed_distance(points, SQUARE), [2, 0.5, -1, -np.sqrt(2)])


def test_a_corner_a_hair_above_the_point_is_above_it_for_both_its_sides():
    corners = ring([0.2, 0.2, 0.3, 0.2, 0.2, 0.2])  # its fourth corner lies at y = 2.4e-17
    np.testing.assert_allclose(signed_distance(np.array([(-0.25, 0.0)]), corners), [-0.05])


def test_nobody_gives_nothing():
    assert signed_distance(np.empty((0, 2)), SQUARE).shape == (0,)


@given(rings, st.lists(point, min_size=1, max_size=20))
def test_distance_agrees_with_opencv(corners, points):
    corners32 = corners.astype(np.float32)
    got = signed_distance(np.array(points), corners32.astype(float))
    for value, p in zip(got, points, strict=True):
        expected = cv2.pointPolygonTest(corners32.reshape(-1, 1, 2), p, True)
        assert abs(abs(value) - abs(expected)) < 1e-3
        if abs(expected) > 1e-3:
            assert np.sign(value) == np.sign(expected)


@given(rings)
def test_area_agrees_with_opencv_and_knows_no_direction(corners):
    expected = cv2.contourArea(corners.astype(np.float32))
    assert abs(area(corners) - expected) < 1e-3 * max(expected, 1)
    assert abs(area(corners[::-1]) - area(corners)) < 1e-9


@given(st.lists(point, min_size=3, max_size=3), st.lists(point, min_size=3, max_size=3))
def test_clipping_triangles_agrees_with_opencv(a, b):
    a, b = np.array(a), np.array(b)
    if area(a) < 0.1 or area(b) < 0.1:
        return
    expected, _ = cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))
    assert abs(area(clip(a, b)) - expected) < 1e-2 * max(expected, 1)


def test_a_concave_zone_cut_in_two_keeps_its_area():
    u = np.array([(0, 0), (6, 0), (6, 4), (4, 4), (4, 2), (2, 2), (2, 4), (0, 4)], float)
    top = np.array([(-1, 3), (7, 3), (7, 9), (-1, 9)], float)
    assert abs(area(clip(u, top)) - 4) < 1e-9


def test_what_is_outside_has_no_area():
    assert area(clip(SQUARE, SQUARE + 10)) == 0
