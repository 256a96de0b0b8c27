"""The indicator: a light that is on while the camera is open, for people who pass by and for the technician."""

from typing import Annotated, Literal

from pydantic import Field

from drukte.config.base import Line, Section


class NoIndicator(Section):
    """No light."""

    kind: Literal["none"] = "none"


class LedIndicator(Section):
    """A light that the kernel knows by name."""

    kind: Literal["led"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_.-]{0,60}$")] = Field(
        description="Folder under /sys/class/leds, as ACT on a Raspberry Pi"
    )


class GpioIndicator(Section):
    """A light on a pin of a Raspberry Pi (needs the extra package drukte[pi])."""

    kind: Literal["gpio"]
    pin: Annotated[int, Field(ge=0, le=27)] = Field(description="GPIO number (BCM), not the number on the connector")
    active_high: bool = Field(True, description="Whether the light is on when the pin is high")


class FileIndicator(Section):
    """A file that holds 1 while the camera is open, else 0; for anything else that can light a lamp."""

    kind: Literal["file"]
    path: Line = Field(description="The file; it must be writable for the service drukte-indicator")


Indicator = Annotated[NoIndicator | LedIndicator | GpioIndicator | FileIndicator, Field(discriminator="kind")]
