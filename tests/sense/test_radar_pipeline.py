"""Where a radar hangs decides where its people stand."""

import math

import pytest
from tests.scenes import SITES

from drukte.config import load_site
from drukte.config.radar import RadarGround
from drukte.sense.radar_pipeline import RadarPipeline
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_modules import MODULES


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ({}, (1.0, 4.4)),
        ({"upside_down": True}, (-1.0, 4.4)),
        ({"bearing": 90.0}, (4.4, -1.0)),
        ({"bearing": 90.0, "upside_down": True}, (4.4, 1.0)),
        ({"at": (2.0, 1.0)}, (3.0, 5.4)),
    ],
)
def test_a_walker_to_the_right_of_the_radar(setting: dict[str, object], place: tuple[float, float]) -> None:
    site = load_site(SITES / "radar-demo.yaml")
    ground = RadarGround(kind="radar", height=2.0, tilt=15.0, **setting)  # type: ignore[arg-type]
    pipeline = RadarPipeline(site, ground, MODULES["ld2450"], "targets")
    frame = RadarFrame()
    for k in range(30):
        frame.time = k * 0.1
        frame.take_targets(1)[0] = (0, 1.0, 1.5 + 0.1 * k, math.nan, 0, 1.0, math.nan, math.nan, math.nan)
        people = pipeline.look(frame)
        frame.wipe()
    assert len(people) == 1
    assert people.xy[0].tolist() == pytest.approx(list(place), abs=0.2)
