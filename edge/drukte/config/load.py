"""Read a site file, with the settings it shares, and say everything that is wrong with it at once."""

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from drukte.config.document import NOTHING, Document, Problem, SiteError, parse, read, written
from drukte.config.generic import ALONE, NAME, Path_, laid_under, leaves
from drukte.config.site import Site


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that a device runs with.

    Attributes:
        key: where, as `zones[0].name`.
        value: the value.
        origin: `site.yaml line 3`, `generic.yaml line 2`, or `default`.
    """

    key: str
    value: Any
    origin: str


def load_site(path: Path) -> Site:
    """The checked site file at `path`, with `generic.yaml` beside it laid under it if there is one.

    Raises:
        SiteError: a file is missing, unreadable, not YAML, or breaks the schema.
    """
    return _checked(parse(read(path), str(path)), _generic(path))


def effective(path: Path) -> list[Setting]:
    """Every value that the device at `path` runs with, and where it comes from.

    Raises:
        SiteError: as `load_site`.
    """
    own, shared = parse(read(path), str(path)), _generic(path)
    site = _checked(own, shared)
    merged = laid_under(shared.tree, own.tree)
    given = {where for where, _ in leaves(merged)}
    settings = []
    for where, value in leaves(site.model_dump(mode="json", by_alias=True)):
        origin = "default"
        if any(where[: len(g)] == g or g[: len(where)] == where for g in given):
            document = own if _holds(own.tree, where) else shared
            line = next((document.lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in document.lines), 0)
            origin = f"{Path(document.name).name} line {line}"
        settings.append(Setting(written(where), value, origin))
    return settings


def settings_hash(path: Path) -> str:
    """SHA-256 over the files that the settings of the site file at `path` stand in. Raises OSError."""
    digest = hashlib.sha256(path.read_bytes())
    if (shared := path.parent / NAME).is_file():
        digest.update(shared.read_bytes())
    return digest.hexdigest()


def parse_site(text: str, name: str = "site file", at: Path | None = None) -> Site:
    """The checked site in `text`; `name` stands in front of its errors, shared settings lie beside `at`.

    Raises:
        SiteError: the text is not YAML or breaks the schema.
    """
    return _checked(parse(text, name), NOTHING if at is None else _generic(at))


def _generic(site: Path) -> Document:
    """The shared settings beside a site file."""
    path = site.parent / NAME
    if not path.exists():
        return NOTHING
    document = parse(read(path), str(path))
    if alone := [
        Problem(key, document.lines.get((key,)), "", f"belongs in {site.name}: {why}")
        for key, why in ALONE.items()
        if key in document.tree
    ]:
        raise SiteError(str(path), alone)
    return document


def _checked(own: Document, shared: Document) -> Site:
    tree = laid_under(shared.tree, own.tree)
    # where both say something, the site file's line is the one to look at
    lines = {**shared.lines, **own.lines}
    try:
        return Site.model_validate(tree)
    except ValidationError as error:
        problems = _joined([_problem(details, lines) for details in error.errors(include_url=False)])
        elsewhere = {written(where) for where in shared.lines if where not in own.lines} - {""}
        told = [replace(p, file=NAME) if p.key in elsewhere else p for p in problems]
        raise SiteError(own.name, sorted(told, key=lambda p: (p.file, p.line or 0))) from None


def _holds(tree: Any, where: Path_) -> bool:
    """Whether a document gives the value at `where`, or what holds it as a whole."""
    for part in where:
        here: Iterable[object] = (
            range(len(tree)) if isinstance(tree, list) else tree if isinstance(tree, Mapping) else ()
        )
        if part in here:
            tree = tree[part]
        else:
            return not isinstance(tree, Mapping)
    return True


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
            return Problem(written(path), line, "", "is empty and must be given")
        case "missing":
            return Problem(written(path), line, "", "is missing and must be given")
        case "extra_forbidden":
            return Problem(written(path), line, "", "is not a key of this section" + _suggestion(details["loc"]))
        case "value_error":
            return Problem(written(path), line, "", str(context.get("error", details["msg"])))
        case "string_pattern_mismatch":
            rule = f"must match {context['pattern']}"
            if "a-z0-9" in context["pattern"]:
                rule = "must be 1 to 40 lower-case letters, digits and inner hyphens"
            return Problem(written(path), line, shown, rule)
        case "union_tag_invalid" | "literal_error":
            allowed = context.get("expected_tags") or context.get("expected")
            return Problem(written(path), line, shown, f"must be one of {allowed}")
        case _:
            text = details["msg"].replace("Input should be", "must be").replace("Value should", "must")
            return Problem(written(path), line, shown, text)


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


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
