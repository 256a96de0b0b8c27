"""How numbers leave the device."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drukte.config.base import Line, Name, Section, quantity


class Mqtt(Section):
    """The city's broker."""

    host: Line = Field("localhost", description="Name or address of the broker")
    port: int = quantity(1883, "1", "TCP port; 8883 is usual with TLS", ge=1, le=65535)
    version: Literal["5", "3.1.1"] = Field("5", description="MQTT version")
    prefix: Annotated[str, Field(pattern=r"^[^+#\s/$][^+#\s]*[^+#\s/]$", max_length=80)] = Field(
        "drukte/v1", description="Start of every topic"
    )
    client_id: Name | None = Field(None, description="Client identifier; the device's name if left out")
    username: Line | None = None
    password_file: Line | None = Field(None, description="File with the password in its first line, mode 0600")
    ca_file: Line | None = Field(
        None, description="Certificate authority (PEM) that signed the broker's certificate; switches TLS on"
    )
    certificate_file: Line | None = Field(None, description="This device's certificate (PEM)")
    key_file: Line | None = Field(None, description="Private key of that certificate (PEM), mode 0600")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together: give both or neither")
        if self.certificate_file and not self.ca_file:
            raise ValueError("a client certificate needs TLS: give ca_file too")
        if self.password_file and not self.username:
            raise ValueError("password_file without username: give both or neither")
        return self
