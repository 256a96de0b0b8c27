"""The validation order: who may keep how many pictures of what, why, until when, and who can open them.

An order is a JSON file in one canonical form: every byte of it is fixed by its content, and the two signatures are over
all of it but themselves. A technician and a privacy officer sign with different keys. The device's sampler keeps
nothing without a valid order, and what an order may ask is bounded here, in code.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError, model_validator

from drukte import signing
from drukte.config import Site
from drukte.config.base import Line, Name, Section
from drukte.config.purpose import LEGAL_GROUNDS
from drukte.signing import ROLES, Role, Signature, Signers, SigningError, public_text, reasons, sign_text

__all__ = [
    "ROLES", "Order", "OrderError", "Plan", "Recipient", "Role", "Signature", "Signers", "accept", "instant",
    "instant_text", "parse_order", "public_text", "read_signers", "verify",
]  # fmt: skip

MAX_PICTURES: Final = 500
"""Most pictures of one order. A floor in code: more would be a recording, not a sample."""
MAX_SPAN: Final = timedelta(days=35)
MAX_KEEP: Final = timedelta(days=60)
"""Longest time between the last picture and deletion."""
MAX_BYTES: Final = 64 * 1024

Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
"""UTC, to the second: 2026-11-24T08:00:00Z."""

_DOMAIN: Final = b"drukte validation order 1\n"
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"


class OrderError(Exception):
    """An order that must not be carried out. The text says why and what to do."""


class Plan(Section):
    """How moments are drawn. Every kind of plan draws by chance; strata see to it that rare hours are not missed."""

    kind: Literal["uniform", "hour", "light", "expected"] = Field(
        "uniform",
        description="uniform: any moment alike; hour: as many of each hour of the day; light: of day, twilight and "
        "night; expected: of each class of expected number of people",
    )
    hours: tuple[Annotated[int, Field(ge=0, le=23)], Annotated[int, Field(ge=1, le=24)]] = Field(
        (0, 24), description="Only between these hours of the day, local time, the second not included"
    )
    block: Annotated[int, Field(ge=10, le=3600)] = Field(
        600, description="Pictures of the same block of time count as alike [s]"
    )
    expected: Annotated[list[Annotated[float, Field(ge=0, le=10_000)]], Field(min_length=24, max_length=24)] | None = (
        Field(None, description="Expected number of people in each hour of the day, local time")
    )
    time_zone: Line = Field(description="IANA time zone of the place")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(None, description="WGS 84 [deg]")
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(None, description="WGS 84 [deg]")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.hours[0] >= self.hours[1]:
            raise ValueError("hours: the first must come before the second")
        if self.kind == "light" and (self.latitude is None or self.longitude is None):
            raise ValueError("a plan by light needs latitude and longitude; set them under `place` in the site file")
        if self.kind == "expected" and self.expected is None:
            raise ValueError("a plan by expected count needs 24 expected numbers, one for each hour of the day")
        return self


class Recipient(Section):
    """Somebody who can open the pictures."""

    name: Line
    key: Annotated[str, Field(pattern=r"^age1[02-9ac-hj-np-z]{58}$")] = Field(description="age public key (X25519)")


class Order(Section):
    """What may be kept, by whose will, and until when."""

    drukte_order: Literal[1] = 1
    organisation: Name = Field(description="Controller, as in the site file")
    device: Name = Field(description="Device, as in the site file")
    zone: Name = Field(description="Zone in which people are counted")
    asked_by: Line = Field(description="Who asked for the validation")
    legal_ground: LEGAL_GROUNDS = Field(description="Ground of GDPR article 6(1)")
    legal_basis: Line | None = Field(None, description="Law or decision that the ground rests on")
    purpose: Line = Field(description="What the pictures are for")
    pictures: Annotated[int, Field(ge=1)] = Field(description="Number of pictures")
    start: Instant = Field(description="No picture before this")
    end: Instant = Field(description="No picture after this")
    delete_by: Instant = Field(description="Everything is deleted by then")
    plan: Plan
    mark: Literal["foot", "head"] = Field("foot", description="Where counters click: at the feet or on the head")
    blur: bool = Field(True, description="Make the heads of people whom the device finds unrecognisable")
    recipients: Annotated[list[Recipient], Field(min_length=1, max_length=8)]
    seed: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="Chance, drawn when the order was made")
    signatures: Annotated[list[Signature], Field(max_length=2)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if self.pictures > MAX_PICTURES:
            raise ValueError(f"pictures: {self.pictures} is more than the {MAX_PICTURES} that one order may ask")
        start, end, gone = self.starts, self.ends, self.deletes
        if not start < end:
            raise ValueError("start must come before end")
        if end - start > MAX_SPAN:
            raise ValueError(f"the order spans {(end - start).days} days; at most {MAX_SPAN.days}")
        if not end <= gone <= end + MAX_KEEP:
            raise ValueError(f"delete_by must lie after end, and at most {MAX_KEEP.days} days after it")
        if len({r.key for r in self.recipients}) < len(self.recipients):
            raise ValueError("recipients: a key stands twice")
        return self

    @property
    def starts(self) -> datetime:
        """When sampling begins."""
        return instant(self.start)

    @property
    def ends(self) -> datetime:
        """When sampling ends."""
        return instant(self.end)

    @property
    def deletes(self) -> datetime:
        """When everything must be gone."""
        return instant(self.delete_by)

    @property
    def body(self) -> bytes:
        """What is signed."""
        return _DOMAIN + json.dumps(
            self.model_dump(exclude={"signatures"}), sort_keys=True, separators=(",", ":"), ensure_ascii=True
        ).encode("ascii")

    @property
    def id(self) -> str:
        """Name of the order: 16 hexadecimal digits of the hash of what is signed."""
        return hashlib.sha256(self.body).hexdigest()[:16]

    @property
    def chance(self) -> bytes:
        """Where the plan's moments come from. Both signatures are part of it, so that neither signer alone, nor who
        wrote the order, can look for a seed with flattering moments."""
        parts = [bytes.fromhex(self.seed), *sorted(base64.b64decode(s.signature) for s in self.signatures)]
        return hashlib.sha256(b"drukte plan 1\n" + b"".join(parts)).digest()

    def dump(self) -> bytes:
        """The order's file."""
        return (json.dumps(self.model_dump(), sort_keys=True, indent=2, ensure_ascii=True) + "\n").encode("ascii")

    def sign(self, role: Role, key: Ed25519PrivateKey) -> "Order":
        """The order with one more signature.

        Raises:
            OrderError: the role or the key has signed already.
        """
        public = public_text(key.public_key())
        if any(s.role == role for s in self.signatures):
            raise OrderError(f"the {role} has signed already")
        if any(s.key == public for s in self.signatures):
            raise OrderError("this key has signed already; the second signature must be another person's")
        signatures = [*self.signatures, Signature(role=role, key=public, signature=sign_text(key, self.body))]
        return self.model_copy(update={"signatures": signatures})


