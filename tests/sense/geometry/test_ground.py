from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from drukte.config.ground import Ground as Section
from drukte.sense.geometry.calibration import ground_from
from drukte.sense.geometry.plane import GroundError

SECTION = TypeAdapter(Section)


def ground(**keys):
    return ground_from(SECTION.validate_python(keys), Path())


def mount(height=4.0, tilt=30.0, roll=0.0, fov=66.0, **keys):
    lens = {"fov": fov, "distortion": keys.pop("distortion", [])}
    return ground(kind="mount", picture=(1280, 720), height=height, tilt=tilt, roll=roll, lens=lens, **keys)


MOUNTS = st.builds(
    mount,
    height=st.floats(2.2, 12),
    tilt=st.floats(12, 88),
    roll=st.floats(-15, 15),
    fov=st.floats(30, 100),
    distortion=st.sampled_from([[], [-0.12, 0.02, 0.0, 0.0], [-0.1, 0.01, 0.001, -0.001, 0.0]]),
)
PIXELS = st.lists(st.tuples(st.floats(0, 1279), st.floats(0, 719)), min_size=1, max_size=12)


@given(MOUNTS, PIXELS)
def test_there_and_back_is_the_identity(camera, pixels):
    px = np.array(pixels)
    xy, cov, ok = camera.to_ground(px)
    assert np.isnan(xy[~ok]).all() and np.isnan(cov[~ok]).all()
    assert (np.linalg.eigvalsh(cov[ok]) > 0).all()
    back, seen = camera.to_pixels(xy[ok])
    assert seen.all()
    np.testing.assert_allclose(back, px[ok], atol=1e-3)


def test_geometry_by_hand():
    camera = mount(height=3.0, tilt=45.0, fov=90.0)
    xy, _, ok = camera.to_ground([[639.5, 359.5]])
    assert ok.all()
    np.testing.assert_allclose(xy, [[0, 3.0]], atol=1e-9)
    # A pixel to the right of the middle is on the right: x grows, and the distance to the lens is 3 sqrt 2.
    right, _, _ = camera.to_ground([[639.5 + 640, 359.5]])
    np.testing.assert_allclose(right, [[3 * np.sqrt(2), 3.0]], atol=1e-9)
    turned = mount(height=3.0, tilt=45.0, fov=90.0, at=(10, 20), bearing=90)
    np.testing.assert_allclose(turned.to_ground([[639.5, 359.5]])[0], [[13, 20]], atol=1e-9)
    rolled = mount(height=3.0, tilt=45.0, fov=90.0, roll=10.0)
    level = mount(height=3.0, tilt=45.0, fov=90.0)
    # Camera turned clockwise seen from behind: what lies straight ahead on the ground moves counter-clockwise.
    px, _ = rolled.to_pixels([[0, 6.0]])
    assert px[0, 0] < 639.5 and level.to_pixels([[0, 6.0]])[0][0, 1] < 359.5


def test_horizon_is_refused():
    camera = mount(height=4.0, tilt=10.0, fov=60.0)
    horizon = 359.5 - camera.lens.focal[1] * np.tan(np.radians(10))
    rows = horizon + np.array([-50, -1, 1, 3, 200])
    _, _, ok = camera.to_ground(np.column_stack([np.full(5, 640), rows]))
    assert ok.tolist() == [False, False, False, False, True]
    _, _, ok = camera.positions([[600, horizon - 40, 620, horizon + 4]], [0.9])
    assert not ok.any()
    assert not camera.to_pixels([[0, -5.0]])[1].any()  # behind the camera


