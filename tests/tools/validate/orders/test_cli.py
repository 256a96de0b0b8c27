"""Orders on the command line: what an order takes of what, and how many pictures a wish needs."""

from pathlib import Path

from click.testing import CliRunner
from tests.sample.test_expire import KEY
from tests.scenes import SITES

from drukte_tools.validate.cli import validate


def run(*arguments: str) -> str:
    done = CliRunner().invoke(validate, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_an_order_says_what_it_takes_of_what(tmp_path: Path) -> None:
    out = str(tmp_path / "order.json")
    run(
        "order", "new", "--site", str(SITES / "demo-street.yaml"), "--asked-by", "Council", "--purpose", "Accuracy",
        "--pictures", "36", "--start", "2026-12-01T00:00:00Z", "--end", "2026-12-03T00:00:00Z", "--plan", "expected",
        "--expected", ",".join(["0"] * 16 + ["20"] * 8), "--recipient", "Counters", KEY, "--out", out,
    )  # fmt: skip
    said = run("order", "show", out)
    assert "expected 0          18 pictures, 67 % of the time" in said
    assert "expected 15+        18 pictures, 33 % of the time" in said
    assert "as good as 32 pictures" in said  # 1 / ((4/9 + 1/9) / 18) = 32.4
    assert "signed by   nobody" in said


def test_pictures_for_every_stratum() -> None:
    assert "total ratio +-10.0% in each of 3 strata: 105 pictures" in run(
        "plan", "--half-width", "0.1", "--strata", "3"
    )
    assert "more than the 500" in run("plan", "--half-width", "0.02")
