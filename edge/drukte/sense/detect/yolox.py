"""YOLOX in ONNX Runtime: persons, bicycles and motorcycles in a picture.

Network, input and output as in Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021", and its reference
implementation. Nothing is normalised: the network takes BGR 0..255.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from drukte.models import ModelError
from drukte.sense.detect.nms import suppress
from drukte.sense.frame import hidden
from drukte.sense.people import BICYCLE, MOTORCYCLE, PERSON, Detections

PAD: Final = 114
"""Grey of the part of the input that the picture does not cover, as in training."""
STRIDES: Final = (8, 16, 32)
COLUMNS: Final = 85
"""cx, cy, w, h, objectness, and the 80 classes of COCO."""

_OBJECTNESS = 4
# Rows of COCO's 80 classes that are kept, and the kinds they become.
_COLUMNS_KEPT = np.array([5 + 0, 5 + 1, 5 + 3])
_KINDS = np.array([PERSON, BICYCLE, MOTORCYCLE], np.uint8)
# exp() of more than this, times a stride, is wider than any picture.
_LARGEST_LOG_SIDE = 10.0


class YoloxDetector:
    """Finds people in pictures of any size; every buffer is made once, here.

    Not for use by two threads at once.
    """

    def __init__(
        self,
        model: Path | bytes,
        size: tuple[int, int],
        *,
        low: float = 0.1,
        overlap: float | None = 0.5,
        limit: int = 1000,
        threads: int = 1,
    ) -> None:
        """Load the model and run it once, so that all memory and threads exist before the room is sealed.

        Args:
            model: graph to load, as a file or as the bytes `drukte.models.read` verified.
            size: (width, height) of the model's input in pixels, multiples of 32.
            low: least score that is reported. Low on purpose: the tracker makes use of weak detections,
                whoever counts applies a higher threshold.
            overlap: intersection over union above which the weaker of two boxes of one kind is the same
                person. None: all boxes are reported, for a caller that knows more than their overlap.
            limit: most candidates looked at in one picture, the best ones: bounds time and memory whatever is
                seen.
            threads: processor cores one picture may use.

        Raises:
            ModelError: the file cannot be loaded, or is not a YOLOX graph of that size.
            ValueError: a threshold is not between 0 and 1, or limit or threads is not positive.
        """
        if not (0 < low < 1 and (overlap is None or 0 < overlap < 1)):
            raise ValueError(f"low ({low}) and overlap ({overlap}) must lie between 0 and 1")
        if limit < 1 or threads < 1:
            raise ValueError(f"limit ({limit}) and threads ({threads}) must be 1 or more")
        self._low, self._overlap, self._limit = np.float32(low), overlap, limit
        self._size = width, height = size
        self._centres, self._strides = _grid(width, height)
        rows = len(self._strides)
        self._letterbox: NDArray[np.uint8] = hidden((height, width, 3), np.uint8)
        self._input: NDArray[np.float32] = hidden((1, 3, height, width), np.float32)
        self._output: NDArray[np.float32] = hidden((1, rows, COLUMNS), np.float32)
        self._above = np.zeros(rows, np.bool_)
        self._placed = (0, 0)
        # OpenCV starts threads on first use, which would then live outside the seal; a resize gains nothing
        # by them.
        cv2.setNumThreads(1)
        self._session = _session(model, threads)
        self._check(model)
        self._binding = self._session.io_binding()
        for bind, value, array in (
            (self._binding.bind_input, self._session.get_inputs()[0], self._input),
            (self._binding.bind_output, self._session.get_outputs()[0], self._output),
        ):
            bind(value.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        self.wipe()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the model's input in pixels."""
        return self._size

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Find people in one picture, best score first.

        The picture is not changed. What the detector holds of it stays until the next call or `wipe`.

        Args:
            image: (height, width, 3) uint8, BGR.

        Raises:
            ValueError: not such an array.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"a picture is (height, width, 3) uint8, not {image.shape} {image.dtype}")
        scale = self._prepare(image)
        self._session.run_with_iobinding(self._binding)
        return self._decode(scale, image.shape[1], image.shape[0])

    def wipe(self) -> None:
        """Overwrite every buffer that held pixels, or what the network made of them, with zero."""
        self._letterbox.fill(0)
        self._input.fill(0)
        self._output.fill(0)
        self._placed = (0, 0)

    def _prepare(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scale the picture into the top-left corner of the input; returns picture pixels per input pixel, x
        and y.

        The two differ a little, as the scaled picture has whole pixels.
        """
        width, height = self._size
        scale = min(height / image.shape[0], width / image.shape[1])
        placed = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        box = self._letterbox
        if placed != self._placed:
            box.fill(PAD)
            self._placed = placed
        cv2.resize(image, placed, dst=box[: placed[1], : placed[0]], interpolation=cv2.INTER_LINEAR)
        np.copyto(self._input[0], box.transpose(2, 0, 1), casting="unsafe")
        return np.array((image.shape[1] / placed[0], image.shape[0] / placed[1]), np.float32)

    def _decode(self, scale: NDArray[np.float32], width: int, height: int) -> Detections:
        table = self._output[0]
        # A score is objectness times class, so objectness alone rules nearly every row out.
        np.greater_equal(table[:, _OBJECTNESS], self._low, out=self._above)
        rows = np.flatnonzero(self._above)
        scores = table[rows[:, None], _COLUMNS_KEPT] * table[rows, _OBJECTNESS, None]
        which, kind = np.nonzero(scores >= self._low)
        scores = scores[which, kind]
        if len(scores) > self._limit:
            best = np.argpartition(scores, -self._limit)[-self._limit :]
            which, kind, scores = which[best], kind[best], scores[best]
        boxes = self._boxes(rows[which], scale)
        np.clip(boxes[:, 0::2], 0, width, out=boxes[:, 0::2])
        np.clip(boxes[:, 1::2], 0, height, out=boxes[:, 1::2])
        found = Detections(boxes, scores, _KINDS[kind])
        # Also drops what is not a number: comparisons with it are false.
        found = found.select((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
        if self._overlap is None:
            return found.select(np.lexsort((found.kinds, -found.scores)))
        return found.select(suppress(found.boxes, found.scores, found.kinds, self._overlap))

    def _boxes(self, rows: NDArray[np.intp], scale: NDArray[np.float32]) -> NDArray[np.float32]:
        """Corners in picture pixels of the boxes in those rows of the output."""
        raw = self._output[0, rows, :4]
        stride = self._strides[rows] * scale
        # A broken model may give anything; what is not finite is dropped or cut off at the picture's edge later.
        with np.errstate(over="ignore", invalid="ignore"):
            centre = (raw[:, :2] + self._centres[rows]) * stride
            half = np.exp(np.minimum(raw[:, 2:], _LARGEST_LOG_SIDE)) * (stride / 2)
            return np.concatenate((centre - half, centre + half), axis=1)

    def _check(self, model: Path | bytes) -> None:
        where = "the model" if isinstance(model, bytes) else str(model)
        shapes = [(v.shape, v.type) for v in (*self._session.get_inputs(), *self._session.get_outputs())]
        expected = [(list(a.shape), "tensor(float)") for a in (self._input, self._output)]
        if shapes != expected:
            width, height = self._size
            raise ModelError(
                f"{where} is not a YOLOX model for input {width}x{height}: it has input and output "
                f"{shapes}, expected {expected}. Check model.size in the site file, or run: drukte models "
                "verify"
            )


def _grid(width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, 2) cell indices x, y and (n, 1) strides of the rows of the output."""
    if width < 32 or height < 32 or width % 32 or height % 32:
        raise ValueError(f"model input {width}x{height}: both must be multiples of 32")
    cells, strides = [], []
    for stride in STRIDES:
        y, x = np.divmod(np.arange((width // stride) * (height // stride)), width // stride)
        cells.append(np.stack((x, y), axis=1))
        strides.append(np.full((len(x), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _session(model: Path | bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # An arena keeps what the network made of the last picture; without one it goes back after every run.
    options.enable_cpu_mem_arena = False
    # Waiting threads sleep: at a few pictures a second, spinning only heats the device.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        source = model if isinstance(model, bytes) else str(model)
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors have no common class of their own
        where = "the model" if isinstance(model, bytes) else str(model)
        reason = str(error).splitlines()[0]
        raise ModelError(f"{where} cannot be loaded: {reason}. Run: drukte models verify") from error
