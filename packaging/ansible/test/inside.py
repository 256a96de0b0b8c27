"""Inside, under the root's own systemd: the role installs, counts, changes nothing twice, refuses a bad file."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

T = Path("/srv/t")
HEARD = T / "out/heard"
SITE = Path("/etc/drukte/site.yaml")
os.environ |= {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
    "PYTHONPATH": str(T / "packages"),
    "ANSIBLE_LOCALHOST_WARNING": "false",
    "ANSIBLE_NOCOLOR": "1",
}
failures = []


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def holds(what, true, more=""):
    print(f"{'ok  ' if true else 'FAIL'} {what}" + (f": {more}" if more and not true else ""), flush=True)
    if not true:
        failures.append(what)
    return true


def play(**more):
    """Run the playbook; its result, and (changed, failed) of the one host."""
    settings = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "/usr/bin/python3",
        "drukte_organisation": "demo",
        "drukte_device": "demo-street",
        "drukte_repository": f"file://{T}/repo",
        "drukte_ring": "canary",
        "drukte_repository_key": str(T / "drukte.gpg"),
        "drukte_site_file": str(T / "sites/site.yaml"),
        "drukte_extra_files": [str(T / "sites/street.avi")],
        **more,
    }
    (T / "fleet.yaml").write_text(json.dumps({"drukte": {"hosts": {"device": settings}}}))
    command = [
        "/usr/bin/python3",
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(T / "fleet.yaml"),
        str(T / "ansible/site.yml"),
    ]
    done = run(*command)
    recap = next((row for row in done.stdout.splitlines() if row.startswith("device ") and "changed=" in row), "")
    numbers = dict(part.split("=") for part in recap.split() if "=" in part)
    return done, int(numbers.get("changed", -1)), int(numbers.get("failed", -1))


def site(text):
    (T / "sites/site.yaml").write_text(text)


def windows():
    rows = [line.partition(" ") for line in HEARD.read_text().splitlines()]
    return [json.loads(body) for topic, _, body in rows if topic.endswith("/obs")]


def main():
    run("ip", "link", "set", "lo", "up")
    for path in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        path.unlink(missing_ok=True)  # there is no network; what Debian gives is installed already
    HEARD.touch()
    run("systemd-run", "--unit=t-broker", "-p", "User=mosquitto", "mosquitto", "-p", "1883")
    time.sleep(1)
    run(
        "systemd-run", "--unit=t-heard", "-p", f"StandardOutput=append:{HEARD}", "mosquitto_sub", "-t", "drukte/#", "-v"
    )
    good = (T / "demo-street.yaml").read_text().replace("vtest.avi", "street.avi")
    site(good)
    done, changed, failed = play()
    tail = done.stdout[-2500:] + done.stderr[-1500:]
    if not holds(f"the role ran: {changed} tasks changed something", done.returncode == 0 and failed == 0, tail):
        return
    holds("drukte came from its ring", f"file:{T}/repo" in run("apt-cache", "policy", "drukte").stdout)
    end = time.monotonic() + 90
    while sum(o["observed"] > 0 for o in windows()) < 2 and time.monotonic() < end:
        time.sleep(0.5)
    holds("windows arrive", sum(o["observed"] > 0 for o in windows()) >= 2)
    done, changed, failed = play()
    again = [row for row in done.stdout.splitlines() if row.startswith(("changed:", "fatal:"))]
    holds(
        "run again, it changes nothing",
        done.returncode == 0 and changed == 0,
        f"{changed} {again}{done.stdout[-1500:]}",
    )
    pid = run("systemctl", "show", "-p", "MainPID", "--value", "drukte-sense").stdout

    site(good.replace("  - name: road", "  - nmae: road"))
    done, _, failed = play()
    holds("a site file with a mistake ends the play", done.returncode != 0 and failed == 1)
    holds("and says where", "nmae" in done.stdout, done.stdout[-800:])
    holds("the device keeps its file and counts on", SITE.read_text() == good
          and run("systemctl", "show", "-p", "MainPID", "--value", "drukte-sense").stdout == pid)  # fmt: skip

    site(good.replace("Recorded campus road", "Another road"))
    done, changed, failed = play()
    holds(
        "another site file is put in place",
        done.returncode == 0 and "Another road" in SITE.read_text(),
        done.stdout[-800:],
    )
    holds("and the rooms were started on it",
          run("systemctl", "show", "-p", "MainPID", "--value", "drukte-sense").stdout != pid)  # fmt: skip


try:
    main()
    print("all passed" if not failures else f"{len(failures)} FAILED: {failures}", flush=True)
finally:
    sys.stdout.flush()
