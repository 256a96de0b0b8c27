"""What must hold for every format: it tells what the native message tells and nothing else; hidden is never 0."""

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from drukte.report.broker.mqtt import MAX_PAYLOAD
from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation, dump, json_schema
from drukte.report.formats.registry import OWN
from tests.report.formats.conftest import Told, with_public

FORMATS = [pytest.param(one, id=name) for name, one in OWN.items()]
WITH_COUNTS = [pytest.param(one, id=name) for name, one in OWN.items() if name not in ("native", "home-assistant")]
"""Formats with counts of their own: the native one is what these are compared with, and the discovery has none."""


def numbers(node: Any) -> Iterator[float]:
    match node:
        case bool() | None:
            return
        case int() | float():
            yield float(node)
        case dict():
            for value in node.values():
                yield from numbers(value)
        case list():
            for value in node:
                yield from numbers(value)


@pytest.mark.parametrize("one", FORMATS)
def test_a_format_is_a_function_of_what_is_published(one: Format, told: list[Told]) -> None:
    """From messages read back from the broker it makes the same: so it tells nothing that these do not tell."""
    for day in told:
        device = Device(type(day.device.meta).model_validate_json(dump(day.device.meta)), day.device.prefix)
        for o in day.observations[::7]:
            again = Observation.model_validate_json(dump(o))
            assert one.observation(again, device) == one.observation(o, day.device)
    names = list(inspect.signature(one.observation).parameters.values())
    assert [p.annotation for p in names] == [Observation, Device]


@pytest.mark.parametrize("one", FORMATS)
def test_numbers_that_are_not_given_are_not_told(one: Format, told: list[Told]) -> None:
    """Two observations that differ in nothing but hidden numbers do not exist; so: no number but published ones."""
    for day in told:
        for o in day.observations:
            messages = one.observation(o, day.device)
            if o.people.status == "shown" or not messages:
                continue
            for name, value in _told_people(messages):
                assert value in (None, ""), (one.name, name, value)


def _told_people(messages: list[Outgoing]) -> Iterator[tuple[str, Any]]:
    """Whatever a message says of the number of people."""
    for message in messages:
        if re.search(r"/(people|most)$|-people'\)", message.topic):
            yield message.topic, message.payload
            continue
        if not message.payload.startswith("{"):
            continue
        body = json.loads(message.payload)
        for key in ("peopleCount", "peopleMax"):
            if key in body:
                yield key, body[key]
        for item in body.get("data", []):
            yield from (("count", a["count"]) for a in item["aggregate"] if a["type"] == "zone")
        if "people" in body:
            yield "mean", body["people"]["mean"]


@pytest.mark.parametrize("one", WITH_COUNTS)
def test_every_count_in_a_message_stands_in_the_native_one(one: Format, told: list[Told]) -> None:
    for day in told:
        for o in day.observations[::3]:
            crossings = [v for line in (o.crossings.lines if o.crossings else []) for v in (line.in_, line.out)]
            counts = {v for v in (o.people.mean, o.people.max, *crossings) if v is not None}
            allowed = counts | {float(round(v)) for v in counts} | {sum(v or 0 for v in crossings)}
            for message in one.observation(o, day.device):
                for value in _counts(one.name, message):
                    assert value in allowed, (one.name, message, counts)


def _counts(name: str, message: Outgoing) -> Iterator[float]:
    if name == "homie":
        if re.search(r"/(people|most|.*-in|.*-out)$", message.topic) and message.payload:
            yield float(message.payload)
        return
    body = json.loads(message.payload)
    if name == "ngsi-ld":
        keys = ("peopleCount", "peopleMax", "peopleCountTowards", "peopleCountAway", "crossings")
        yield from (v for key in keys if key in body for v in numbers(body[key]["value"]))
    elif name.startswith("sensorthings"):
        yield from numbers(body["result"])
    elif name == "telcameras":
        yield from (v for a in body["data"][0]["aggregate"] for v in numbers({**a, "area": None}))
    else:
        yield float(body["aantal_passanten"])


@pytest.mark.parametrize("one", FORMATS)
def test_messages_fit_the_broker_and_every_retained_topic_is_owned_up_to(one: Format, told: list[Told]) -> None:
    """Else it could not be taken away when the format is switched off."""
    for day in told:
        owned = set(one.retains(day.device))
        messages = [*one.announce(day.device), *one.farewell(day.device)]
        messages += [m for o in day.observations for m in one.observation(o, day.device)]
        messages += [one.will(day.device)] if one.will else []
        for message in messages:
            assert len(message.payload.encode()) <= MAX_PAYLOAD
            assert not re.search(r"[#+\s]", message.topic)
            assert not message.retain or message.topic in owned


def test_native_messages_fit_their_schema(told: list[Told]) -> None:
    validator = jsonschema.Draft202012Validator(json_schema("observation-1"))
    for day in told:
        for o in day.observations[::4]:
            validator.validate(json.loads(dump(o)))


def test_both_products_have_topics_of_their_own(told: list[Told]) -> None:
    day = told[0]
    assert with_public(day.site).disclosure.open_window
    both = {o.disclosure.policy: o for o in day.observations if o.crossings and o.crossings.status == "shown"}
    assert set(both) == {"operational", "open"}
    for one in OWN.values():
        topics = [{m.topic for m in one.observation(both[p], day.device)} for p in ("operational", "open")]
        assert not topics[0] & topics[1], one.name
