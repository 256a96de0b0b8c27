"""Packets of Texas Instruments mmWave modules: xWR6843 people counting and tracking, out-of-box demo,
IWRL6432.

Three header families share one magic and differ in everything else, down to whether a part's length counts
its own header. A type number means different things in different families, so parts are looked up by
(family, type), and a part that is not in the table is stepped over unread. That is how vital signs (type
1040: heart and breath rate) are kept out: nothing here can decode them.

Sources: TI mmWave SDK and radar toolbox documentation; checked against packets that real modules sent.
"""

import struct
from collections.abc import Callable
from enum import IntEnum
from mmap import mmap
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from drukte.sense.sources import radar_ti_parts as parts
from drukte.sense.sources.radar import DecoderCounters, RadarFrame
from drukte.sense.sources.radar_framing import CAPACITY, NEED_MORE, NOT_A_PACKET, Grammar

MAGIC: Final = bytes((2, 1, 4, 3, 6, 5, 8, 7))
# The data ports' speeds (bit/s); the IWRL6432 has one port for commands and data.
DATA_BAUD: Final = 921_600
CLI_BAUD: Final = 115_200

MAX_PARTS: Final = 32
# Firmware built on the SDK fills its packets up to a multiple of 32 bytes, the tracking firmware does not.
MAX_PADDING: Final = 31
# A jump in frame numbers beyond this is a restart of the module, not a loss.
MAX_GAP: Final = 1000


class Family(IntEnum):
    """Header family, named by what sends it; the value is the header's size in bytes."""

    SDK = 40
    PEOPLE_COUNTING = 48
    LEGACY = 52


class Header(NamedTuple):
    """What the three headers have in common."""

    family: Family
    length: int
    version: int
    platform: int
    frame_number: int
    parts: int


# Platforms read 0xA6843, 0xA6432, 0xA1642...; no packet is that long, so the two cannot be confused.
_LOWEST_PLATFORM: Final = 0xA0000

_U32: Final = struct.Struct("<I")
_PART: Final = struct.Struct("<2I")
_WORDS_16: Final = struct.Struct("<24H")
_WORDS_40: Final = struct.Struct("<8I")
_WORDS_48: Final = struct.Struct("<9I2H")
_WORDS_52: Final = struct.Struct("<10I2H")

_SHORTEST_FOR_LENGTH: Final = 16
_LEGACY_FOR_LENGTH: Final = 24


def _packet_length(buffer: mmap, start: int, received: int) -> int:
    if received < _SHORTEST_FOR_LENGTH:
        return NEED_MORE
    (length,) = _U32.unpack_from(buffer, start + 12)
    shortest = int(Family.SDK)
    if length >= _LOWEST_PLATFORM:
        if received < _LEGACY_FOR_LENGTH:
            return NEED_MORE
        (length,) = _U32.unpack_from(buffer, start + 20)
        shortest = int(Family.LEGACY)
    return length if shortest <= length <= CAPACITY else NOT_A_PACKET


GRAMMAR: Final = Grammar(magic=MAGIC, length=_packet_length)


def checksum_is_valid(header: memoryview | bytes) -> bool:
    """Check the one's-complement sum over the 48-byte people-counting header (24 little-endian words)."""
    total: int = sum(_WORDS_16.unpack_from(header))
    return ((total >> 16) + total) & 0xFFFF == 0xFFFF


def read_header(packet: memoryview | bytes) -> Header | None:
    """Recognise the family of a whole packet and read its header; None when it is none of the three."""
    if len(packet) < Family.SDK or bytes(packet[:8]) != MAGIC:
        return None
    (at_12,) = _U32.unpack_from(packet, 12)
    if at_12 >= _LOWEST_PLATFORM:
        if len(packet) < Family.LEGACY:
            return None
        version, platform, _time, length, frame, *_rest, n, _sum = _WORDS_52.unpack_from(packet, 8)
        header = Header(Family.LEGACY, length, version, platform, frame, n)
    elif len(packet) >= Family.PEOPLE_COUNTING and checksum_is_valid(packet):
        version, length, platform, frame, *_rest, n, _sum = _WORDS_48.unpack_from(packet, 8)
        header = Header(Family.PEOPLE_COUNTING, length, version, platform, frame, n)
    else:
        version, length, platform, frame, _cycles, _objects, n, _sub = _WORDS_40.unpack_from(packet, 8)
        header = Header(Family.SDK, length, version, platform, frame, n)
    return header if header.length == len(packet) and header.parts <= MAX_PARTS else None


