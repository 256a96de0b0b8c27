"""From how many people on a place counts as busy, where its owner knows better than density does."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from drukte.config.base import Name, Section, quantity
from drukte.config.schedule import DAYS, Day, Hour


class Threshold(Section):
    """Numbers of people in one zone at some hours, in the place's own time. The first that fits counts."""

    zone: Name = Field(description="Name of the zone")
    days: Annotated[list[Day], Field(min_length=1)] = Field(list(DAYS), description="Days of the week")  # type: ignore[arg-type]
    from_: Hour = Field("00:00", alias="from", description='Start, as "07:00"')
    to: Hour = Field("24:00", description='End, as "19:00"; must come after the start')
    normal: float = quantity(..., "person", "From here on it is normal; below it is quiet", ge=0, le=100_000)
    busy: float = quantity(..., "person", "From here on it is busy", ge=1, le=100_000)
    very_busy: float = quantity(..., "person", "From here on it is very busy", ge=1, le=100_000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.normal < self.busy < self.very_busy:
            raise ValueError("normal, busy and very_busy must grow in this order")
        if self.from_ >= self.to:
            raise ValueError("ends before it starts; for a night give two thresholds, one until 24:00")
        return self


class Busyness(Section):
    """What counts as busy. Without thresholds it is density that tells (J. J. Fruin's levels of service)."""

    thresholds: Annotated[list[Threshold], Field(max_length=200)] = Field(
        default_factory=list, description="Thresholds by zone and hour; the first that fits counts"
    )
