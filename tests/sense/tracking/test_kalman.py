"""The filters in blocks against the textbook's matrices."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.tracking.kalman import UNSEEN_DECAY, Filters, inverse_2x2, inverse_4x4


def textbook(z, dt, q, r, sigma_v):
    """x, P of an ordinary constant-velocity filter over the measurements z."""
    x = np.array([*z[0], 0, 0])
    p = np.diag([r, r, sigma_v**2, sigma_v**2])
    f = np.eye(4)
    f[0, 2] = f[1, 3] = dt
    g = q * np.kron([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]], np.eye(2))
    h = np.eye(2, 4)
    for m in z[1:]:
        x, p = f @ x, f @ p @ f.T + g
        k = p @ h.T @ np.linalg.inv(h @ p @ h.T + r * np.eye(2))
        x, p = x + k @ (m - h @ x), p - k @ h @ p
    return x, p


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=12),
    st.floats(0.02, 1.0),
    st.floats(0.05, 2.0),
    st.floats(0.0004, 0.5),
)
def test_blocks_equal_matrices(z, dt, q, r):
    z = np.array(z)
    rows = np.array([3])
    filters = Filters(8)
    filters.start(rows, z[:1], np.eye(2)[None] * r, np.array([1.5]))
    for m in z[1:]:
        filters.predict(rows, dt, np.array([q]), np.array([True]))
        filters.update(rows, m[None], np.eye(2)[None] * r)
    x, p = textbook(z, dt, q, r, 1.5)
    np.testing.assert_allclose(filters.xy[3], x[:2], atol=1e-7)
    np.testing.assert_allclose(filters.velocity[3], x[2:], atol=1e-6)
    np.testing.assert_allclose(filters.pxx[3], p[:2, :2], atol=1e-7)
    np.testing.assert_allclose(filters.pxv[3], p[:2, 2:], atol=1e-6)
    np.testing.assert_allclose(filters.pvv[3], p[2:, 2:], atol=1e-6)


def test_the_unseen_slow_down_and_grow_vague():
    filters = Filters(2)
    rows = np.array([0])
    filters.start(rows, np.zeros((1, 2)), np.eye(2)[None] * 0.01, np.array([1.0]))
    filters.velocity[0] = (1.4, 0)
    variances = []
    for _ in range(100):
        filters.predict(rows, 0.2, np.array([0.4]), np.array([False]))
        variances.append(filters.pxx[0, 0, 0])
    assert np.all(np.diff(variances) > 0)
    np.testing.assert_allclose(filters.xy[0, 0], 1.4 * UNSEEN_DECAY * (1 - np.exp(-20 / UNSEEN_DECAY)), rtol=1e-9)


def test_inverse():
    m = np.array([[[2.0, 0.5], [0.5, 1.0]], [[0.3, -0.1], [-0.1, 4.0]]])
    inverse, det = inverse_2x2(m)
    np.testing.assert_allclose(inverse, np.linalg.inv(m))
    np.testing.assert_allclose(det, np.linalg.det(m))


def test_inverse_by_blocks():
    root = np.random.default_rng(0).normal(size=(200, 4, 4))
    m = root @ root.transpose(0, 2, 1) + 0.01 * np.eye(4)
    np.testing.assert_allclose(inverse_4x4(m) @ m, np.broadcast_to(np.eye(4), m.shape), atol=1e-10)
