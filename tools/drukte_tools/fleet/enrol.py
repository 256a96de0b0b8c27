"""Certificates for devices and broker from an authority of the city's own, in one folder.

`ca.crt` and `ca.key` are the authority; `issued/NAME.crt` is kept of everything it signed. A device's certificate
bears its name, so that the broker can bind it to its own topics.
"""

import datetime
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from drukte.config.base import NAME
from drukte.signing import SigningError, write_private
from drukte_tools.fleet.bus import FleetError

AUTHORITY_DAYS: Final = 3650
EARLIER: Final = datetime.timedelta(hours=1)
"""Certificates hold from this long ago, for clocks that are a little behind."""


class Authority:
    """Signs certificates.

    Args:
        folder: where `ca.crt`, `ca.key` and `issued/` lie.
        ask: called for the passphrase of the key if it has one.

    Raises:
        FleetError: they are not there or cannot be used.
    """

    def __init__(self, folder: Path, ask: Callable[[], str]) -> None:
        self.folder = folder
        try:
            data = (folder / "ca.key").read_bytes()
            key = load_pem_private_key(data, ask().encode() if b"ENCRYPTED" in data else None)
            self._certificate = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
        except OSError as error:
            raise FleetError(
                f"{error.filename}: {error.strerror}. Make an authority: drukte fleet authority --out {folder}"
            ) from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise FleetError(f"{folder}: ca.key or ca.crt cannot be read, or a wrong passphrase") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise FleetError(f"{folder / 'ca.key'}: is not a key of `drukte fleet authority`")
        self._key = key

    def issue(self, name: str, public: ec.EllipticCurvePublicKey, days: int, server: bool = False) -> Path:
        """A certificate for a device, or for a broker at that host name or address; where it lies."""
        now = datetime.datetime.now(datetime.UTC)
        use = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _builder(name, self._certificate.subject, public, now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        path = self.folder / "issued" / f"{name}.crt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path


def new_authority(folder: Path, name: str, passphrase: bytes | None) -> None:
    """Make an authority in a folder.

    Raises:
        FleetError: there is one already, or it cannot be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(name, subject, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_private(folder / "ca.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
        (folder / "ca.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    except SigningError as error:
        raise FleetError(str(error)) from None
    except OSError as error:
        raise FleetError(f"{error.filename}: cannot be written ({error.strerror})") from None


def enrol(authority: Authority, name: str, days: int, out: Path, server: bool = False) -> Path:
    """A new key and certificate, `NAME.key` and `NAME.crt` in `out`; a key that is there already is kept.

    Raises:
        FleetError: the name is no device name, or something cannot be written.
    """
    check_name(name, server)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.key"
    try:
        if path.exists():
            key = load_pem_private_key(path.read_bytes(), None)
        else:
            key = ec.generate_private_key(ec.SECP256R1())
            write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise FleetError(f"{path}: is not a key that this command made; remove it or choose another --out")
        issued = authority.issue(name, key.public_key(), days, server)
        made = out / f"{name}.crt"
        made.write_bytes(issued.read_bytes())
    except SigningError as error:
        raise FleetError(str(error)) from None
    except OSError as error:
        raise FleetError(f"{error.filename}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise FleetError(f"{path}: is not a private key without a passphrase") from None
    return made


def sign_request(authority: Authority, request: Path, days: int, out: Path) -> Path:
    """A certificate for a request (PKCS #10) that a device made, whose key so never leaves it.

    Raises:
        FleetError: it is no such request, is not signed by its own key, or its name is no device name.
    """
    try:
        asked = x509.load_pem_x509_csr(request.read_bytes())
    except OSError as error:
        raise FleetError(f"{request}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise FleetError(f"{request}: is not a certificate request in PEM") from None
    names = asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if len(names) == 1 else ""
    check_name(name, server=False)
    public = asked.public_key()
    if not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
        raise FleetError(f"{request}: must be signed by its own key, on an elliptic curve (openssl: ec, P-256)")
    out.mkdir(parents=True, exist_ok=True)
    made = out / f"{name}.crt"
    made.write_bytes(authority.issue(name, public, days).read_bytes())
    return made


def certificate_ends(folder: Path) -> dict[str, float]:
    """End of each certificate in a folder by the name that it bears, s since 1970; the latest where there are more.

    Raises:
        FleetError: there is no such folder.
    """
    if not folder.is_dir():
        raise FleetError(f"{folder}: is not a folder; name the one with the certificates of the devices (*.crt)")
    ends: dict[str, float] = {}
    for file in sorted([*folder.glob("*.crt"), *folder.glob("*.pem")]):
        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
        except (OSError, ValueError):
            continue
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            name = str(attribute.value)
            ends[name] = max(ends.get(name, 0.0), certificate.not_valid_after_utc.timestamp())
    return ends


def check_name(name: str, server: bool) -> None:
    """Raises FleetError unless a name fits a device, or a host."""
    pattern = r"[A-Za-z0-9.:-]{1,200}" if server else NAME
    if not re.fullmatch(pattern, name):
        kind = "host name or address" if server else "device name: lower-case letters, digits and hyphens, as in topics"
        raise FleetError(f"'{name}' is no {kind}")


def _builder(
    name: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
