"""How sensor coordinates become metres on the ground. One class for each kind of calibration."""

from typing import Annotated, Literal

from pydantic import Field

from drukte.config.base import Point, Section


class Reference(Section):
    """A point on the ground that is known both in the picture and on the map."""

    pixel: tuple[float, float] = Field(description="Where it is in the picture: x to the right, y down [px]")
    metres: Point = Field(description="Where it is on the ground plane: x, y [m]")


class HomographyGround(Section):
    """A flat ground seen by a camera without noticeable lens distortion."""

    kind: Literal["homography"]
    picture: tuple[int, int] = Field(description="Width and height of the picture in which the pixels were read [px]")
    points: Annotated[list[Reference], Field(min_length=4, max_length=200)] = Field(
        description="Four or more ground points, no three of them on one line"
    )


Ground = Annotated[HomographyGround, Field(discriminator="kind")]
