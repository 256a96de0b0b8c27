"""Why the device counts, for whom and until when. Without it the sealed room does not start."""

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from drukte.config.base import Line, Section

LEGAL_GROUNDS = Literal[
    "public_task", "legal_obligation", "vital_interests", "contract", "consent", "legitimate_interests"
]
"""Grounds of article 6(1) GDPR. A public body counting in public space usually stands on (e), a public task."""


class Purpose(Section):
    """Purpose, controller, legal ground and end date of the counting."""

    what_for: Line = Field(description="What the numbers are for, in one sentence that a passer-by understands")
    controller: Line = Field(description="Organisation that decides about this counting (GDPR article 4(7))")
    legal_ground: LEGAL_GROUNDS = Field(description="Ground of GDPR article 6(1)")
    legal_basis: Line | None = Field(None, description="The law or decision that the ground rests on")
    contact: Line = Field(description="Where people can ask or object: address, e-mail or page")
    valid_until: date = Field(description="Last day of counting (YYYY-MM-DD); after it the device does not start")

    def expired(self, today: date) -> bool:
        """Whether `today` lies past the last day of counting."""
        return today > self.valid_until


class Place(Section):
    """Where the sensor stands."""

    name: Line = Field(description="Name of the place as people know it")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(None, description="WGS 84 latitude [deg]")
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(None, description="WGS 84 longitude [deg]")
    time_zone: str = Field("Europe/Amsterdam", description="IANA time zone of the place")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"'{name}' is not an IANA time zone; write it as Europe/Amsterdam") from None
        return name
