"""Make the graphs a device loads out of a published one: same weights, another input size.

`onnx` is needed here and nowhere else. Nothing is inferred or optimised and every step only edits or removes
fields, so the bytes, and with them the hash in the manifest, do not depend on the version of `onnx`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from drukte.models.manifest import ModelError, Size

# Feature maps of YOLOX lie at these strides of the input: Ge et al. 2021, "YOLOX", section 2.1.
STRIDES = (8, 16, 32)


def release(original: bytes) -> bytes:
    """The graph as its authors published it: `original` without the metadata the carrying package added."""
    graph = _parse(original)
    del graph.metadata_props[:]
    return bytes(graph.SerializeToString())


def resized(published: bytes, size: Size) -> bytes:
    """The published graph for another input size.

    The network is fully convolutional, so only the declared shapes change. The recorded shapes of everything
    in between are dropped: they belong to the old size, and the runtime works them out by itself.

    Raises:
        ModelError: the bytes are not a YOLOX graph with one image in and one table out.
    """
    model = _parse(published)
    graph = model.graph
    try:
        (image,), (table,) = graph.input, graph.output
        _, channels, height, width = image.type.tensor_type.shape.dim
        _, rows, _ = table.type.tensor_type.shape.dim
    except ValueError:
        raise ModelError("the file is an ONNX graph, but not a YOLOX one (one image in, one table out)") from None
    if channels.dim_value != 3 or rows.dim_value != _cells(width.dim_value, height.dim_value):
        raise ModelError("the file is an ONNX graph, but not a YOLOX one (one row per cell at strides 8, 16 and 32)")
    width.dim_value, height.dim_value = size
    rows.dim_value = _cells(*size)
    del graph.value_info[:]
    return bytes(model.SerializeToString())


def _cells(width: int, height: int) -> int:
    return sum((width // stride) * (height // stride) for stride in STRIDES)


def _parse(data: bytes) -> Any:
    onnx = _onnx()
    try:
        return onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own error class differs between its implementations
        raise ModelError(f"the file cannot be read as an ONNX graph ({error})") from error


def _onnx() -> ModuleType:
    try:
        import onnx
    except ImportError:
        raise ModelError(
            "making a model for this input size needs the Python package 'onnx', which is not installed "
            "here. Install it (pip install 'drukte[models]'), or make the file on another machine and copy "
            "it over"
        ) from None
    return onnx
