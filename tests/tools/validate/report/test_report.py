"""The report, its table and the public statement: whole, safe to open, and never saying more than was measured."""

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from tests.sample.test_expire import order
from tests.tools.validate.report.test_figures import NOBODY, marks, samples

from drukte_tools.validate.report.figures import figures
from drukte_tools.validate.report.limits import cannot_tell, verdict
from drukte_tools.validate.report.page import report_page
from drukte_tools.validate.report.statement import statement_page
from drukte_tools.validate.report.tables import HEAD, csv_table


def found(device: list[int], true: list[int], **changes: Any) -> dict[str, Any]:
    return figures(samples(device), order().model_copy(update=changes), marks("A", true), marks("B", true), NOBODY)


@pytest.fixture(scope="module")
def many() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    true = rng.poisson(6, 60)
    return found(rng.binomial(true, 0.9).tolist(), true.tolist(), pictures=64)


def test_the_page_stands_alone_and_runs_nothing(many: dict[str, Any]) -> None:
    for page in (report_page(many), statement_page(many)):
        assert "<script" not in page
        assert "default-src 'none'" in page
        assert not re.search(r"(src|href)=", page)
        assert not re.search(r"\bNone\b|\bnan\b|\{[a-z_]+\}", page)
    assert report_page(many).count("<svg") >= 2


def test_words_from_outside_are_shown_as_words(many: dict[str, Any]) -> None:
    bad = many | {"asked_by": "<script>alert(1)</script>", "purpose": "<img src=x>"}
    for page in (report_page(bad), statement_page(bad)):
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script" in page


def test_strata_add_up(many: dict[str, Any]) -> None:
    for by in ("people", "hour"):
        rows = [r for r in many["strata"] if r["by"] == by]
        assert sum(r["pictures"] for r in rows) == many["overall"]["pictures"] == 60
        assert sum(r["share_of_time"] for r in rows) == pytest.approx(1)
        mean = sum(r["share_of_time"] * r["count_bias"]["value"] for r in rows)
        assert mean == pytest.approx(many["overall"]["count_bias"]["value"])


def test_the_table_says_what_the_report_says(many: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_table(many))))
    assert tuple(rows[0]) == HEAD
    mae = next(r for r in rows if r["stratum"] == "all" and r["figure"] == "count_mae")
    assert float(mae["value"]) == pytest.approx(many["overall"]["count_mae"]["value"], rel=1e-5)
    assert float(mae["low_95"]) < float(mae["value"]) < float(mae["high_95"])


def test_what_it_cannot_tell(many: dict[str, Any]) -> None:
    said = " ".join(cannot_tell(many))
    assert "4 of 64 ordered moments" in said
    assert f"more than {many['overall']['most_counted']:.0f} people" in said


def test_the_verdict_dares_to_condemn() -> None:
    true = [4, 5, 6] * 10
    useless = found([9, 0, 12] * 10, true)
    assert "BETTER" in verdict(useless)
    assert "gokken is hier dus beter" in statement_page(useless).lower()
    assert "too few" in verdict(found([t - 2 for t in true], true))
    assert "too little for an interval" in verdict(found([3], [3]))
    assert "Too few pictures" in statement_page(found([3], [3]))
