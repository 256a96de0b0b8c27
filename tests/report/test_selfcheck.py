"""The weekly self-check: what balances, what does not, and what is not said because it is not known."""

import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml

from drukte.config import Site, SiteError, parse_site
from drukte.config.site import Second
from drukte.report.disclose import Discloser
from drukte.report.formats.native import (
    Crossing,
    Crossings,
    Observation,
    People,
    RiderCrossings,
    Stays,
    json_schema,
    moment,
)
from drukte.report.history import DETAIL, History
from drukte.report.messages import observation
from drukte.report.outbox import Outbox
from drukte.report.process import Report
from drukte.report.selfcheck import SelfChecks, last_week
from drukte.report.window import Closed, Tally
from tests.report.conftest import Mosquitto, listening, record, site_text

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MONDAY = int(datetime(2027, 1, 11, tzinfo=AMSTERDAM).timestamp())
HOUR, WEEK = 3600, 7 * 86_400
NOW = MONDAY + WEEK + DETAIL + 3 * HOUR
LINES = "lines: [{name: gate, from: [0, 10], to: [10, 10]}, {name: door, from: [10, 0], to: [10, 10]}]"


def site(
    expect: str = "[conservation, line_pair, empty_nights]", policy: str = "operational", lines: str = LINES
) -> Site:
    return parse_site(text_of(expect, policy, lines))


def text_of(expect: str, policy: str, lines: str = LINES, mqtt: str = "{}") -> str:
    text = site_text(mqtt=mqtt, window=900 if policy == "open" else 60, disclosure=f"{{policy: {policy}}}")
    old = "lines: [{name: gate, from: [0, 5], to: [10, 5]}]"
    assert old in text
    return text.replace(old, f"{lines}\n    expect: {expect}")


def hour(
    made_for: Site, start: int, gate: tuple[float, float], door: tuple[float, float], people: float = 8
) -> Observation:
    tally = Tally.of(record(0, start + 60, people=8, mode=0))
    closed = Closed(0, tally, None)
    made = observation(made_for, "00000000", 0, closed, Discloser(made_for).disclose([closed])[0])
    crossings = Crossings(
        status="shown",
        from_=moment(start),
        observed=1.0,
        lines=[Crossing(line=n, in_=i, out=o) for n, (i, o) in (("gate", gate), ("door", door))],
        riders=RiderCrossings(status="suppressed", from_=moment(start), lines=[]),
        stays=Stays(status="suppressed"),
    )
    shown = People(status="shown", mean=people, max=people)
    return made.model_copy(update={"to": moment(start + HOUR), "people": shown, "crossings": crossings})


def filled(
    made_for: Site, gate: tuple[float, float], door: tuple[float, float], hours: int = 168, ghost: bool = False
) -> History:
    history = History(None)
    rows = []
    for i in range(hours):
        start = MONDAY + i * HOUR
        night = 2 <= i % 24 < 5
        rows.append(hour(made_for, start, gate, door, 0 if night and not ghost else 8))
    history.keep(rows)
    return history


def check(made_for: Site, history: History):
    made = SelfChecks(made_for, history).look(NOW)
    history.close()
    assert made is not None
    jsonschema.Draft202012Validator(json_schema("selfcheck-1")).validate(made.model_dump(mode="json", by_alias=True))
    return made.zones[0]


def test_a_week_that_balances() -> None:
    # seen from its start to its end the gate's right is inside, the door's right is outside
    zone = check(site(), filled(site(), gate=(10, 5), door=(10, 5)))
    assert zone.observed == 1
    assert (zone.conservation.status, zone.conservation.in_, zone.conservation.out) == ("shown", 168 * 15, 168 * 15)
    assert zone.conservation.difference == 0
    assert (zone.line_pair.status, zone.line_pair.difference) == ("shown", 0)
    assert (zone.nights.hours, zone.nights.empty) == (21, 1)


def test_a_line_that_sees_nobody_and_a_ghost_at_night() -> None:
    zone = check(site(), filled(site(), gate=(10, 10), door=(0, 0), ghost=True))
    assert zone.line_pair.difference == 2
    assert zone.conservation.difference == 0
    assert zone.nights.empty == 0
    lost = check(site(), filled(site(), gate=(10, 5), door=(5, 10)))
    assert (lost.conservation.in_, lost.conservation.out) == (168 * 20, 168 * 10)
    assert lost.conservation.difference == 0.667


def with_radar(made_for: Site) -> Site:
    second = """{source: {kind: radar-ti, module: iwr6843isk, port: /dev/ttyUSB1},
                ground: {kind: radar, height: 2.0, tilt: 15, at: [1.0, 0.0]}}"""
    return made_for.model_copy(update={"second": Second.model_validate(yaml.safe_load(second))})


