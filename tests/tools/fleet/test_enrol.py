"""Certificates that a real Mosquitto takes, and that bind each device to its own topics."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.report.conftest import Mosquitto
from tests.tools.fleet.heard import status, text

from drukte_tools.fleet.cli import fleet
from drukte_tools.fleet.enrol import certificate_ends


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(fleet, [str(a) for a in arguments])


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    folder = tmp_path / "authority"
    done = run("authority", "--out", folder, "--no-passphrase")
    assert done.exit_code == 0, done.output
    return folder


def publish(port: int, folder: Path, name: str, topic: str) -> bool:
    arguments = [
        "--cafile",
        folder / "authority/ca.crt",
        "--cert",
        folder / f"{name}.crt",
        "--key",
        folder / f"{name}.key",
    ]
    message = text(status("pole-1")).decode()
    command = [
        "mosquitto_pub",
        "-h",
        "localhost",
        "-p",
        str(port),
        "-V",
        "5",
        "-q",
        "1",
        "-r",
        "-t",
        topic,
        "-m",
        message,
    ]
    done = subprocess.run([*command, *arguments], capture_output=True, timeout=20, check=False, text=True)
    return done.returncode == 0 and "Not authorized" not in done.stderr + done.stdout


def test_a_broker_takes_them_and_binds_each_to_its_topics(
    ca: Path,
    tmp_path: Path,
    new_broker: Callable[..., Mosquitto],
) -> None:
    assert run("enrol", "localhost", "--server", "--authority", ca, "--out", tmp_path).exit_code == 0
    assert run("enrol", "pole-1", "it-desk", "--authority", ca, "--out", tmp_path).exit_code == 0
    request = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"]
    request += [str(tmp_path / "pole-2.key"), "-subj", "/CN=pole-2", "-out", str(tmp_path / "pole-2.csr")]
    subprocess.run(request, check=True, capture_output=True)
    assert run("enrol", "--request", tmp_path / "pole-2.csr", "--authority", ca, "--out", tmp_path).exit_code == 0
    acl = tmp_path / "acl"
    acl.write_text("pattern write drukte/v1/+/%u/#\n\nuser it-desk\ntopic read drukte/v1/#\n")
    acl.chmod(0o644)
    broker = new_broker(
        f"cafile {ca}/ca.crt\ncertfile {tmp_path}/localhost.crt\nkeyfile {tmp_path}/localhost.key\n"
        f"user root\nrequire_certificate true\nuse_identity_as_username true\nacl_file {acl}\n"
    )
    for name in ("pole-1", "pole-2"):
        assert publish(broker.port, tmp_path, name, f"drukte/v1/testville/{name}/status")
        assert not publish(broker.port, tmp_path, name, "drukte/v1/testville/other/status")
    options = tmp_path / "broker.yaml"
    options.write_text(
        f"mqtt:\n  host: localhost\n  port: {broker.port}\n  ca_file: authority/ca.crt\n"
        "  certificate_file: it-desk.crt\n  key_file: it-desk.key\n"
    )
    done = run("inventory", "--broker", options, "--quiet", "0.5", "--certificates", ca / "issued")
    assert "testville/pole-1  counting" in done.output, done.output
    assert "its status names another device" in done.output
    assert "certificate until" in done.output
    done = run("inventory", "--broker", options, "--certificate-file", tmp_path / "pole-1.key", "--quiet", "0.5")
    assert done.exit_code == 1
    assert "Check ca_file, certificate_file and key_file" in done.output


def test_openssl_finds_them_right(ca: Path, tmp_path: Path) -> None:
    run("enrol", "pole-1", "--authority", ca, "--out", tmp_path, "--days", "30")
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", str(ca / "ca.crt")]
    done = subprocess.run([*command, str(tmp_path / "pole-1.crt")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pole-1.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_there_gets_a_new_certificate(ca: Path, tmp_path: Path) -> None:
    run("enrol", "pole-1", "--authority", ca, "--out", tmp_path, "--days", "10")
    key, first = (tmp_path / "pole-1.key").read_bytes(), certificate_ends(tmp_path)["pole-1"]
    run("enrol", "pole-1", "--authority", ca, "--out", tmp_path, "--days", "20")
    assert (tmp_path / "pole-1.key").read_bytes() == key
    assert certificate_ends(tmp_path)["pole-1"] > first + 9 * 86_400


def test_mistakes_are_said_in_a_line(ca: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.csr").write_text("junk")
    for arguments, expected in [
        (["authority", "--out", ca, "--no-passphrase"], "exists; choose another name"),
        (["enrol", "Pole_1", "--authority", ca], "is no device name"),
        (["enrol", "--authority", ca], "name devices"),
        (["enrol", "pole-1", "--authority", tmp_path], "Make an authority"),
        (["enrol", "--request", tmp_path / "junk.csr", "--authority", ca], "is not a certificate request"),
        (["inventory", "--certificates", tmp_path / "none"], "is not a folder"),
    ]:
        done = run(*arguments)
        assert done.exit_code in (1, 2)
        assert expected in done.output
        assert "Traceback" not in done.output
