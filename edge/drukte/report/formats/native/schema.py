"""The messages by name, and their JSON Schemas."""

from typing import Any, Final

from drukte.report.formats.native.device import DeviceStatus, Meta, Privacy
from drukte.report.formats.native.parts import Message
from drukte.report.formats.native.summed import Busyness, Day, SelfCheck
from drukte.report.formats.native.window import Observation

MODELS: Final[dict[str, type[Message]]] = {
    "observation-1": Observation,
    "day-1": Day,
    "busyness-1": Busyness,
    "selfcheck-1": SelfCheck,
    "status-1": DeviceStatus,
    "meta-1": Meta,
    "privacy-1": Privacy,
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a message of `MODELS`. Every key is always there, so every key is required."""
    schema = MODELS[name].model_json_schema(by_alias=True, mode="serialization")
    _tidy(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:drukte:schema:{name}", **schema}


def _tidy(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    elif isinstance(node, dict):
        if isinstance(properties := node.get("properties"), dict):
            node["required"] = list(properties)
            for field in properties.values():
                field.pop("title", None)
                field.pop("default", None)
        for value in node.values():
            _tidy(value)
