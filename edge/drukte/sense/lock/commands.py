"""Device commands (`ioctl`) that a sealed room may still give its camera: each one by its whole number, no others.

What a camera needs once it streams is little: take a filled buffer, give it back, stop. Formats, inputs, outputs,
overlays and the making of new buffers are settled before the seal, and nothing of that can be changed behind it.
Numbers are built as in asm-generic/ioctl.h from the structures in linux/videodev2.h, dma-buf.h; those of 64-bit
machines. A test compares them with the headers where those are installed.
"""

from typing import Final

_WRITE, _READ = 1, 2


def number(direction: int, kind: str, command: int, size: int) -> int:
    """The kernel's number of a command: who writes (1 the program, 2 the kernel), letter, number, bytes."""
    return direction << 30 | size << 16 | ord(kind) << 8 | command


_BUFFER: Final = 88
VIDIOC_REQBUFS: Final = number(_READ | _WRITE, "V", 8, 20)
VIDIOC_QBUF: Final = number(_READ | _WRITE, "V", 15, _BUFFER)
VIDIOC_DQBUF: Final = number(_READ | _WRITE, "V", 17, _BUFFER)
VIDIOC_STREAMOFF: Final = number(_WRITE, "V", 19, 4)
VIDIOC_G_EXT_CTRLS: Final = number(_READ | _WRITE, "V", 71, 32)
VIDIOC_S_EXT_CTRLS: Final = number(_READ | _WRITE, "V", 72, 32)
VIDIOC_DQEVENT: Final = number(_READ, "V", 89, 136)
VIDIOC_UNSUBSCRIBE_EVENT: Final = number(_WRITE, "V", 91, 32)
DMA_BUF_IOCTL_SYNC: Final = number(_WRITE, "b", 0, 8)

V4L2: Final = (VIDIOC_QBUF, VIDIOC_DQBUF, VIDIOC_STREAMOFF, VIDIOC_REQBUFS)
"""A camera that streams: buffers to and fro, and at the end stop and give them back."""
LIBCAMERA: Final = (
    *V4L2,
    *(VIDIOC_G_EXT_CTRLS, VIDIOC_S_EXT_CTRLS),  # exposure and gain, set by the room for every picture
    *(VIDIOC_DQEVENT, VIDIOC_UNSUBSCRIBE_EVENT),  # the start of a picture
    DMA_BUF_IOCTL_SYNC,  # before and after the processor reads a buffer
)
"""The same through libcamera, whose control loop runs in the room. Put together from what is known of it, not from a
run: no Pi was at hand."""
