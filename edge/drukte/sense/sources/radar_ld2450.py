"""HLK-LD2450 and Ai-Thinker RD-03D (multi-target mode): 24 GHz modules that send up to three targets and no
echoes.

A report is 30 bytes, about ten times a second: `AA FF 03 00`, three slots of 8 bytes, `55 CC`. A slot is x
(mm), y (mm), speed (cm/s) and gate size (mm), little endian; the top bit of the first three is set for
positive values (Hi-Link, LD2450 serial protocol V1.03). A slot of zeros is empty. Slots are no identities:
the module swaps them.
"""

from mmap import mmap
from typing import Final

import numpy as np

from drukte.sense.sources.radar import DecoderCounters, RadarFrame, Target
from drukte.sense.sources.radar_framing import NEED_MORE, Grammar

HEAD: Final = b"\xaa\xff\x03\x00"
TAIL: Final = b"\x55\xcc"
REPORT_BYTES: Final = 30
SLOTS: Final = 3
BAUD: Final = 256_000


def _length(_buffer: mmap, _start: int, received: int) -> int:
    return REPORT_BYTES if received >= REPORT_BYTES else NEED_MORE


def _complete(buffer: mmap, _start: int, end: int) -> bool:
    return buffer[end - 2 : end] == TAIL


# A report is short and has a tail to check, so the head may occur inside it.
GRAMMAR: Final = Grammar(magic=HEAD, length=_length, complete=_complete, magic_ends=False)


class Ld2450Decoder:
    """Decodes the 30-byte reports of an LD2450 or RD-03D.

    Args:
        flip_x: True when a walk to the right moves the target to the left; boards differ in how they are
            mounted.
    """

    def __init__(self, *, flip_x: bool = False) -> None:
        self._sign_x = -1.0 if flip_x else 1.0
        self.counters = DecoderCounters()

    def decode(self, packet: memoryview, into: RadarFrame) -> bool:
        """Fill `into.targets` from one report; see `PacketDecoder`.

        The module measures the radial speed only, so the velocity points along the line of sight. Height and
        confidence are NaN, and there are no echoes.
        """
        into.wipe()
        if len(packet) != REPORT_BYTES:
            self.counters.malformed += 1
            return False
        into.sequence = self.counters.packets
        self.counters.packets += 1
        words = np.frombuffer(packet, "<u2", count=4 * SLOTS, offset=len(HEAD)).reshape(SLOTS, 4)
        used = words.any(axis=1)
        signed = np.where(words & 0x8000, 1.0, -1.0) * (words & 0x7FFF)
        x, y = self._sign_x * signed[used, 0] * 1e-3, signed[used, 1] * 1e-3
        speed = signed[used, 2] * 1e-2
        distance = np.maximum(np.hypot(x, y), 1e-3)
        rows = into.take_targets(len(x))
        rows[:] = np.nan
        rows[:, Target.TID] = np.flatnonzero(used)
        rows[:, Target.X], rows[:, Target.Y] = x, y
        rows[:, Target.VX], rows[:, Target.VY] = speed * x / distance, speed * y / distance
        self.counters.implausible += into.drop_implausible()
        return True
