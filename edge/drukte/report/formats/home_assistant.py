"""Home Assistant: device discovery, one retained message per zone. The sensors it describes read the native messages.

All zones give the same device identifiers, so Home Assistant shows one device. A number that is not given comes out as
`unknown`, never as 0; a sensor of its own says why.
"""

import json
from typing import Any, Final, get_args

from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation, Status, ZoneMeta

GRADES: Final = ["good", "fair", "poor", "none"]
_SLACK: Final = 90
"""Seconds after which a sensor without news becomes unavailable, beyond two windows."""


def discovery(device: Device, zone: ZoneMeta, product: str) -> dict[str, Any]:
    """The discovery message of one zone and product."""
    meta = device.meta
    tail = "" if product == "obs" else " (open)"
    base = f"drukte-{device.name}-{zone.name}" + ("" if product == "obs" else "-open")
    shared = {"state_topic": device.topic(f"{zone.name}/{product}"), "qos": 1}

    def sensor(key: str, name: str, template: str, **more: Any) -> dict[str, Any]:
        own = {"platform": "sensor", "unique_id": f"{base}-{key}", "name": f"{zone.name}{tail} {name}"}
        return own | {"value_template": f"{{{{ {template} }}}}"} | more

    number: dict[str, Any] = {
        "unit_of_measurement": "people",
        "state_class": "measurement",
        "icon": "mdi:account-group",
    }
    number["expire_after"] = 2 * device.span(product) + _SLACK
    parts = {
        "people": sensor("people", "people", "value_json.people.mean", suggested_display_precision=0, **number),
        "status": sensor(
            "status",
            "people, whether given",
            "value_json.people.status",
            device_class="enum",
            options=list(get_args(Status)),
        ),
        "quality": sensor(
            "quality",
            "quality",
            "value_json.quality.grade",
            device_class="enum",
            options=GRADES,
            entity_category="diagnostic",
        ),
    }
    # Only some observations have crossings. The others give nothing, which Home Assistant takes as no news.
    number["expire_after"] = 2 * max(meta.crossings_window, device.span(product)) + _SLACK
    for i, line in enumerate(zone.lines):
        for way in ("in", "out"):
            value = f"value_json.crossings.lines[{i}]['{way}'] if value_json.crossings else ''"
            parts[f"{line}-{way}"] = sensor(f"{line}-{way}", f"{line} {way}", value, **number)
    return {
        "device": {
            "identifiers": [f"drukte-{device.name}"],
            "name": f"{meta.place} ({meta.device})",
            "manufacturer": "drukte",
            "model": f"people counter, {meta.sensor}",
            "sw_version": meta.software,
        },
        "origin": {"name": "drukte", "sw_version": meta.software},
        "availability": [
            {
                "topic": device.topic("status"),
                "value_template": "{{ 'online' if value_json.online and value_json.sensing else 'offline' }}",
            }
        ],
        "components": parts,
        **shared,
    }


def _topic(device: Device, zone: ZoneMeta, product: str) -> str:
    return f"homeassistant/device/{device.name}-{zone.name}" + ("" if product == "obs" else "-open") + "/config"


def _all(device: Device) -> list[tuple[ZoneMeta, str]]:
    return [(zone, product) for zone in device.meta.zones for product in device.products]


def announce(device: Device) -> list[Outgoing]:
    """The discovery messages of all zones."""
    return [
        Outgoing(
            _topic(device, zone, product),
            json.dumps(discovery(device, zone, product), separators=(",", ":"), ensure_ascii=False),
            retain=True,
        )
        for zone, product in _all(device)
    ]


def _nothing(_o: Observation, _device: Device) -> list[Outgoing]:
    """Observations are told by the native messages."""
    return []


FORMAT: Final = Format(
    "home-assistant",
    "discovery for Home Assistant; its sensors read the native messages",
    _nothing,
    announce,
    retains=lambda device: [_topic(device, zone, product) for zone, product in _all(device)],
    beside="native",
)
