"""A covered, dark, frozen or blurred camera is told from an empty place, and nothing of its pictures is kept."""

import cv2
import numpy as np
import pytest

from drukte.sense.condition import FREEZE, LEARN, SETTLE, SOFT_FOR, Condition
from drukte.summary import BLURRED, COVERED, DARK, FROZEN, RUNNING

SIZE = 384, 288
STEP = 0.5


def street(seed=1):
    """A made picture with edges and textures at all scales."""
    rng = np.random.default_rng(seed)
    out = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    for scale, strength in ((4, 12), (12, 20), (48, 40)):
        coarse = rng.normal(0, strength, (SIZE[1] // scale + 1, SIZE[0] // scale + 1, 3)).astype(np.float32)
        out += cv2.resize(coarse, SIZE, interpolation=cv2.INTER_NEAREST)
    return np.clip(out + 110, 0, 255)


class Camera:
    """Feeds pictures with a sensor's noise, two a second."""

    def __init__(self):
        self.t = 0.0
        self.rng = np.random.default_rng(0)
        self.condition = Condition(*SIZE)

    def see(self, picture, seconds, noise=2.0):
        """States and blindness after each picture; `picture` may be a function of the seconds since now."""
        out = []
        for k in range(round(seconds / STEP)):
            now = picture(k * STEP) if callable(picture) else picture
            noisy = now + self.rng.normal(0, noise, now.shape[:2])[:, :, None] if noise else now
            self.condition.look(np.clip(noisy, 0, 255).astype(np.uint8), self.t)
            out.append((self.condition.state, self.condition.blind))
            self.t += STEP
        return out


@pytest.fixture
def camera():
    camera = Camera()
    assert set(camera.see(street(), 10)) == {(RUNNING, False)}
    return camera


@pytest.mark.parametrize("level", [0, 60, 200, 255])
def test_something_before_the_lens(camera, level):
    covered = camera.see(np.full_like(street(), level), 4)
    assert all(blind for _, blind in covered)
    assert covered[-1][0] == COVERED
    assert {state for state, _ in covered[: int((SETTLE - STEP) / STEP)]} == {RUNNING}
    assert camera.see(street(), 4)[-1] == (RUNNING, False)


def test_a_covered_lens_whose_gain_is_turned_up_is_covered(camera):
    assert camera.see(np.full_like(street(), 30), 4, noise=10)[-1] == (COVERED, True)


def test_covered_from_the_start_is_covered():
    assert Camera().see(np.full_like(street(), 90), 3)[-1] == (COVERED, True)


def test_night_falls_and_is_dark_not_covered(camera):
    states = camera.see(lambda s: street() * max(0.02, 1 - s / 300), 320)
    assert {state for state, _ in states} == {RUNNING, DARK}
    assert states[-1] == (DARK, True)
    # and dawn comes
    assert camera.see(lambda s: street() * min(1.0, 0.02 + s / 60), 70)[-1] == (RUNNING, False)


def test_a_lit_street_at_night_is_not_dark(camera):
    night = street() * 0.1
    night[140:200, 150:220] = street()[140:200, 150:220] * 1.5
    assert camera.see(lambda s: street() + (night - street()) * min(1.0, s / 120), 140)[-1] == (RUNNING, False)


def test_the_same_picture_for_ever_is_frozen(camera):
    still = street().round()
    states = camera.see(still, FREEZE + 5, noise=0)
    assert (FROZEN, True) not in states[: int((FREEZE - 1) / STEP)]
    assert states[-1] == (FROZEN, True)
    assert camera.see(street(), 4)[-1] == (RUNNING, False)


def test_a_scene_in_which_nothing_moves_is_not_frozen(camera):
    assert {state for state, _ in camera.see(street(), 60, noise=0.6)} == {RUNNING}


def test_a_lens_out_of_focus_is_blurred_and_still_counts(camera):
    camera.see(street(), LEARN)
    soft = cv2.GaussianBlur(street(), (0, 0), 5)
    states = camera.see(soft, SOFT_FOR + 5)
    assert states[-1] == (BLURRED, False)
    assert {state for state, _ in states[: int((SOFT_FOR - 1) / STEP)]} == {RUNNING}
    assert {state for state, _ in camera.see(soft, 300)} == {BLURRED}
    assert camera.see(street(), SETTLE + 1)[-1] == (RUNNING, False)


@pytest.mark.parametrize("light", [0.4, 1.6])
def test_other_light_is_not_blurred(camera, light):
    camera.see(street(), LEARN)
    assert {state for state, _ in camera.see(street() * light, 60)} == {RUNNING}


def test_a_lorry_that_fills_the_picture_for_a_moment_is_nothing_to_tell(camera):
    states = camera.see(np.full_like(street(), 120), 1)
    assert {state for state, _ in states} == {RUNNING}
    assert all(blind for _, blind in states)  # but nobody could be seen behind it


def test_a_clock_that_steps_back_begins_anew(camera):
    camera.t -= 3600
    assert camera.see(street(), 3)[-1] == (RUNNING, False)


def test_between_turns_nothing_is_left_of_the_picture(camera):
    camera.see(street(), 1)
    held = [value for value in vars(camera.condition).values() if isinstance(value, np.ndarray | list)]
    arrays = [a for value in held for a in (value if isinstance(value, list) else [value])]
    assert len(arrays) >= 8
    assert not any(a.any() for a in arrays)
    # what is kept is a handful of numbers
    rest = [v for v in vars(camera.condition).values() if not isinstance(v, np.ndarray | list)]
    assert {type(v) for v in rest} <= {int, float, bool, type(None)}
