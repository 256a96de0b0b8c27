"""Recordings as sources: every picture once, in order, at the asked rate, and round again."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.scenes import moving_square

from drukte.config.source import ImagesSource, VideoSource
from drukte.sense.frame import Frame
from drukte.sense.sources import SourceEnded, SourceError, open_source


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving_square(tmp_path_factory.mktemp("video") / "square.avi", frames=20)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(5):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.full((40, 60, 3), 10 * number, np.uint8))
    return folder


def test_a_video_gives_each_picture_once_with_the_recording_s_time(video: Path) -> None:
    source = open_source(VideoSource(kind="video", path=str(video)), Path())
    frame = Frame(source.height, source.width)
    times, means = [], []
    with pytest.raises(SourceEnded, match="is over"):
        while True:
            with frame:
                times.append(source.read(frame))
                means.append(float(frame.image[:, :, 1].astype(float) @ np.arange(320) @ np.ones(240)))
    assert times == pytest.approx(np.arange(20) / 25)
    assert len(set(means)) == 20
    with pytest.raises(RuntimeError, match="no picture"):
        _ = frame.image


def test_a_loop_goes_on_in_time(video: Path) -> None:
    source = open_source(VideoSource(kind="video", path=str(video), loop=True), Path())
    frame = Frame(source.height, source.width)
    times = [source.read(frame) for _ in range(50)]
    assert times == pytest.approx(np.arange(50) / 25)


def test_a_slower_rate_leaves_pictures_out_and_keeps_to_real_time(video: Path) -> None:
    source = open_source(VideoSource(kind="video", path=str(video), rate=12.5), Path())
    frame = Frame(source.height, source.width)
    began = time.monotonic()
    seen = 0
    with pytest.raises(SourceEnded):
        while True:
            source.read(frame)
            seen += 1
    assert seen in (10, 11)
    assert time.monotonic() - began >= 0.7


def test_a_folder_of_images(images: Path) -> None:
    source = open_source(ImagesSource(kind="images", path=str(images), loop=True), Path())
    frame = Frame(source.height, source.width)
    shades = []
    for _ in range(7):
        with frame:
            source.read(frame)
            shades.append(int(frame.image[0, 0, 0]))
    assert shades == [0, 10, 20, 30, 40, 0, 10]


def test_a_picture_of_another_size_is_left_out(images: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes((images / "000.png").read_bytes())
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((10, 10, 3), np.uint8))
    (tmp_path / "c.png").write_bytes(b"no picture")
    source = open_source(ImagesSource(kind="images", path=str(tmp_path)), Path())
    frame = Frame(source.height, source.width)
    assert [source.read(frame) for _ in range(3)] == [0.0, None, None]
    with pytest.raises(SourceEnded):
        source.read(frame)


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(100)])
def test_what_is_no_video_is_refused_with_advice(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.avi").write_bytes(content)
    with pytest.raises(SourceError, match="cannot be decoded"):
        open_source(VideoSource(kind="video", path="v.avi"), tmp_path)
