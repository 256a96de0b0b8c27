"""The flat table: every field of an observation, empty where nothing is given; the same in CSV and Parquet."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drukte.report.formats import table
from drukte.report.formats.native import dump, seconds
from tests.report.formats.conftest import Told


def test_every_leaf_of_an_observation_has_its_column(told: list[Told]) -> None:
    for day in told:
        for o in day.observations[::11]:
            row = table.row(o)
            assert list(row) == list(table.columns())
            leaves = json.dumps([v for v in row.values() if v is not None])

            def walk(node: object) -> None:
                match node:
                    case dict():
                        for value in node.values():
                            walk(value)
                    case list():
                        for value in node:
                            walk(value)
                    case None:
                        pass
                    case _:
                        assert json.dumps(node) in leaves  # noqa: B023 - called at once

            walk(json.loads(dump(o)))


def test_csv_reads_back_with_empty_for_not_given(told: list[Told]) -> None:
    for day in told:
        out = io.StringIO()
        assert table.write_csv(day.observations, out) == len(day.observations)
        rows = list(csv.DictReader(io.StringIO(out.getvalue())))
        assert len(rows) == len(day.observations)
        for o, row in zip(day.observations, rows, strict=True):
            assert row["people_status"] == o.people.status
            assert row["people_mean"] == ("" if o.people.mean is None else str(o.people.mean))
            if o.crossings and o.crossings.lines:
                value = o.crossings.lines[0].in_
                assert (row["crossings_1_line"], row["crossings_1_in"]) == (
                    o.crossings.lines[0].line,
                    "" if value is None else str(value),
                )


def test_parquet_has_types_and_nulls(told: list[Told], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    day = told[0]
    path = tmp_path / "day.parquet"
    assert table.write_parquet(day.observations, path, batch=100) == len(day.observations)
    rows = parquet.read_table(path).to_pylist()
    assert len(rows) == len(day.observations)
    for o, row in zip(day.observations, rows, strict=True):
        assert row["from"] == datetime.fromtimestamp(seconds(o.from_), UTC)
        assert row["people_mean"] == o.people.mean
        assert {k: v for k, v in table.row(o).items() if "from" not in k and k != "to"} == {
            k: v for k, v in row.items() if "from" not in k and k != "to"
        }
