"""NGSI-LD: one `CrowdFlowObserved` entity per zone, after Smart Data Models (dataModel.Transportation, schema 0.0.3).

Each message is the whole entity, so a context broker must replace the one it has (upsert with `replace`): an attribute
that is left out, such as the `peopleCount` of few people, must not stay from before. What that model has no word for
stands under terms of this project's own, which the inline context defines.
"""

import json
from typing import Any, Final

from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation

_TERMS: Final = (
    "peopleStatus", "peopleMax", "observedShare", "sensorState", "crossingsStatus", "crossings", "closenessStatus",
    "closeness", "groups", "quality", "disclosure",
)  # fmt: skip
CONTEXT: Final = [
    {term: f"urn:drukte:ngsi-ld:{term}" for term in _TERMS},
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Transportation/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld",
]
_KMH: Final = 3.6


def entity(o: Observation, device: Device) -> dict[str, Any]:
    """The entity that an observation describes, in normalised form."""
    product = device.product(o)
    place = f"{o.organisation}:{o.device}:{o.zone}" + (":open" if product == "open" else "")
    made: dict[str, Any] = {
        "id": f"urn:ngsi-ld:CrowdFlowObserved:{place}",
        "type": "CrowdFlowObserved",
        "dateObserved": _property(f"{o.from_}/{o.to}"),
        "dateObservedFrom": _property({"@type": "DateTime", "@value": o.from_}),
        "dateObservedTo": _property({"@type": "DateTime", "@value": o.to}),
        "dataProvider": _property(device.meta.controller),
        "name": _property(f"{device.meta.place}, {o.zone}"),
        "peopleStatus": _property(o.people.status, o),
        "observedShare": _property(o.observed, o),
        "sensorState": _property(o.state, o),
        "quality": _property(o.quality.grade, o),
        "disclosure": _property(o.disclosure.model_dump(mode="json"), o),
    }
    if device.meta.latitude is not None and device.meta.longitude is not None:
        point = {"type": "Point", "coordinates": [device.meta.longitude, device.meta.latitude]}
        made["location"] = {"type": "GeoProperty", "value": point}
    if o.people.mean is not None:
        made["peopleCount"] = _property(round(o.people.mean), o, unitCode="IE")
    if o.people.max is not None:
        made["peopleMax"] = _property(round(o.people.max), o, unitCode="IE")
    if o.speed.mean is not None:
        made["averageCrowdSpeed"] = _property(round(o.speed.mean * _KMH, 1), o, unitCode="KMH")
    if o.crossings is not None:
        made |= _crossings(o)
    made["closenessStatus"] = _property(o.levels.status, o)
    if o.levels.status == "shown":
        made["closeness"] = _property(o.levels.model_dump(exclude={"status"}), o)
    if o.groups.status == "shown":
        made["groups"] = _property(o.groups.model_dump(exclude={"status"}), o)
    return made | {"@context": CONTEXT}


def _property(value: Any, o: Observation | None = None, **more: Any) -> dict[str, Any]:
    """A property; with an observation, at its end."""
    return {"type": "Property", "value": value} | ({"observedAt": o.to} if o else {}) | more


def _crossings(o: Observation) -> dict[str, Any]:
    crossings = o.crossings
    if crossings is None:
        return {}
    made: dict[str, Any] = {"crossingsStatus": _property(crossings.status, o)}
    if crossings.status == "shown":
        lines = [line.model_dump(by_alias=True) for line in crossings.lines]
        made["crossings"] = _property({"from": crossings.from_, "to": o.to, "lines": lines}, o)
        if len(lines) == 1:
            # With one line it is plain which way is towards the zone.
            made["peopleCountTowards"] = _property(round(crossings.lines[0].in_ or 0), o, unitCode="IE")
            made["peopleCountAway"] = _property(round(crossings.lines[0].out or 0), o, unitCode="IE")
    return made


def messages(o: Observation, device: Device) -> list[Outgoing]:
    """The messages of one observation."""
    topic = device.topic(f"{o.zone}/{device.product(o)}/ngsi-ld")
    text = json.dumps(entity(o, device), separators=(",", ":"), ensure_ascii=False)
    return [Outgoing(topic, text, schema="CrowdFlowObserved", content_type="application/ld+json")]


FORMAT: Final = Format("ngsi-ld", "CrowdFlowObserved entities for a FIWARE context broker", messages)
