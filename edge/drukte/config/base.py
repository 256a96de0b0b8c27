"""What all sections of the site file share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
"""Names travel in MQTT topics and file names, so they are lower-case letters, digits and inner hyphens, 1 to 40."""

Name = Annotated[str, Field(pattern=NAME)]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\r\n]+$")]
Metres = Annotated[float, Field(allow_inf_nan=False, ge=-10_000, le=10_000)]
Point = tuple[Metres, Metres]
"""(x, y) on the site's ground plane, metres."""


class Section(BaseModel):
    """A part of the site file: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


def quantity(default: Any, unit: str, meaning: str, **limits: Any) -> Any:
    """Field with a unit, a meaning and limits; the generated JSON Schema carries all three."""
    return Field(default, description=f"{meaning} [{unit}]", json_schema_extra={"unit": unit}, **limits)


def unique(key: str) -> AfterValidator:
    """Validator for a list of sections in which the value of `key` may stand only once."""

    def check(items: list[Any]) -> list[Any]:
        seen: set[Any] = set()
        for item in items:
            value = getattr(item, key)
            if value in seen:
                raise ValueError(f"'{value}' stands twice as {key}; give each its own")
            seen.add(value)
        return items

    return AfterValidator(check)
