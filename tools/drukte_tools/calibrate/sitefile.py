"""Write `ground:` and `zones:` into a site file; every other byte of it stays as it was."""

import io
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from drukte.config import SiteError, parse_site
from drukte.config.document import MAX_BYTES
from drukte.config.purpose import Purpose
from drukte.config.source import Model, Source
from drukte.config.zones import Closeness, Zone


class SiteFileError(Exception):
    """A site file that cannot be read or written: what is wrong and what to do."""


class SiteFile:
    """A site file in the course of a calibration. It may still lack `ground:` and `zones:`."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            SiteFileError: it cannot be read or is not YAML.
        """
        self.path = path
        self._text = self._read()
        try:
            tree = yaml.safe_load(self._text)
            yaml.compose(self._text)
        except yaml.MarkedYAMLError as error:
            line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
            raise SiteFileError(f"{path}: {line}is not YAML: {error.problem}") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise SiteFileError(f"{path}: is not YAML: {str(error).splitlines()[0]}") from None
        if not isinstance(tree, Mapping):
            raise SiteFileError(f"{path}: is no site file: it must be keys and values; see `drukte check`")
        self.tree: dict[str, Any] = {str(k): v for k, v in tree.items()}

    def _read(self) -> str:
        try:
            if self.path.stat().st_size > MAX_BYTES:
                raise SiteFileError(f"{self.path}: larger than {MAX_BYTES} bytes; this is no site file")
            return self.path.read_bytes().decode("utf-8")
        except OSError as error:
            raise SiteFileError(f"{self.path}: cannot be read: {error.strerror}. Check the path") from None
        except UnicodeDecodeError:
            raise SiteFileError(f"{self.path}: is not text in UTF-8") from None

    @property
    def ground(self) -> dict[str, Any]:
        """The present `ground:` section, unchecked; empty where there is none."""
        value = self.tree.get("ground")
        return dict(value) if isinstance(value, Mapping) else {}

    @property
    def zones(self) -> list[Zone]:
        """The present zones that are right."""
        found = []
        value = self.tree.get("zones")
        for zone in value if isinstance(value, list) else []:
            with suppress(ValidationError):
                found.append(Zone.model_validate(zone))
        return found

    @property
    def closeness(self) -> Closeness:
        """The distances that count as near."""
        try:
            return Closeness.model_validate(self.tree.get("closeness") or {})
        except ValidationError:
            return Closeness()

    @property
    def name(self) -> str:
        """Organisation, device and place, as far as they are there."""
        place = self.tree.get("place")
        where = place.get("name") if isinstance(place, Mapping) else None
        device = "/".join(str(self.tree[k]) for k in ("organisation", "device") if self.tree.get(k))
        return ", ".join(str(part) for part in (device, where) if part) or self.path.stem

    def source(self) -> Any:
        """The checked `source:` section.

        Raises:
            SiteFileError: it is missing or wrong.
        """
        return self._checked(TypeAdapter(Source), "source")

    def purpose(self) -> Purpose:
        """The checked `purpose:` section.

        Raises:
            SiteFileError: it is missing, wrong, or past its last day: then nothing is looked at.
        """
        purpose: Purpose = self._checked(TypeAdapter(Purpose), "purpose")
        if purpose.valid_until < datetime.now(UTC).date():
            raise SiteFileError(
                f"{self.path}: purpose.valid_until: {purpose.valid_until} is past; nothing is looked at without a "
                "purpose"
            )
        return purpose

    def model(self) -> Model:
        """The checked `model:` section.

        Raises:
            SiteFileError: it is wrong.
        """
        self.tree.setdefault("model", {})
        model: Model = self._checked(TypeAdapter(Model), "model")
        return model

    def _checked(self, kind: TypeAdapter[Any], key: str) -> Any:
        try:
            return kind.validate_python(self.tree.get(key))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(p) for p in (key, *first["loc"]))
            raise SiteFileError(f"{self.path}: {where}: {first['msg']}. Run: drukte check {self.path}") from None

    def with_sections(self, sections: Mapping[str, Any]) -> str:
        """The file's text with these top-level sections in place of its own; comments and order kept.

        A zone or a key that stays keeps its comments; what is new comes at the end.
        """
        text = self._text
        for key, value in sections.items():
            text = _spliced(text, key, value)
        return text

    def save(self, sections: Mapping[str, Any]) -> list[str]:
        """Write these sections; the file is replaced in one step, and its mode kept.

        Returns:
            What `drukte check` still finds wrong elsewhere in the file.

        Raises:
            SiteFileError: the new sections are wrong, somebody changed the file meanwhile, or it cannot be written.
        """
        if self._read() != self._text:
            raise SiteFileError(f"{self.path}: was changed by somebody else since it was read. Start again")
        text = self.with_sections(sections)
        left: list[str] = []
        try:
            parse_site(text, str(self.path), self.path)
        except SiteError as error:
            wrong = [p for p in error.problems if p.key.split(".")[0].split("[")[0] in sections]
            if wrong:
                raise SiteFileError("\n".join(["nothing was written:", *(f"  {p}" for p in wrong)])) from None
            left = [f"{p.key}: {p.allowed}" for p in error.problems]
        folder = self.path.resolve().parent
        target = self.path.resolve()
        try:
            handle, name = tempfile.mkstemp(dir=folder, prefix=f".{target.name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(text.encode("utf-8"))
                    file.flush()
                    os.fsync(file.fileno())
                state = target.stat()
                Path(name).chmod(state.st_mode & 0o7777)
                with suppress(PermissionError):
                    os.chown(name, state.st_uid, state.st_gid)
                Path(name).replace(target)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise SiteFileError(
                f"{self.path}: cannot be written: {error.strerror}. Use sudo, or write to a copy of the file"
            ) from None
        self._text = text
        self.tree = {str(k): v for k, v in yaml.safe_load(text).items()}
        return left


def _yaml(text: str) -> YAML:
    writer = YAML()
    writer.width = 118
    writer.preserve_quotes = True
    dashes = [line for line in text.splitlines() if line.lstrip().startswith("- ") or line.strip() == "-"]
    if dashes and dashes[0].startswith("-"):
        writer.indent(mapping=2, sequence=2, offset=0)
    else:
        writer.indent(mapping=2, sequence=4, offset=2)
    return writer


def _spliced(text: str, key: str, value: Any) -> str:
    """`text` with the block of the top-level `key` written anew."""
    lines = text.splitlines(keepends=True)
    span = _block(text, key)
    old = "".join(lines[span[0] : span[1]]) if span else ""
    writer = _yaml(old)
    tree = writer.load(old) if old else CommentedMap()
    tree[key] = _merged(tree.get(key), value)
    out = io.StringIO()
    writer.dump(tree, out)
    new = out.getvalue()
    line_end = "\r\n" if "\r\n" in text else "\n"
    new = new.replace("\r\n", "\n").replace("\n", line_end)
    if span is None:
        ending = "" if not text or text.endswith("\n") else line_end
        return f"{text}{ending}{line_end}{new}"
    return "".join(lines[: span[0]]) + new + "".join(lines[span[1] :])


def _block(text: str, key: str) -> tuple[int, int] | None:
    """First line of the top-level key and the line after its last content; comments after it belong to the next."""
    node = yaml.compose(text)
    if not isinstance(node, yaml.MappingNode):
        return None
    for name, value in node.value:
        if name.value == key:
            return name.start_mark.line, _last_line(value, name.start_mark.line) + 1
    return None


def _last_line(node: yaml.Node, least: int) -> int:
    """Line on which the node's last content stands; a block's own end mark may lie after trailing comments."""
    if isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False):
        end = node.end_mark
        return max(least, end.line if end.column or end.line == node.start_mark.line else end.line - 1)
    parts = [p for pair in node.value for p in pair] if isinstance(node, yaml.MappingNode) else node.value
    return max([least, *(_last_line(p, least) for p in parts)])


