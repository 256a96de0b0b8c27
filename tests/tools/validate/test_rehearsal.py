"""A whole validation, short: order, sample, counts in a real browser, report, deletion. See `make validate-demo`."""

import shutil
from pathlib import Path

import pytest
from tests.tools.validate.rehearsal import Rehearsal, rehearse


@pytest.mark.usefixtures("model_store")
def test_a_whole_validation(test_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium here: apt install chromium")
    r = Rehearsal(tmp_path, test_data / "camera" / "pets09-s2l1")
    result = rehearse(r, 5, 14)
    assert result["overall"]["pictures"] == result["pictures_kept"] >= 3
    # Settled by two people who err in 5 of 100: the hand count is near the truth, and the device not far off.
    errors = [abs(p["counted"] - result["feet"][str(p["index"])]) for p in result["pairs"]]
    assert sum(errors) <= 3
    assert result["overall"]["count_mae"]["value"] < 2
    assert result["places"]["place_error_median_m"] < 0.6
    assert result["levels"]["matched"] > 5
    assert (r.report / "statement.html").stat().st_size > 3000
