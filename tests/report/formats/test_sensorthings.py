"""SensorThings, against a double that keeps the rules of the standards; it is not a FROST server.

The double was written from the tables of mandatory properties and relations in OGC 18-088 (1.1) and OGC 23-019 (2.0).
"""

import json
import re
from datetime import datetime
from typing import Any

import pytest

from drukte.report.formats.base import Device, Outgoing
from drukte.report.formats.registry import OWN, FormatError, choose
from tests.report.formats.conftest import Told

MANDATORY = {
    "1.1": {
        "Things": {"name", "description"},
        "Locations": {"name", "description", "encodingType", "location"},
        "Sensors": {"name", "description", "encodingType", "metadata"},
        "ObservedProperties": {"name", "definition", "description"},
        "Datastreams": {"name", "description", "unitOfMeasurement", "observationType"},
        "Observations": {"phenomenonTime", "result", "resultTime"},
    },
    "2.0": {
        "Things": {"name"},
        "Locations": {"name", "encodingType", "location"},
        "Sensors": {"name"},
        "ObservedProperties": {"name", "definition"},
        "Datastreams": {"name", "resultType"},
        "Observations": {"phenomenonTime", "result"},
    },
}
OPTIONAL = {"properties", "parameters", "resultQuality", "validTime", "resultTime", "description", "definition"}
OPTIONAL |= {"observedArea", "resultEncoding", "encodingType", "metadata"}
RELATIONS = {"Thing": "Things", "Sensor": "Sensors", "ObservedProperty": "ObservedProperties"}


