"""Frames that stop changing and answers that change are both noticed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from drukte.sense.lock.kernel import SealError
from drukte.sense.lock.liveness import FrameWatch, KnownPicture, confirm_frames, fingerprint


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 255, (120, 160, 3), dtype=np.uint8)


def test_repeats_are_counted() -> None:
    watch = FrameWatch()
    assert [watch.see(noise(s)) for s in (1, 2, 2, 2, 3, 2)] == [0, 0, 1, 2, 0, 0]


def test_views_and_strided_frames_have_the_fingerprint_of_their_pixels() -> None:
    picture = noise(1)
    assert fingerprint(picture) == fingerprint(picture.copy(order="F"))
    assert fingerprint(picture) != fingerprint(picture[:, ::-1])
    assert fingerprint(picture[:5]) != fingerprint(picture[:4])


def test_changing_frames_are_alive() -> None:
    frames = iter([noise(1), noise(1), noise(2)])
    confirm_frames(lambda: next(frames))


def test_standing_frames_and_no_frames_are_not() -> None:
    with pytest.raises(SealError, match="identical"):
        confirm_frames(lambda: noise(1))
    with pytest.raises(SealError, match="no frame"):
        confirm_frames(lambda: None)


def test_known_picture_notices_another_answer() -> None:
    gain = [1.0]

    def step(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        return picture.mean(axis=(0, 1)) * gain[0]

    known = KnownPicture(step, 96, 128)
    known.confirm()
    gain[0] = 1.00001
    known.confirm()
    gain[0] = 1.1
    with pytest.raises(SealError, match="known picture"):
        known.confirm()


def test_known_picture_keeps_its_own_copy_of_the_answer() -> None:
    buffer = np.zeros(3)

    def step(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        buffer[:] = picture.mean(axis=(0, 1))
        return buffer

    known = KnownPicture(step, 96, 128)
    buffer.fill(0)
    known.confirm()
