"""The audit itself: one honest run of the device's own programs, one run for each leak, and the comparison."""

import base64
import contextlib
import hashlib
import platform
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import yaml
from paho.mqtt.enums import CallbackAPIVersion

import drukte
from drukte.capacity import bits_per_hour, hours_for_picture
from drukte.config import Site, load_site
from drukte.models import find
from drukte.report.attest import code_hash
from drukte.report.broker import Running, local_broker
from drukte.sense.lock import landlock, memory, seccomp
from drukte_tools.audit import checks
from drukte_tools.audit.needles import Needles, count, in_files, needles
from drukte_tools.audit.rooms import Run
from drukte_tools.audit.twins import TWINS

RATE = 2.0
SHORTEST_TICK = 5
START = 90.0
"""Seconds that a room gets to start and give its first records."""
SCANS = 3


class AuditError(Exception):
    """The audit cannot be done here; says what to do."""


class Traffic:
    """Everything that is published at the broker while the audit runs."""

    def __init__(self, broker: Running) -> None:
        self.payloads: list[bytes] = []
        version = paho.MQTTv5 if broker.version == "5" else paho.MQTTv311
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.on_message = lambda _client, _data, message: self.payloads.append(
            message.topic.encode() + b" " + message.payload
        )
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def found(self, wanted: Needles) -> dict[str, int]:
        """Pieces of pictures in what was published: plain, hexadecimal or base64."""
        data = b"\n".join(self.payloads)
        forms = dict(wanted)
        forms |= {f"{name}, hexadecimal": needle.hex().encode() for name, needle in wanted.items()}
        for name, needle in wanted.items():
            # a piece inside longer base64 begins at one of three places of its alphabet
            for shift in range(3):
                text = base64.b64encode(bytes(shift) + needle)
                forms[f"{name}, base64 {shift}"] = text[4 : len(text) // 4 * 4 - 4]
        return {name: n for name, n in count(data, forms).items() if n}

    def caught(self, wanted: Needles) -> bool:
        """Publish a piece in a message of our own, and see whether it is found. Forgets that message."""
        honest = list(self.payloads)
        self._client.publish("audit/control", base64.b64encode(b"picture " + wanted["raw"] + b" picture"), qos=1)
        end = time.monotonic() + 5
        while time.monotonic() < end and not any(p.startswith(b"audit/") for p in self.payloads):
            time.sleep(0.05)
        found = bool(self.found(wanted))
        self.payloads = honest
        return found

    def stop(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()


def audit(site_file: Path, minutes: float, say: Callable[[str], None], plant: str | None = None) -> dict[str, Any]:
    """Do the audit; returns the report as plain data.

    Args:
        site_file: the device's own site file: its zones, model and settings are used, its camera is replaced.
        minutes: how long the honest run lasts after its start.
        say: told what goes on.
        plant: a leak to plant in the run that ought to be honest, to see the audit fail.

    Raises:
        AuditError: strace is missing.
        SiteError, ModelError, BrokerError: see there.
    """
    if shutil.which("strace") is None:
        raise AuditError("strace is not installed; it watches what the programs do. Try: sudo apt install strace")
    site = load_site(site_file)
    model = hashlib.sha256(find(site.model.name, site.model.size).read_bytes()).hexdigest()
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="drukte-audit-") as folder, local_broker() as broker:
        work = Path(folder)
        seed = secrets.randbits(62)
        width, height = _size(site)
        wanted = needles(seed, width, height, site.model.size)
        own = _site(site_file, work / "site.yaml", broker, seed, (width, height), site.tick)
        quick = _site(site_file, work / "quick.yaml", broker, seed, (width, height), SHORTEST_TICK)
        results = _honest(own, work, broker, wanted, site, minutes, say, plant)
        for check, twin in checks.PROVEN_BY.items():
            if twin in TWINS and not results[check].control:
                _control(twin, quick, work, wanted, site, results, say)
    passed = all(result.holds for result in results.values())
    return {
        "schema": "drukte/audit/1",
        "verdict": "PASS" if passed else "FAIL",
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": minutes,
        "planted": plant,
        "device": {"organisation": site.organisation, "device": site.device, "place": site.place.name},
        "purpose": site.purpose.model_dump(mode="json"),
        "checks": [
            {
                "check": r.check,
                "holds": r.holds,
                "found": r.found,
                "seen": r.seen,
                "control": checks.PROVEN_BY[r.check],
                "control_caught": r.control,
            }
            for r in results.values()
        ],
        "door": {
            "bits_per_hour": round(bits_per_hour([len(zone.lines) for zone in site.zones], site.tick)),
            "hours_for_10_kb": round(hours_for_picture([len(zone.lines) for zone in site.zones], site.tick), 1),
        },
        "versions": {
            "drukte": drukte.__version__,
            "code": code_hash(),
            "model": model,
            "site_file": hashlib.sha256(site_file.read_bytes()).hexdigest(),
            "kernel": platform.release(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
        "kernel": {
            "seccomp": seccomp.available(),
            "landlock": landlock.abi(),
            "swap_on_disk": list(memory.swap_on_disk()),
        },
    }


def _models(site: Site) -> Path:
    return find(site.model.name, site.model.size).resolve().parent


def _size(site: Site) -> tuple[int, int]:
    """(width, height) of the pictures: what the site's ground was calibrated for, else what its camera gives."""
    picture = getattr(site.ground, "picture", None)
    if picture:
        return int(picture[0]), int(picture[1])
    return int(getattr(site.source, "width", 1280)), int(getattr(site.source, "height", 720))


def _site(source: Path, to: Path, broker: Running, seed: int, size: tuple[int, int], tick: int) -> Path:
    """The device's site file with the watermark for a camera, a broker of the audit's own, and open at all hours."""
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    content["source"] = {"kind": "canary", "seed": seed, "width": size[0], "height": size[1], "rate": RATE}
    content["mqtt"] = {"host": broker.host, "port": broker.port, "version": broker.version}
    content["tick"] = tick
    content.pop("schedule", None)
    if path := content.get("ground", {}).get("path"):
        content["ground"]["path"] = str((source.parent / path).resolve())
    to.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return to


def _honest(
    own: Path,
    work: Path,
    broker: Running,
    wanted: Needles,
    site: Site,
    minutes: float,
    say: Callable[[str], None],
    plant: str | None,
) -> dict[str, checks.Result]:
    say(f"both rooms, watched for {minutes:g} min" + (f", with a planted leak: {plant}" if plant else ""))
    traffic = Traffic(broker)
    run = Run(own, work / "honest", _models(site), plant)
    try:
        run.wait_for_records(1, START)
        for _ in range(SCANS):
            until = time.monotonic() + 60 * minutes / SCANS
            while run.alive and time.monotonic() < until:
                time.sleep(0.1)
            if run.alive:
                run.scan(wanted)
    finally:
        seen = run.end()
    lines = [len(zone.lines) for zone in site.zones]
    results = [
        checks.files(seen, str(run.home / "state")),
        checks.network(seen, f"{broker.host}:{broker.port}"),
        checks.sealed(seen),
        checks.door(seen, bits_per_hour(lines, site.tick), hours_for_picture(lines, site.tick)),
        checks.memory(seen),
        _traces(work, wanted),
    ]
    published = checks.Result("traffic", [f"broker: {name}" for name in traffic.found(wanted)])
    published.seen = [f"{len(traffic.payloads)} messages, {sum(map(len, traffic.payloads))} bytes"]
    if not traffic.payloads:
        published.found.append("broker: no message came")
    published.control = traffic.caught(wanted)
    traffic.stop()
    return {result.check: result for result in [*results, published]}


def _traces(work: Path, wanted: Needles) -> checks.Result:
    """Pieces of pictures left in files, shared memory, or temporary folders."""
    folders = [Path("/dev/shm"), Path("/dev/mqueue"), work, Path("/run/drukte"), Path("/var/lib/drukte-report")]  # noqa: S108
    result = checks.Result("traces", [f"{p}: {n} pieces" for p, n in in_files(folders, wanted).items()])
    result.seen = [str(f) for f in folders if f.is_dir() and f != work] + ["home, state"]
    if Path("/var/log/journal").is_dir() or Path("/run/log/journal").is_dir():
        journals = in_files([Path("/var/log/journal"), Path("/run/log/journal")], wanted, 1 << 30)
        result.found += [f"{p}: {n} pieces" for p, n in journals.items()]
        result.seen.append("journal")
    swap = memory.swap_on_disk()
    result.seen.append(f"swap: {', '.join(swap) if swap else '-'}")
    planted = Path("/dev/shm" if Path("/dev/shm").is_dir() else work) / f"drukte-audit-{secrets.token_hex(4)}"  # noqa: S108
    try:
        planted.write_bytes(bytes(100) + wanted["resized"])
        result.control = str(planted) in in_files([planted.parent], wanted)
    finally:
        with contextlib.suppress(OSError):
            planted.unlink()
    return result


def _control(
    twin: str,
    site_file: Path,
    work: Path,
    wanted: Needles,
    site: Site,
    results: dict[str, checks.Result],
    say: Callable[[str], None],
) -> None:
    """Run one room gone bad, and note which checks caught it."""
    say(f"a room gone bad on purpose: {twin}")
    run = Run(site_file, work / f"twin-{twin}", _models(site), twin, report=False)
    try:
        run.wait_for_records(1, START)
        if run.alive:
            run.scan(wanted)
    finally:
        seen = run.end()
    caught = {
        "files": any(str(run.leak) in found for found in checks.files(seen, "-").found),
        "network": any("bytes to" in found for found in checks.network(seen, "-").found),
        "seal": any("before it was sealed" in found for found in checks.sealed(seen).found),
        "door": any("reserved" in found for found in checks.door(seen, 0, 0).found),
        "memory": {"raw", "resized", "float"}
        <= {name for _, hits, _ in seen.scans for name, n in hits.items() if n > 100},
    }
    for check, proof in checks.PROVEN_BY.items():
        if proof == twin:
            results[check].control = caught[check]