def walk(packet: memoryview, header: Header) -> list[tuple[int, int, int]] | None:
    """List the parts as (type, start, end) of their payloads, touching none; None when they do not add up."""
    own = 0 if header.family == Family.SDK else _PART.size
    found: list[tuple[int, int, int]] = []
    at = int(header.family)
    for _ in range(header.parts):
        if at + _PART.size > len(packet):
            return None
        kind, length = _PART.unpack_from(packet, at)
        start, end = at + _PART.size, at + _PART.size + length - own
        if end < start or end > len(packet):
            return None
        found.append((kind, start, end))
        at = end
    return found if len(packet) - at <= MAX_PADDING else None


Payload = npt.NDArray[np.uint8]
_Read = Callable[[Payload, RadarFrame], bool]

VITAL_SIGNS: Final = frozenset({(Family.SDK, 1040)})

# Side information (SDK type 7) completes the echoes of type 1, which every firmware sends first.
_READERS: Final[dict[tuple[Family, int], _Read]] = {
    (Family.SDK, 1): parts.cartesian_points,
    (Family.SDK, 7): parts.side_info,
    (Family.SDK, 301): parts.low_power_points,
    (Family.SDK, 308): parts.targets_3d,
    (Family.SDK, 1000): parts.spherical_points,
    (Family.SDK, 1010): parts.targets_3d,
    (Family.SDK, 1020): parts.compressed_points,
    (Family.PEOPLE_COUNTING, 6): parts.compressed_points,
    (Family.PEOPLE_COUNTING, 7): parts.targets_3d,
    (Family.LEGACY, 6): parts.legacy_points,
    (Family.LEGACY, 7): parts.targets_legacy,
}
# Which target each echo was given to.
_INDEX: Final = frozenset({(Family.SDK, 309), (Family.SDK, 1011), (Family.PEOPLE_COUNTING, 8), (Family.LEGACY, 8)})
# Firmware that sends any of these tracks, also in frames without a target list: it then sees nobody.
_TRACKS: Final = frozenset(
    _INDEX
    | {key for key, read in _READERS.items() if read in (parts.targets_3d, parts.targets_legacy)}
    | {(Family.SDK, 1012), (Family.SDK, 1020), (Family.SDK, 1021)}
    | {(Family.PEOPLE_COUNTING, 6), (Family.PEOPLE_COUNTING, 11), (Family.LEGACY, 6)}
)
_KNOWN_UNUSED: Final = frozenset(
    {(Family.SDK, kind) for kind in (2, 3, 4, 5, 6, 8, 9, 1012, 1021, 1030, 3001)}
    | {(Family.SDK, kind) for kind in range(302, 321)}
    | {(Family.PEOPLE_COUNTING, kind) for kind in (9, 10, 11)}
    | {(Family.LEGACY, kind) for kind in (9, 10, 11)}
)


class TiDecoder:
    """Decodes the packets of any supported TI firmware, telling the families apart by themselves."""

    def __init__(self) -> None:
        self.counters = DecoderCounters()
        self._tracks = False
        self._last_frame: int | None = None

    def decode(self, packet: memoryview, into: RadarFrame) -> bool:
        """Fill `into` from one packet; see `PacketDecoder`. Parts not in the table are stepped over."""
        into.wipe()
        header = read_header(packet)
        found = walk(packet, header) if header is not None else None
        if header is None or found is None:
            self.counters.malformed += 1
            return False
        index: Payload | None = None
        whole = np.frombuffer(packet, np.uint8)
        for kind, start, end in found:
            key = (header.family, kind)
            self._tracks |= key in _TRACKS
            if (read := _READERS.get(key)) is not None:
                if not read(whole[start:end], into):
                    self.counters.malformed += 1
                    into.wipe()
                    return False
            elif key in _INDEX:
                index = whole[start:end]
            elif key in VITAL_SIGNS:
                self.counters.vital_signs_dropped += 1
            elif key not in _KNOWN_UNUSED:
                self.counters.unknown_parts += 1
        self.counters.packets += 1
        self._count_gap(header.frame_number)
        into.sequence = header.frame_number
        if self._tracks and into.targets is None:
            into.take_targets(0)
        if index is not None:
            parts.count_echoes(index, into)
        self.counters.implausible += into.drop_implausible()
        return True

    def _count_gap(self, frame_number: int) -> None:
        if self._last_frame is not None:
            gap = frame_number - self._last_frame
            if 1 < gap <= MAX_GAP:
                self.counters.lost += gap - 1
            elif gap != 1:
                self.counters.restarts += 1
        self._last_frame = frame_number
