"""Homie 5 (https://homieiot.github.io/specification/): a device with a child device per zone; every value is retained.

A number that is not given is taken away from the broker, so that an older one does not stand in its place; the property
`status` says why. The connection's last will tells that the device is lost, and its children with it.
"""

import json
import zlib
from typing import Any, Final, get_args

from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.home_assistant import GRADES
from drukte.report.formats.native import Observation, Status, ZoneMeta

_TEXT: Final = "text/plain"


def _topic(device: Device, zone: str | None, end: str) -> str:
    """Topic within the device itself, or within the child device of a zone."""
    return f"homie/5/{_name(device, zone)}/{end}"


def _name(device: Device, zone: str | None) -> str:
    return device.name if zone is None else f"{device.name}-{zone}"


def _properties(zone: ZoneMeta) -> dict[str, dict[str, Any]]:
    number = {"datatype": "float", "unit": "#", "format": "0:"}
    found: dict[str, dict[str, Any]] = {
        "people": {"name": "Mean number of people", **number},
        "most": {"name": "Most people at one moment", **number},
        "status": {"name": "Whether numbers are given", "datatype": "enum", "format": ",".join(get_args(Status))},
        "observed": {"name": "Observed part of the time", "datatype": "float", "format": "0:1"},
        "quality": {"name": "How far to trust them", "datatype": "enum", "format": ",".join(GRADES)},
        "until": {"name": "End of the window", "datatype": "datetime"},
    }
    for line in zone.lines:
        found |= {f"{line}-{way}": {"name": f"Crossed {line} {way}wards", **number} for way in ("in", "out")}
    return found


def descriptions(device: Device) -> dict[str | None, dict[str, Any]]:
    """The `$description` of the device (None) and of its children, one for each zone."""
    root = {
        "name": f"{device.meta.place} ({device.meta.device})",
        "children": [_name(device, zone.name) for zone in device.meta.zones],
    }
    found: dict[str | None, dict[str, Any]] = {None: _versioned(root)}
    for zone in device.meta.zones:
        nodes = {product: {"type": "people counter", "properties": _properties(zone)} for product in device.products}
        links = {"root": device.name, "parent": device.name}
        found[zone.name] = _versioned({"name": f"{device.meta.place}, {zone.name}", **links, "nodes": nodes})
    return found


def _versioned(body: dict[str, Any]) -> dict[str, Any]:
    """With a version that changes when the description does."""
    return {"homie": "5.0", "version": zlib.crc32(json.dumps(body).encode()), **body}


def _retained(topic: str, payload: str, content_type: str = _TEXT) -> Outgoing:
    return Outgoing(topic, payload, retain=True, content_type=content_type)


def _state(device: Device, state: str, zone: str | None = None) -> Outgoing:
    return _retained(_topic(device, zone, "$state"), state)


def announce(device: Device) -> list[Outgoing]:
    """States and descriptions, in the order that the convention asks for."""
    told = descriptions(device)
    found = [_state(device, "init", zone) for zone in told]
    for zone, body in told.items():
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        found.append(_retained(_topic(device, zone, "$description"), text, "application/json"))
    return found + [_state(device, "ready", zone) for zone in reversed(told)]


def messages(o: Observation, device: Device) -> list[Outgoing]:
    """The properties that one observation sets or takes away."""
    values: dict[str, str] = {
        "people": _number(o.people.mean),
        "most": _number(o.people.max),
        "status": o.people.status,
        "observed": _number(o.observed),
        "quality": o.quality.grade,
        "until": o.to,
    }
    for line in o.crossings.lines if o.crossings else []:
        values |= {f"{line.line}-in": _number(line.in_), f"{line.line}-out": _number(line.out)}
    node = device.product(o)
    return [_retained(_topic(device, o.zone, f"{node}/{name}"), value) for name, value in values.items()]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def retains(device: Device) -> list[str]:
    """All topics; the states first, which tell that the device is going."""
    told = [None, *(zone.name for zone in device.meta.zones)]
    values = [
        _topic(device, zone.name, f"{product}/{name}")
        for zone in device.meta.zones
        for product in device.products
        for name in _properties(zone)
    ]
    return [_topic(device, zone, end) for end in ("$state", "$description") for zone in told] + values


FORMAT: Final = Format(
    "homie",
    "Homie 5 devices and nodes; needs a connection of its own, for its last will",
    messages,
    announce,
    retains,
    will=lambda device: _state(device, "lost"),
    farewell=lambda device: [_state(device, "disconnected", zone) for zone in descriptions(device)],
)
