"""The audit itself: one honest run of the device's own programs, one run for each leak, and the comparison."""

import hashlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from drukte.capacity import bits_per_hour, hours_for_picture
from drukte.config import Site, generic, load_site
from drukte.config.load import settings_hash
from drukte.config.radar import RADARS
from drukte.models import find
from drukte.report.broker.desk import Running, local_broker
from drukte_tools.audit import checks, places
from drukte_tools.audit.machine import kernel, swap, units, versions
from drukte_tools.audit.marks import Mark, mark_for
from drukte_tools.audit.rooms import Run
from drukte_tools.audit.traffic import Traffic

SHORTEST_TICK: Final = 5
START: Final = 240.0
"""Seconds that a room gets to start and give its first record."""
SCANS: Final = 3
SCHEMA: Final = "drukte/audit/2"

Say = Callable[[str], None]


class AuditError(Exception):
    """The audit cannot be done here; says what to do."""


def audit(site_file: Path, minutes: float, say: Say, plant: str | None = None) -> dict[str, Any]:
    """Do the audit; returns the report as plain data.

    Args:
        site_file: the device's own site file: its zones, model and settings are used, its sensor is replaced.
        minutes: how long the honest run lasts after its start.
        say: told what goes on.
        plant: a leak to plant in the run that ought to be honest, to see the audit fail.

    Raises:
        AuditError: strace is missing; the site has two sensors.
        SiteError, ModelError, BrokerError: see there.
    """
    if shutil.which("strace") is None:
        raise AuditError("strace is not installed; it watches what the programs do. Try: sudo apt install strace")
    site = load_site(site_file)
    if getattr(site, "second", None) is not None:
        raise AuditError(
            f"{site_file} has two sensors, and the audit stands in for one at a time. Audit each by itself: once with "
            "a copy of the site file without `second`, once with one in which its source and ground take the place of "
            "the first's"
        )
    radar = site.source.kind in RADARS
    model = None if radar else find(site.model.name, site.model.size)
    models = model.resolve().parent if model else Path()
    began = datetime.now(UTC)
    lines = [len(zone.lines) for zone in site.zones]
    bound = bits_per_hour(lines, site.tick), hours_for_picture(lines, site.tick)
    try:
        mark = mark_for(site, secrets.randbits(62))
    except OSError as error:
        raise AuditError(f"the stand-in for the sensor cannot be made: {error}") from None
    try:
        with tempfile.TemporaryDirectory(prefix="drukte-audit-") as folder, local_broker() as broker:
            work = Path(folder)
            own = _site(site_file, work / "site.yaml", broker, mark, site.tick)
            quick = _site(site_file, work / "quick.yaml", broker, mark, _short_tick(site.tick, site.window))
            say(f"both programs, watched for {minutes:g} min" + (f", with a planted leak: {plant}" if plant else ""))
            results = _honest(Run(own, work / "honest", models, mark, plant), broker, minutes, bound, began)
            for check, leaks in checks.PROVEN_BY.items():
                for leak in leaks:
                    if leak != "planted":
                        say(f"a program gone bad on purpose: {leak}")
                        run = Run(quick, work / f"twin-{leak}", models, mark, leak, report=False)
                        _control(leak, run, mark, results[check], say)
    finally:
        mark.close()
    return _report(site_file, site, minutes, began, plant, results, bound, mark, model)


def _short_tick(tick: int, window: int) -> int:
    """The shortest tick of which the site's window is a multiple, or its own."""
    return tick if window % SHORTEST_TICK else SHORTEST_TICK


def _site(source: Path, to: Path, broker: Running, mark: Mark, tick: int) -> Path:
    """The device's site file with the watermark for a sensor, a broker of the audit's own, and open at all hours.

    No camera opens, so no light is asked for.
    """
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    if (shared := source.with_name(generic.NAME)).is_file():
        content = generic.laid_under(yaml.safe_load(shared.read_text(encoding="utf-8")) or {}, content)
    content["source"] = mark.source
    content["mqtt"] = {"host": broker.host, "port": broker.port, "version": broker.version}
    content["tick"] = tick
    for section in ("schedule", "indicator"):
        content.pop(section, None)
    ground = content.get("ground", {})
    for key in ("file", "intrinsics", "extrinsics"):
        if ground.get(key):
            ground[key] = str((source.parent / ground[key]).resolve())
    to.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return to


def _honest(
    run: Run, broker: Running, minutes: float, bound: tuple[float, float], began: datetime
) -> dict[str, checks.Result]:
    """Watch the pair for a while, and judge it."""
    wanted = run.mark.wanted
    traffic = Traffic(broker)
    try:
        run.wait_for_records(1, START)
        for _ in range(SCANS):
            until = time.monotonic() + 60 * minutes / SCANS
            while run.alive and time.monotonic() < until:
                time.sleep(0.1)
            if run.alive:
                run.scan()
    finally:
        seen = run.end()
    results = [
        checks.files(seen, str(run.home / "state")),
        checks.network(seen, f"{broker.host}:{broker.port}"),
        checks.sealed(seen),
        checks.door(seen, *bound),
        checks.memory(seen),
        checks.traces(places.everywhere([run.home], wanted, began)),
    ]
    missed = places.planted(wanted, began)
    results[-1].caught["planted"] = not missed
    results[-1].seen += [("missed", ", ".join(missed))] if missed else []
    published = checks.Result("traffic")
    published.against("network", (f"broker: {name}, {n}x" for name, n in traffic.found(wanted).items()))
    size = sum(map(len, traffic.payloads))
    published.seen = [("messages", str(len(traffic.payloads))), ("bytes", str(size))]
    if not traffic.payloads:
        published.against("", ["broker: no message came"])
    published.caught["planted"] = traffic.caught(wanted)
    traffic.stop()
    results.append(published)
    for result in results:
        result.found = [text.replace(str(run.home), "~") for text in result.found]
        result.table = [(name.replace(str(run.home), "~"), values) for name, values in result.table]
    return {result.check: result for result in results}


def _control(leak: str, run: Run, mark: Mark, result: checks.Result, say: Say) -> None:
    """Watch one room gone bad until it was looked at, and note whether its check caught it."""
    try:
        run.wait_for_records(1, START)
        if run.alive:
            run.scan()
    finally:
        seen = run.end()
    result.caught[leak] = checks.caught(leak, seen, str(run.leak), mark.proof)
    if not result.caught[leak]:
        refused = sum(seen.refused.values())
        why = seen.reason or seen.unread or f"{seen.records} records, {refused} refused, in up to {START:.0f} s"
        say(f"it was not caught: {why}")
    if leak == "hygiene":
        for form, counts in result.table or [(form, [None, None]) for form in mark.wanted]:
            counts.append(checks.most(seen, "sense", form))


def _report(
    site_file: Path,
    site: Site,
    minutes: float,
    began: datetime,
    plant: str | None,
    results: dict[str, checks.Result],
    bound: tuple[float, float],
    mark: Mark,
    model: Path | None,
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "verdict": "PASS" if all(result.holds for result in results.values()) else "FAIL",
        "leaks": sorted(set().union(*(result.leaks for result in results.values()))),
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": minutes,
        "planted": plant,
        "sensor": {"kind": site.source.kind, "stand_in": mark.kind},
        "device": {"organisation": site.organisation, "device": site.device, "place": site.place.name},
        "purpose": site.purpose.model_dump(mode="json"),
        "checks": [
            {
                "check": r.check,
                "holds": r.holds,
                "found": r.found,
                "leaks": sorted(r.leaks),
                "seen": dict(r.seen),
                "table": [{"name": name, "values": values} for name, values in r.table],
                "controls": r.caught,
            }
            for r in results.values()
        ],
        "door": {"bits_per_hour": round(bound[0]), "hours_for_10_kb": round(bound[1], 1)},
        "versions": {
            **versions(),
            "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest() if model else None,
            "settings_sha256": settings_hash(site_file),
        },
        "units": units(),
        "kernel": kernel(),
        "swap": swap(),
    }
