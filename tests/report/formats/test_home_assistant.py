"""Home Assistant's discovery. Its own schema is asked by `make home-assistant`; here the rules that it documents."""

import json

import pytest

from drukte.report.formats import home_assistant
from drukte.report.formats.native import Observation, dump
from tests.report.formats.conftest import Told

jinja2 = pytest.importorskip("jinja2")


def rendered(template: str, o: Observation) -> str:
    """As Home Assistant renders it: native templates of Jinja with `value_json`."""
    return str(jinja2.Environment(autoescape=False).from_string(template).render(value_json=json.loads(dump(o))))


def test_what_the_sensors_show(told: list[Told]) -> None:
    for day in told:
        zones = {zone.name: zone for zone in day.device.meta.zones}
        for o in day.observations[::5]:
            about = home_assistant.discovery(day.device, zones[o.zone], day.device.product(o))
            parts = about["components"]
            people = rendered(parts["people"]["value_template"], o)
            assert people == str(o.people.mean)
            assert (people == "None") == (o.people.status != "shown")
            assert rendered(parts["status"]["value_template"], o) in parts["status"]["options"]
            assert rendered(parts["quality"]["value_template"], o) in parts["quality"]["options"]
            for line in o.crossings.lines if o.crossings else []:
                assert rendered(parts[f"{line.line}-in"]["value_template"], o) == str(line.in_)
            if not o.crossings:
                for line in zones[o.zone].lines:
                    assert rendered(parts[f"{line}-in"]["value_template"], o) == ""


def test_all_zones_are_one_device_with_names_of_their_own(told: list[Told]) -> None:
    for day in told:
        bodies = [json.loads(m.payload) for m in home_assistant.announce(day.device)]
        assert len({json.dumps(b["device"]["identifiers"]) for b in bodies}) == 1
        ids = [part["unique_id"] for b in bodies for part in b["components"].values()]
        assert len(ids) == len(set(ids))
        names = [part["name"] for b in bodies for part in b["components"].values()]
        assert len(names) == len(set(names))
        for body in bodies:
            assert body["origin"]["name"] == "drukte"
            assert {part["platform"] for part in body["components"].values()} == {"sensor"}
