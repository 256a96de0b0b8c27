"""Observations as rows of one flat table, for spreadsheets and data frames: CSV, and Parquet with an extra package.

A number that is not given is an empty field (CSV) or null (Parquet), never 0; the status beside it says why.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, TextIO, get_args, get_origin

from drukte.report.formats.native import Crossings, Message, Observation, RiderCrossings

Value = str | float | int | bool | None
MOST_LINES: Final = 2
"""Lines of a zone; each has columns of its own."""
_KEYS: Final = {"schema_": "schema", "from_": "from", "in_": "in"}


class ExportError(Exception):
    """The export cannot be made; says why and what to do."""


def columns() -> dict[str, type]:
    """Names of all columns, and the type of their values; every one but the keys can be empty."""
    return dict(_columns(Observation, ""))


def _columns(model: type[Message], prefix: str) -> Iterator[tuple[str, type]]:
    for name, field in model.model_fields.items():
        if model in (Crossings, RiderCrossings) and name == "lines":
            for i in range(1, MOST_LINES + 1):
                yield from (
                    (f"{prefix}{i}_{key}", kind) for key, kind in (("line", str), ("in", float), ("out", float))
                )
            continue
        kind = _kind(field.annotation)
        key = prefix + _KEYS.get(name, name)
        if issubclass(kind, Message):
            yield from _columns(kind, f"{key}_")
        else:
            yield key, kind


def _kind(annotation: Any) -> type:
    """The type behind an annotation without its `None` and its limits."""
    if get_origin(annotation) is Literal:
        return type(get_args(annotation)[0])
    if isinstance(annotation, type):
        return annotation
    return next(_kind(part) for part in get_args(annotation) if part is not type(None))


def row(o: Observation) -> dict[str, Value]:
    """One observation as a row, in the order of the columns."""
    found: dict[str, Value] = dict.fromkeys(columns())

    def put(block: dict[str, Any], prefix: str) -> None:
        for name, value in block.items():
            if name == "lines":
                for i, line in enumerate(value, 1):
                    put(line, f"{prefix}{i}_")
            elif isinstance(value, dict):
                put(value, f"{prefix}{name}_")
            elif prefix + name in found:
                found[prefix + name] = value

    put(o.model_dump(mode="json", by_alias=True), "")
    return found


def write_csv(observations: Iterable[Observation], out: TextIO) -> int:
    """Write a table as CSV (RFC 4180, UTF-8, with a header). Returns the number of rows."""
    table = csv.DictWriter(out, list(columns()))
    table.writeheader()
    n = 0
    for n, o in enumerate(observations, 1):  # noqa: B007 - the number of rows is what is wanted
        table.writerow(row(o))
    return n


def write_parquet(observations: Iterable[Observation], path: Path, batch: int = 5000) -> int:
    """Write a table as Parquet, in parts, so that ninety days fit in little memory. Returns the number of rows.

    Raises:
        ExportError: the package that it needs is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ExportError("Parquet needs the package 'pyarrow': pip install 'drukte[parquet]'") from None
    arrow: dict[type, Callable[[], Any]] = {
        str: pyarrow.string, float: pyarrow.float64, int: pyarrow.int64, bool: pyarrow.bool_,
    }  # fmt: skip
    moment = pyarrow.timestamp("s", tz="UTC")
    names = columns()
    times = [name for name in ("from", "to", "crossings_from", "crossings_riders_from") if name in names]
    schema = pyarrow.schema([(name, moment if name in times else arrow[kind]()) for name, kind in names.items()])
    n = 0
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as file:
        for rows in _batches(map(row, observations), batch):
            n += len(rows)
            data = [pyarrow.array([r[name] for r in rows], pyarrow.string()) for name in times]
            stamps = dict(zip(times, data, strict=True))
            made = [
                stamps[name].cast(moment) if name in stamps else pyarrow.array([r[name] for r in rows], field.type)
                for name, field in zip(schema.names, schema, strict=True)
            ]
            file.write_table(pyarrow.table(made, schema=schema))
    return n


def _batches(rows: Iterable[dict[str, Value]], size: int) -> Iterator[list[dict[str, Value]]]:
    held: list[dict[str, Value]] = []
    for one in rows:
        held.append(one)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
