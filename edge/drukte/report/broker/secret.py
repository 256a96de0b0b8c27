"""Passwords, keys and certificates: where they lie, who may read them, and the TLS that is made of them."""

import hashlib
import hmac
import os
import ssl
import stat
from pathlib import Path

from drukte.config.report import Broker


class SecretError(Exception):
    """A password or key file that cannot be used; the text says why and what to do."""


def credential(name: str) -> Path | None:
    """A file of that name that systemd handed over as a credential, else None."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder or "/" in name:
        return None
    # a folder given as LoadCredential=drukte:FOLDER arrives as files drukte_NAME
    return next((path for path in (Path(folder) / name, Path(folder) / f"drukte_{name}") if path.is_file()), None)


def secret_file(name: str, base: Path) -> Path:
    """Where a password, key or certificate lies: among systemd's credentials, or relative to the site file.

    Raises:
        SecretError: others may read a file that is not one of systemd's credentials.
    """
    if handed := credential(name):
        return handed
    path = base / name
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise SecretError(
            f"{path}: {error.strerror}. Put the file there or correct its name in the site file"
        ) from None
    if mode & 0o077:
        raise SecretError(f"{path}: others may read it (mode {mode:04o}). Run: chmod 600 {path}")
    return path


def read_secret(name: str, base: Path) -> str:
    """First line of a password file.

    Raises:
        SecretError: the file cannot be read, is empty, or others may read it.
    """
    path = secret_file(name, base)
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SecretError(f"{path}: cannot be read as text. Check who owns it and what is in it") from None
    if not text:
        raise SecretError(f"{path}: its first line is empty; put the password there")
    return text.splitlines()[0].strip()


def tls_context(settings: Broker, base: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer: the broker is known by the site's authority, by its pinned certificate, or by both.

    Raises:
        SecretError: a file cannot be read or used, or others may read the key.
    """
    try:
        context = ssl.create_default_context(cafile=str(base / settings.ca_file) if settings.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Python 3.13 began to refuse certificates without an authority key identifier (RFC 5280, 4.2.1.1), which many
        # a city's own authority leaves out: the same certificates are accepted by every Python. Signature, name and
        # dates are checked as ever.
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
        context.sslsocket_class = _socket_class(settings.certificate_sha256)
        if settings.certificate_sha256 and not settings.ca_file:  # a pinned certificate needs no name, no authority
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if settings.certificate_file and settings.key_file:
            context.load_cert_chain(
                credential(settings.certificate_file) or base / settings.certificate_file,
                secret_file(settings.key_file, base),
            )
    except (OSError, ssl.SSLError) as error:
        raise SecretError(
            f"TLS for broker {settings.host}: {error}. Check ca_file, certificate_file and key_file in the site file"
        ) from None
    return context


def uses_tls(settings: Broker) -> bool:
    """Whether the connection to a broker is encrypted."""
    return bool(settings.ca_file or settings.certificate_sha256)


class PinError(ssl.SSLError):
    """The broker shows another certificate than the pinned one."""


def _socket_class(fingerprint: str | None) -> type[ssl.SSLSocket]:
    """A TLS socket that closes itself when the handshake fails, which paho leaves to chance.

    With a SHA-256 fingerprint (hexadecimal) it goes on only with the certificate of that fingerprint.
    """

    class Socket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            try:
                super().do_handshake(block)
                if fingerprint is not None:
                    shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
                    if not hmac.compare_digest(shown, fingerprint):
                        raise PinError(1, f"its certificate is not the pinned one but has SHA-256 {shown}")
            except OSError:
                self.close()
                raise

    return Socket
