"""Runs inside, under the root's own systemd: install, set up, count, upgrade, fall back, downgrade, remove, purge.

Prints one line for each thing that has to hold, and `all passed` when all of them did.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

T = Path("/srv/t")
SENSE, REPORT, PAGE = "drukte-sense.service", "drukte-report.service", "drukte-page.service"
SAMPLE, SETTINGS = "drukte-sample.service", "drukte-settings.service"
SCORES = {
    SENSE: 0.6,
    REPORT: 1.2,
    PAGE: 1.0,
    SAMPLE: 1.3,
    SETTINGS: 1.3,
    "drukte-indicator.service": 1.4,
    "drukte-sample-tidy.service": 1.0,
    "drukte-sample-resume.service": 1.3,
    "drukte-after-upgrade.service": 1.3,
    "drukte-doctor.service": 2.5,
}
"""Every unit, and the most that `systemd-analyze security` may say of it."""
OWN = {
    SENSE: {"signal the first process"},
    REPORT: {
        "socket AF_INET", "socket AF_INET6", "socket AF_UNIX", "connect to the broker",
        "write a file in /var/lib/drukte-report", "read the open room's messages", "write the open room's history",
        "read the open room's keys",
    },
    # the broker of this test is on the loopback device, where the page may answer, but never ask
    PAGE: {"socket AF_INET", "socket AF_INET6"},
    SAMPLE: {"signal the first process", "write a file in /var/lib/drukte-sample", "become root"},
    SETTINGS: {
        "signal the first process", "become root", "write a file in /etc/drukte", "read the keys",
        "write a file in /var/lib/drukte-report", "read the open room's messages", "write the open room's history",
        "write a file in /tmp", "write a file in /var/tmp",
    },
    "drukte-indicator.service": {
        "signal the first process", "become root", "read the keys", "write a file in /tmp", "write a file in /var/tmp",
    },
    "drukte-sample-tidy.service": {
        "signal the first process", "become root", "read the keys", "write a file in /tmp", "write a file in /var/tmp",
        "write a file in /var/lib/drukte-sample",
    },
    "drukte-sample-resume.service": {
        "signal the first process", "become root", "read the keys", "write a file in /tmp", "write a file in /var/tmp",
        "socket AF_UNIX",
    },
    "drukte-after-upgrade.service": {
        "signal the first process", "become root", "read the keys", "write a file in /tmp", "write a file in /var/tmp",
        "write a file in /opt/drukte", "write a file in /var/lib/drukte", "socket AF_UNIX",
    },
    "drukte-doctor.service": {
        "signal the first process", "become root", "read the keys", "write a file in /tmp", "write a file in /var/tmp",
        "socket AF_INET", "socket AF_INET6", "socket AF_UNIX", "connect to the broker",
    },
}  # fmt: skip
"""Of the ways that probe.py tries, those that a unit has for its work, or that lead nowhere (a /tmp of its own)."""
HEALTH = Path("/run/drukte-report/health.json")
HEARD = T / "out/heard"
os.environ |= {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
}
failures = []


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def holds(what, true, more=""):
    print(f"{'ok  ' if true else 'FAIL'} {what}" + (f": {more}" if more and not true else ""), flush=True)
    if not true:
        failures.append(what)
    return true


def must(*words):
    done = run(*words)
    if done.returncode:
        print(f"FAIL {' '.join(words)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}", flush=True)
        finish()
    return done.stdout


def finish():
    if failures or sys.exc_info()[0]:
        print(run("journalctl", "--no-pager", "-o", "short-monotonic", "-u", "drukte*", "-u", "t-*", "-n", "60").stdout)
        print(f"{len(failures)} FAILED: {failures}", flush=True)
    else:
        print("all passed", flush=True)
    sys.exit(0)


def until(what, test, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return holds(what, True)
        time.sleep(0.5)
    return holds(what, False, f"not within {seconds} s")


def health():
    try:
        return json.loads(HEALTH.read_text())
    except (OSError, ValueError):
        return {}


def windows():
    """Observations that arrived at the broker, in order."""
    rows = []
    for line in HEARD.read_text().splitlines():
        topic, _, body = line.partition(" ")
        if topic.endswith("/obs"):
            rows.append(json.loads(body))
    return rows


def seen():
    return sum(o["observed"] > 0 for o in windows())


def gaps():
    """Ends of windows after which the next one does not begin; duplicates are one window."""
    spans = sorted({(o["zone"], o["from"], o["to"]) for o in windows()})
    return [a[2] for a, b in zip(spans, spans[1:], strict=False) if a[0] == b[0] and a[2] != b[1]]


def files():
    """All names that may change, but for the records of dpkg, systemd and the journal."""
    skip = (
        "/proc",
        "/sys",
        "/dev",
        "/run",
        "/tmp",
        "/srv",
        "/var/lib/dpkg",
        "/var/log",
        "/var/cache",
        "/mnt",
        "/var/lib/systemd",
        "/var/tmp",
        "/etc/machine-id",
        "/root",
    )
    found = set()
    for folder, inner, names in os.walk("/"):
        inner[:] = [d for d in inner if not os.path.join(folder, d).startswith(skip)]
        found |= {os.path.join(folder, name) for name in names + inner}
    return {name for name in found if not name.startswith(skip) and "__pycache__" not in name}


def certificates():
    etc = Path("/etc/mosquitto/t")
    etc.mkdir(parents=True)
    os.chdir(etc)
    must(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-days",
        "90",
        "-subj",
        "/CN=Testville",
    )
    for name in ("localhost", "street-1", "auditor"):
        must(
            "openssl",
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={name}",
        )
        Path("ext").write_text(f"subjectAltName=DNS:{name}\n")
        must(
            "openssl",
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            f"{name}.crt",
            "-days",
            "90",
            "-extfile",
            "ext",
        )
    Path("acl").write_text(
        "user auditor\ntopic read drukte/#\ntopic write drukte/v1/+/+/cmd/#\n\n"
        "pattern write drukte/v1/+/%u/#\npattern read drukte/v1/+/%u/cmd/#\n"
    )
    Path("conf").write_text(
        f"listener 8883\ncafile {etc}/ca.pem\ncertfile {etc}/localhost.crt\nkeyfile {etc}/localhost.key\n"
        f"require_certificate true\nuse_identity_as_username true\nacl_file {etc}/acl\nallow_anonymous false\n"
    )
    must("chown", "-R", "mosquitto:", str(etc))
    must("chmod", "0700", str(etc / "acl"))
    os.chdir("/")


def broker():
    must("systemd-run", "--unit=t-broker", "-p", "User=mosquitto", "mosquitto", "-c", "/etc/mosquitto/t/conf")
    time.sleep(1)
    etc = "/etc/mosquitto/t"
    must(
        "systemd-run",
        "--unit=t-heard",
        "-p",
        f"StandardOutput=append:{HEARD}",
        "mosquitto_sub",
        "-h",
        "localhost",
        "-p",
        "8883",
        "--cafile",
        f"{etc}/ca.pem",
        "--cert",
        f"{etc}/auditor.crt",
        "--key",
        f"{etc}/auditor.key",
        "-t",
        "drukte/#",
        "-v",
    )


def set_up():
    """A city's shared settings, a device's own by flags, its keys where systemd finds them."""
    must("install", "-m", "0644", "/etc/mosquitto/t/ca.pem", "/etc/drukte/ca.pem")
    for kind in ("crt", "key"):
        must("install", "-m", "0600", f"/etc/mosquitto/t/street-1.{kind}", f"/etc/drukte/credentials/device.{kind}")
    Path("/etc/drukte/generic.yaml").write_text(
        "organisation: testville\n"
        "tick: 10\nwindow: 10\n"
        "disclosure:\n  policy: none\n  reason: A recorded scene that was published for research\n"
        "mqtt:\n  host: localhost\n  port: 8883\n  ca_file: /etc/drukte/ca.pem\n"
        "  certificate_file: device.crt\n  key_file: device.key\n"
    )
    must("cp", "/srv/t/street.avi", "/etc/drukte/street.avi")
    return run(
        "drukte",
        "setup",
        "--yes",
        "--device",
        "street-1",
        "--what-for",
        "Try the package",
        "--controller",
        "Testville",
        "--contact",
        "privacy@testville.example",
        "--valid-until",
        "2035-12-31",
        "--place",
        "A road",
        "--sensor",
        "video",
        "--path",
        "street.avi",
        "--ground-file",
        "/srv/t/demo-street.yaml",
        "--zones-file",
        "/srv/t/demo-street.yaml",
    )


def scores():
    shipped = {p.name for p in Path("/usr/lib/systemd/system").glob("drukte-*.service")}
    holds("every unit has its bound", shipped == set(SCORES), str(shipped ^ set(SCORES)))
    for unit, most in SCORES.items():
        said = run("systemd-analyze", "security", "--no-pager", unit).stdout
        score = re.search(r"exposure level for \S+: ([\d.]+)", said)
        value = float(score[1]) if score else 10.0
        holds(f"systemd-analyze security {unit}: {value} (at most {most})", value <= most)


def escapes(unit):
    """Run the probe in place of the unit's program, in the unit."""
    place = Path(f"/etc/systemd/system/{unit}.d/probe.conf")
    place.parent.mkdir(parents=True, exist_ok=True)
    start = "ExecStart=\nExecStart=/usr/bin/python3 /opt/drukte/probe.py\nRestart=no\nType=exec\nWatchdogSec=0\n"
    place.write_text(
        "[Unit]\nConditionPathExists=\nOnSuccess=\nOnFailure=\n"
        f"[Service]\n{start}ExecCondition=\nExecStartPost=\nStandardError=journal\n"
    )
    must("cp", "/srv/t/probe.py", "/opt/drukte/probe.py")
    must("systemctl", "daemon-reload")
    began = time.strftime("%Y-%m-%d %H:%M:%S")
    run("systemctl", "restart", unit)
    told = ""
    for _ in range(60):
        time.sleep(0.5)
        told = run("journalctl", "--no-pager", "-o", "cat", "-u", unit, "--since", began).stdout
        if "WAY end" in told:
            break
    ways = [row[4:] for row in told.splitlines() if row.startswith("WAY ")]
    for row in ways:
        print(f"     {unit}: {row}")
    got_out = [row for row in ways if row.startswith("open") and row.removeprefix("open: ") not in OWN[unit]]
    holds(
        f"{unit}: {len(ways) - 1} ways out tried, none open but its own", len(ways) > 30 and not got_out, str(got_out)
    )
    place.unlink()
    with contextlib.suppress(OSError):  # another drop-in of this test may be there
        place.parent.rmdir()
    must("systemctl", "daemon-reload")
    run("systemctl", "reset-failed", unit)
    must("rm", "/opt/drukte/probe.py")
    run("systemctl", "start", SENSE, REPORT)  # so that the next unit's neighbours are there


