"""From answers to a site file."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from drukte.config.ground import PRESETS

_TITLES: Final = {
    "purpose": "Why this device counts, for whom and until when. Past its last day it stops.",
    "place": "Where it stands.",
    "source": "What it looks with.",
    "ground": "How the sensor stands: a rough beginning. Better, in ten minutes on site: drukte calibrate points",
    "zones": "Where people are counted, in metres; lines are added here too (see technician.md).",
    "mqtt": "Where the numbers go.",
}


def site_text(answers: Mapping[str, Any], ground: Any = None, zones: Any = None) -> str:
    """The site file.

    Args:
        answers: values by key as the questions have them.
        ground: the `ground` section, in place of the one made of the answers.
        zones: the `zones` section, likewise.
    """
    sections: dict[str, Any] = {}
    for key, value in answers.items():
        section, _, name = key.rpartition(".")
        if value == "" or section in ("ground", "zone"):
            continue
        if section:
            sections.setdefault(section, {})[name] = value
    sensor = answers["source.kind"]
    sections["ground"] = ground if ground is not None else _ground(sensor, answers)
    sections["zones"] = zones if zones is not None else [_zone(answers)]
    if sensor == "video":
        sections["source"] |= {"rate": 7, "loop": True}
    rows = ["# The site file of this device, written by `drukte setup`. After a change: drukte check FILE", "drukte: 1"]
    rows += [f"{key}: {answers[key]}" for key in ("organisation", "device") if key in answers]
    for section, title in _TITLES.items():
        if section in sections:
            rows += ["", f"# {title}", f"{section}:"]
            rows += _written(sections[section])
    return "\n".join(rows) + "\n"


def _ground(sensor: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    where = {"height": answers["ground.height"], "tilt": answers["ground.tilt"]}
    if sensor.startswith("radar"):
        return {"kind": "radar", **where}
    lens = answers["ground.lens"]
    seen = {"camera": lens} if lens in PRESETS else {"fov": float(lens)}
    return {"kind": "mount", "picture": [1280, 720], **where, "lens": seen}


def _zone(answers: Mapping[str, Any]) -> dict[str, Any]:
    half, near, far = answers["zone.width"] / 2, answers["zone.near"], answers["zone.far"]
    corners = [[-half, near], [half, near], [half, far], [-half, far]]
    return {"name": answers["zone.name"], "polygon": corners}


def _written(section: Any) -> list[str]:
    if isinstance(section, list):
        text = yaml.safe_dump(section, default_flow_style=None, sort_keys=False, allow_unicode=True, width=118)
        return [f"  {row}" for row in text.splitlines()]
    rows = []
    for key, value in section.items():
        plain = value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)
        rows.append(f"  {key}: {plain}")
    return rows


def fragment(path: Path, name: str) -> Any:
    """A section from a YAML file that holds it alone or under its name. Raises OSError, yaml.YAMLError, ValueError."""
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    if isinstance(tree, Mapping) and name in tree:
        tree = tree[name]
    if not isinstance(tree, list if name == "zones" else Mapping):
        raise ValueError(f"holds no {name} section")
    return tree
