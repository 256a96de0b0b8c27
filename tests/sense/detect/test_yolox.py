"""The camera detector: its arithmetic against a plain version, its buffers, and real pictures."""

import json
import math
import resource
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drukte import models
from drukte.sense.detect.yolox import COLUMNS, PAD, YoloxDetector
from drukte.sense.people import BICYCLE, MOTORCYCLE, PERSON, Detections

WIDTH, HEIGHT = 416, 256
KINDS = {0: PERSON, 1: BICYCLE, 3: MOTORCYCLE}


@pytest.fixture(scope="module")
def detector(model_store: Path) -> YoloxDetector:
    return YoloxDetector(models.read("yolox-nano"), (WIDTH, HEIGHT))


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


# Into the network


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 900), st.integers(1, 900), st.integers(0, 99))
def test_letterbox_as_in_the_plain_version(detector: YoloxDetector, height: int, width: int, seed: int) -> None:
    image = picture(height, width, seed)
    before = image.copy()
    scale = min(HEIGHT / height, WIDTH / width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    expected = np.full((HEIGHT, WIDTH, 3), PAD, np.uint8)
    expected[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)
    ratios = detector._prepare(image)
    assert np.array_equal(detector._input[0], np.moveaxis(expected.astype(np.float32), 2, 0))
    assert np.allclose(ratios, (width / w, height / h), rtol=1e-6)
    assert np.array_equal(image, before)


def test_part_of_a_picture_can_be_given(detector: YoloxDetector) -> None:
    image = picture(300, 500)
    detector._prepare(image[20:220, 50:350])
    part = detector._input.copy()
    detector._prepare(image[20:220, 50:350].copy())
    assert np.array_equal(detector._input, part)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(detector: YoloxDetector, image: Any) -> None:
    with pytest.raises(ValueError, match=r"a picture is \(height, width, 3\) uint8"):
        detector(image)


# Out of the network


def plain(table: NDArray[np.float32], width: int, height: int, low: float) -> list[tuple[float, ...]]:
    """Every row of the network's output, one after the other, before suppression."""
    ratio = min(HEIGHT / height, WIDTH / width)
    across, down = width / max(1, round(width * ratio)), height / max(1, round(height * ratio))
    found, row = [], 0
    for stride in (8, 16, 32):
        for y in range(HEIGHT // stride):
            for x in range(WIDTH // stride):
                cx, cy, w, h, objectness = (float(value) for value in table[row, :5])
                for label, kind in KINDS.items():
                    score = table[row, 4] * table[row, 5 + label]
                    half_w, half_h = math.exp(min(w, 10)) * stride / 2, math.exp(min(h, 10)) * stride / 2
                    left = min(max(((cx + x) * stride - half_w) * across, 0), width)
                    right = min(max(((cx + x) * stride + half_w) * across, 0), width)
                    top = min(max(((cy + y) * stride - half_h) * down, 0), height)
                    bottom = min(max(((cy + y) * stride + half_h) * down, 0), height)
                    if score >= np.float32(low) and objectness >= low and right > left and bottom > top:
                        found.append((left, top, right, bottom, float(score), kind))
                row += 1
    return found


def decoded(detector: YoloxDetector, table: NDArray[np.float32], width: int, height: int) -> Detections:
    np.copyto(detector._output[0], table)
    ratio = min(HEIGHT / height, WIDTH / width)
    placed = max(1, round(width * ratio)), max(1, round(height * ratio))
    return detector._decode(np.array((width / placed[0], height / placed[1]), np.float32), width, height)


def random_output(seed: int, share: float) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    rows = WIDTH * HEIGHT // 64 + WIDTH * HEIGHT // 256 + WIDTH * HEIGHT // 1024
    table = random.uniform(0, 1, (rows, COLUMNS)).astype(np.float32)
    table[:, :4] = random.normal(0, 1.5, (rows, 4))
    table[:, 4] *= random.uniform(0, 1, rows) < share
    return table


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.05), st.sampled_from([(768, 576), (1920, 1080), (90, 400)]))
def test_decoding_as_in_the_plain_version(model_store: Path, seed: int, share: float, size: tuple[int, int]) -> None:
    # With overlap just under 1 nearly nothing is suppressed, so that every row is compared.
    detector = YoloxDetector(models.read("yolox-nano"), (WIDTH, HEIGHT), overlap=0.999999)
    table = random_output(seed, share)
    found = decoded(detector, table, *size)
    expected = sorted(plain(table, *size, 0.1), key=lambda row: -row[4])
    assert len(found) == len(expected)
    assert np.all(np.diff(found.scores) <= 0)
    rows = np.column_stack((found.boxes, found.scores, found.kinds)) if len(found) else np.zeros((0, 6))
    wanted = np.array(expected, np.float64).reshape(-1, 6)
    keys = [np.lexsort(np.round(table[:, ::-1], 3).T) for table in (rows, wanted)]
    assert np.allclose(rows[keys[0]], wanted[keys[1]], rtol=1e-4, atol=0.02)


def test_not_a_number_and_infinity_are_nobody(detector: YoloxDetector) -> None:
    table = random_output(3, 0)
    table[5:10, 4:] = 1
    for row, bad in zip(range(5, 10), (np.nan, np.inf, -np.inf, 1e38, -1e38), strict=True):
        table[row, :4] = bad
    found = decoded(detector, table, 768, 576)
    assert np.isfinite(found.boxes).all()
    table[:, 4] = np.nan
    assert len(decoded(detector, table, 768, 576)) == 0


def test_candidates_are_bounded_and_the_best_are_kept(model_store: Path) -> None:
    detector = YoloxDetector(models.read("yolox-nano"), (WIDTH, HEIGHT), limit=20, overlap=0.999999)
    table = random_output(4, 1)
    table[:, :2] = 0.5
    table[:, 2:4] = 0
    found = decoded(detector, table, 832, 512)
    best = sorted((row[4] for row in plain(table, 832, 512, 0.1)), reverse=True)[:20]
    assert np.allclose(found.scores, best)


# Memory


def test_nothing_is_left_after_a_wipe(detector: YoloxDetector) -> None:
    found = detector(picture(500, 300))
    held = [detector._letterbox, detector._input, detector._output]
    assert all(buffer.any() for buffer in held)
    kept = found.boxes.copy()
    detector.wipe()
    assert not any(buffer.any() for buffer in held)
    assert np.array_equal(found.boxes, kept)
    # A buffer added later has to be named here, and wiped when it can hold pixels.
    arrays = {name for name, value in vars(detector).items() if isinstance(value, np.ndarray)}
    assert arrays == {"_letterbox", "_input", "_output", "_above", "_centres", "_strides"}


def test_the_answer_is_the_same_after_a_wipe_and_after_other_sizes(detector: YoloxDetector, test_data: Path) -> None:
    image = frames(test_data, step=400)[0]
    first = detector(image)
    detector.wipe()
    detector(picture(100, 900))
    again = detector(image)
    assert len(first) > 3
    assert np.array_equal(first.boxes, again.boxes)


def test_the_network_reads_and_writes_the_buffers_of_the_detector(detector: YoloxDetector) -> None:
    image = picture(256, 416)
    detector(image)
    (expected,) = detector._session.run(None, {"images": detector._input.copy()})
    assert np.array_equal(detector._output, expected)


def resident() -> int:
    """Resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_memory_does_not_grow(model_store: Path) -> None:
    detector = YoloxDetector(models.find("yolox-nano"), (WIDTH, HEIGHT))
    images = [picture(240, 320), picture(480, 640)]
    for i in range(20):
        detector(images[i % 2])
    before = resident()
    for i in range(200):
        detector(images[i % 2])
        detector.wipe()
    assert resident() - before < 2 * 2**20


# Models


def test_a_model_of_another_size_is_refused(model_store: Path) -> None:
    with pytest.raises(models.ModelError, match=r"not a YOLOX model for input 320x192.*model.size"):
        YoloxDetector(models.find("yolox-nano"), (320, 192))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"nonsense")
    for bad in (tmp_path / "x.onnx", tmp_path / "absent.onnx", b"", b"nonsense"):
        with pytest.raises(models.ModelError, match="cannot be loaded"):
            YoloxDetector(bad, (WIDTH, HEIGHT))


@pytest.mark.parametrize("wrong", [{"low": 0}, {"low": 1.5}, {"overlap": 1}, {"limit": 0}, {"threads": 0}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        YoloxDetector(b"", (WIDTH, HEIGHT), **wrong)


@pytest.mark.parametrize("size", [(400, 256), (416, 0)])
def test_wrong_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        YoloxDetector(b"", size)


# Real pictures


def frames(data: Path, step: int) -> list[NDArray[np.uint8]]:
    """Frames 1, 1 + step, ... of the annotated 400."""
    video = cv2.VideoCapture(str(data / "camera" / "pets09-s2l1" / "vtest.avi"))
    pictures = []
    for i in range(400):
        read, image = video.read() if i % step == 0 else (video.grab(), None)
        assert read
        if image is not None:
            pictures.append(image)
    return pictures


def scene(data: Path) -> SimpleNamespace:
    folder = data / "camera" / "pets09-s2l1"
    zone = np.array(json.loads((folder / "zone-and-lines.json").read_text())["zone_px"], np.float32)

    def inside(feet: NDArray[Any]) -> int:
        return sum(cv2.pointPolygonTest(zone, (float(x), float(y)), False) >= 0 for x, y in feet)

    rows = np.loadtxt(folder / "gt.txt", delimiter=",")
    rows = rows[rows[:, 6] == 1]
    feet = np.column_stack((rows[:, 2] + rows[:, 4] / 2, rows[:, 3] + rows[:, 5]))
    truth = [inside(feet[rows[:, 0] == frame]) for frame in range(1, 401)]
    return SimpleNamespace(inside=inside, truth=np.array(truth))


def count_error(detector: YoloxDetector, data: Path, step: int) -> tuple[float, float]:
    """Mean absolute error of the bare count in the zone at threshold 0.35, and that of a constant."""
    place = scene(data)
    counts = []
    for image in frames(data, step):
        found = detector(image)
        persons = found.select((found.kinds == PERSON) & (found.scores >= 0.35)).boxes
        counts.append(place.inside(np.column_stack(((persons[:, 0] + persons[:, 2]) / 2, persons[:, 3]))))
    truth = place.truth[::step]
    return float(np.abs(counts - truth).mean()), float(np.abs(np.median(place.truth) - truth).mean())


def test_people_are_counted(detector: YoloxDetector, test_data: Path) -> None:
    error, constant = count_error(detector, test_data, step=10)
    assert error < 0.45
    assert error < constant / 2


@pytest.mark.slow
def test_people_are_counted_in_every_frame(detector: YoloxDetector, test_data: Path) -> None:
    error, constant = count_error(detector, test_data, step=1)
    print(f"mean absolute error of the count: {error:.4f}; of a constant: {constant:.4f}")
    assert error == pytest.approx(0.34, abs=0.03)


def test_weak_detections_are_kept_for_the_tracker(detector: YoloxDetector, test_data: Path) -> None:
    found = [detector(image) for image in frames(test_data, step=40)]
    scores = np.concatenate([each.scores for each in found])
    assert scores.min() >= 0.1
    assert ((scores > 0.1) & (scores < 0.35)).any()
    for each in found:
        assert (each.boxes[:, :2] >= 0).all()
        assert (each.boxes[:, 2] <= 768).all()
        assert (each.boxes[:, 3] <= 576).all()