def settings():
    return {p: p.read_bytes() for p in Path("/etc/drukte").rglob("*") if p.is_file()}


def upgrade(deb):
    began = time.time()
    done = run("dpkg", "-i", str(T / deb))
    holds(f"dpkg -i {deb}", done.returncode == 0, done.stdout + done.stderr)
    return began


def current():
    return os.readlink("/opt/drukte/current")


def fetch(path="/", timeout=5):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8570{path}", timeout=timeout) as answer:
            return answer.read().decode()
    except OSError as error:
        return f"no answer: {error}"


def others():
    """The page, the light, a validation sample and settings by command, in their units; the site file changes."""
    holds("the page is off by itself", run("systemctl", "is-enabled", PAGE).stdout.strip() == "disabled")
    must("systemctl", "enable", "--now", PAGE)
    until("the page shows the last window", lambda: "A road" in fetch() and 'class="number"' in fetch(), 30)
    holds("and knows that the sensor counts", "unknown: the publishing" not in fetch())
    people = [row for row in fetch("/metrics").splitlines() if row.startswith("drukte_") and "road" in row]
    holds("its metrics have the zone", bool(people), fetch("/metrics")[:300])
    listens = run("ss", "-Hltn", "sport", "=", ":8570").stdout
    holds("it listens to this machine alone", "127.0.0.1:8570" in listens and len(listens.splitlines()) == 1, listens)

    site = Path("/etc/drukte/site.yaml")
    site.write_text(site.read_text() + "\nindicator: {kind: file, path: /run/drukte-indicator/lamp}\n")
    lamp = Path("/run/drukte-indicator/lamp")
    must("systemctl", "restart", "drukte-indicator.service", SENSE, REPORT)
    until("the light is on while the room sees", lambda: lamp.exists() and lamp.read_text().strip() == "1", 30)
    must("systemctl", "stop", SENSE)
    until("and off when it does not", lambda: lamp.read_text().strip() == "0", 30)
    must("systemctl", "start", SENSE)

    desk = Path("/root/desk")
    desk.mkdir()
    os.chdir(desk)
    keys = {}
    for who in ("technician", "privacy_officer", "fleet"):
        keys[who] = (
            must("drukte", "settings", "keygen", "--no-passphrase", "--out", f"{who}.pem").strip().splitlines()[-1]
        )
    signers = "".join(f'{who}: ["{keys[who]}"]\n' for who in ("technician", "privacy_officer"))
    Path("/etc/drukte/signers.yaml").write_text(signers)
    age = must("drukte", "validate", "key", "--role", "recipient", "--no-passphrase", "--out", "age.key")
    recipient = re.search(r"age1[a-z0-9]+", age)[0]
    clock = time.time()
    stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock + d)) for d in (20, 80)]
    must(
        "drukte", "validate", "order", "new", "--site", str(site), "--asked-by", "Testville", "--purpose", "Try it",
        "--pictures", "3", "--start", stamp[0], "--end", stamp[1], "--keep-days", "1",
        "--recipient", "auditor", recipient, "--out", "order.json",
    )  # fmt: skip
    for who in ("technician", "privacy_officer"):
        must("drukte", "validate", "order", "sign", "order.json", "--role", who, "--key", f"{who}.pem")
    must("install", "-m", "0644", "order.json", "/etc/drukte/order.json")
    must("systemctl", "start", SAMPLE)
    until(
        "the sampler takes the sealed room's place",
        lambda: run("systemctl", "is-active", SENSE).stdout.strip() == "inactive",
        20,
    )
    until("the sealed room is back when the order is done",
          lambda: run("systemctl", "is-active", SENSE).stdout.strip() == "active", 150)  # fmt: skip
    samples = [p for p in Path("/var/lib/drukte-sample").rglob("*.age") if p.stat().st_size > 1000]
    told = run("journalctl", "--no-pager", "-o", "cat", "-u", SAMPLE, "-n", "20").stdout
    holds("encrypted pictures were kept", len(samples) == 3, f"{samples} {told}")
    must("systemctl", "start", "drukte-sample-tidy.service", "drukte-sample-resume.service")
    holds("tidying leaves what is not due", all(p.exists() for p in samples))

    Path("/etc/drukte/signers.yaml").write_text(f'settings: signed\n{signers}commands: ["{keys["fleet"]}"]\n')
    for number, text in enumerate((site.read_text(), site.read_text().replace("A road", "A long road"))):
        Path("site.yaml").write_text(text)
        must("cp", "/etc/drukte/generic.yaml", "/etc/drukte/street.avi", ".")
        for who in ("technician", "privacy_officer"):
            must(
                "drukte",
                "settings",
                "sign",
                "site.yaml",
                "--role",
                who,
                "--key",
                f"{who}.pem",
                "--serial",
                str(number + 1),
            )
        if number == 0:
            must("drukte", "settings", "apply", "site.yaml")
            must("systemctl", "restart", SENSE, REPORT)
            count = seen()
            until("windows under signed settings", lambda: seen() >= count + 2)  # noqa: B023
    Path("message").write_text(
        must(
            "drukte",
            "command",
            "settings",
            "--device",
            "testville/street-1",
            "--key",
            "fleet.pem",
            "--file",
            "site.yaml",
        )
    )
    etc = "/etc/mosquitto/t"
    must(
        "mosquitto_pub", "-h", "localhost", "-p", "8883", "--cafile", f"{etc}/ca.pem", "--cert", f"{etc}/auditor.crt",
        "--key", f"{etc}/auditor.key", "-q", "1", "-t", "drukte/v1/testville/street-1/cmd/settings", "-f", "message",
    )  # fmt: skip
    until("settings that came by command are put in place", lambda: "A long road" in site.read_text(), 60)
    count = seen()
    until("and both rooms count with them", lambda: seen() >= count + 2)
    os.chdir("/")
    must("rm", "-r", str(desk))


