"""The schema files and the reference page are those of the models."""

from pathlib import Path

import jsonschema
import pytest

from drukte.report.formats.native import MODELS, json_schema
from drukte_tools.messages import files

ROOT = Path(__file__).parents[2]


def test_generated_files_are_up_to_date() -> None:
    stale = [str(path) for path, text in files(ROOT).items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run `drukte messages`"


@pytest.mark.parametrize("name", MODELS)
def test_schemas_are_closed_and_valid(name: str) -> None:
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)

    def objects(node: object) -> list[dict[str, object]]:
        if isinstance(node, dict):
            own = [node] if "properties" in node else []
            return own + [o for value in node.values() for o in objects(value)]
        return [o for item in node for o in objects(item)] if isinstance(node, list) else []

    for found in objects(schema):
        assert found["additionalProperties"] is False
        assert set(found["required"]) == set(found["properties"])  # type: ignore[call-overload]
