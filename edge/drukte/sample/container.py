"""What lies sealed in one file of a sample: a picture or radar echoes, and what the device made of it at that moment.

Before encryption a container is: magic, length and bytes of a JSON header, length and bytes of a JPEG picture or of
echoes, zeros up to a size that is the same for all files of an order: how big a file is says nothing about how much
there was to see.
"""

import struct
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from drukte.config.base import Line, Name, Section

MAGIC: Final = b"drukte sample 1\n"
AGE_OVERHEAD: Final = 8192
"""Room for the age header (recipients and its random extra lines) and the 16 bytes per 64 KiB, bytes."""
MAX_BYTES: Final = 32 * 1024 * 1024
MOST_PLAIN: Final = 1024 * 1024 - AGE_OVERHEAD
ECHOES_PLAIN: Final = 320 * 1024
"""Size of the container of a radar's echoes, bytes."""
_LENGTH: Final = struct.Struct("<I")
_ROOM_FOR_HEADER: Final = 96 * 1024
_STEP: Final = 64 * 1024

Pair = tuple[float, float]
Box = tuple[float, float, float, float]


class ContainerError(Exception):
    """Bytes that are no container."""


class Person(Section):
    """Somebody whom the device counted in the zone."""

    xy: Pair = Field(description="Place on the ground [m]")
    box: Box | None = Field(description="Left, top, right, bottom; None when counted without being seen [px]")


class Candidate(Section):
    """Somebody whom the detector found in the zone in this very picture, however unsure."""

    xy: Pair = Field(description="Place on the ground [m]")
    score: Annotated[float, Field(ge=0, le=1)]


class Header(Section):
    """What the device knew.

    Attributes:
        levels: expected number of people per closeness level.
        people: the people in the zone, walkers and riders.
        candidates: for choosing a threshold; empty for radar.
        ground: the site file's `ground` section with its calibration files written out.
    """

    order: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    device: Name
    zone: Name
    index: Annotated[int, Field(ge=0)]
    planned: float = Field(description="Planned moment, seconds since 1970")
    taken: float = Field(description="When it was taken, seconds since 1970")
    stratum: Line
    kind: Literal["picture", "echoes"]
    size: tuple[int, int] = Field(description="Width and height of the picture [px]; 0 for echoes")
    mark: Literal["foot", "head"] = Field("foot", description="Where counters click")
    blurred: int = Field(description="Boxes whose head was made unrecognisable; several may be of one person")
    count: Annotated[int, Field(ge=0)] = Field(description="People in the zone, riders included")
    riders: Annotated[int, Field(ge=0)]
    levels: dict[Literal["safe", "low_risk", "high_risk", "undetermined"], float]
    people: list[Person]
    candidates: list[Candidate] = Field(default_factory=list)
    threshold: float = Field(0.0, description="Score from which somebody counts")
    polygon: list[Pair] = Field(description="Corners of the zone [m]")
    outline: list[Pair] = Field(description="Corners of the zone in the picture [px]; empty when they cannot be drawn")
    closeness: Pair = Field(description="Limits of the levels low_risk and high_risk [m]")
    ground: dict[str, Any] | None
    model: Line
    software: Annotated[str, Field(max_length=40)] = Field("", description="Version of drukte")


def plain_size(width: int, height: int) -> int:
    """Bytes that the container of a picture of that size gets: a quarter of its pixels' bytes, and the header."""
    needed = width * height * 3 // 4 + _ROOM_FOR_HEADER
    return min(-(-needed // _STEP) * _STEP, MOST_PLAIN)


def room(size: int, header: bytes) -> int:
    """Bytes left for the picture in a container of `size` bytes."""
    return size - len(MAGIC) - 2 * _LENGTH.size - len(header)


def pack(header: Header, content: bytes, size: int) -> bytes:
    """A container of exactly `size` bytes.

    Raises:
        ContainerError: header and content do not fit.
    """
    head = header.model_dump_json().encode()
    if len(content) > room(size, head):
        raise ContainerError(f"{len(head) + len(content)} bytes do not fit a container of {size}")
    body = b"".join((MAGIC, _LENGTH.pack(len(head)), head, _LENGTH.pack(len(content)), content))
    return body.ljust(size, b"\0")


def unpack(data: bytes) -> tuple[Header, bytes]:
    """Header and content of a container.

    Raises:
        ContainerError: these bytes are no container of this version.
    """
    if not data.startswith(MAGIC) or len(data) > MAX_BYTES:
        raise ContainerError("not a sample of this version of drukte")
    head, at = _part(data, len(MAGIC))
    content, at = _part(data, at)
    if data.count(0, at) != len(data) - at:
        raise ContainerError("something stands where only zeros belong")
    try:
        return Header.model_validate_json(head), content
    except ValidationError as error:
        raise ContainerError(f"the header breaks its rules: {error.errors()[0]['msg']}") from None


def _part(data: bytes, at: int) -> tuple[bytes, int]:
    if len(data) < at + _LENGTH.size:
        raise ContainerError("ends too early")
    (length,) = _LENGTH.unpack_from(data, at)
    start = at + _LENGTH.size
    if length > len(data) - start:
        raise ContainerError("ends too early")
    return data[start : start + length], start + length