@given(MOUNTS, st.integers(0, 2**32 - 1))
def test_homography_of_exact_points_is_the_same_ground(camera, seed):
    rng = np.random.default_rng(seed)
    px = np.array([[100, 700], [1180, 690], [900, 420], [350, 400]]) + rng.uniform(-60, 15, (4, 2))
    xy, _, ok = camera.to_ground(px)
    assume(ok.all() and np.abs(xy).max() < 60 and not camera.lens.distortion)
    points = [{"pixel": tuple(p), "metres": tuple(m)} for p, m in zip(px, xy, strict=True)]
    fitted = ground(kind="homography", picture=(1280, 720), points=points)
    at = rng.uniform((300, 450), (1000, 700), (20, 2))
    a, _, good = camera.to_ground(at)
    b, _, fine = fitted.to_ground(at)
    np.testing.assert_allclose(b[good & fine], a[good & fine], rtol=1e-4, atol=1e-4)
    if fitted.pose is not None and 15 < np.degrees(camera.pose.tilt) < 75:
        np.testing.assert_allclose(fitted.pose.centre, camera.pose.centre, rtol=1e-3, atol=2e-2)


def test_covariance_covers_click_noise():
    camera = mount(height=5.0, tilt=25.0, fov=60.0)
    rng = np.random.default_rng(3)
    px = np.array([[150, 650], [1150, 640], [980, 260], [300, 270], [640, 450], [700, 300]], float)
    xy = camera.to_ground(px)[0]
    at = rng.uniform((200, 280), (1100, 680), (30, 2))
    truth = camera.to_ground(at)[0]
    inside, pair_inside = [], []
    for _ in range(150):
        points = [
            {"pixel": tuple(p + rng.normal(0, 2, 2)), "metres": tuple(m + rng.normal(0, 0.02, 2))}
            for p, m in zip(px, xy, strict=True)
        ]
        fitted = ground(kind="homography", picture=(1280, 720), points=points, click=2.0, measured=0.02)
        got, cov, ok = fitted.to_ground(at + rng.normal(0, 1, at.shape), sigma=1.0)
        miss = (got - truth)[ok]
        inside.append(np.einsum("ni,nij,nj->n", miss, np.linalg.inv(cov[ok]), miss) < 2.2789)  # 68 % of chi2 with 2
        near = np.flatnonzero(ok)
        i, j = near[:-1], near[1:]
        delta, real = got[i] - got[j], truth[i] - truth[j]
        shared = fitted.shared(got)
        cross = shared[i] @ shared[j].transpose(0, 2, 1)
        pair = cov[i] + cov[j] - cross - cross.transpose(0, 2, 1)
        u = delta / np.linalg.norm(delta, axis=1)[:, None]
        error = np.linalg.norm(delta, axis=1) - np.linalg.norm(real, axis=1)
        pair_inside.append(np.abs(error) < np.sqrt(np.einsum("ni,nij,nj->n", u, pair, u)))
    assert 0.62 < np.concatenate(inside).mean() < 0.74
    assert 0.62 < np.concatenate(pair_inside).mean() < 0.74


def test_mount_errors_are_those_of_a_wrong_mount():
    right = mount(height=4.0, tilt=30.0)
    px = np.array([[300.0, 600], [900, 300], [640, 400]])
    xy = right.to_ground(px)[0]
    moves = right.shared(xy)
    for k, wrong in enumerate([mount(height=4.03), mount(tilt=30.5), mount(roll=0.5)]):
        assert np.abs(np.abs(moves[:, :, k]) - np.abs(wrong.to_ground(px)[0] - xy)).max() < 0.02


@given(MOUNTS, st.floats(0.4, 2.5))
def test_pixel_scale_does_not_matter(camera, scale):
    other = camera.for_picture(round(1280 * scale), round(720 * scale))
    sx, sy = other.picture[0] / 1280, other.picture[1] / 720
    boxes = np.array([[600, 300, 660, 480], [200.0, 400, 280, 650]])
    a, _, ok = camera.positions(boxes)
    b, _, _ = other.positions(boxes * [sx, sy, sx, sy])
    np.testing.assert_allclose(a[ok], b[ok], rtol=2e-3, atol=2e-3)


