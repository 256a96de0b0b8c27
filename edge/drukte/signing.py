"""Ed25519 keys and signatures (RFC 8032): as text, in files, and the keys that a device trusts.

Orders for validation, settings and commands are all signed in the same way. The keys that a device trusts lie in one
file, `signers.yaml` beside the site file, which nobody but root may write.
"""

import base64
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import Field, ValidationError, model_validator

from drukte.config.base import Section

ROLES: Final = ("technician", "privacy_officer")
Role = Literal["technician", "privacy_officer"]
PublicKey = Annotated[str, Field(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")]
SignatureText = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{86}==$")]
_MOST: Final = 64 * 1024


class SigningError(Exception):
    """A key, a signature or a file of keys that cannot be used; the text says why and what to do."""


class Signature(Section):
    """The signature of one person, in one role."""

    role: Role
    key: PublicKey
    signature: SignatureText


class Signers(Section):
    """Whose signatures a device trusts, and for what it demands them."""

    technician: list[PublicKey] = Field(default_factory=list)
    privacy_officer: list[PublicKey] = Field(default_factory=list)
    commands: list[PublicKey] = Field(default_factory=list, description="Keys of those who may send commands")
    settings: Literal["signed", "unsigned"] = Field(
        "unsigned", description="signed: the site file is used only with the signatures of the roles above"
    )

    @model_validator(mode="after")
    def _are_different_people(self) -> Self:
        if set(self.technician) & set(self.privacy_officer):
            raise ValueError("a key stands under both roles; the two signatures must be of different people")
        if self.settings == "signed" and not (self.technician and self.privacy_officer):
            raise ValueError("settings: signed needs at least one technician and one privacy_officer")
        return self

    def of(self, role: Role) -> list[str]:
        """The trusted keys of a role."""
        return self.technician if role == "technician" else self.privacy_officer


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as it stands in files."""
    return "ed25519:" + base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def sign_text(key: Ed25519PrivateKey, body: bytes) -> str:
    """The signature over `body`, as it stands in files."""
    return base64.b64encode(key.sign(body)).decode()


def matches(key: str, signature: str, body: bytes) -> bool:
    """Whether a signature over `body` is of a key; both as text. False for text that is neither."""
    try:
        raw = base64.b64decode(key.removeprefix("ed25519:"), validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(signature, validate=True), body)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def signed_by(signatures: Iterable[Signature], signers: Signers, body: bytes, what: str) -> set[Role]:
    """The roles in which people whom the device trusts have signed.

    Args:
        signatures: as they came.
        signers: whom the device trusts.
        body: what was signed.
        what: the thing that was signed, for errors, as "order".

    Raises:
        SigningError: a signature is of an unknown key or does not match, or one key signed twice.
    """
    roles: set[Role] = set()
    keys: list[str] = []
    for s in signatures:
        if s.key not in signers.of(s.role):
            raise SigningError(f"signed by a key that this device does not know as {s.role}: {s.key}")
        if not matches(s.key, s.signature, body):
            raise SigningError(f"the {s.role}'s signature does not match: the {what} was changed after signing")
        if s.key in keys:
            raise SigningError("both signatures are by the same key; they must be of two people")
        keys.append(s.key)
        roles.add(s.role)
    return roles


def read_signers(path: Path) -> Signers:
    """The keys that a device trusts.

    Raises:
        SigningError: the file cannot be read, is no such file, or others than its owner may write it.
    """
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            data = file.read(_MOST + 1)
    except OSError as error:
        raise SigningError(f"signers {path}: cannot be read ({error.strerror})") from None
    if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & 0o022:
        raise SigningError(
            f"signers {path}: somebody else may write it, so it proves nothing. Run: sudo chown root {path} && "
            f"sudo chmod 644 {path}"
        )
    try:
        return Signers.model_validate(yaml.safe_load(data[:_MOST].decode()))
    except ValidationError as error:
        raise SigningError(f"signers {path}:\n" + reasons(error)) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise SigningError(f"signers {path}: is not YAML") from None


def new_key(path: Path, passphrase: bytes | None) -> str:
    """Make a key pair, write the private key (PEM, mode 0600) and return the public one as text.

    Raises:
        SigningError: the file exists already or cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    write_private(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    return public_text(private.public_key())


def write_private(path: Path, data: bytes) -> None:
    """Write a private key into a new file that only its owner may read.

    Raises:
        SigningError: the file exists already or cannot be written.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise SigningError(f"{path} exists; choose another name, keys are never overwritten") from None
    except OSError as error:
        raise SigningError(f"{path}: cannot be written ({error.strerror})") from None
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def read_private(path: Path, ask: Callable[[], str]) -> Ed25519PrivateKey:
    """The private key in a file; `ask` is called for its passphrase if it has one.

    Raises:
        SigningError: it cannot be read, is no such key, or the passphrase is wrong.
    """
    try:
        data = path.read_bytes()
        key = load_pem_private_key(data, ask().encode() if b"ENCRYPTED" in data else None)
    except OSError as error:
        raise SigningError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningError(f"{path}: not a private key, or a wrong passphrase") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{path}: is not a key for signing (Ed25519)")
    return key


def reasons(error: ValidationError) -> str:
    """A schema's complaints, one a line."""
    lines = []
    for e in error.errors(include_url=False):
        where = ".".join(str(p) for p in e["loc"])
        text = e.get("ctx", {}).get("error", e["msg"])
        lines.append(f"  {where}: {text}" if where else f"  {text}")
    return "\n".join(lines)
