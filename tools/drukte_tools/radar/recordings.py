"""What recorded bytes of a radar module hold, counted by the device's own framing and decoder."""

from dataclasses import dataclass
from pathlib import Path

from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_framing import Framer
from drukte.sense.sources.radar_modules import Module


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one recording.

    Attributes:
        size: bytes.
        packets: whole packets found.
        outside: bytes that belong to no packet.
        refused: packets in which nothing made sense.
        echoes, targets: how many in all.
    """

    size: int
    packets: int
    outside: int
    refused: int
    echoes: int
    targets: int


def totals(file: Path, module: Module) -> Totals:
    """Count a recording through.

    Raises:
        OSError: it cannot be read.
    """
    framer, decoder, frame = Framer(module.grammar), module.decoder(), RadarFrame()
    refused = echoes = targets = 0
    data = file.read_bytes()
    for packet in framer.feed(data):
        frame.wipe()
        if not decoder.decode(packet, frame):
            refused += 1
            continue
        echoes += len(frame.points)
        targets += 0 if frame.targets is None else len(frame.targets)
    counters = framer.counters
    return Totals(len(data), counters.packets, counters.skipped + framer.pending, refused, echoes, targets)
