"""The recipe for containers, read closely; and the starter that makes and opens the door in them.

That the image builds and the rooms run in it, sealed, is shown by `make containers-test`.
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging/containers"
ROOM = FOLDER / "room.py"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return dict(tree["services"])


def instructions(name: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, continued lines put together."""
    text = re.sub(r"\\\n", " ", (FOLDER / name).read_text())
    rows = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(verb.upper(), rest.strip()) for verb, _, rest in (row.partition(" ") for row in rows)]


def test_no_service_has_more_than_it_needs(services: dict[str, Any]) -> None:
    assert set(services) == {"door", "sense", "report", "page", "mosquitto"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"][0] == "no-new-privileges:true", name
        assert not any("unconfined" in option for option in service["security_opt"]), name
        assert "privileged" not in service, name
        assert "cap_add" not in service, name
        assert not service["user"].startswith("0"), name
        for volume in service["volumes"]:
            assert "docker.sock" not in volume
    for name in ("door", "sense", "report", "page"):
        assert services[name]["ipc"] == "none", name


def test_the_sealed_room_has_the_camera_and_no_network(services: dict[str, Any]) -> None:
    sense, report = services["sense"], services["report"]
    assert sense["network_mode"] == "none"
    assert "networks" not in sense
    assert "ports" not in sense
    assert len(sense["devices"]) == 1
    assert all(volume.endswith(":ro") for volume in sense["volumes"])
    assert not any("SECRETS" in volume for volume in sense["volumes"])
    assert sense["ulimits"]["memlock"] == -1
    assert sense["mem_limit"] == sense["memswap_limit"]  # no swap
    assert "devices" not in report
    assert "network_mode" not in report
    assert sense["user"] != report["user"]
    assert [services[n].get("devices") for n in services if n != "sense"] == [None] * 4


def test_the_door_leads_one_way(services: dict[str, Any]) -> None:
    assert "door:/run/drukte" in services["door"]["volumes"]
    for name in ("sense", "report"):
        assert "door:/run/drukte:ro" in services[name]["volumes"]
    assert services["door"]["network_mode"] == "none"


def test_nothing_is_reachable_from_outside(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert services["page"]["profiles"] == ["page"]
    assert "--password-file" in services["page"]["command"]


def test_the_image_is_built_of_pinned_packages_and_runs_as_nobody() -> None:
    steps = instructions("Dockerfile")
    verbs = [verb for verb, _ in steps]
    assert "ADD" not in verbs  # fetches from anywhere
    assert all("latest" not in rest for verb, rest in steps if verb in ("FROM", "ARG"))
    pip = [rest for verb, rest in steps if verb == "RUN" and "pip install" in rest]
    assert pip
    for rest in pip:
        assert "--require-hashes" in rest or ("--no-deps" in rest and "--no-index" in rest)
    assert not any(re.search(r"\b(curl|wget|git clone)\b", rest) for _, rest in steps)
    last = next(rest for verb, rest in reversed(steps) if verb == "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last)
    for verb, rest in steps[verbs.index("USER") :]:
        if verb in ("ENTRYPOINT", "CMD"):
            assert rest.startswith("[")  # no shell in between
    copied = [word for verb, rest in steps if verb == "COPY" and "--from" not in rest for word in rest.split()[:-1]]
    assert copied
    assert all((ROOT / word).exists() for word in copied)
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all(any(word == path or word.startswith(f"{path}/") for path in let_in) for word in copied)


def test_the_final_image_starts_from_nothing() -> None:
    assert [rest for verb, rest in instructions("Dockerfile") if verb == "FROM"][-1] == "scratch"


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "door.fifo"
    monkeypatch.setenv("DRUKTE_DOOR", str(path))
    monkeypatch.setenv("DRUKTE_DOOR_PATIENCE", "0.5")
    return path


def start(*words: str, **more: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-I", str(ROOM), *words], **more)


def until_there(path: Path) -> None:
    end = time.monotonic() + 10
    while not (path.exists() and stat.S_IMODE(path.stat().st_mode) == 0o620):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_door_is_made_and_what_waits_in_it_outlives_both_rooms(door: Path) -> None:
    door.write_text("an ordinary file in its place")
    holder = start("door")
    try:
        until_there(door)
        assert stat.S_ISFIFO(door.stat().st_mode)
        assert start("fine", "door").wait(10) == 0
        end = time.monotonic() + 10
        while True:  # until the holder has it open
            try:
                writer = os.open(door, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                assert time.monotonic() < end
        for _ in range(1024):
            assert os.write(writer, bytes(64)) == 64
        with pytest.raises(BlockingIOError):
            os.write(writer, bytes(64))
        os.close(writer)
        reader = os.open(door, os.O_RDONLY | os.O_NONBLOCK)
        assert len(os.read(reader, 100_000)) == 65_536
        os.close(reader)
    finally:
        holder.send_signal(signal.SIGTERM)
        assert holder.wait(10) == 0


@pytest.mark.parametrize(("room", "descriptor"), [("sense", 1), ("report", 3)])
def test_a_room_gets_its_own_end(door: Path, tmp_path: Path, room: str, descriptor: int) -> None:
    # a program beside the interpreter in place of `drukte`, which says what it was given
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python3"
    python.symlink_to(Path(sys.executable).resolve())
    told = tmp_path / "told"
    program = tmp_path / "bin/drukte"
    program.write_text(
        f"#!{sys.executable}\nimport fcntl, os, sys\n"
        f"mode = fcntl.fcntl({descriptor}, fcntl.F_GETFL)\n"
        f"open({str(told)!r}, 'w').write(repr((sys.argv[1:], os.readlink('/proc/self/fd/{descriptor}'), "
        "mode & os.O_ACCMODE, mode & os.O_NONBLOCK)))\n"
    )
    program.chmod(0o755)
    os.mkfifo(door)
    holder = os.open(door, os.O_RDWR)
    try:
        done = subprocess.run([python, "-I", ROOM, room, "--extra"], capture_output=True, timeout=20, check=False)
    finally:
        os.close(holder)
    assert done.returncode == 0, done.stderr
    way = os.O_WRONLY if room == "sense" else os.O_RDONLY
    words = [room, "--site", "/etc/drukte/site.yaml", "--door", str(descriptor), "--extra"]
    assert told.read_text() == repr((words, str(door), way, 0))


def test_without_a_door_a_room_says_what_to_look_for(door: Path) -> None:
    with start("sense", stderr=subprocess.PIPE) as room:
        assert room.wait(20) == 16
        assert room.stderr is not None
        assert b"Is the container of the door running" in room.stderr.read()
    assert start("fine", "door").wait(10) == 1


def test_a_file_in_place_of_the_door_is_refused(door: Path) -> None:
    door.write_text("")
    with start("sense") as room:
        assert room.wait(20) == 16
    assert door.read_text() == ""


@pytest.mark.parametrize(
    ("state", "age", "fine"), [("running", 20, True), ("running", 900, False), ("closed", 900, True)]
)
def test_health_is_a_window_that_was_made_lately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, age: float, fine: bool
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert start("fine", "report").wait(10) == 1
    (tmp_path / "health.json").write_text(f'{{"state": "{state}", "span": 60, "window_end": {time.time() - age}}}')
    assert start("fine", "report").wait(10) == (0 if fine else 1)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_seccomp_profiles_say_what_the_units_say() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "seccomp.py", "--check"], capture_output=True, text=True, check=False, timeout=60
    )
    version = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("systemd 252"):
        pytest.skip(f"the groups of system calls of {version.split(' (')[0]} are not those of 252")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ["sense", "report"])
def test_the_seccomp_profiles_leave_no_way_around_the_wall(room: str) -> None:
    tree = json.loads((FOLDER / f"seccomp-{room}.json").read_text())
    assert tree["defaultAction"] == "SCMP_ACT_ERRNO"
    names = {n for rule in tree["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for n in rule["names"]}
    shut = {
        "mount",
        "unshare",
        "setns",
        "ptrace",
        "bpf",
        "memfd_create",
        "io_uring_setup",
        "keyctl",
        "add_key",
        "setuid",
    }
    assert names.isdisjoint(
        shut | {"process_vm_writev", "kexec_load", "init_module", "open_by_handle_at", "clock_settime"}
    )
    assert {"read", "futex", "execve", "openat"} <= names
    assert ("socket" in names) == (room == "report")
    assert ("seccomp" in names) == (room == "sense")
    for call in ("mmap", "mprotect"):
        masks = [r["args"][0]["valueTwo"] for r in tree["syscalls"] if call in r["names"]]
        assert masks
        assert all(mask & 6 != 6 if call == "mmap" else not mask & 4 for mask in masks)
