"""What a device's sensors can do is in its meta message, as the module and its place allow."""

import pytest
import yaml

from drukte.config import Site, parse_site
from drukte.report.messages import meta
from tests.report.conftest import site_text
from tests.report.test_selfcheck import with_radar


def test_a_camera_has_no_limit_of_people_that_we_know_of() -> None:
    (camera,) = meta(parse_site(site_text())).sensors
    assert (camera.max_targets, camera.range, camera.decidable) == (None, None, None)


@pytest.mark.parametrize(
    ("source", "reach", "kind", "most", "decidable"),
    [
        # 1.80 m and 1.50 m seen under 15 degrees, the LD2450's 60 degrees, and not farther than people are seen
        ("{kind: radar-ti, module: iwr6843isk, port: /dev/a}", "", "radar-iwr6843isk", 7, (6.9, 5.7)),
        ("{kind: radar-ti, module: iwr6843isk, port: /dev/a}", ", reach: 6.0", "radar-iwr6843isk", 7, (6.0, 5.7)),
        ("{kind: radar-ld2450, port: /dev/a}", "", "radar-ld2450", 3, (1.7, 1.4)),
    ],
)
def test_a_radar_says_how_many_and_how_far(
    source: str, reach: str, kind: str, most: int, decidable: tuple[float, float]
) -> None:
    base = parse_site(site_text())
    made = Site.model_validate(
        base.model_dump(by_alias=True)
        | {
            "source": yaml.safe_load(source),
            "ground": yaml.safe_load(f"{{kind: radar, height: 2.0, tilt: 15{reach}}}"),
        }
    )
    (radar,) = meta(made).sensors
    assert (radar.kind, radar.max_targets) == (kind, most)
    assert radar.decidable is not None
    assert (radar.decidable["low_risk"], radar.decidable["high_risk"]) == decidable


def test_both_of_two_sensors_are_told() -> None:
    kinds = [one.kind for one in meta(with_radar(parse_site(site_text()))).sensors]
    assert len(kinds) == 2
    assert kinds[1] == "radar-iwr6843isk"
