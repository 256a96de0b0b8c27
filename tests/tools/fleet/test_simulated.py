"""Made-up devices say what real ones could say: every message fits its schema, every record the door."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from drukte.report.formats.native import MODELS, json_schema
from drukte.report.history import History
from drukte.summary import valid
from drukte_tools.fleet.simulated import SimulatedDevice, busy, new_site, quantiles

VALIDATORS = {f"drukte/{name.replace('-', '/')}": Draft202012Validator(json_schema(name)) for name in MODELS}
SHARED = {(zones, window): new_site(zones, window) for zones in (1, 3) for window in (10, 60, 300)}
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
EMPTY = History(None)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(SHARED)), st.integers(1_700_000_000, 2_000_000_000), st.integers(0, 9999))
def test_every_message_fits_its_schema(kind: tuple[int, int], now: int, number: int) -> None:
    zones, window = kind
    device = SimulatedDevice(number, SHARED[kind], EMPTY, now)
    said = [*device.greet(now), device.will, device.status(now, 2), device.status(now, stopped=True)]
    first = now - now % window + window
    for end in range(first, first + 3 * window, window):
        made = device.window(end)
        assert sum(s.counted for s in made) == zones
        said += made
    names = set()
    for s in said:
        tree = json.loads(s.payload)
        assert tree["schema"] == s.schema
        assert s.topic.startswith(f"drukte/v1/simulated/{tree['device']}/")
        VALIDATORS[s.schema].validate(tree)
        names.add(s.schema)
    assert names - {"drukte/day/1"} == {
        f"drukte/{n}/1" for n in ("meta", "privacy", "status", "observation", "busyness")
    }
    numbers = [json.loads(s.payload)["seq"] for s in said if s.counted]
    assert numbers == list(range(3 * zones))
    days = {topic for topic in device.retained() if topic.endswith("/day")}  # said when a day is over
    assert {s.topic for s in said if s.retain} | days == set(device.retained())


def test_a_day_that_is_over_is_summed_up() -> None:
    midnight = datetime(2027, 3, 3, tzinfo=AMSTERDAM).timestamp()
    device = SimulatedDevice(1, SHARED[1, 300], EMPTY, midnight - 1200)
    said = [s for end in range(int(midnight) - 900, int(midnight) + 900, 300) for s in device.window(end)]
    (day,) = (json.loads(s.payload) for s in said if s.schema == "drukte/day/1")
    VALIDATORS["drukte/day/1"].validate(day)
    assert day["date"] == "2027-03-02"


@settings(max_examples=200)
@given(st.integers(0, 99), st.integers(1_700_000_000, 2_000_000_000))
def test_every_record_fits_the_door(number: int, end: int) -> None:
    device = SimulatedDevice(number, SHARED[3, 60], EMPTY, end)
    for zone in range(3):
        valid(device.record(zone, end))


def test_a_street_is_busier_at_five_than_at_night() -> None:
    night, rush = (datetime(2027, 3, 3, hour, tzinfo=AMSTERDAM).timestamp() for hour in (3, 17))
    assert busy(rush, AMSTERDAM) > 20 * busy(night, AMSTERDAM)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.9, 9), (0.99, 10), (1, 10)])
def test_quantiles(share: float, expected: int) -> None:
    assert quantiles(range(10, 0, -1), [share]) == [expected]
