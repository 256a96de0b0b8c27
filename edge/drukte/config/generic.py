"""Settings that a whole city shares: `generic.yaml` beside the site file, laid under it.

A section of the site file goes into the one of the same name key by key; lists are taken whole; where both name a
`kind` and it differs, the site's section stands alone. What makes one device answerable for one place may not be
shared, so that nobody gets a purpose by copying a file.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

NAME: Final = "generic.yaml"
ALONE: Final = {
    "purpose": "purpose, controller and end date are decided for one device at one place",
    "device": "every device has a name of its own",
    "place": "every device stands somewhere else",
    "ground": "a calibration holds for one sensor at one place",
    "zones": "zones are drawn on one place's ground",
}
"""Sections that only a site file may hold, and why."""

Path_ = tuple[str | int, ...]


def laid_under(generic: Mapping[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    """The site's settings with the shared ones where it says nothing."""
    merged: dict[str, Any] = dict(generic)
    for key, value in site.items():
        below = generic.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping) and not _another_kind(below, value):
            merged[key] = laid_under(below, value)
        else:
            merged[key] = value
    return merged


def _another_kind(generic: Mapping[str, Any], site: Mapping[str, Any]) -> bool:
    return "kind" in site and "kind" in generic and site["kind"] != generic["kind"]


def leaves(tree: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every value of a document with where it stands; a list of plain values is one value."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(tree, list) and any(isinstance(item, Mapping) for item in tree):
        for number, item in enumerate(tree):
            yield from leaves(item, (*path, number))
    else:
        yield path, tree
