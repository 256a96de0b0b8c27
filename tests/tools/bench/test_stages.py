"""The benchmark measures every stage of every picture."""

from pathlib import Path

import pytest
from tests.scenes import moving_square, site_file

from drukte_tools.bench.stages import STAGES, measure, table


@pytest.mark.usefixtures("model_store")
def test_every_stage_is_measured_and_shown(tmp_path: Path) -> None:
    video = moving_square(tmp_path / "square.avi", frames=15, size=(768, 576))
    spent = measure(site_file(tmp_path, source__path=str(video)), None, 30)
    assert {len(values) for values in spent.values()} >= {30}
    assert all(min(spent[name]) >= 0 for name, _ in STAGES)
    shown = table(spent)
    assert all(meaning in shown for _, meaning in STAGES)
    assert "100.0%" in shown
