"""A frame that wipes itself, and the memory every buffer that holds pixels lies in."""

from __future__ import annotations

import mmap
from math import prod
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray


def hidden_pages(size: int) -> mmap.mmap:
    """`size` zero bytes on pages of their own, left out of core dumps and not passed on to child processes."""
    pages = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_DONTDUMP)
    pages.madvise(mmap.MADV_DONTFORK)
    return pages


def hidden(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros in `hidden_pages`."""
    dtype = np.dtype(dtype)
    count = prod(shape)
    pages = hidden_pages(count * dtype.itemsize)
    # The array keeps the pages alive; they are given back with the last view of it.
    return np.frombuffer(pages, dtype, count).reshape(shape)


class Frame:
    """One picture, in memory that is reused for every picture and overwritten after each.

    The loop owns one frame, a source writes into it, and leaving the `with` block wipes it, also when
    something was raised inside::

        frame = Frame(1080, 1920)
        with frame:
            np.copyto(frame.into(1080, 1920), picture)
            detections = detector(frame.image)

    Views handed out stay valid and show zeros after the wipe. A frame cannot be copied, pickled or printed.
    """

    __slots__ = ("_dirty", "_image", "_memory")

    def __init__(self, max_height: int, max_width: int) -> None:
        """Reserve memory for pictures of up to max_height x max_width pixels, three bytes each."""
        if max_height < 1 or max_width < 1:
            raise ValueError(f"a frame of {max_height} x {max_width} pixels holds no picture")
        self._memory: NDArray[np.uint8] = hidden((max_height * max_width * 3,), np.uint8)
        self._image: NDArray[np.uint8] | None = None
        self._dirty = 0

    def into(self, height: int, width: int) -> NDArray[np.uint8]:
        """Where a source writes the next picture: (height, width, 3) uint8, BGR, contiguous, writable.

        Raises:
            ValueError: the picture has no pixels or more than the frame was made for.
        """
        size = height * width * 3
        if height < 1 or width < 1 or size > len(self._memory):
            raise ValueError(
                f"a picture of {width}x{height} pixels does not fit a frame made for {len(self._memory) // 3} pixels"
            )
        if self._image is None or self._image.shape[:2] != (height, width):
            self._image = self._memory[:size].reshape(height, width, 3)
        self._dirty = max(self._dirty, size)
        return self._image

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture that was written: (height, width, 3) uint8, BGR.

        Raises:
            RuntimeError: nothing was written since the frame was made or wiped.
        """
        if self._image is None or not self._dirty:
            raise RuntimeError("the frame holds no picture: it was wiped, or nothing was written into it yet")
        return self._image

    def wipe(self) -> None:
        """Overwrite every byte that may hold a pixel with zero."""
        self._memory[: self._dirty] = 0
        self._dirty = 0

    def __enter__(self) -> Frame:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "<Frame in use>" if self._dirty else "<Frame wiped>"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a frame cannot be copied or pickled")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = _refuse
