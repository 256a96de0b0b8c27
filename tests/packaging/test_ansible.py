"""The Ansible role can be read by Ansible, and takes what `drukte fleet export` prints."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from drukte_tools.fleet.export import ansible
from drukte_tools.fleet.inventory import Device

FOLDER = Path(__file__).parents[2] / "packaging/ansible"
PLAYBOOK = shutil.which("ansible-playbook", path=os.environ.get("DRUKTE_ANSIBLE", os.environ["PATH"]))


def test_every_setting_of_the_role_is_used() -> None:
    role = FOLDER / "roles/drukte"
    used = "".join(file.read_text() for file in (role / "tasks").glob("*.yml"))
    settings = yaml.safe_load((role / "defaults/main.yml").read_text())
    assert settings
    assert [name for name in settings if name not in used] == []


@pytest.mark.skipif(PLAYBOOK is None, reason="ansible-playbook is not installed; DRUKTE_ANSIBLE may name its folder")
def test_ansible_reads_the_role(tmp_path: Path) -> None:
    device = Device("testville", "pole-1")
    (tmp_path / "fleet.yaml").write_text(
        ansible([device], {("testville", "pole-1"): []}, {"canary": [("testville", "pole-1")]})
    )
    for what in ("--syntax-check", "--list-hosts", "--list-tasks"):
        command = [str(PLAYBOOK), "-i", str(tmp_path / "fleet.yaml"), str(FOLDER / "site.yml"), what]
        done = subprocess.run(
            [*command, "--limit", "ring_canary"], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        if what == "--list-hosts":
            assert "testville.pole-1" in done.stdout
