"""`drukte messages`: the JSON Schema files and the reference page of all messages, made from their models."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from drukte.report.formats.native import MODELS, json_schema

ROOT = Path(__file__).resolve().parents[2]
HEAD = """# Messages

Every message of drukte, field by field. This page is made by `drukte messages` from the models in
`edge/drukte/report/formats/native/`, and so are the JSON Schemas in `edge/drukte/data/`. How to use the messages
is told in [city-data.md](city-data.md).
"""
TITLES = {
    "observation-1": ("Observation", "`{prefix}/{organisation}/{device}/{zone}/obs`, QoS 1, not retained"),
    "day-1": ("Day", "`{prefix}/{organisation}/{device}/{zone}/day`, QoS 1, retained"),
    "busyness-1": ("Busyness", "`{prefix}/{organisation}/{device}/{zone}/busyness`, QoS 1, retained"),
    "selfcheck-1": ("Self-check", "`{prefix}/{organisation}/{device}/selfcheck`, QoS 1, retained"),
    "status-1": ("Status", "`{prefix}/{organisation}/{device}/status`, QoS 1, retained, also the last will"),
    "meta-1": ("Meta", "`{prefix}/{organisation}/{device}/meta`, QoS 1, retained"),
    "privacy-1": ("Privacy", "`{prefix}/{organisation}/{device}/privacy`, QoS 1, retained"),
}


def files(root: Path) -> dict[Path, str]:
    """All generated files and what must stand in them."""
    made = {
        root / "edge/drukte/data" / f"{name}.schema.json": json.dumps(json_schema(name), indent=2) + "\n"
        for name in MODELS
    }
    return made | {root / "docs/messages.md": page()}


def page() -> str:
    """The reference page."""
    parts = [HEAD]
    for name in MODELS:
        title, topic = TITLES[name]
        schema = json_schema(name)
        parts.append(f"\n## {title}\n\nTopic: {topic}.\n\nSchema: `edge/drukte/data/{name}.schema.json`\n")
        parts.append("| field | type | meaning |\n|---|---|---|")
        parts += [f"| `{path}` | {kind} | {text} |" for path, kind, text in _rows(schema, schema, "")]
    return "\n".join(parts) + "\n"


def _rows(node: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        target, many = _target(field, root)
        text = field.get("description") or (target or {}).get("description") or ""
        kind = _kind(field, root)
        yield here + ("[]" if many else ""), kind, " ".join(text.split()).replace("|", "\\|")
        if target and "properties" in target:
            yield from _rows(target, root, here + ("[]" if many else ""))


def _target(field: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """The model that a field refers to, and whether it is a list of them."""
    if field.get("type") == "array":
        return _target(field["items"], root)[0], True
    for option in [field, *field.get("anyOf", [])]:
        if "$ref" in option:
            found: dict[str, Any] = root["$defs"][option["$ref"].rsplit("/", 1)[1]]
            return found, False
    return None, False


def _kind(field: dict[str, Any], root: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(option, root) for option in field["anyOf"])
    if "$ref" in field:
        return "object"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = str(field.get("type", "any"))
    low, high = field.get("minimum"), field.get("maximum")
    return f"{kind} {low:g} to {high:g}" if low is not None and high is not None else kind


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not up to date.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=ROOT, help="Checkout to write to.")
def messages(check: bool, root: Path) -> None:
    """Write the JSON Schemas and the reference page of all messages."""
    stale = [path for path, text in files(root).items() if not path.exists() or path.read_text() != text]
    if check:
        for path in stale:
            click.echo(f"{path} is not up to date: run `drukte messages`", err=True)
        sys.exit(bool(stale))
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files(root)[path])
        click.echo(f"wrote {path}")
