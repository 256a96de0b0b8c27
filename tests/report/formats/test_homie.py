"""Homie 5, against the rules of the convention (version 5.0.0)."""

import json
import re
from datetime import datetime

import pytest

from drukte.report.formats import homie
from tests.report.formats.conftest import Told

ID = re.compile(r"^[a-z0-9-]+$")
DATATYPES = {"integer", "float", "boolean", "string", "enum", "color", "datetime", "duration", "json"}


def test_the_description_follows_the_convention(told: list[Told]) -> None:
    for day in told:
        about = homie.descriptions(day.device)
        for zone, body in about.items():
            assert body["homie"] == "5.0"
            assert isinstance(body["version"], int)
            if zone is None:
                assert body["children"] == [f"{day.device.name}-{z}" for z in about if z]
                continue
            assert body["root"] == body["parent"] == day.device.name
            for node, content in body["nodes"].items():
                assert ID.match(node)
                for name, p in content["properties"].items():
                    assert ID.match(name)
                    assert p["datatype"] in DATATYPES
                    assert p["datatype"] != "enum" or p["format"]


def test_a_device_is_ready_only_after_its_description(told: list[Told]) -> None:
    said = [(m.topic.split("/")[2:], m.payload) for m in homie.announce(told[0].device)]
    names = {topic[0] for topic, _ in said}
    for name in names:
        mine = [payload if topic[1] == "$state" else topic[1] for topic, payload in said if topic[0] == name]
        assert mine == ["init", "$description", "ready"]
    assert said[-1][0][0] == told[0].device.name


def test_every_value_is_described_and_of_its_type(told: list[Told]) -> None:
    for day in told:
        about = homie.descriptions(day.device)
        for o in day.observations:
            for message in homie.messages(o, day.device):
                prefix, five, device, node, name = message.topic.split("/")
                assert (prefix, five, message.retain) == ("homie", "5", True)
                zone = device.removeprefix(f"{day.device.name}-")
                p = about[zone]["nodes"][node]["properties"][name]
                if not message.payload:
                    continue  # taken away: the number is not given
                match p["datatype"]:
                    case "float":
                        low, _, high = p["format"].partition(":")
                        assert float(low) <= float(message.payload) <= float(high or "inf")
                    case "enum":
                        assert message.payload in p["format"].split(",")
                    case "datetime":
                        datetime.fromisoformat(message.payload)
                    case other:
                        raise AssertionError(other)


def test_a_number_that_is_not_given_is_taken_away(told: list[Told]) -> None:
    hidden = next(o for o in told[0].observations if o.people.status == "under_5")
    said = {m.topic.rsplit("/", 1)[1]: m.payload for m in homie.messages(hidden, told[0].device)}
    assert (said["people"], said["most"], said["status"]) == ("", "", "under_5")


def test_the_version_changes_with_the_description(told: list[Told]) -> None:
    versions = {json.dumps(homie.descriptions(day.device)[None]["version"]) for day in (told[0], told[-1])}
    assert len(versions) == 2


@pytest.mark.parametrize("state", ["lost", "disconnected"])
def test_an_end_is_told(told: list[Told], state: str) -> None:
    device = told[0].device
    assert homie.FORMAT.will
    last = homie.FORMAT.will(device) if state == "lost" else homie.FORMAT.farewell(device)[0]
    assert (last.topic, last.payload, last.retain) == (f"homie/5/{device.name}/$state", state, True)
