"""Radars in the site file: the modules as sources, and where they hang as ground."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drukte.config.base import Line, Point, Section, quantity

Segment = tuple[Point, Point]
Use = Literal["auto", "echoes", "targets"]


class _Live(Section):
    port: Line = Field(
        description="Serial port of the data: a path or pattern that one device matches, best under /dev/serial/by-id"
    )
    use: Use = Field(
        "auto", description="echoes: find people in the echoes; targets: take the module's own; auto: what there is"
    )


class RadarTiSource(_Live):
    """A Texas Instruments radar with people-counting or people-tracking firmware."""

    kind: Literal["radar-ti"]
    module: Literal["iwr6843isk", "iwr6843aop", "iwrl6432"] = Field(description="Which board it is")
    command_port: Line | None = Field(
        None,
        description="Serial port of its command line, where it is another than `port`; needed with `configuration`",
    )
    configuration: Line | None = Field(
        None, description="Configuration file to send; relative to the site file. Left out: the radar runs already"
    )

    @model_validator(mode="after")
    def _can_be_configured(self) -> Self:
        if self.configuration and not self.command_port and self.module != "iwrl6432":
            raise ValueError(f"configuration: a {self.module} takes it on a port of its own; give command_port")
        return self


class RadarLd2450Source(_Live):
    """A Hi-Link HLK-LD2450: three targets at most. Its Bluetooth is switched off."""

    kind: Literal["radar-ld2450"]


class RadarRd03dSource(_Live):
    """An Ai-Thinker RD-03D: three targets at most."""

    kind: Literal["radar-rd03d"]


class RadarReplaySource(Section):
    """Recorded bytes of a radar module, for a demo or a test."""

    kind: Literal["radar-replay"]
    path: Line = Field(description="File of bytes as the module sent them; relative to the site file")
    module: Literal["iwr6843isk", "iwr6843aop", "iwrl6432", "ld2450", "rd03d"] = Field(
        description="Which module sent them"
    )
    rate: Annotated[float, Field(gt=0, le=60)] | Literal["module", "max"] = quantity(
        "module", "1/s", "Frames of the recording per second; 'module' for the module's own, 'max' for no waiting"
    )
    loop: bool = Field(False, description="Start again at the end")
    use: Use = Field("auto", description="As for a live radar")


class RadarGround(Section):
    """Where a radar hangs. Without `at` and `bearing` the site's origin lies under it and y points where it looks."""

    kind: Literal["radar"]
    height: float = quantity(..., "m", "Height of the antenna above the ground", gt=0.3, le=10)
    tilt: float = quantity(0.0, "deg", "Angle of the boresight below the horizontal; 90 looks down", ge=-20, le=90)
    at: Point = Field((0.0, 0.0), description="Ground point under the antenna [m]")
    bearing: float = quantity(0.0, "deg", "Where it looks, clockwise from y", ge=-360, le=360)
    upside_down: bool = Field(False, description="Mounted the other way up, so that left is right")
    near: float = quantity(0.4, "m", "People nearer than this to the point under the radar are not counted", ge=0, le=5)
    reach: float | None = quantity(
        None, "m", "People farther than this are not counted; else what the module sees", gt=1, le=50
    )
    walls: Annotated[list[Segment], Field(max_length=32)] = Field(
        default_factory=list,
        description="Walls, glass and metal as [from, to]: what seems to be behind them is a mirror image [m]",
    )
    standing: Annotated[list[Annotated[list[Point], Field(min_length=3, max_length=64)]], Field(max_length=16)] = Field(
        default_factory=list,
        description="Polygons in which people stand still and are held; everywhere if left out [m]",
    )
    hold: float = quantity(30.0, "s", "How long somebody who stands still is counted without an echo", ge=1, le=60)


RADARS = ("radar-ti", "radar-ld2450", "radar-rd03d", "radar-replay")
RadarSource = RadarTiSource | RadarLd2450Source | RadarRd03dSource | RadarReplaySource
