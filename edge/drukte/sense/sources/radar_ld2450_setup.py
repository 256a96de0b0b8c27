"""Set up an LD2450 or RD-03D before use: several targets, and no Bluetooth.

The RD-03D starts up tracking a single target. The LD2450 lets anybody nearby read positions over Bluetooth until it
is switched off. Both settings are kept by the module, so they are only written where they differ.
"""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from drukte.sense.sources.radar_port import RadarError

HEAD: Final = b"\xfd\xfc\xfb\xfa"
TAIL: Final = b"\x04\x03\x02\x01"
TIMEOUT: Final = 1.0
TRIES: Final = 3
RESTART: Final = 2.0

ENABLE, END = 0x00FF, 0x00FE
MULTI, TRACKING = 0x0090, 0x0091
FIRMWARE, RESTART_MODULE = 0x00A0, 0x00A3
BLUETOOTH, ADDRESS = 0x00A4, 0x00A5
# With Bluetooth off the module has no address of its own and gives this one.
NO_ADDRESS: Final = bytes.fromhex("080504030201")


class SetupPort(Protocol):
    """What the dialogue needs of a serial port."""

    def write(self, data: bytes) -> int | None:
        """Send bytes."""

    def read(self, size: int) -> bytes:
        """Return what is there, up to `size` bytes, at once."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What was found and done.

    Attributes:
        firmware: version as the maker writes it, or "unknown".
        was_single: True when the module tracked one target only.
        bluetooth_was_on: True when it was switched off just now; None when the module does not know the command.
    """

    firmware: str
    was_single: bool
    bluetooth_was_on: bool | None


def command(word: int, value: bytes = b"") -> bytes:
    """The bytes of one command."""
    return HEAD + struct.pack("<2H", 2 + len(value), word) + value + TAIL


class Ld2450Setup:
    """The dialogue with one module.

    Args:
        port: open port; reports keep arriving between the answers.
        name: of the port, for errors.
        clock, sleep: for tests.
    """

    def __init__(
        self,
        port: SetupPort,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._port, self._name, self._clock, self._sleep = port, name, clock, sleep
        self._pending = b""

    def run(self) -> Setup:
        """Bring the module into multi-target mode and switch Bluetooth off.

        Raises:
            RadarError: the module does not answer.
        """
        self._must(ENABLE, b"\x01\x00")
        version = self._ask(FIRMWARE)
        firmware = "unknown"
        if version is not None and len(version) >= 8:
            _kind, major, minor = struct.unpack_from("<2HI", version)
            firmware = f"V{major >> 8}.{major & 0xFF:02d}.{minor:08x}"
        mode = self._ask(TRACKING)
        single = mode is not None and len(mode) >= 2 and struct.unpack_from("<H", mode)[0] == 1
        if mode is None or single:
            # The RD-03D does not answer the question; the command does no harm.
            self._must(MULTI)
        address = self._ask(ADDRESS, b"\x01\x00")
        bluetooth: bool | None = None
        if address is not None and len(address) >= 6:
            bluetooth = address[:6] != NO_ADDRESS and any(address[:6])
            if bluetooth:
                self._must(BLUETOOTH, b"\x00\x00")
                self._ask(RESTART_MODULE)
                self._sleep(RESTART)
                return Setup(firmware, single, True)
        self._ask(END)
        return Setup(firmware, single, bluetooth)

    def _must(self, word: int, value: bytes = b"") -> None:
        if self._ask(word, value) is None:
            raise RadarError(
                f"radar {self._name}: no answer to its settings. Check TX and RX (crossed?), 5 V, and that the port "
                "runs at 256000 bit/s"
            )

    def _ask(self, word: int, value: bytes = b"") -> bytes | None:
        """Send a command; the answer's bytes after its status, or None when it fails or does not come."""
        for _ in range(TRIES):
            self._port.write(command(word, value))
            end = self._clock() + TIMEOUT
            while self._clock() < end:
                answer = self._answer(word)
                if answer is not None:
                    return answer[2:] if answer[:2] == b"\0\0" else None
                self._sleep(0.005)
        return None

    def _answer(self, word: int) -> bytes | None:
        self._pending = (self._pending + self._port.read(4096))[-8192:]
        while (start := self._pending.find(HEAD)) >= 0 and len(self._pending) >= start + 6:
            (length,) = struct.unpack_from("<H", self._pending, start + 4)
            end = start + 6 + length + len(TAIL)
            if (
                length < 4
                or length > 64
                or (len(self._pending) >= end and self._pending[end - len(TAIL) : end] != TAIL)
            ):
                self._pending = self._pending[start + 1 :]
                continue
            if len(self._pending) < end:
                return None
            body, self._pending = self._pending[start + 6 : end - len(TAIL)], self._pending[end:]
            if struct.unpack_from("<H", body)[0] == word | 0x0100:
                return body[2:]
        return None
