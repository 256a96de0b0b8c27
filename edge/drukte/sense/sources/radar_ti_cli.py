"""Send a configuration to a TI module over its command port.

The dialogue is that of TI's command line: one line out; echo, messages and a verdict back. It must survive line
noise at power-up, echoes, a prompt before the reply, and a module that is already running. Firmware for people
counting takes one configuration for each time it is powered up.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from drukte.sense.sources.radar_port import RadarError

REPLY_TIMEOUT: Final = 1.0
START_TIMEOUT: Final = 10.0
PAUSE: Final = 0.03
MOST_DRAINED: Final = 64
# At this speed and above, the shared port of the xWRL devices loses characters that come one after another.
FAST_BAUD: Final = 1_000_000
CHARACTER_PAUSE: Final = 0.001

_PROMPT: Final = re.compile(r"^\S*:/>")
_NOT_RECOGNIZED: Final = re.compile(r"'(.*)' is not recognized")
_ALREADY: Final = ("Ignored: Sensor is already started", "Ignored: Sensor is already stopped")
_NEEDS_POWER_CYCLE: Final = (
    "not allowed after sensor has started",
    "partial configuration",
    "Reconfig is not supported",
)


class CommandPort(Protocol):
    """What the dialogue needs of a serial port."""

    baudrate: int

    def write(self, data: bytes) -> int | None:
        """Send bytes."""

    def read(self, size: int) -> bytes:
        """Return what is there, up to `size` bytes, at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """One command of a configuration file.

    Attributes:
        number: in the file, counted from 1.
        text: without comment and line end.
    """

    number: int
    text: str

    @property
    def command(self) -> str:
        """First word."""
        return self.text.split(maxsplit=1)[0]


@dataclass(slots=True)
class Dialogue:
    """What a module said to a configuration.

    Attributes:
        sent: number of lines it accepted.
        running: True when it was already running with a configuration of its own, and was left as it is.
        notes: what else it said.
    """

    sent: int = 0
    running: bool = False
    notes: list[str] = field(default_factory=list)


def read_lines(text: str) -> list[Line]:
    """The commands of a configuration file, without comments (`%`) and empty lines."""
    lines = [Line(k, raw.split("%", 1)[0].strip()) for k, raw in enumerate(text.splitlines(), 1)]
    return [line for line in lines if line.text]


class TiCommandLine:
    """The command line of one module.

    Args:
        port: open command port.
        name: of the port, for errors.
        clock, sleep: for tests.
    """

    def __init__(
        self,
        port: CommandPort,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._port, self._name, self._clock, self._sleep = port, name, clock, sleep
        self._pending = b""

    def configure(self, lines: Sequence[Line], file: str) -> Dialogue:
        """Send `lines` of the file named `file`.

        Raises:
            RadarError: the module does not answer, refuses a line, or must be powered down and up first.
        """
        done = Dialogue()
        self._drain()
        for k, line in enumerate(lines):
            reply = self._ask(line.text, START_TIMEOUT if line.command == "sensorStart" else REPLY_TIMEOUT)
            if k == 0 and (reply is None or _is_noise(reply, line)):
                # Bytes from before power-up come back as a command that nobody gave.
                reply = self._ask(line.text, REPLY_TIMEOUT)
            if reply is None:
                raise RadarError(
                    f"radar {self._name}: no answer to '{line.text}' ({file}, line {line.number}). Is this the command "
                    "port, is the board powered and flashed, are its switches set to run?"
                )
            self._judge(reply, line, file, done)
            done.sent += 1
            if line.command == "baudRate":
                self._port.baudrate = int(line.text.split()[1])
            self._sleep(PAUSE)
        return done

    def _judge(self, reply: list[str], line: Line, file: str, done: Dialogue) -> None:
        for said in reply:
            if any(text in said for text in _ALREADY):
                done.running |= "started" in said
                done.notes.append(said)
            elif any(text in said for text in _NEEDS_POWER_CYCLE):
                raise RadarError(
                    f"radar {self._name}: refuses '{line.text}' ({file}, line {line.number}): {said}. It runs with "
                    "another configuration: unplug its power, wait 5 s, plug it in and start again"
                )
            elif said.startswith("Error") or (
                (unknown := _NOT_RECOGNIZED.search(said)) and unknown.group(1) == line.command
            ):
                raise RadarError(
                    f"radar {self._name}: refuses '{line.text}' ({file}, line {line.number}): {said}. The firmware on "
                    "the board may be another one than the file was written for"
                )

    def _ask(self, text: str, timeout: float) -> list[str] | None:
        """Send one line; the lines that come back up to the verdict, or None when no verdict comes."""
        data = text.encode("ascii", "replace") + b"\n"
        if self._port.baudrate >= FAST_BAUD:
            for k in range(len(data)):
                self._port.write(data[k : k + 1])
                self._sleep(CHARACTER_PAUSE)
        else:
            self._port.write(data)
        end = self._clock() + timeout
        said: list[str] = []
        while self._clock() < end:
            for line in self._lines():
                bare = _PROMPT.sub("", line).strip()
                if not bare or bare == text:
                    continue
                said.append(bare)
                if bare == "Done" or bare.startswith("Error") or "is not recognized" in bare:
                    return said
            self._sleep(0.005)
        return None

    def _lines(self) -> Iterable[str]:
        """Whole lines that have arrived. The shared port may send packets in between; they are no text."""
        self._pending += self._port.read(4096)
        *whole, self._pending = re.split(rb"[\r\n]+", self._pending)
        self._pending = self._pending[-4096:]
        return [line.decode("ascii", "replace").strip() for line in whole]

    def _drain(self) -> None:
        # A shared port may go on sending packets, or something that is no radar whatever it likes.
        for _ in range(MOST_DRAINED):
            if not self._port.read(4096):
                break
        self._pending = b""


def _is_noise(reply: list[str], line: Line) -> bool:
    return any((unknown := _NOT_RECOGNIZED.search(said)) and unknown.group(1) != line.command for said in reply)
