"""The radar modules we know: how they talk. What they can and cannot do is in config/radar_limits.py."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from drukte.config.radar_limits import LIMITS, Limits
from drukte.sense.sources import radar_ld2450, radar_ti
from drukte.sense.sources.radar import PacketDecoder
from drukte.sense.sources.radar_framing import Grammar


@dataclass(frozen=True, slots=True)
class Module(Limits):
    """One kind of radar module.

    Attributes:
        name: as in the site file's `source: kind: radar, module: ...`.
        grammar: how its packets are found in a stream.
        decoder: makes a decoder of its packets.
        baud: speed of the port that carries the data, bit/s.
        one_port: True when commands and data share one port.
    """

    name: str
    grammar: Grammar
    decoder: Callable[[], PacketDecoder]
    baud: int
    one_port: bool


_TI, _HLK = (radar_ti.GRAMMAR, radar_ti.TiDecoder), (radar_ld2450.GRAMMAR, radar_ld2450.Ld2450Decoder)
_TALK: Final = (
    ("iwr6843isk", _TI, radar_ti.DATA_BAUD, False),
    ("iwr6843aop", _TI, radar_ti.DATA_BAUD, False),
    ("iwrl6432", _TI, radar_ti.CLI_BAUD, True),
    ("ld2450", _HLK, radar_ld2450.BAUD, True),
    ("rd03d", _HLK, radar_ld2450.BAUD, True),
)
MODULES: Final[dict[str, Module]] = {
    name: Module(**asdict(LIMITS[name]), name=name, grammar=grammar, decoder=decoder, baud=baud, one_port=one_port)
    for name, (grammar, decoder), baud, one_port in _TALK
}
