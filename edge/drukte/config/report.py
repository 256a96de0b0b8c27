"""How numbers leave the device."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drukte.config.base import Line, Name, Section, quantity

FormatName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?$")]


class Broker(Section):
    """A broker and how to reach it."""

    host: Line = Field("localhost", description="Name or address of the broker")
    port: int = quantity(1883, "1", "TCP port; 8883 is usual with TLS", ge=1, le=65535)
    version: Literal["5", "3.1.1"] = Field("5", description="MQTT version")
    gets: Literal["all", "open"] = Field(
        "all", description="all: every product; open: only what is for the public (needs a product that is)"
    )
    formats: Annotated[list[FormatName], Field(min_length=1, max_length=10)] = Field(
        default_factory=lambda: ["native"],
        description="Message formats for this broker, native ones and others: `drukte formats` lists them",
    )
    client_id: Name | None = Field(None, description="Client identifier; the device's name if left out")
    username: Line | None = Field(None, description="User name at the broker")
    password_file: Line | None = Field(None, description="File with the password in its first line, mode 0600")
    ca_file: Line | None = Field(
        None, description="Certificate authority (PEM) that signed the broker's certificate; switches TLS on"
    )
    certificate_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None,
        description="SHA-256 fingerprint of the broker's own certificate, 64 lower-case hexadecimal digits: only that "
        "certificate is accepted; switches TLS on, with or without ca_file",
    )
    certificate_file: Line | None = Field(None, description="This device's certificate (PEM)")
    key_file: Line | None = Field(None, description="Private key of that certificate (PEM), mode 0600")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together: give both or neither")
        if self.certificate_file and not (self.ca_file or self.certificate_sha256):
            raise ValueError("a client certificate needs TLS: give ca_file or certificate_sha256 too")
        if self.password_file and not self.username:
            raise ValueError("password_file without username: give both or neither")
        return self


class Mqtt(Broker):
    """The city's broker, and others that get the same."""

    prefix: Annotated[str, Field(pattern=r"^[^+#\s/$][^+#\s]*[^+#\s/]$", max_length=80)] = Field(
        "drukte/v1", description="Start of every topic"
    )
    mirrors: Annotated[list[Broker], Field(max_length=3)] = Field(
        default_factory=list, description="Further brokers that get the same messages"
    )


DIVIDES_A_DAY = "must divide a day (86400 s)"


class Disclosure(Section):
    """How small numbers are protected before anything leaves the device."""

    policy: Literal["operational", "open", "noise", "none"] = Field(
        "operational",
        description="operational: 1 to 4 people are not shown; open: for the public, 0 to 4 is one class, the rest is "
        "rounded to 5 and comes one window later; noise: people and crossings with calibrated noise (needs the extra "
        "package drukte[noise]); none: exact numbers, only with a reason",
    )
    reason: Line | None = Field(None, description="Why exact numbers are needed; required with policy none, published")
    crossings: int = quantity(
        900,
        "s",
        "Span over which crossings of lines are added up before they are shown; with policy none the window is used",
        ge=60,
        le=86_400,
    )
    open_window: int | None = quantity(
        None,
        "s",
        "With policy operational: also publish a product for the public, made of what is published already, over "
        "windows this long",
        ge=900,
        le=86_400,
    )
    epsilon: float = quantity(
        0.5, "1", "With policy noise: privacy loss of each number; its noise has scale 1/epsilon", ge=0.05, le=2
    )
    daily_epsilon: float = quantity(
        100.0,
        "1",
        "With policy noise: most that the numbers of one zone may add up to in a day (UTC)",
        ge=0.05,
        le=1000,
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.policy == "none" and not self.reason:
            raise ValueError("policy none shows exact small numbers: say in 'reason' why that is needed")
        if 86_400 % self.crossings:
            raise ValueError(f"crossings: {self.crossings} s {DIVIDES_A_DAY}")
        if self.open_window is not None:
            if self.policy != "operational":
                raise ValueError("open_window goes with policy operational only; the others are one product")
            if 86_400 % self.open_window:
                raise ValueError(f"open_window: {self.open_window} s {DIVIDES_A_DAY}")
        return self
