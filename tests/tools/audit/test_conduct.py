"""The audit as a whole: the site it makes of the device's own, its verdict on honest runs and on planted leaks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from drukte.report.broker.desk import Running
from drukte_tools.audit import conduct
from drukte_tools.audit.conduct import SHORTEST_TICK, _short_tick, _site
from drukte_tools.audit.page import number, page

SITES = Path(__file__).parents[3] / "firmware_config" / "sites"


class Stand:
    def __init__(self) -> None:
        self.source = {"kind": "canary", "seed": 1}


def test_the_sites_settings_stay_but_sensor_broker_hours_and_light_do_not(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    content = yaml.safe_load((SITES / "demo-street.yaml").read_text())
    content["ground"] = {"kind": "opencv", "intrinsics": "a.yaml", "extrinsics": "/b.yaml"}
    content |= {"schedule": {"hours": []}, "indicator": {"kind": "file"}, "mqtt": {"host": "city", "backup": "other"}}
    content.pop("model")
    (own / "site.yaml").write_text(yaml.safe_dump(content))
    (own / "generic.yaml").write_text("window: 900\ntick: 60\nmqtt: {host: shared}\nmodel: {score: 0.4}\n")
    made = _site(own / "site.yaml", tmp_path / "made.yaml", Running("127.0.0.1", 9, "5", "x"), Stand(), 10)  # type: ignore[arg-type]
    found = yaml.safe_load(made.read_text())
    assert found["source"] == Stand().source
    assert found["mqtt"] == {"host": "127.0.0.1", "port": 9, "version": "5"}
    assert "schedule" not in found and "indicator" not in found
    assert found["ground"] == {"kind": "opencv", "intrinsics": str(own / "a.yaml"), "extrinsics": "/b.yaml"}
    assert found["model"] == {"score": 0.4} and found["tick"] == 10
    assert found["zones"] == content["zones"] and found["purpose"] == content["purpose"]


def test_the_twins_get_a_tick_that_their_window_allows() -> None:
    assert _short_tick(tick=60, window=900) == SHORTEST_TICK
    assert _short_tick(tick=12, window=12) == 12


def test_a_site_with_two_sensors_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "load_site", lambda _path: SimpleNamespace(second=object()))
    with pytest.raises(conduct.AuditError, match="Audit each by itself"):
        conduct.audit(Path("site.yaml"), 1.0, print)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the audit reads programs' memory, which needs root")
@pytest.mark.parametrize(
    ("site", "plant", "leak"),
    [
        ("demo-street.yaml", None, None),
        ("radar-demo.yaml", None, None),
        ("demo-street.yaml", "file", "file"),
        ("demo-street.yaml", "door", "door"),
        ("demo-street.yaml", "network", "network"),
        ("demo-street.yaml", "telemetry", "telemetry"),
    ],
)
def test_an_honest_device_passes_and_every_planted_leak_is_named(
    site: str, plant: str | None, leak: str | None, tmp_path: Path, model_store: Path
) -> None:
    command = [sys.executable, "-m", "drukte", "audit", "--site", str(SITES / site), "--minutes", "0.2"]
    command += ["--out", str(tmp_path / "out"), *(("--plant", plant) if plant else ())]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"DRUKTE_MODELS": str(model_store)})
    report = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert report["verdict"] == ("FAIL" if leak else "PASS"), done.stdout
    assert done.returncode == (2 if leak else 0)
    assert set(report["leaks"]) - {"ended"} == ({leak} if leak else set()), done.stdout
    assert all(all(check["controls"].values()) for check in report["checks"]), done.stdout
    for language in ("nl", "en"):
        html = (tmp_path / "out" / f"audit.{language}.html").read_text()
        assert html == page(report, language) and number(report) in html