def instant(text: str) -> datetime:
    """The time that an `Instant` names.

    Raises:
        ValueError: there is no such time, as on 30 February.
    """
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)


def instant_text(when: datetime) -> str:
    """The `Instant` of a time."""
    return when.astimezone(UTC).strftime(_FORM)


def parse_order(data: bytes) -> Order:
    """The order in a file's bytes. Signatures are not looked at; see `accept`.

    Raises:
        OrderError: it is not an order in its canonical form.
    """
    if len(data) > MAX_BYTES:
        raise OrderError(f"the order has {len(data)} bytes; an order has at most {MAX_BYTES}")
    try:
        order = Order.model_validate(json.loads(data))
    except ValidationError as error:
        raise OrderError("the order breaks its rules:\n" + reasons(error)) from None
    except (ValueError, RecursionError):
        raise OrderError("this is not an order: not JSON. Make one with `drukte validate order new`") from None
    if order.dump() != data:
        raise OrderError("the order was changed after it was written: its bytes are not what its content makes")
    return order


def read_signers(path: Path) -> Signers:
    """The keys that a device trusts.

    Raises:
        OrderError: the file cannot be read or is no such file.
    """
    try:
        return signing.read_signers(path)
    except SigningError as error:
        raise OrderError(str(error)) from None


def verify(order: Order, signers: Signers) -> None:
    """Check that a technician and a privacy officer whom the device trusts have signed.

    Raises:
        OrderError: a signature is missing, of an unknown key, or does not match.
    """
    try:
        signed = signing.signed_by(order.signatures, signers, order.body, "order")
    except SigningError as error:
        raise OrderError(str(error)) from None
    if missing := [role for role in ROLES if role not in signed]:
        raise OrderError(f"not signed by the {' and the '.join(missing)}; an order needs both")


def accept(data: bytes, signers: Signers, site: Site, now: datetime) -> Order:
    """The order in a file's bytes, if this device may carry it out now or later.

    Raises:
        OrderError: it may not; the text says why.
    """
    order = parse_order(data)
    verify(order, signers)
    if (order.organisation, order.device) != (site.organisation, site.device):
        raise OrderError(
            f"the order is for {order.organisation}/{order.device}, this is {site.organisation}/{site.device}"
        )
    if order.zone not in [zone.name for zone in site.zones]:
        raise OrderError(f"zone '{order.zone}' is not in the site file")
    if now >= order.deletes:
        raise OrderError(f"the order is past its date: everything had to be deleted by {order.delete_by}")
    if now >= order.ends:
        raise OrderError(f"the order is past its date: it ended at {order.end}")
    return order