def main():
    must("ip", "link", "set", "lo", "up")
    print(f"     {Path('/etc/debian_version').read_text().strip()}, {must('systemctl', '--version').splitlines()[0]}")
    certificates()
    HEARD.touch()
    broker()
    before = files()

    done = run("dpkg", "-i", str(T / "model.deb"), str(T / "first.deb"))
    if not holds("installed without a network", done.returncode == 0, done.stdout + done.stderr):
        finish()
    first = current()
    holds(
        "units are enabled", all(run("systemctl", "is-enabled", u).stdout.strip() == "enabled" for u in (SENSE, REPORT))
    )
    holds("drukte verify: as packaged", run("drukte", "verify").returncode == 0, run("drukte", "verify").stdout)
    done = run("drukte", "doctor")
    holds(
        "doctor before set-up names the site file",
        done.returncode == 1 and "sudo drukte setup" in done.stdout,
        done.stderr,
    )

    done = set_up()
    if not holds("drukte setup by flags", done.returncode == 0, done.stdout + done.stderr):
        finish()
    told = run("drukte", "check", "--effective").stdout
    holds("check --effective tells both files", "generic.yaml line" in told and "site.yaml line" in told, told)
    must("systemctl", "start", SENSE, REPORT)
    if not until("windows arrive at the broker over TLS", lambda: seen() >= 2):
        finish()
    holds(
        "both units are up", all(run("systemctl", "is-active", u).stdout.strip() == "active" for u in (SENSE, REPORT))
    )
    done = run("drukte", "doctor")
    print("".join(f"     {row}\n" for row in done.stdout.splitlines()), end="")
    rows = {row[6:28].strip(): row[:4].strip() for row in done.stdout.splitlines() if row.startswith(("fine", "fix "))}
    wanted = (
        "site file",
        "model",
        "drukte-sense",
        "drukte-report",
        "windows",
        "broker",
        "broker rights",
        "broker certificate",
    )
    holds(
        "doctor finds these fine: " + ", ".join(wanted), all(rows.get(name) == "fine" for name in wanted), done.stdout
    )
    holds("doctor --json", isinstance(json.loads(run("drukte", "doctor", "--json").stdout), list))
    run("systemctl", "start", "drukte-doctor")
    until(
        "the unit drukte-doctor writes to the journal",
        lambda: "broker rights" in run("journalctl", "--no-pager", "-u", "drukte-doctor").stdout,
        30,
    )
    told = run("journalctl", "--no-pager", "-o", "cat", "-u", "drukte-doctor").stdout
    there = {row[6:28].strip(): row[:4].strip() for row in told.splitlines() if row.startswith(("fine", "fix "))}
    holds(
        "and finds there what it finds outside", there == rows, f"{ {k: (v, rows.get(k)) for k, v in there.items()} }"
    )
    scores()
    status = Path(f"/proc/{must('systemctl', 'show', '-p', 'MainPID', '--value', SENSE).strip()}/status").read_text()
    holds(
        "the sealed room runs under a filter, without capabilities",
        "Seccomp:\t2" in status and "CapEff:\t0000000000000000" in status,
    )
    mine = settings()

    began = upgrade("second.deb")
    holds("another version runs", current() != first and current().startswith("releases/"), current())
    until(
        "the upgrade is judged good",
        lambda: (
            "the upgrade is good" in run("journalctl", "--no-pager", "-o", "cat", "-u", "drukte-after-upgrade").stdout
        ),
    )
    holds("settings are kept", settings() == mine)
    number = seen()
    until("windows go on", lambda: seen() >= number + 2)
    holds("no window is lost", not gaps(), str(gaps()))
    print(f"     packages were exchanged in {time.time() - began:.0f} s, judging included")

    second = current()
    Path("/etc/systemd/system/drukte-after-upgrade.service.d").mkdir()
    Path("/etc/systemd/system/drukte-after-upgrade.service.d/t.conf").write_text(
        "[Service]\nEnvironment=DRUKTE_PATIENCE=25\n"
    )
    until("the health file is fresh", lambda: bool(health().get("window_end")))
    upgrade("bad.deb")
    bad = current()
    until(
        "a version that makes no windows is taken back by itself",
        lambda: current() == second.replace("releases", "kept"),
        180,
    )
    number = seen()
    until("the version before makes windows again", lambda: seen() >= number + 2)
    holds("no window is missing, seen or not", not gaps(), str(gaps()))
    told = run("drukte", "doctor", "--offline").stdout
    holds("doctor tells of it", f"version {bad.split('/')[1]} was taken back" in told, told)
    holds("settings are kept", settings() == mine)

    upgrade("first.deb")
    until("downgraded by hand", lambda: current() == first)
    number = seen()
    until("windows go on after the downgrade", lambda: seen() >= number + 2)
    holds("settings are kept", settings() == mine)
    holds("drukte verify: as packaged", run("drukte", "verify").returncode == 0, run("drukte", "verify").stdout)
    victim = next(Path("/opt/drukte/current").resolve().rglob("drukte/sense/room.py"))
    good = victim.read_bytes()
    victim.write_bytes(good + b"\n")
    done = run("drukte", "verify")
    holds("drukte verify finds a changed file", done.returncode == 1 and "sense/room.py" in done.stdout, done.stdout)
    victim.write_bytes(good)

    others()
    for unit in SCORES:
        escapes(unit)

    mine = settings()
    must("dpkg", "--remove", "drukte", "drukte-model")
    holds(
        "removed: nothing runs, settings are there",
        settings() == mine and run("systemctl", "is-active", SENSE).stdout.strip() != "active",
    )
    holds(
        "removed: no program is left",
        not Path("/opt/drukte/releases").exists() and not Path("/usr/bin/drukte").exists(),
    )
    must("dpkg", "--purge", "drukte", "drukte-model")
    left = {name for name in files() - before if not name.startswith("/etc/systemd/system/drukte-after")}
    holds("purged: nothing is left", not left, str(sorted(left)[:20]))
    print(f"     {len(windows())} messages, {len({(o['zone'], o['from']) for o in windows()})} windows")
    finish()


try:
    main()
except Exception as error:
    failures.append(repr(error))
    raise
finally:
    if failures:
        print(f"FAIL {failures[-1]}", flush=True)
