"""Build the image and run compose.yaml for real: `make containers-test` (as root, with podman and podman-compose).

A recorded street takes the camera's place. What the machine's engine cannot do (limits without cgroups, say) is left
out of the file and said. Prints one line for each thing that has to hold, and `all passed`.

    run.py VIDEO [--image IMAGE] [--broker IMAGE]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).resolve().parent.parent
ROOT: Final = HERE.parent.parent
PROBE: Final = ROOT / "packaging/deb/test/probe.py"
PYTHON: Final = "/opt/drukte/bin/python3"
# podman gives every read-only container a /run in memory; before its seal a room can open the door by its name
ALLOWED: Final = {
    "sense": {"signal the first process", "write a file in /run", "open the door anew"},
    "report": {"signal the first process", "socket AF_INET", "socket AF_INET6", "socket AF_UNIX", "socket AF_NETLINK",
               "connect to the broker", "write a file in /run", "open the door anew",
               "write a file in /var/lib/drukte-report", "write the open room's history"},
}  # fmt: skip
failed: list[str] = []


def run(*words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryFile("w+") as said:  # no pipe: the engine's monitors would keep it open
        try:
            done = subprocess.run(
                words, stdout=said, stderr=subprocess.STDOUT, check=False, timeout=seconds, stdin=subprocess.DEVNULL
            ).returncode
        except subprocess.TimeoutExpired:
            done = 124
        said.seek(0)
        return subprocess.CompletedProcess(words, done, said.read(), "")


def holds(what: str, true: bool, more: str = "") -> bool:
    print(f"{'ok  ' if true else 'FAIL'} {what}" + (f": {more}" if more and not true else ""), flush=True)
    if not true:
        failed.append(what)
    return true


def podman(*words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return run("podman", *words, seconds=seconds)


def hybrid() -> bool:
    """Whether this machine mixes both kinds of cgroups, which crun does not take."""
    return "DRUKTE_CONTAINERS_INSIDE" in os.environ or Path("/sys/fs/cgroup/unified").is_dir()


def adapted(work: Path, image: str, broker: str) -> tuple[Path, list[str]]:
    """compose.yaml with a recording for the camera, less what cannot be tried on this machine."""
    tree: dict[str, Any] = yaml.safe_load((HERE / "compose.yaml").read_text())
    left_out = ["the camera's device (a recording is used)"]
    for name, service in tree["services"].items():
        service["image"] = broker if name == "mosquitto" else image
        service["restart"] = "no"
        service.pop("healthcheck", None)  # podman runs these by systemd timers; `fine` is called below
        service["security_opt"] = [o.replace("seccomp=", f"seccomp={HERE}/") for o in service["security_opt"]]
        for key in ("devices", "group_add"):
            service.pop(key, None)
        if hybrid():
            for key in ("mem_limit", "memswap_limit", "pids_limit"):
                service.pop(key, None)
            limits = service.setdefault("ulimits", {})
            limits.pop("memlock", None)
            limits |= {"nofile": {"soft": 1024, "hard": 4096}, "nproc": {"soft": 256, "hard": 256}}
    if hybrid():
        left_out.append("limits of memory and processes (this machine's cgroups are of two kinds)")
        left_out.append("unlimited locked memory (this machine does not let root raise it)")
    tree["services"]["mosquitto"]["volumes"][0] = f"{HERE}/mosquitto.conf:/mosquitto/config/mosquitto.conf:ro"
    for service in ("sense", "report"):
        tree["services"][service]["volumes"].append(f"{PROBE}:/srv/probe.py:ro")
    made = work / "compose.yaml"
    made.write_text(yaml.safe_dump(tree))
    return made, left_out


def site(folder: Path, video: Path) -> None:
    folder.mkdir()
    shutil.copyfile(video, folder / "vtest.avi")
    text = (ROOT / "firmware_config/sites/demo-street.yaml").read_text()
    (folder / "site.yaml").write_text(text + "\nmqtt:\n  host: mosquitto\n")


def windows(heard: Path) -> list[dict[str, Any]]:
    rows = [line.partition(" ") for line in heard.read_text().splitlines()]
    return [json.loads(body) for topic, _, body in rows if topic.endswith("/obs")]


def gaps(found: list[dict[str, Any]]) -> list[str]:
    spans = sorted({(o["zone"], o["from"], o["to"]) for o in found})
    return [a[2] for a, b in zip(spans, spans[1:], strict=False) if a[0] == b[0] and a[2] != b[1]]


def until(what: str, test: Any, seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return holds(what, True)
        time.sleep(0.5)
    return holds(what, False, f"not within {seconds:.0f} s")


def status(container: str) -> dict[str, str]:
    text = podman("exec", container, PYTHON, "-I", "-c", "print(open('/proc/1/status').read())").stdout
    return {key: value.strip() for key, _, value in (row.partition(":") for row in text.splitlines())}


def no_shell(image: str) -> None:
    made = podman("create", "--cgroups=disabled", "--network=none", image).stdout.strip()
    names = run("bash", "-c", f"podman export {made} | tar -t").stdout.split()
    podman("rm", made)
    suspects = {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "pip3", "perl", "su", "sudo", "mount"}
    found = [n for n in names if Path(n).name in suspects and "/bin/" in f"/{n}"]
    holds(
        f"the image has no shell, no package manager ({len(names)} names)", len(names) > 1000 and not found, str(found)
    )


def escapes(compose: list[str], room: str) -> None:
    done = run(*compose, "run", "--rm", "--no-deps", "-T", "--entrypoint", PYTHON, room, "-I", "/srv/probe.py")
    ways = [row[4:] for row in (done.stdout + done.stderr).splitlines() if row.startswith("WAY ")]
    for row in ways:
        print(f"     {room}: {row}")
    out = [row for row in ways if row.startswith("open") and row.removeprefix("open: ") not in ALLOWED[room]]
    holds(f"{room}: {len(ways) - 1} ways out tried before the seal, none open but its own", len(ways) > 30 and not out,
          str(out) + ("" if len(ways) > 30 else done.stdout + done.stderr))  # fmt: skip


def rooms(work: Path, compose: list[str]) -> None:
    heard = work / "heard"
    heard.touch()
    done = run(*compose, "up", "-d", seconds=180)
    if not holds("compose up", done.returncode == 0, (done.stdout + done.stderr)[-1500:]):
        return
    with heard.open("w") as out:
        ear = subprocess.Popen(
            ["podman", "exec", "drukte_mosquitto_1", "mosquitto_sub", "-t", "drukte/#", "-v"], stdout=out
        )
    try:
        sensed = until("windows arrive at the broker", lambda: sum(o["observed"] > 0 for o in windows(heard)) >= 2)
        if not sensed:
            for name in ("door", "sense", "report", "mosquitto"):
                said = podman("logs", f"drukte_{name}_1")
                print(f"     {name}: {said.stdout[-800:]}{said.stderr[-800:]}")
            return
        for room, filters in (("sense", 2), ("report", 1)):
            now = status(f"drukte_{room}_1")
            holds(
                f"{room}: no capability, no new privilege, {now.get('Seccomp_filters')} filters, user {now.get('Uid')}",
                now.get("CapEff") == "0" * 16 and now.get("NoNewPrivs") == "1"
                and int(now.get("Seccomp_filters", 0)) >= filters and "\t0" not in now.get("Uid", "\t0"),
                str(now),
            )  # fmt: skip
        told = [
            line.partition(" ")[2]
            for line in heard.read_text().splitlines()
            if line.partition(" ")[0].endswith("/privacy")
        ]
        holds(
            "the device attests its seal", bool(told) and '"sealed":true' in told[-1].replace(" ", ""), str(told[-1:])
        )
        print(f"     {told[-1][:600] if told else ''}")
        for what, where in (("door", "door"), ("report", "report")):
            done = podman("exec", f"drukte_{where}_1", PYTHON, "-I", "/usr/lib/drukte/room.py", "fine", what)
            holds(f"the health check of {what} is content", done.returncode == 0, done.stderr)
        number = len(windows(heard))
        podman("restart", "-t", "5", "drukte_report_1")
        until("windows go on when the open room was started again", lambda: len(windows(heard)) >= number + 2)
        holds("no window is lost", not gaps(windows(heard)), str(gaps(windows(heard))))
        for room in ("sense", "report"):
            escapes(compose, room)
        podman("stop", "-t", "5", "drukte_door_1")
    finally:
        ear.kill()
        ear.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--image", default="localhost/drukte:latest")
    parser.add_argument("--broker", default="docker.io/library/eclipse-mosquitto:2")
    chosen = parser.parse_args()
    if hybrid() and "DRUKTE_CONTAINERS_INSIDE" not in os.environ:
        # one mount namespace for the whole test, in which there are cgroups of one kind only
        os.environ["DRUKTE_CONTAINERS_INSIDE"] = "1"
        prepare = 'umount -l /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"'
        os.execvp(
            "unshare",
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", prepare, "-", sys.executable, *sys.argv],
        )
    for program in ("podman", "podman-compose"):
        if shutil.which(program) is None:
            sys.exit(f"containers-test: {program} is missing (apt install podman; pip install podman-compose)")
    with tempfile.TemporaryDirectory(prefix="drukte-containers-") as name:
        work = Path(name)
        work.chmod(0o755)
        made, left_out = adapted(work, chosen.image, chosen.broker)
        site(work / "site", chosen.video)
        (work / "secrets").mkdir()
        os.environ |= {"DRUKTE_SITE_FOLDER": str(work / "site"), "DRUKTE_SECRETS": str(work / "secrets")}
        compose = ["podman-compose", "-f", str(made), "-p", "drukte"]
        if hybrid():
            compose += ["--podman-run-args=--cgroups=disabled"]
        no_shell(chosen.image)
        try:
            rooms(work, compose)
        finally:
            run(*compose, "down", "-v", seconds=60)
        print(f"     not tried here: {'; '.join(left_out)}")
    print("all passed" if not failed else f"{len(failed)} FAILED: {failed}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
