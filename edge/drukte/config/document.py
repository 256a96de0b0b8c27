"""A settings file as it stands: its values, where each of them is written, and what is wrong with it as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drukte.config.generic import Path_

MAX_BYTES = 256 * 1024


class _Loader(yaml.SafeLoader):
    """Safe YAML without guessing at dates, so that a wrong date is named with its key and not in passing."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a site file.

    Attributes:
        key: where, as `zones[0].polygon[2]`; empty for the file as a whole.
        line: line in the file, counted from 1; None when it cannot be told.
        found: what stands there.
        allowed: what may stand there, or what to do.
        file: the file, where it is not the site file itself.
    """

    key: str
    line: int | None
    found: str
    allowed: str
    file: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        where = f"{self.file}: {where}" if self.file else where
        key = f"{self.key}: " if self.key else ""
        found = f" (found {self.found})" if self.found else ""
        return f"{where}{key}{self.allowed}{found}"


class SiteError(Exception):
    """A site file that cannot be used. `problems` holds every reason."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{name}: {count}", *(f"  {p}" for p in problems)]))


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as it stands: its values, and the line of each."""

    name: str
    tree: Mapping[str, Any]
    lines: Mapping[Path_, int]


NOTHING = Document("", {}, {})


def read(path: Path) -> str:
    """The text of a settings file. Raises SiteError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SiteError(
                str(path), [Problem("", None, f"{path.stat().st_size} bytes", f"at most {MAX_BYTES} bytes")]
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        problem = Problem("", None, "", f"cannot be read: {error.strerror}. Check the path and the file's mode")
        raise SiteError(str(path), [problem]) from None
    except UnicodeDecodeError as error:
        problem = Problem("", None, f"byte {error.object[error.start]:#x}", "must be text in UTF-8")
        raise SiteError(str(path), [problem]) from None


def parse(text: str, name: str) -> Document:
    """The document in `text`. Raises SiteError: not YAML, no mapping, or a key stands twice."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problem = Problem("", line, "", f"is not YAML: {error.problem}. Look at this line and the one before it")
        raise SiteError(name, [problem]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SiteError(name, [Problem("", None, "", f"is not YAML: {str(error).splitlines()[0]}")]) from None
    if not isinstance(tree, Mapping):
        raise SiteError(name, [Problem("", None, type(tree).__name__, "must be a list of keys and values")])
    if doubles := _doubled_keys(node):
        raise SiteError(name, [Problem(key, line, "", "this key stands twice; keep one") for key, line in doubles])
    return Document(name, tree, _lines(node))


def _lines(node: yaml.Node | None, path: Path_ = (), into: dict[Path_, int] | None = None) -> dict[Path_, int]:
    """Line of every key in the document, counted from 1."""
    into = {} if into is None else into
    if node is None:
        return into
    into.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            into[(*path, str(key.value))] = key.start_mark.line + 1
            _lines(value, (*path, str(key.value)), into)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _lines(value, (*path, i), into)
    return into


def _doubled_keys(node: yaml.Node | None, path: Path_ = ()) -> list[tuple[str, int]]:
    """Keys given twice in one mapping, which YAML readers let pass in silence."""
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = (*path, str(key.value))
            if key.value in seen:
                found.append((written(here), key.start_mark.line + 1))
            seen.add(key.value)
            found += _doubled_keys(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            found += _doubled_keys(value, (*path, i))
    return found


def written(path: Path_) -> str:
    """A place in a document as people write it: `zones[0].name`."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out
