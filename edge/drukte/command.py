"""Commands to a device: small signed messages that come in over the broker, and the little that they can ask.

A command is obeyed by one device, once, until a time, and only if it is signed by a key that `signers.yaml` on that
device lists under `commands`.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError, model_validator

from drukte.config.base import Name, Section
from drukte.settings.sheet import MOST_SERIAL, Sheet
from drukte.signing import PublicKey, SignatureText, matches, public_text, sign_text

LONGEST: Final = 64 * 1024
"""Most bytes of a command. A floor in code, so that nobody can fill the device's memory."""
ACTS: Final = ("status", "rotate_log", "settings")
Act = Literal["status", "rotate_log", "settings"]
_DOMAIN: Final = b"drukte command 1\n"
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"


class CommandError(Exception):
    """A message that is not obeyed; the text is the reason under which it is counted."""


class Settings(Section):
    """A site file with its signature sheet."""

    site: Annotated[str, Field(max_length=LONGEST)]
    sheet: Sheet


class Command(Section):
    """What a device is asked to do."""

    drukte_command: Literal[1] = 1
    organisation: Name
    device: Name
    act: Act = Field(
        description="status: say everything now; rotate_log: begin a new log; settings: use this site file"
    )
    serial: Annotated[int, Field(ge=1, le=MOST_SERIAL)] = Field(description="Larger than that of any command before")
    until: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] = Field(description="Not obeyed later")
    settings: Settings | None = None
    key: PublicKey | None = None
    signature: SignatureText | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.act == "settings") != (self.settings is not None):
            raise ValueError("settings come with the act settings, and with no other")
        datetime.strptime(self.until, _FORM)
        return self

    @property
    def body(self) -> bytes:
        """What is signed."""
        content = self.model_dump(exclude={"signature"})
        return _DOMAIN + json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")

    @property
    def ends(self) -> float:
        """After this it is not obeyed, s since 1970."""
        return datetime.strptime(self.until, _FORM).replace(tzinfo=UTC).timestamp()

    def sign(self, key: Ed25519PrivateKey) -> "Command":
        """The command, signed."""
        named = self.model_copy(update={"key": public_text(key.public_key()), "signature": None})
        return named.model_copy(update={"signature": sign_text(key, named.body)})

    def dump(self) -> bytes:
        """The message."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def until_text(when: float) -> str:
    """`Command.until` of a time in s since 1970."""
    return datetime.fromtimestamp(when, UTC).strftime(_FORM)


def parse_command(data: bytes, trusted: list[str]) -> Command:
    """The command in a message, if one of the trusted keys signed it.

    Raises:
        CommandError: it is not.
    """
    if len(data) > LONGEST:
        raise CommandError("too_long")
    try:
        tree: Any = json.loads(data)
        command = Command.model_validate(tree)
    except (ValidationError, ValueError, RecursionError):
        raise CommandError("not_a_command") from None
    if command.key is None or command.signature is None:
        raise CommandError("unsigned")
    if command.key not in trusted:
        raise CommandError("unknown_key")
    if not matches(command.key, command.signature, command.body):
        raise CommandError("signature")
    return command
