"""Keys and certificates as systemd hands them over, and what every Python accepts."""

import ssl
from pathlib import Path

import pytest

from drukte.config.report import Broker
from drukte.report.broker.secret import SecretError, credential, tls_context
from tests.report.broker.pki import Authority

SETTINGS = {"host": "localhost", "ca_file": "ca.crt", "certificate_file": "device.crt", "key_file": "device.key"}


def test_certificate_and_key_are_found_where_systemd_puts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = tmp_path / "credentials"
    handed.mkdir()
    authority = Authority(tmp_path)
    authority.issue("device")
    with pytest.raises(SecretError):
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
        tls_context(Broker.model_validate({**SETTINGS, "certificate_file": "other.crt"}), tmp_path)
    for kind in ("crt", "key"):
        (tmp_path / f"device.{kind}").rename(handed / f"drukte_device.{kind}")
    assert credential("device.crt") == handed / "drukte_device.crt"
    assert credential("../device.crt") is None
    tls_context(Broker.model_validate(SETTINGS), tmp_path)


def test_certificates_without_key_identifiers_are_accepted_by_every_python(tmp_path: Path) -> None:
    Authority(tmp_path).issue("device")
    context = tls_context(Broker.model_validate(SETTINGS), tmp_path)
    assert not context.verify_flags & ssl.VerifyFlags.VERIFY_X509_STRICT
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
