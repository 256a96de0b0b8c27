"""Amsterdam: the message of counting cameras (`telcameras` version 2) and a row of the public table of passers-by.

Fields after the city's own receiving program (repository Amsterdam/waarnemingen-mensen, telcameras_v2) and the table
`crowdmonitor_passanten` (repository Amsterdam/dataservices-airflow). Messages of single persons, which the former also
knows, are never made.
"""

import json
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from drukte import __version__
from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation

LONGEST: Final = 32_767
"""The city stores `interval` and counts as 16-bit numbers."""
HOUR: Final = 3600


def telcameras(o: Observation, device: Device) -> dict[str, Any]:
    """One observation as a `count` message; numbers that are not given are null."""
    meta = device.meta
    area = next((zone.area for zone in meta.zones if zone.name == o.zone), None)
    aggregate: list[dict[str, Any]] = [
        {"id": o.zone, "type": "zone", "area": area, "geom": None, "count": _whole(o.people.mean)}
    ]
    for line in o.crossings.lines if o.crossings else []:
        counts = {"count_in": _whole(line.in_), "count_out": _whole(line.out)}
        aggregate.append({"id": line.line, "type": "line", "azimuth": None, **counts})
    start, end = (datetime.fromisoformat(t) for t in (o.from_, o.to))
    message = {
        "sensor": f"{device.name}-{o.zone}",
        "sensor_type": meta.sensor,
        "sensor_state": "operational" if o.sensing and o.state == "running" else o.state,
        "owner": meta.controller,
        "supplier": "drukte",
        "purpose": [meta.what_for],
        "latitude": meta.latitude,
        "longitude": meta.longitude,
        "interval": int((end - start).total_seconds()),
        "timestamp_message": o.to,
        "timestamp_start": o.from_,
        "message": o.seq,
        "version": f"drukte_count_{__version__}",
        "message_type": "count",
        "aggregate": aggregate,
    }
    return {"data": [message]}


def _whole(value: float | None) -> int | None:
    return None if value is None else min(LONGEST, round(value))


def passanten(o: Observation, device: Device) -> dict[str, Any] | None:
    """The row of one hour: everybody who crossed a line, either way; None when that is not given."""
    if o.crossings is None or o.crossings.status != "shown" or not o.crossings.lines:
        return None
    values = [value for line in o.crossings.lines for value in (line.in_, line.out)]
    if any(value is None for value in values):
        return None
    hour = datetime.fromisoformat(o.from_).astimezone(ZoneInfo(device.meta.time_zone))
    return {
        "id": o.seq,
        "sensor": f"{device.name}-{o.zone}",
        "naam_locatie": f"{device.meta.place}, {o.zone}",
        "periode": "uur",
        "datum_uur": hour.isoformat(),
        "aantal_passanten": round(sum(value or 0 for value in values)),
    }


def _telcameras(o: Observation, device: Device) -> list[Outgoing]:
    topic = device.topic(f"{o.zone}/{device.product(o)}/telcameras")
    return [Outgoing(topic, json.dumps(telcameras(o, device), separators=(",", ":"), ensure_ascii=False))]


def _passanten(o: Observation, device: Device) -> list[Outgoing]:
    if device.span(device.product(o)) != HOUR or (row := passanten(o, device)) is None:
        return []
    topic = device.topic(f"{o.zone}/{device.product(o)}/passanten")
    return [Outgoing(topic, json.dumps(row, separators=(",", ":"), ensure_ascii=False))]


def _no_place(device: Device) -> str | None:
    if device.meta.latitude is None or device.meta.longitude is None:
        return "it tells where the sensor is: give place.latitude and place.longitude"
    if device.meta.window > LONGEST:
        return f"the city takes windows of at most {LONGEST} s: make window shorter"
    return None


def _no_hour(device: Device) -> str | None:
    if HOUR not in (device.meta.window, device.meta.open_window):
        return "its rows are of one hour: set disclosure.open_window (or window) to 3600"
    return None


TELCAMERAS: Final = Format(
    "telcameras", "count messages as Amsterdam's counting cameras send", _telcameras, lacks=_no_place
)
PASSANTEN: Final = Format("passanten", "rows of Amsterdam's public table of passers-by", _passanten, lacks=_no_hour)
