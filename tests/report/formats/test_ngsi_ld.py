"""NGSI-LD, against the fields that Smart Data Models publishes for CrowdFlowObserved (schema 0.0.3)."""

import json
from typing import Any

import jsonschema

from drukte.report.formats import ngsi_ld
from tests.report.formats.conftest import Told

MOMENT = {"type": "string", "format": "date-time"}
COUNT = {"type": "integer", "minimum": 0}
# Written from the published list of attributes, their types and limits; what is not in that list is not allowed here,
# but for this project's own terms.
SCHEMA = {
    "type": "object",
    "required": ["id", "type", "dateObserved"],
    "properties": {
        "id": {"type": "string", "pattern": r"^urn:ngsi-ld:CrowdFlowObserved:[\w:-]+$", "maxLength": 256},
        "type": {"enum": ["CrowdFlowObserved"]},
        "dateObserved": {"type": "string"},
        "dateObservedFrom": MOMENT,
        "dateObservedTo": MOMENT,
        "dateCreated": MOMENT,
        "dateModified": MOMENT,
        "peopleCount": COUNT,
        "peopleCountTowards": COUNT,
        "peopleCountAway": COUNT,
        "occupancy": {"type": "number", "minimum": 0, "maximum": 1},
        "averageCrowdSpeed": {"type": "number", "minimum": 0},
        "averageHeadwayTime": {"type": "number", "minimum": 0},
        "congested": {"type": "boolean"},
        "direction": {"enum": ["inbound", "outbound"]},
        "refRoadSegment": {"type": "string"},
        "name": {"type": "string"},
        "alternateName": {"type": "string"},
        "description": {"type": "string"},
        "dataProvider": {"type": "string"},
        "source": {"type": "string"},
        "owner": {"type": "array"},
        "seeAlso": {},
        "address": {"type": "object"},
        "areaServed": {"type": "string"},
        "location": {
            "type": "object",
            "required": ["type", "coordinates"],
            "properties": {
                "type": {"enum": ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]},
                "coordinates": {"type": "array", "minItems": 2},
            },
        },
        **{term: {} for term in ngsi_ld._TERMS},
    },
    "additionalProperties": False,
}
ATTRIBUTE = {
    "type": "object",
    "required": ["type", "value"],
    "properties": {
        "type": {"enum": ["Property", "GeoProperty"]},
        "value": {},
        "unitCode": {"type": "string"},
        "observedAt": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    },
    "additionalProperties": False,
}


def key_values(entity: dict[str, Any]) -> dict[str, Any]:
    """The simplified form, for which the published schema is."""

    def plain(value: Any) -> Any:
        return value["@value"] if isinstance(value, dict) and "@value" in value else value

    return {
        name: value if name in ("id", "type") else plain(value["value"])
        for name, value in entity.items()
        if name != "@context"
    }


def test_every_entity_of_a_day_fits_the_published_fields(told: list[Told]) -> None:
    simple, normal = jsonschema.Draft202012Validator(SCHEMA), jsonschema.Draft202012Validator(ATTRIBUTE)
    seen = 0
    for day in told:
        for o in day.observations:
            (message,) = ngsi_ld.messages(o, day.device)
            assert message.content_type == "application/ld+json"
            entity = json.loads(message.payload)
            simple.validate(key_values(entity))
            for name, value in entity.items():
                if name not in ("id", "type", "@context"):
                    normal.validate(value)
            seen += 1
    assert seen > 1000


def test_few_people_have_no_count_and_nobody_is_zero(told: list[Told]) -> None:
    for o in told[0].observations:
        entity = ngsi_ld.entity(o, told[0].device)
        assert ("peopleCount" in entity) == (o.people.status == "shown")
        assert entity["peopleStatus"]["value"] == o.people.status
    assert any(o.people.mean == 0 for o in told[0].observations)


def test_every_term_that_is_not_theirs_is_in_the_context(told: list[Told]) -> None:
    own, published, core = ngsi_ld.CONTEXT
    assert isinstance(own, dict)
    assert set(own) == set(ngsi_ld._TERMS)
    assert all(iri.startswith("urn:drukte:") for iri in own.values())
    assert "dataModel.Transportation" in published
    assert "ngsi-ld-core-context" in core


def test_full_of_everything(told: list[Told]) -> None:
    o = told[-1].observations[0]
    simple = key_values(ngsi_ld.entity(o, told[-1].device))
    assert simple["peopleCount"] == 7
    assert simple["averageCrowdSpeed"] == 4.3
    assert simple["location"] == {"type": "Point", "coordinates": [4.3, 52.1]}
    assert (simple["peopleCountTowards"], simple["peopleCountAway"]) == (3, 1)
    assert simple["dateObserved"] == f"{o.from_}/{o.to}"
