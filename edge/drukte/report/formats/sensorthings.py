"""OGC SensorThings over MQTT, in version 1.1 (OGC 18-088) or 2.0 (OGC 23-019): entities once, then observations.

A zone is a Thing with a datastream for people, one for whether their number is given, and two for each line. A hidden
number is not sent at all; the status datastream then says `under_5` or `suppressed`. The device names its entities
itself, so the server must take ids from clients (FROST: `persistence.idGenerationMode=ServerAndClientGenerated` and
text ids). Observations have ids too: what is delivered twice is stored once.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation, Status, ZoneMeta

Version = Literal["1.1", "2.0"]
_OM: Final = "http://www.opengis.net/def/observationType/OGC-OM/2.0/"
_STATUSES: Final = list(get_args(Status))


@dataclass(frozen=True, slots=True)
class _Stream:
    """A datastream: the end of its id, what it is about, and what it observes."""

    key: str
    text: str
    observes: str


_OBSERVED: Final = {
    "people": ("People in a zone", "Mean number of people in the zone over the observed part of the time"),
    "people-status": ("Status of the number of people", "Whether the number of people is given, and if not, why"),
    "crossings": ("People who crossed a line", "Number of people who crossed a line in one direction"),
}


def _streams(zone: ZoneMeta, product: str) -> Iterator[_Stream]:
    tail = "" if product == "obs" else "-open"
    yield _Stream(f"{zone.name}{tail}-people", f"People in {zone.name}", "people")
    yield _Stream(f"{zone.name}{tail}-status", f"Whether the number of people in {zone.name} is given", "people-status")
    for line in zone.lines:
        for way in ("in", "out"):
            yield _Stream(f"{zone.name}{tail}-{line}-{way}", f"People who crossed {line} {way}wards", "crossings")


def _time(start: str, end: str, version: Version) -> Any:
    return f"{start}/{end}" if version == "1.1" else {"start": start, "end": end}


def _id(name: str, version: Version) -> dict[str, str]:
    return {"@iot.id" if version == "1.1" else "id": name}


def _kind(stream: _Stream, device: Device, version: Version) -> dict[str, Any]:
    """What the results of a datastream are."""
    name, _ = _OBSERVED[stream.observes]
    if version == "2.0":
        common = {"label": name, "definition": f"ObservedProperties('{device.name}-{stream.observes}')"}
        if stream.observes == "people-status":
            space = {"codeSpace": "urn:drukte:status", "constraint": {"values": _STATUSES}}
            return {"resultType": {"type": "Category", **common, **space}}
        return {"resultType": {"type": "Quantity", **common, "uom": {"code": "{person}", "label": "person"}}}
    if stream.observes == "people-status":
        none = {"name": None, "symbol": None, "definition": None}
        return {"observationType": _OM + "OM_CategoryObservation", "unitOfMeasurement": none}
    unit = {"name": "person", "symbol": "person", "definition": "https://unitsofmeasure.org#{person}"}
    return {"observationType": _OM + "OM_Measurement", "unitOfMeasurement": unit}


def _announce(device: Device, version: Version) -> list[Outgoing]:
    """Entities: what is observed, by what, where. Creating one again with the same id changes nothing but an error."""
    meta = device.meta
    create = "" if version == "1.1" else "/create"
    found: list[Outgoing] = []

    def send(entities: str, body: dict[str, Any]) -> None:
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        found.append(Outgoing(f"v{version}/{entities}{create}", text))

    for key, (name, text) in _OBSERVED.items():
        body = {"name": name, "description": text, "definition": f"urn:drukte:observed-property:{key}"}
        send("ObservedProperties", _id(f"{device.name}-{key}", version) | body)
    sensor = {
        "name": f"drukte {meta.device}",
        "description": f"People counter ({meta.sensor}), drukte {meta.software}. {meta.what_for}",
        "encodingType": "text/html",
        "metadata": f"Controller: {meta.controller}, {meta.contact}",
    }
    send("Sensors", _id(device.name, version) | sensor)
    for zone in meta.zones:
        thing: dict[str, Any] = _id(f"{device.name}-{zone.name}", version) | {
            "name": f"{meta.place}, {zone.name}",
            "description": f"Zone {zone.name} of {meta.device}, {zone.area:g} m2",
            "properties": {"area": zone.area, "organisation": meta.organisation, "device": meta.device},
        }
        if meta.latitude is not None and meta.longitude is not None:
            point = {"type": "Point", "coordinates": [meta.longitude, meta.latitude]}
            where = {"name": meta.place, "description": meta.place, "encodingType": "application/geo+json"}
            thing["Locations"] = [_id(f"{device.name}-{zone.name}", version) | where | {"location": point}]
        send("Things", thing)
        for stream in (s for product in device.products for s in _streams(zone, product)):
            links: dict[str, Any] = {
                "Thing": _id(f"{device.name}-{zone.name}", version),
                "Sensor": _id(device.name, version),
            }
            if version == "1.1":
                links["ObservedProperty"] = _id(f"{device.name}-{stream.observes}", version)
            else:
                links = {name: {"@id": f"{name}s('{ref['id']}')"} for name, ref in links.items()}
            body = {"name": stream.text, "description": stream.text, **_kind(stream, device, version)}
            send("Datastreams", _id(f"{device.name}-{stream.key}", version) | body | links)
    return found


def _results(o: Observation, product: str) -> Iterator[tuple[str, str, float | str]]:
    """Datastream, start of the time and result of everything that an observation gives."""
    tail = "" if product == "obs" else "-open"
    yield f"{o.zone}{tail}-status", o.from_, o.people.status
    if o.people.mean is not None:
        yield f"{o.zone}{tail}-people", o.from_, o.people.mean
    if o.crossings is not None and o.crossings.status == "shown":
        for line in o.crossings.lines:
            for way, value in (("in", line.in_), ("out", line.out)):
                if value is not None:
                    yield f"{o.zone}{tail}-{line.line}-{way}", o.crossings.from_, value


def _messages(o: Observation, device: Device, version: Version) -> list[Outgoing]:
    extra = {"observed": o.observed, "quality": o.quality.grade, "boot": o.boot, "seq": o.seq}
    extra |= {f"disclosure_{name}": value for name, value in o.disclosure.model_dump(mode="json").items()}
    made = []
    for stream, start, result in _results(o, device.product(o)):
        # A message that comes twice has the same id, so the server refuses it the second time.
        body = _id(f"{o.device}-{o.boot}-{o.seq}-{stream}", version) | {
            "phenomenonTime": _time(start, o.to, version),
            "resultTime": o.to,
            "result": result,
            "parameters" if version == "1.1" else "properties": extra,
        }
        topic = f"v{version}/Datastreams('{device.name}-{stream}')/Observations"
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        made.append(Outgoing(topic if version == "1.1" else f"{topic}/create", text))
    return made


def _no_location(device: Device) -> str | None:
    """In 1.1 each observation has a FeatureOfInterest: the server makes it of the Thing's Location (OGC 18-088)."""
    if device.meta.latitude is None or device.meta.longitude is None:
        return "a server refuses every observation of a Thing without a Location: give place.latitude and longitude"
    return None


def _format(version: Version) -> Format:
    def announce(device: Device) -> Sequence[Outgoing]:
        return _announce(device, version)

    def messages(o: Observation, device: Device) -> Sequence[Outgoing]:
        return _messages(o, device, version)

    about = f"OGC SensorThings {version} over MQTT"
    if version == "2.0":
        return Format("sensorthings-2.0", about, messages, announce)
    return Format("sensorthings-1.1", about, messages, announce, lacks=_no_location)


FORMATS: Final = (_format("1.1"), _format("2.0"))