class Server:
    """Takes what a SensorThings server that takes ids from clients would take, and refuses what is wrong."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.id = "@iot.id" if version == "1.1" else "id"
        self.entities: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in MANDATORY[version]}
        self.observations: dict[str, list[dict[str, Any]]] = {}
        self.links: dict[tuple[str, str], dict[str, str]] = {}

    def take(self, message: Outgoing) -> None:
        tail = "" if self.version == "1.1" else "/create"
        body = json.loads(message.payload)
        if found := re.fullmatch(rf"v{self.version}/(\w+){tail}", message.topic):
            self.create(found[1], body)
            return
        found = re.fullmatch(rf"v{self.version}/Datastreams\('([a-z0-9-]+)'\)/Observations{tail}", message.topic)
        assert found, message.topic
        self.observe(found[1], body)

    def create(self, kind: str, body: dict[str, Any]) -> None:
        name = body.pop(self.id)
        links = {role: self.link(body.pop(role), RELATIONS[role]) for role in RELATIONS if role in body}
        for location in body.pop("Locations", []):
            links["Location"] = location[self.id]
            self.create("Locations", location)
        self.check(kind, body)
        if kind == "Datastreams":
            assert {"Thing", "Sensor"} <= set(links)
            if self.version == "1.1":
                assert "ObservedProperty" in links
                assert set(body["unitOfMeasurement"]) == {"name", "symbol", "definition"}
            else:
                kind_of = body["resultType"]
                assert {"type", "label", "definition"} <= set(kind_of)
                assert kind_of["type"] != "Quantity" or {"code", "href"} & set(kind_of["uom"])
                assert kind_of["type"] != "Category" or kind_of["codeSpace"]
                self.link({"@id": kind_of["definition"]}, "ObservedProperties")
        self.entities[kind][name] = body
        self.links[kind, name] = links

    def link(self, reference: dict[str, str], kind: str) -> str:
        """The id behind a reference, which must exist."""
        if self.version == "1.1":
            name = reference["@iot.id"]
        else:
            found = re.fullmatch(r"(\w+)\('([a-z0-9-]+)'\)", reference["@id"])
            assert found and found[1] == kind, reference
            name = found[2]
        assert name in self.entities[kind], f"{kind} {name} is not there"
        return name

    def check(self, kind: str, body: dict[str, Any]) -> None:
        mandatory = MANDATORY[self.version][kind]
        assert mandatory <= set(body), (kind, mandatory - set(body))
        assert set(body) <= mandatory | OPTIONAL, (kind, set(body) - mandatory - OPTIONAL)

    def observe(self, stream: str, body: dict[str, Any]) -> None:
        about = self.entities["Datastreams"][stream]
        name = body.pop(self.id)
        assert name not in self.entities["Observations"], f"{name} is there already"
        if self.version == "1.1":
            thing = self.links["Datastreams", stream]["Thing"]
            assert "Location" in self.links["Things", thing], "no FeatureOfInterest is given, and none can be made"
        self.entities["Observations"][name] = body
        self.check("Observations", body)
        time = body["phenomenonTime"]
        start, end = time.split("/") if self.version == "1.1" else (time["start"], time["end"])
        assert datetime.fromisoformat(start) < datetime.fromisoformat(end)
        category = (
            about["observationType"].endswith("OM_CategoryObservation")
            if self.version == "1.1"
            else about["resultType"]["type"] == "Category"
        )
        assert isinstance(body["result"], str if category else (int, float)), body
        if category and self.version == "2.0":
            assert body["result"] in about["resultType"]["constraint"]["values"]
        self.observations.setdefault(stream, []).append(body)


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_a_server_takes_everything_of_a_day(version: str, told: list[Told]) -> None:
    one = OWN[f"sensorthings-{version}"]
    for day in told:
        server = Server(version)
        for message in one.announce(day.device):
            server.take(message)
        for o in day.observations:
            for message in one.observation(o, day.device):
                server.take(message)
        people = [s for s in server.observations if s.endswith("-people")]
        assert people
        for zone in (z.name for z in day.device.meta.zones):
            mine = [o for o in day.observations if o.zone == zone and day.device.product(o) == "obs"]
            assert len(server.observations[f"{day.device.name}-{zone}-status"]) == len(mine)
            shown = [o.people.mean for o in mine if o.people.status == "shown"]
            assert [b["result"] for b in server.observations.get(f"{day.device.name}-{zone}-people", [])] == shown


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_what_is_delivered_twice_is_stored_once(version: str, told: list[Told]) -> None:
    one, day, server = OWN[f"sensorthings-{version}"], told[0], Server(version)
    for message in one.announce(day.device):
        server.take(message)
    for message in one.observation(day.observations[0], day.device):
        server.take(message)
        with pytest.raises(AssertionError, match="is there already"):
            server.take(message)


def test_the_double_refuses_what_is_wrong(told: list[Told]) -> None:
    one, day = OWN["sensorthings-1.1"], told[0]
    server = Server("1.1")
    entities = one.announce(day.device)
    with pytest.raises(AssertionError, match="is not there"):
        server.take(entities[-1])
    (first, *_) = one.observation(day.observations[0], day.device)
    with pytest.raises(KeyError):
        server.take(first)
    server = Server("1.1")
    thing = json.loads(entities[0].payload)
    del thing["description"]
    with pytest.raises(AssertionError, match="description"):
        server.take(Outgoing(entities[0].topic, json.dumps(thing)))


def test_a_device_without_coordinates_has_things_without_locations(told: list[Told]) -> None:
    """Version 2.0 needs none; in 1.1 the server could not take a single observation."""
    meta = told[0].device.meta.model_copy(update={"latitude": None})
    device = Device(meta, "drukte/v1")
    server = Server("2.0")
    one = OWN["sensorthings-2.0"]
    for message in [*one.announce(device), *one.observation(told[0].observations[0], device)]:
        server.take(message)
    assert server.entities["Things"] and server.observations
    assert not server.entities["Locations"]
    server, one = Server("1.1"), OWN["sensorthings-1.1"]
    for message in one.announce(device):
        server.take(message)
    with pytest.raises(AssertionError, match="FeatureOfInterest"):
        server.take(one.observation(told[0].observations[0], device)[0])
    with pytest.raises(FormatError, match=r"mqtt\.formats: sensorthings-1\.1: .*place\.latitude"):
        choose(["sensorthings-1.1"], device, "mqtt.formats")
