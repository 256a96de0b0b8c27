"""The radar modules we know: how they talk, and what they can and cannot do."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drukte.sense.sources import radar_ld2450, radar_ti
from drukte.sense.sources.radar import PacketDecoder
from drukte.sense.sources.radar_framing import Grammar


@dataclass(frozen=True, slots=True)
class Module:
    """One kind of radar module.

    Attributes:
        name: as in the site file's `source: kind: radar, module: ...`.
        grammar: how its packets are found in a stream.
        decoder: makes a decoder of its packets.
        baud: speed of the port that carries the data, bit/s.
        one_port: True when commands and data share one port.
        period: seconds between two frames as delivered.
        capacity: people at which a count becomes "at least this many".
        azimuth_resolution: two people at the same range and speed merge when closer than this angle, rad.
        azimuth_error: of a single person's direction, rad, two who were taken for one included.
        max_range: metres to which people are seen.
        half_view: half the horizontal field of view, rad.
    """

    name: str
    grammar: Grammar
    decoder: Callable[[], PacketDecoder]
    baud: int
    one_port: bool
    period: float
    capacity: int
    azimuth_resolution: float
    azimuth_error: float
    max_range: float
    half_view: float


# Capacity: the LD2450's report has three slots; TI states 5 to 7 people for its people-counting firmware.
# Azimuth resolution: 2/N rad for a row of N half-wavelength elements at boresight (8 on the ISK: 15 degrees as TI
# states; 4 on the AOP and ODS: 29 degrees; 6 on the IWRL6432: 19 degrees); a 24 GHz module with one transmitter and
# two receivers compares phases and cannot part two people in one range gate at all, which the half view stands for.
MODULES: Final[dict[str, Module]] = {
    m.name: m
    for m in (
        Module(
            "iwr6843isk", radar_ti.GRAMMAR, radar_ti.TiDecoder, radar_ti.DATA_BAUD,
            False, 0.055, 7, math.radians(15.0), math.radians(2.5), 14.0, math.radians(60.0),
        ),
        Module(
            "iwr6843aop", radar_ti.GRAMMAR, radar_ti.TiDecoder, radar_ti.DATA_BAUD,
            False, 0.055, 7, math.radians(29.0), math.radians(5.0), 9.0, math.radians(60.0),
        ),
        Module(
            "iwrl6432", radar_ti.GRAMMAR, radar_ti.TiDecoder, radar_ti.CLI_BAUD,
            True, 0.1, 3, math.radians(19.0), math.radians(3.0), 7.5, math.radians(70.0),
        ),
        Module(
            "ld2450", radar_ld2450.GRAMMAR, radar_ld2450.Ld2450Decoder, radar_ld2450.BAUD,
            True, 0.088, 3, math.radians(60.0), math.radians(8.0), 6.0, math.radians(60.0),
        ),
        Module(
            "rd03d", radar_ld2450.GRAMMAR, radar_ld2450.Ld2450Decoder, radar_ld2450.BAUD,
            True, 0.1, 3, math.radians(60.0), math.radians(8.0), 6.0, math.radians(60.0),
        ),
    )
}  # fmt: skip
