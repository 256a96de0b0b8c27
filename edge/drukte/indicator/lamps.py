"""Kinds of light."""

import importlib
from pathlib import Path
from typing import Any, Final, Protocol

from drukte.config.indicator import FileIndicator, GpioIndicator, LedIndicator, NoIndicator

LEDS: Final = Path("/sys/class/leds")


class LampError(Exception):
    """A light that cannot be switched; the text says what to do."""


class Lamp(Protocol):
    """A light."""

    def switch(self, on: bool) -> None:
        """Switch it. Raises LampError."""

    def close(self) -> None:
        """Let go of it."""


class NoLamp:
    """No light."""

    def switch(self, on: bool) -> None:
        """See `Lamp`."""

    def close(self) -> None:
        """See `Lamp`."""


class FileLamp:
    """A file with 1 or 0 in it."""

    def __init__(self, path: Path, on: str = "1", off: str = "0") -> None:
        self._path = path
        self._words = off, on

    def switch(self, on: bool) -> None:
        """See `Lamp`."""
        try:
            self._path.write_text(self._words[on] + "\n")
        except OSError as error:
            raise LampError(f"indicator: {self._path}: {error.strerror}. Check its path, owner and mode") from None

    def close(self) -> None:
        """See `Lamp`."""


class LedLamp(FileLamp):
    """A light that the kernel knows by name."""

    def __init__(self, name: str, leds: Path = LEDS) -> None:
        place = leds / name
        try:
            most = (place / "max_brightness").read_text().strip()
            (place / "trigger").write_text("none\n")  # else the kernel goes on switching it
        except OSError as error:
            known = ", ".join(sorted(p.name for p in leds.glob("*"))) or "none"
            raise LampError(f"indicator: light {name}: {error.strerror}. This machine has: {known}") from None
        super().__init__(place / "brightness", on=most)


class GpioLamp:
    """A light on a pin of a Raspberry Pi."""

    def __init__(self, pin: int, active_high: bool) -> None:
        try:
            gpiozero: Any = importlib.import_module("gpiozero")
        except ImportError:
            raise LampError("indicator: gpiozero is missing: pip install 'drukte[pi]', or use kind led") from None
        try:
            self._led = gpiozero.LED(pin, active_high=active_high, initial_value=False)
        except Exception as error:  # gpiozero has no common ancestor for what its many back ends raise
            raise LampError(f"indicator: pin {pin}: {error}. Is another program using it?") from None

    def switch(self, on: bool) -> None:
        """See `Lamp`."""
        (self._led.on if on else self._led.off)()

    def close(self) -> None:
        """See `Lamp`."""
        self._led.close()


def lamp_for(settings: NoIndicator | LedIndicator | GpioIndicator | FileIndicator) -> Lamp:
    """The light of a site.

    Raises:
        LampError: it cannot be used.
    """
    match settings:
        case LedIndicator():
            return LedLamp(settings.name)
        case GpioIndicator():
            return GpioLamp(settings.pin, settings.active_high)
        case FileIndicator():
            return FileLamp(Path(settings.path))
    return NoLamp()
