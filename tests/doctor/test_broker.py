"""Brokers as the doctor meets them: real ones, wrong ones, none."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.report.broker.pki import Authority
from tests.report.conftest import Mosquitto, make_site, site_text

from drukte.cli import drukte
from drukte.config.report import Broker
from drukte.doctor import broker
from drukte.doctor.machine import Finding
from drukte.report.broker.desk import free_port


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/nonexistent")


def look(mqtt: str, base: Path) -> dict[str, Finding]:
    return {f.name: f for f in broker.look(make_site(mqtt=mqtt), base)}


def test_nobody_answers(tmp_path: Path) -> None:
    finding = look(f"{{host: 127.0.0.1, port: {free_port()}}}", tmp_path)["broker"]
    assert finding.verdict == "fix"
    assert "Connection refused" in finding.text


def test_a_name_that_is_not_known(tmp_path: Path) -> None:
    assert "is not known" in look("{host: nowhere.invalid}", tmp_path)["broker"].text


@contextmanager
def running(folder: Path, settings: str) -> Iterator[int]:
    broker = Mosquitto(folder, free_port(), settings).start()
    try:
        yield broker.port
    finally:
        broker.stop()


@pytest.fixture
def city(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.issue("server")
    authority.issue("dev-1")
    return authority


def secure(folder: Path, acl: str) -> str:
    (folder / "acl").write_text(acl)
    return (
        f"cafile {folder}/ca.crt\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\n"
        f"user root\nrequire_certificate true\nuse_identity_as_username true\nacl_file {folder}/acl\n"
        "allow_anonymous false\n"
    )


@pytest.mark.parametrize(
    ("acl", "verdict", "text"),
    [
        ("pattern write drukte/v1/+/%u/#\n", "fine", "to no other's"),
        ("pattern write drukte/#\n", "fix", "in the name of other devices"),
        ("pattern read drukte/#\n", "fix", "may not write"),
    ],
)
def test_rights_at_the_broker(city: Authority, acl: str, verdict: str, text: str) -> None:
    with running(city.folder, secure(city.folder, acl)) as port:
        found = look(
            f"{{host: localhost, port: {port}, ca_file: ca.crt, certificate_file: dev-1.crt, key_file: dev-1.key}}",
            city.folder,
        )
    assert found["broker"].verdict == "fine", found
    assert found["broker's certificate"].verdict == "fix"  # runs out in 30 days
    assert (found["broker rights"].verdict, text in found["broker rights"].text) == (verdict, True), found


def test_another_authority_is_not_accepted(city: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Authority(other)
    with running(city.folder, secure(city.folder, "topic write #\n")) as port:
        found = look(f"{{host: localhost, port: {port}, ca_file: other/ca.crt}}", tmp_path)
    assert "certificate is not accepted" in found["broker"].text


@pytest.mark.parametrize(
    ("days", "verdict", "text"), [(-1, "fix", "ran out"), (5, "fix", "runs out"), (90, "fine", "until")]
)
def test_certificates_that_end(city: Authority, days: int, verdict: str, text: str) -> None:
    city.issue("old", days=days)
    settings = Broker.model_validate({"ca_file": "ca.crt", "certificate_file": "old.crt", "key_file": "old.key"})
    now = datetime.now(UTC) if days != 90 else datetime.now(UTC) - timedelta(days=1)
    found = {f.name: f for f in broker.certificates("broker", settings, city.folder, now)}
    assert found["broker certificate"].verdict == verdict
    assert text in found["broker certificate"].text


def test_a_certificate_that_is_none(city: Authority) -> None:
    (city.folder / "ca.crt").write_text("nothing")
    (finding,) = broker.certificates(
        "broker", Broker.model_validate({"ca_file": "ca.crt"}), city.folder, datetime.now(UTC)
    )
    assert "cannot be used" in finding.text


def test_no_encryption_to_another_machine() -> None:
    settings = Broker.model_validate({"host": "broker.example.org"})
    (finding,) = broker.certificates("broker", settings, Path(), datetime.now(UTC))
    assert finding.verdict == "fix"


def test_the_command_prints_findings_and_ends_with_one(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(site_text())
    done = CliRunner().invoke(drukte, ["doctor", "--site", str(site), "--json", "--offline"])
    findings = {f["name"]: f for f in json.loads(done.output)}
    assert done.exit_code == 1  # this machine has no such camera
    assert findings["site file"]["verdict"] == "fine"
    assert findings["camera"]["do"]
    missing = CliRunner().invoke(drukte, ["doctor", "--site", str(tmp_path / "none.yaml")])
    assert missing.exit_code == 1
    assert "sudo drukte setup" in missing.output