@pytest.mark.parametrize(
    ("agreed", "expected"),
    [
        ([9, 6, 6, 9, 11], ("shown", 5, 0.72)),  # shares in tenths, less 1, of the hours that tell one
        ([0, 9, 6, 6, 9, 11, 0], ("shown", 5, 0.72)),
        ([9, 6, 6, 9, 0], ("too_few", 4, None)),
        ([0, 0, 0, 0, 0], ("not_observed", 0, None)),
    ],
)
def test_two_sensors_check_each_other(agreed: list[int], expected: tuple[str, int, float | None]) -> None:
    made_for, history = with_radar(site("[]")), History(None)
    discloser = Discloser(made_for)
    rows = []
    for i, value in enumerate(agreed):
        start = MONDAY + i * HOUR
        closed = Closed(0, Tally.of(record(0, start + 60, people=8, mode=0, agreed=value)), None)
        made = observation(made_for, "00000000", i, closed, discloser.disclose([closed])[0])
        rows.append(made.model_copy(update={"from_": moment(start), "to": moment(start + HOUR)}))
    history.keep(rows)
    zone = check(made_for, history)
    assert (zone.agreement.status, zone.agreement.hours, zone.agreement.agreed) == expected


def test_one_sensor_has_nothing_to_agree_with() -> None:
    assert check(site(), filled(site(), (10, 5), (10, 5))).agreement is None


def test_what_is_not_known_is_not_said() -> None:
    assert SelfChecks(site("[]"), History(None)).look(NOW) is None
    assert SelfChecks(site(), History(None)).look(NOW) is None
    half = check(site(), filled(site(), (10, 5), (10, 5), hours=100))
    assert (half.conservation.status, half.conservation.difference, half.observed) == (
        "gaps",
        None,
        round(100 / 168, 3),
    )
    few = check(site(), filled(site(), (0, 0), (0, 0)))
    assert (few.conservation.status, few.line_pair.status) == ("too_few", "too_few")
    public = site("[empty_nights]", "open")
    assert check(public, filled(public, (10, 5), (10, 5))).nights.status == "hidden"


def test_the_week_is_the_last_of_which_only_hours_are_kept() -> None:
    assert last_week(NOW, "Europe/Amsterdam") == (MONDAY, MONDAY + WEEK)
    assert last_week(NOW - 3 * HOUR, "Europe/Amsterdam") == (MONDAY - WEEK, MONDAY)
    spring = datetime(2027, 4, 1, tzinfo=UTC)  # summer time begins on 28 March
    start, end = last_week(spring.timestamp(), "Europe/Amsterdam")
    assert end - start == WEEK - HOUR
    assert datetime.fromtimestamp(end, AMSTERDAM).hour == 0


def test_it_is_made_once_a_week() -> None:
    made_for = site()
    history = filled(made_for, (10, 5), (10, 5))
    checks = SelfChecks(made_for, history)
    first = checks.look(NOW)
    history.close()  # a second look that reads would fail
    assert checks.look(NOW + timedelta(days=1).total_seconds()) is first


@pytest.mark.parametrize(
    ("expect", "lines", "says"),
    [
        ("[conservation]", "lines: []", "no line"),
        ("[conservation]", "lines: [{name: gate, from: [0, 5], to: [10, 5]}]", "does not lie on the zone's border"),
        ("[line_pair]", "lines: [{name: gate, from: [0, 5], to: [10, 5]}]", "needs two lines"),
    ],
)
def test_what_cannot_hold_is_an_error_in_the_site_file(expect: str, lines: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        site(expect, lines=lines)


def test_which_way_in_leads(tmp_path: Path) -> None:
    zone = site().zones[0]
    assert [line.leads_in(zone.polygon) for line in zone.lines] == [1, -1]


def test_it_reaches_the_broker(broker: Mosquitto, tmp_path: Path) -> None:
    made_for = parse_site(text_of("[line_pair]", "operational", mqtt=f"{{port: {broker.port}}}"))
    start, end = last_week(time.time(), "Europe/Amsterdam")
    history = History(None)
    rows = [hour(made_for, start + i * HOUR, (10, 5), (10, 5)) for i in range((end - start) // HOUR)]
    history.keep(rows[:-1])
    history.keep(rows[-1:])
    read, write = os.pipe()
    os.set_blocking(read, False)
    outbox = Outbox(tmp_path / "outbox.sqlite", ["primary"])
    room = Report(made_for, read, outbox, history, tmp_path)
    with listening(broker.port) as seen:

        def end_it() -> None:
            try:
                seen.wait(lambda s: bool(s.of("dev-1/selfcheck")))
            finally:
                room.stop()

        watcher = threading.Thread(target=end_it)
        watcher.start()
        room.run()
        watcher.join()
    os.close(read)
    os.close(write)
    outbox.close()
    history.close()
    (told,) = {m.payload for m in seen.messages if m.topic.endswith("/selfcheck")}
    assert json.loads(told)["zones"][0]["line_pair"]["difference"] == 0