def _merged(old: Any, new: Any) -> Any:
    """`new` written over `old`, so that what ruamel holds of the old one's comments and style stays."""
    if isinstance(new, Mapping):
        target = old if isinstance(old, CommentedMap) else CommentedMap()
        for key in [k for k in target if k not in new]:
            del target[key]
        for key, value in new.items():
            target[key] = _merged(target.get(key), value)
        if not isinstance(old, CommentedMap) and _is_small(new):
            target.fa.set_flow_style()
        return target
    if isinstance(new, list | tuple):
        same = isinstance(old, CommentedSeq) and len(old) == len(new)
        by_name = _by_name(old)
        named = bool(by_name)
        items = CommentedSeq()
        if same:
            items = old
        elif isinstance(old, CommentedSeq) and named:
            del old[:]  # keeps the comment above the first one
        for i, item in enumerate(new):
            before = by_name.pop(item.get("name"), None) if isinstance(item, Mapping) else None
            if before is None and same and not named:
                before = old[i]
            value = _merged(before, item)
            if same:
                items[i] = value
            else:
                items.append(value)
        if all(isinstance(v, int | float) for v in new):
            items.fa.set_flow_style()
        return items
    return new if old is None or old != new else old


def _by_name(old: Any) -> dict[Any, Any]:
    items = old if isinstance(old, list) else []
    return {item["name"]: item for item in items if isinstance(item, Mapping) and "name" in item}


def _is_small(value: Mapping[str, Any]) -> bool:
    """Whether a new mapping fits one line: a point, a line's two ends, a lens."""
    flat = all(
        not isinstance(v, Mapping) and not (isinstance(v, list) and any(isinstance(x, list | Mapping) for x in v))
        for v in value.values()
    )
    return flat and len(value) <= 4 and "kind" not in value
