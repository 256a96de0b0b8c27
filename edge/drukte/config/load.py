"""Read a site file and say everything that is wrong with it at once."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from drukte.config.site import Site

MAX_BYTES = 256 * 1024

Path_ = tuple[str | int, ...]


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
    """

    key: str
    line: int | None
    found: str
    allowed: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
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


def load_site(path: Path) -> Site:
    """The checked site file at `path`.

    Raises:
        SiteError: the file is missing, unreadable, not YAML, or breaks the schema.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SiteError(
                str(path), [Problem("", None, f"{path.stat().st_size} bytes", f"at most {MAX_BYTES} bytes")]
            )
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problem = Problem("", None, "", f"cannot be read: {error.strerror}. Check the path and the file's mode")
        raise SiteError(str(path), [problem]) from None
    except UnicodeDecodeError as error:
        problem = Problem("", None, f"byte {error.object[error.start]:#x}", "must be text in UTF-8")
        raise SiteError(str(path), [problem]) from None
    return parse_site(text, str(path))


def parse_site(text: str, name: str = "site file") -> Site:
    """The checked site in `text`; `name` stands in front of its errors.

    Raises:
        SiteError: the text is not YAML or breaks the schema.
    """
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
    lines = _lines(node)
    if doubles := _doubled_keys(node):
        raise SiteError(name, [Problem(key, line, "", "this key stands twice; keep one") for key, line in doubles])
    try:
        return Site.model_validate(tree)
    except ValidationError as error:
        problems = _joined([_problem(details, lines) for details in error.errors(include_url=False)])
        raise SiteError(name, sorted(problems, key=lambda p: p.line or 0)) from None


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
                found.append((_written(here), key.start_mark.line + 1))
            seen.add(key.value)
            found += _doubled_keys(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            found += _doubled_keys(value, (*path, i))
    return found


def _joined(problems: Sequence[Problem]) -> list[Problem]:
    """One problem for a key that may be one of several things and is none of them."""
    out: dict[tuple[str, int | None, str], Problem] = {}
    for p in problems:
        same = (p.key, p.line, p.found)
        if p.found and same in out:
            allowed = f"{out[same].allowed}, or {p.allowed.removeprefix('must be ')}"
            out[same] = Problem(p.key, p.line, p.found, allowed)
        else:
            out[(*same[:2], p.found or p.allowed)] = p
    return list(out.values())


def _problem(details: ErrorDetails, lines: Mapping[Path_, int]) -> Problem:
    """A pydantic error in the words of this file's reader."""
    path = _path_in_file(details["loc"], lines, details["type"] in {"missing", "extra_forbidden"})
    line = next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), None)
    context = details.get("ctx", {})
    found = details["input"]
    shown = "" if isinstance(found, Mapping | BaseModel) else _short(found)
    match details["type"]:
        case _ if found is None and details["type"] != "value_error":
            return Problem(_written(path), line, "", "is empty and must be given")
        case "missing":
            return Problem(_written(path), line, "", "is missing and must be given")
        case "extra_forbidden":
            return Problem(_written(path), line, "", "is not a key of this section" + _suggestion(details["loc"]))
        case "value_error":
            return Problem(_written(path), line, "", str(context.get("error", details["msg"])))
        case "string_pattern_mismatch":
            rule = f"must match {context['pattern']}"
            if "a-z0-9" in context["pattern"]:
                rule = "must be 1 to 40 lower-case letters, digits and inner hyphens"
            return Problem(_written(path), line, shown, rule)
        case "union_tag_invalid" | "literal_error":
            allowed = context.get("expected_tags") or context.get("expected")
            return Problem(_written(path), line, shown, f"must be one of {allowed}")
        case _:
            text = details["msg"].replace("Input should be", "must be").replace("Value should", "must")
            return Problem(_written(path), line, shown, text)


def _path_in_file(loc: Sequence[str | int], lines: Mapping[Path_, int], names_absent: bool) -> Path_:
    """The error's location without the names that pydantic adds for members of a union.

    `names_absent`: whether the last part is a key that is not in the file, or not known.
    """
    path: Path_ = ()
    for i, part in enumerate(loc):
        if (*path, part) in lines or isinstance(part, int) or (names_absent and i == len(loc) - 1):
            path = (*path, part)
    return path


def _suggestion(loc: Sequence[str | int]) -> str:
    """The nearest known key of the section that holds `loc`, as a hint."""
    known: set[str] = set()
    stack: list[type[BaseModel]] = [Site]
    seen: set[type[BaseModel]] = set()
    while stack:
        model = stack.pop()
        if model in seen:
            continue
        seen.add(model)
        known.update(field.alias or name for name, field in model.model_fields.items())
        stack += [m for m in _models(model) if m not in seen]
    close = difflib.get_close_matches(str(loc[-1]), sorted(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else "; remove it or check its spelling and indentation"


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    todo: list[Any] = [f.annotation for f in model.model_fields.values()]
    while todo:
        annotation = todo.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        todo += list(getattr(annotation, "__args__", ()))
    return found


def _written(path: Path_) -> str:
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
