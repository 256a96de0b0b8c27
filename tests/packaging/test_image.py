"""The recipe for a device's card: what cloud-init gets, and what the first start does to a system's files."""

import base64
import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "packaging/image"


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    key = tmp_path / "t.pub"
    key.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q technician\n")
    ring = tmp_path / "drukte.gpg"
    ring.write_bytes(bytes(range(256)))
    site = tmp_path / "pole-17.yaml"
    site.write_text("drukte: 1\n")
    shared = tmp_path / "generic.yaml"
    shared.write_text("organisation: testville\n")
    return {"--device": "pole-17", "--ssh-key": str(key), "--repository": "https://apt.example.org/drukte",
            "--repository-key": str(ring), "--out": str(tmp_path / "boot")}  # fmt: skip


def seed(given: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    words = [word for pair in given.items() for word in pair]
    return subprocess.run(
        [sys.executable, FOLDER / "seed.py", *words, *more], capture_output=True, text=True, check=False, timeout=60
    )


def told(given: dict[str, str]) -> dict[str, Any]:
    text = (Path(given["--out"]) / "user-data").read_text()
    assert text.startswith("#cloud-config\n")
    return dict(yaml.safe_load(text))


def files(tree: dict[str, Any]) -> dict[str, tuple[str, bytes]]:
    return {f["path"]: (f["permissions"], gzip.decompress(base64.b64decode(f["content"]))) for f in tree["write_files"]}


def test_a_card_gets_all_that_a_device_needs(given: dict[str, str], tmp_path: Path) -> None:
    secret = tmp_path / "device.key"
    secret.write_text("key")
    done = seed(given, "--site", str(tmp_path / "pole-17.yaml"), "--site", str(tmp_path / "generic.yaml"),
                "--credential", str(secret), "--ring", "canary")  # fmt: skip
    assert done.returncode == 0, done.stderr
    tree = told(given)
    there = files(tree)
    assert there["/etc/drukte/site.yaml"] == ("0644", b"drukte: 1\n")
    assert there["/etc/drukte/generic.yaml"][1] == b"organisation: testville\n"
    assert there["/etc/drukte/credentials/device.key"] == ("0600", b"key")
    assert there["/etc/apt/keyrings/drukte.gpg"][1] == bytes(range(256))
    for path in (FOLDER / "files").rglob("*"):
        if path.is_file():
            assert (
                there[f"/usr/local/lib/drukte-image/files/{path.relative_to(FOLDER / 'files')}"][1] == path.read_bytes()
            )
    assert tree["ssh_pwauth"] is False
    (user,) = tree["users"]
    assert user["lock_passwd"] is True
    assert user["ssh_authorized_keys"][0].startswith("ssh-ed25519 ")
    assert "RING=canary" in tree["runcmd"][0][2]
    assert "READ_ONLY" not in tree["runcmd"][0][2]


@pytest.mark.skipif(shutil.which("cloud-init") is None, reason="cloud-init is not installed (apt install cloud-init)")
def test_cloud_init_takes_it(given: dict[str, str]) -> None:
    assert seed(given, "--read-only").returncode == 0
    done = subprocess.run(
        ["cloud-init", "schema", "--config-file", Path(given["--out"]) / "user-data"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Valid" in done.stdout
    spoilt = Path(given["--out"]) / "spoilt"
    spoilt.write_text((Path(given["--out"]) / "user-data").read_text() + "ssh_pwauth: [nonsense]\n")
    done = subprocess.run(
        ["cloud-init", "schema", "--config-file", spoilt], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode != 0


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("--device", "Pole 17; rm -rf /", "host name"),
        ("--repository", "https://a.example; reboot", "cannot be used"),
        ("--ring", "$(reboot)", "cannot be used"),
    ],
)
def test_nothing_odd_reaches_the_first_start(given: dict[str, str], key: str, value: str, says: str) -> None:
    done = seed(given | {key: value})
    assert done.returncode == 2
    assert says in done.stderr
    assert not Path(given["--out"]).exists()


def test_a_private_key_given_for_a_public_one_is_refused(given: dict[str, str]) -> None:
    Path(given["--ssh-key"]).write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    done = seed(given)
    assert done.returncode == 2
    assert "no public key" in done.stderr


def test_the_first_start_changes_the_right_files_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for folder in ("boot/firmware", "etc/rpi", "etc/apt/sources.list.d", "var"):
        (root / folder).mkdir(parents=True)
    (root / "etc/os-release").write_text("VERSION_CODENAME=trixie\n")
    (root / "etc/rpi/swap.conf").write_text("[Main]\nMechanism=auto\n")
    (root / "etc/fstab").write_text("proc /proc proc defaults 0 0\n/var/swap none swap sw 0 0\n# /x none swap sw 0 0\n")
    (root / "etc/dphys-swapfile").write_text("#CONF_SWAPSIZE=100\n")
    line = root / "boot/firmware/cmdline.txt"
    line.write_text("console=tty1 root=PARTUUID=1-02 rootwait cgroup_disable=memory\n")
    (root / "boot/firmware/config.txt").write_text("[all]\ndtparam=watchdog=on\n")
    given = {**os.environ, "ROOT": str(root), "REPOSITORY": "https://a.example/d", "RING": "canary"}
    kept = []
    for _ in range(2):
        done = subprocess.run(
            [FOLDER / "harden.sh"], env=given,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        kept.append({p: p.read_bytes() for p in root.rglob("*") if p.is_file()})
    assert kept[0] == kept[1]
    assert line.read_text() == (
        "console=tty1 root=PARTUUID=1-02 rootwait cgroup_disable=memory cgroup_enable=memory init_on_free=1\n"
    )
    assert (root / "boot/firmware/config.txt").read_text().splitlines().count("dtparam=watchdog=on") == 1
    assert "\n# drukte: /var/swap none swap" in (root / "etc/fstab").read_text()
    assert (root / "etc/dphys-swapfile").read_text() == "CONF_SWAPSIZE=0\n"
    assert "Mechanism=zram" in (root / "etc/rpi/swap.conf.d/drukte.conf").read_text()
    assert "Suites: trixie-canary" in (root / "etc/apt/sources.list.d/drukte.sources").read_text()
    assert (root / "etc/nftables.conf").read_bytes() == (FOLDER / "files/etc/nftables.conf").read_bytes()


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("nft") is None, reason="needs root and nftables (apt install nftables)"
)
def test_the_firewall_can_be_loaded() -> None:
    done = subprocess.run(
        ["nft", "-c", "-f", FOLDER / "files/etc/nftables.conf"], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr
