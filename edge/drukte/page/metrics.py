"""Health for Prometheus: no number of people, only how the device is."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from drukte.page.facts import Facts
from drukte.report.formats.native import seconds


def metrics(facts: Facts) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry()

    def tell(name: str, meaning: str, value: float | None, **labels: str) -> None:
        if value is None:
            return
        known = registry._names_to_collectors.get(name)
        gauge = known if isinstance(known, Gauge) else Gauge(name, meaning, list(labels), registry=registry)
        (gauge.labels(**labels) if labels else gauge).set(value)

    status = facts.status or {}
    tell("drukte_up", "Whether the publishing process runs and tells its status", float(facts.status is not None))
    if facts.status is not None:
        tell("drukte_sensing", "Whether frames are being turned into numbers", float(bool(status.get("sensing"))))
        for name, meaning in (
            ("waiting", "Windows that wait to be delivered"),
            ("lost", "Windows given up since the start"),
            ("merged", "Windows put together to hours since the start"),
            ("accepted", "Records accepted from the sealed room since the start"),
        ):
            tell(f"drukte_{name}", meaning, status.get(name))
        tell("drukte_rejected", "Records refused since the start", sum((status.get("rejected") or {}).values()))
        for broker, told in (status.get("brokers") or {}).items():
            for part, key in (("0.5", "publish_median"), ("0.95", "publish_95")):
                meaning = "From the end of a window until a broker had it, over the last 24 hours"
                tell("drukte_publish_seconds", meaning, told.get(key), broker=broker, quantile=part)
            connected = float(told.get("condition") == "connected")
            tell("drukte_broker_connected", "Whether a broker takes what it is sent", connected, broker=broker)
    for zone, o in sorted(facts.latest.items()):
        age = max(0.0, facts.at - seconds(o.to))
        tell("drukte_window_age_seconds", "Since the end of the last window", age, zone=zone)
    tell("drukte_observed_ratio", "Part of the last 24 hours that was observed", facts.observed)
    tell("drukte_good_ratio", "Part of the last 24 hours' windows that are of good quality", facts.good)
    return generate_latest(registry)
