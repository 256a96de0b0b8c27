"""`drukte evaluate` on a recorded street with truth, and on what cannot be evaluated."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.scenes import SITES, moving_square

from drukte.exits import Exit
from drukte_tools.validate.truth.evaluate import evaluate

SITE = str(SITES / "demo-street.yaml")


@pytest.mark.usefixtures("model_store")
def test_the_recorded_street(test_data: Path, tmp_path: Path) -> None:
    street = test_data / "camera" / "pets09-s2l1"
    out = tmp_path / "figures.json"
    arguments = ["--site", SITE, "--source", str(street / "vtest.avi"), "--truth", str(street / "gt.txt")]
    done = CliRunner().invoke(evaluate, [*arguments, "--frames", "1-400", "--json", str(out)])
    assert done.exit_code == 0, done.output
    (figures,) = json.loads(out.read_text())["sets"]
    assert figures["frames"] == 400
    assert figures["mean_truth"] == pytest.approx(5.2, abs=0.02)
    assert figures["constant_mae"] == pytest.approx(0.9, abs=0.03)
    assert figures["count_mae"] <= 0.40
    assert figures["pair_distance_mae_m"] <= 0.15
    assert set(figures["levels"]) == {"high_risk", "low_risk"}
    assert figures["levels"]["high_risk"]["f1"] >= 0.80
    assert figures["tracking"]["mota"] >= 0.7
    assert figures["tracking"]["idf1"] >= 0.7
    assert "IDF1" in done.output
    assert "IoU" in done.output


@pytest.mark.usefixtures("model_store")
def test_true_boxes_measure_the_geometry_alone(test_data: Path, tmp_path: Path) -> None:
    street = test_data / "camera" / "pets09-s2l1"
    out = tmp_path / "figures.json"
    arguments = ["--site", SITE, "--source", str(street / "vtest.avi"), "--truth", str(street / "gt.txt")]
    done = CliRunner().invoke(evaluate, [*arguments, "--frames", "1-200", "--boxes", "truth", "--json", str(out)])
    assert done.exit_code == 0, done.output
    (figures,) = json.loads(out.read_text())["sets"]
    assert figures["pair_distance_mae_m"] <= 0.04
    assert figures["levels"]["high_risk"]["f1"] > 0.95


@pytest.mark.usefixtures("model_store")
def test_counts_alone_give_no_distances(tmp_path: Path) -> None:
    video = moving_square(tmp_path / "square.avi", frames=12, size=(768, 576))
    truth = tmp_path / "counts.csv"
    truth.write_text("frame,count\n" + "".join(f"{n},0\n" for n in range(1, 11)))
    out = tmp_path / "figures.json"
    done = CliRunner().invoke(
        evaluate, ["--site", SITE, "--source", str(video), "--truth", str(truth), "--json", str(out)]
    )
    assert done.exit_code == 0, done.output
    (figures,) = json.loads(out.read_text())["sets"]
    assert (figures["frames"], figures["count_mae"], "levels" in figures) == (10, 0.0, False)


@pytest.mark.usefixtures("model_store")
def test_truth_beyond_the_recording_is_an_error(tmp_path: Path) -> None:
    video = moving_square(tmp_path / "square.avi", frames=5, size=(768, 576))
    truth = tmp_path / "counts.csv"
    truth.write_text("frame,count\n9,1\n")
    done = CliRunner().invoke(evaluate, ["--site", SITE, "--source", str(video), "--truth", str(truth)])
    assert done.exit_code == Exit.SOURCE
    assert "ends before frame 6" in done.output


def test_each_source_needs_its_truth(tmp_path: Path) -> None:
    video = moving_square(tmp_path / "square.avi", frames=2)
    done = CliRunner().invoke(
        evaluate, ["--site", SITE, "--source", str(video), "--source", str(video), "--truth", "gt.txt"]
    )
    assert done.exit_code == 2
    assert "one truth for each source" in done.output
