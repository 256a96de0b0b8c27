"""The signed repository with its rings, as apt sees it; and the bundle for A/B devices."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REPO = ROOT / "packaging/apt/repo.sh"


def need(*programs: str) -> None:
    if missing := [program for program in programs if shutil.which(program) is None]:
        pytest.skip(f"not installed: {', '.join(missing)} (apt install apt-utils gpg rauc squashfs-tools)")


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(w) for w in words], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def package(folder: Path, version: str) -> Path:
    tree = folder / version
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: drukte\nVersion: {version}\nArchitecture: all\nMaintainer: t <t@localhost>\nDescription: test\n"
    )
    out = folder / f"drukte_{version}_all.deb"
    assert run("dpkg-deb", "--build", tree, out).returncode == 0
    return out


class Device:
    """apt with folders of its own."""

    def __init__(self, folder: Path, repo: Path, ring: str, key: Path) -> None:
        for name in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
            (folder / name).mkdir(parents=True)
        (folder / "state/status").touch()
        (folder / "etc/sources.list").write_text(f"deb [signed-by={key}] file://{repo} bookworm-{ring} main\n")
        self._options = [
            f"-oDir::State={folder}/state", f"-oDir::Cache={folder}/cache", f"-oDir::Etc={folder}/etc",
            f"-oDir::State::status={folder}/state/status", "-oAPT::Sandbox::User=root", "-oAPT::Architecture=amd64",
            "-oAPT::Architectures=amd64",
        ]  # fmt: skip

    def update(self) -> subprocess.CompletedProcess[str]:
        return run("apt-get", *self._options, "-oAPT::Update::Error-Mode=any", "update")

    def candidate(self) -> str:
        said = run("apt-cache", *self._options, "policy", "drukte", LANG="C").stdout
        return next((row.split(": ")[1] for row in said.splitlines() if "Candidate" in row), "none at all")


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    need("apt-ftparchive", "apt-get", "gpg", "dpkg-deb")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    made = run(
        "gpg", "--batch", "--passphrase", "", "--quick-gen-key", "drukte test <t@localhost>", "ed25519", "sign", "1d"
    )
    assert made.returncode == 0, made.stderr
    fingerprint = next(
        row.split(":")[9] for row in run("gpg", "--list-keys", "--with-colons").stdout.splitlines() if row[:3] == "fpr"
    )
    monkeypatch.setenv("KEY", fingerprint)
    out = tmp_path / "drukte.gpg"
    out.write_bytes(subprocess.run(["gpg", "--export", fingerprint], capture_output=True, check=True).stdout)
    return out


def test_rings_get_a_version_one_after_the_other_and_nothing_unsigned(tmp_path: Path, key: Path) -> None:
    repo = tmp_path / "repo"
    first, second = package(tmp_path, "1.0-1~deb12"), package(tmp_path, "1.0-2~deb12")
    for ring in ("canary", "stable"):
        done = run(REPO, "add", repo, ring, first)
        assert done.returncode == 0, done.stderr
    assert run(REPO, "add", repo, "canary", second).returncode == 0
    canary, stable = Device(tmp_path / "a", repo, "canary", key), Device(tmp_path / "b", repo, "stable", key)
    for device in (canary, stable):
        done = device.update()
        assert done.returncode == 0, done.stderr
    assert (canary.candidate(), stable.candidate()) == ("1.0-2~deb12", "1.0-1~deb12")

    assert run(REPO, "promote", repo, "canary", "stable").returncode == 0
    assert stable.update().returncode == 0
    assert stable.candidate() == "1.0-2~deb12"

    index = repo / "dists/bookworm-stable/InRelease"
    index.write_text(index.read_text().replace("Label: drukte", "Label: Drukte"))
    (repo / "dists/bookworm-stable/Release.gpg").unlink()
    shutil.rmtree(tmp_path / "b/state/lists")
    (tmp_path / "b/state/lists/partial").mkdir(parents=True)
    done = stable.update()
    assert done.returncode != 0
    assert stable.candidate() != "1.0-2~deb12"


def test_a_repository_needs_its_key(tmp_path: Path) -> None:
    need("apt-ftparchive")
    done = run(REPO, "sign", tmp_path, KEY="")
    assert done.returncode == 1
    assert "KEY is not set" in done.stderr


def test_a_bundle_is_signed_and_says_what_it_is_for(tmp_path: Path) -> None:
    need("rauc", "mksquashfs", "openssl")
    subject = ["-subj", "/CN=drukte test", "-addext", "keyUsage=digitalSignature"]
    files = ["-keyout", tmp_path / "k.pem", "-out", tmp_path / "c.pem"]
    made = run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *subject)
    assert made.returncode == 0, made.stderr
    (tmp_path / "root.ext4").write_bytes(os.urandom(64 * 1024))
    keys = {"CERT": str(tmp_path / "c.pem"), "KEY": str(tmp_path / "k.pem")}
    out = tmp_path / "u.raucb"
    done = run(ROOT / "packaging/rauc/bundle.sh", tmp_path / "root.ext4", "1.0-2", "arm64", out, **keys)
    assert done.returncode == 0, done.stderr
    said = run("rauc", "--keyring", tmp_path / "c.pem", "info", out).stdout
    assert "'drukte-arm64'" in said
    assert "'1.0-2'" in said
    out.write_bytes(out.read_bytes()[:-100] + bytes(100))
    assert run("rauc", "--keyring", tmp_path / "c.pem", "info", out).returncode != 0
