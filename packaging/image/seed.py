"""Files for a fresh card's boot partition: with them a device sets itself up at its first start (cloud-init, NoCloud).

    packaging/image/seed.py --device pole-17 --ssh-key technician.pub --repository https://apt.example.org/drukte \\
      --repository-key drukte.gpg --site sites/pole-17.yaml --out /media/bootfs

The card holds a certificate's key only if you give one here: better have it made on the device (docs/municipal-it.md).
Needs Raspberry Pi OS with cloud-init (its images of Debian 13 have it) or another image that reads NoCloud.
"""

import argparse
import base64
import gzip
import re
import sys
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).resolve().parent
APT: Final = HERE.parent / "apt"
PLACE: Final = "/usr/local/lib/drukte-image"


def write_file(path: str, content: bytes, mode: str = "0644") -> dict[str, Any]:
    """An entry of cloud-init's write_files."""
    packed = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    return {"path": path, "permissions": mode, "owner": "root:root", "encoding": "gz+b64", "content": packed}


def user_data(chosen: argparse.Namespace) -> dict[str, Any]:
    """What cloud-init is to do."""
    files = [write_file(f"{PLACE}/harden.sh", (HERE / "harden.sh").read_bytes(), "0755")]
    settings_of_the_system = [path for path in sorted((HERE / "files").rglob("*")) if path.is_file()]
    files += [
        write_file(f"{PLACE}/files/{p.relative_to(HERE / 'files')}", p.read_bytes()) for p in settings_of_the_system
    ]
    files.append(
        write_file(f"{PLACE}/files/etc/apt/apt.conf.d/52drukte-unattended", (APT / "52drukte-unattended").read_bytes())
    )
    files.append(write_file("/etc/apt/keyrings/drukte.gpg", chosen.repository_key.read_bytes()))
    for path in chosen.site or []:
        name = "site.yaml" if path == chosen.site[0] else path.name
        files.append(write_file(f"/etc/drukte/{name}", path.read_bytes()))
    given = chosen.credential or []
    files += [write_file(f"/etc/drukte/credentials/{path.name}", path.read_bytes(), "0600") for path in given]
    settings = {"REPOSITORY": chosen.repository, "RING": chosen.ring}
    if chosen.read_only:
        settings["READ_ONLY"] = "1"
    start = " ".join(f"{key}={value}" for key, value in settings.items())
    return {
        "hostname": chosen.device,
        "manage_etc_hosts": True,
        "timezone": chosen.time_zone,
        "ssh_pwauth": False,
        "disable_root": True,
        "users": [
            {
                "name": "technician",
                "groups": "video,dialout,systemd-journal",
                "shell": "/bin/bash",
                "lock_passwd": True,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": [key.read_text().strip() for key in chosen.ssh_key],
            }
        ],
        "write_files": files,
        "runcmd": [["sh", "-c", f"{start} {PLACE}/harden.sh >/var/log/drukte-image.log 2>&1"]],
        "power_state": {"mode": "reboot", "delay": "now", "condition": "grep -q '== Done' /var/log/drukte-image.log"},
    }


def main() -> None:
    """Write user-data, meta-data and network-config."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--device", required=True, help="name of the device, also its host name")
    add("--ssh-key", type=Path, action="append", required=True, help="public key of a technician; may be given again")
    add("--repository", required=True)
    add("--repository-key", type=Path, required=True, help="public key of the repository")
    add("--ring", default="stable")
    add("--site", type=Path, action="append", help="site file first, then files beside it (generic.yaml, calibration)")
    add("--credential", type=Path, action="append", help="file for /etc/drukte/credentials")
    add("--time-zone", default="Europe/Amsterdam")
    add("--read-only", action="store_true", help="root read-only; needs a partition labelled drukte-data")
    add("--out", type=Path, required=True, help="the card's boot partition, as it is mounted here")
    chosen = parser.parse_args()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", chosen.device):
        parser.error(f"--device {chosen.device}: a host name has lower case letters, digits and hyphens")
    for what, pattern in (("repository", r"(https?|file)://[\w./:@%+-]+"), ("ring", r"[a-z][a-z0-9-]*")):
        if not re.fullmatch(pattern, getattr(chosen, what)):
            parser.error(f"--{what} {getattr(chosen, what)}: cannot be used")
    for key in chosen.ssh_key:
        if not re.match(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) \S+", key.read_text()):
            parser.error(f"--ssh-key {key}: is no public key of OpenSSH")
    chosen.out.mkdir(parents=True, exist_ok=True)
    told = yaml.safe_dump(user_data(chosen), sort_keys=False, width=120)
    (chosen.out / "user-data").write_text(f"#cloud-config\n{told}", encoding="utf-8")
    (chosen.out / "meta-data").write_text(f"instance-id: drukte-{chosen.device}\nlocal-hostname: {chosen.device}\n")
    (chosen.out / "network-config").write_text(
        "version: 2\nethernets:\n  wired:\n    match: {name: 'e*'}\n    dhcp4: true\n    optional: true\n"
    )
    sys.stdout.write(f"{chosen.out}: user-data, meta-data, network-config for {chosen.device}\n")


if __name__ == "__main__":
    main()