def test_another_shape_is_refused():
    with pytest.raises(GroundError, match="calibration is for 1280x720 but the source delivers 640x480"):
        mount().for_picture(640, 480)


@pytest.mark.parametrize(
    ("metres", "message"),
    [
        ([(0, 0), (1, 0), (2, 0), (3, 0)], "one line"),
        ([(0, 0), (0, 0), (0, 0), (0, 0)], "same metres"),
        ([(0, 10), (10, 10), (8, 0), (2, 0)], "mirrored"),
        ([(0, 0), (8, 10), (10, 0), (2, 10)], "swapped|mirrored|behind"),
    ],
)
def test_bad_points_are_explained(metres, message):
    pixels = [(100, 700), (1180, 690), (900, 300), (350, 310)]
    points = [{"pixel": p, "metres": m} for p, m in zip(pixels, metres, strict=True)]
    with pytest.raises(GroundError, match=message):
        ground(kind="homography", picture=(1280, 720), points=points)


def test_matrix_is_taken_as_it_is():
    camera = mount(height=5.0, tilt=40.0, fov=60.0)
    f, (cx, cy) = camera.lens.focal[0], camera.lens.centre
    matrix = camera.plane @ np.array([[1 / f, 0, -cx / f], [0, 1 / f, -cy / f], [0, 0, 1]]) * -3.0
    same = ground(kind="homography", picture=(1280, 720), matrix=matrix.tolist())
    px = [[300.0, 600], [900, 300]]
    np.testing.assert_allclose(same.to_ground(px)[0], camera.to_ground(px)[0], rtol=1e-9)
    np.testing.assert_allclose(same.pose.centre, camera.pose.centre, atol=1e-6)
    with pytest.raises(GroundError, match="mirrored"):
        ground(kind="homography", picture=(1280, 720), matrix=(np.diag([1, -1, 1]) @ matrix).tolist())
    with pytest.raises(GroundError, match="singular"):
        ground(kind="homography", picture=(1280, 720), matrix=np.ones((3, 3)).tolist())


@given(MOUNTS, st.integers(0, 2**32 - 1))
def test_feet_of_upright_bodies(camera, seed):
    """Boxes around verticals: the foot is found although the picture makes them lean."""
    rng = np.random.default_rng(seed)
    feet = rng.uniform((50, 150), (1230, 715), (40, 2))
    p, _, ok = camera.to_ground(feet)
    head, seen = camera.to_pixels(p, rng.uniform(1.4, 2.0, 40))
    with np.errstate(invalid="ignore"):
        upright = np.abs(head - feet)[:, 0] < (feet - head)[:, 1]
        use = ok & seen & upright & (head > 0).all(axis=1) & (feet[:, 1] - head[:, 1] > 8)
    boxes = np.column_stack([np.minimum(feet, head), np.maximum(feet, head)])[use] + 0.5
    got = camera.lens.pixels(camera.feet(boxes - 0.5))
    off = np.abs(got - feet[use]).max(axis=1, initial=0)
    limit = 1e-3 if not camera.lens.distortion else 1 + 0.03 * (boxes[:, 3] - boxes[:, 1])
    assert (off < limit).all()


def test_foot_under_an_overhead_camera():
    camera = mount(height=4.0, tilt=90.0, fov=90.0)
    at = np.array([[1.5, 0.0], [0.0, 0.8], [-1.0, 0.3]])
    foot, _ = camera.to_pixels(at)
    head, _ = camera.to_pixels(at, 1.7)
    boxes = np.column_stack([np.minimum(foot, head), np.maximum(foot, head)]) + np.array([-5, -5, 5, 5]) + 0.5
    xy, _, ok = camera.positions(boxes)
    assert ok.all()
    assert np.abs(xy - at).max() < 0.05
    # Straight below the lens the foot is not past the point under it.
    xy, _, _ = camera.positions([[600, 320, 680, 400]])
    assert np.abs(xy).max() < 0.02
