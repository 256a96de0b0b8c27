"""How busy, whether that is usual, what may come: from published windows of simulated weeks."""

import json
from datetime import UTC, datetime

import jsonschema
import numpy as np
import pytest

from drukte.report.disclosure.rules import rule_for
from drukte.report.formats.native import (
    Groups,
    Levels,
    Observation,
    Pairs,
    People,
    Quality,
    Riders,
    Speed,
    dump,
    json_schema,
    moment,
)
from drukte.report.meaning.interpret import AHEAD, Interpreter
from drukte.report.meaning.meaning import Meaning
from drukte.report.meaning.usual import ENOUGH, ENOUGH_LIKE, Usual
from drukte.report.store.history import History
from tests.report.conftest import make_site

MONDAY = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp())
DAY, HOUR = 86_400, 3600
SITE = make_site(window=900, extra="busyness: {}\n")


def seen(start, people, status="shown", site=SITE, zone="square", window=900, observed=1.0):
    return Observation(
        organisation=site.organisation,
        device=site.device,
        zone=zone,
        boot="00000000",
        seq=start,
        from_=moment(start),
        to=moment(start + window),
        observed=observed,
        sensing=observed > 0,
        state="running",
        people=People(status=status, mean=people if status == "shown" else None, max=None),
        levels=Levels(status="suppressed"),
        pairs=Pairs(status="suppressed"),
        groups=Groups(status="suppressed"),
        riders=Riders(status="suppressed"),
        speed=Speed(status="suppressed"),
        crossings=None,
        quality=Quality(grade="good", frames=100, ticks_missing=0, calibration="good", counted_from="tracks"),
        disclosure=rule_for(site.disclosure).protection,
    )


def weeks(number, people_at, rng, start=MONDAY):
    """Quarters of an hour of whole weeks; `people_at(weekday, hour)` says how many there are on average."""
    for quarter in range(number * 7 * 96):
        at = start + quarter * 900
        local = datetime.fromtimestamp(at, UTC).astimezone(Usual("Europe/Amsterdam")._place)
        yield seen(at, float(rng.poisson(people_at(local.weekday(), local.hour))))


def street(weekday, hour):
    return 60 if weekday < 5 and 8 <= hour < 18 else 12


def test_not_enough_history_is_said():
    usual = Usual("Europe/Amsterdam")
    message = Interpreter(SITE, usual).read(seen(MONDAY, 40.0))
    assert message.usual.status == "not_enough_history"
    assert message.compared is None
    assert message.forecast == []


def test_the_usual_of_an_hour_is_learned_and_a_festival_does_not_move_it():
    usual = Usual("Europe/Amsterdam")
    usual.learn(weeks(8, street, np.random.default_rng(0)))
    usual.learn(seen(MONDAY + 8 * 7 * DAY + 9 * HOUR + q * 900, 900.0) for q in range(4))
    at = MONDAY + 9 * 7 * DAY + 9 * HOUR  # ten o'clock at the place
    known = usual.at("square", at)
    assert known.days == 9
    assert known.people == pytest.approx(60, abs=4)
    assert known.spread < 12
    assert usual.at("square", at - 5 * HOUR).people == pytest.approx(12, abs=2)
    assert usual.at("corner", at) is None


def test_until_there_are_enough_mondays_other_weekdays_help():
    usual = Usual("Europe/Amsterdam")
    usual.learn(weeks(1, street, np.random.default_rng(1)))
    next_monday = MONDAY + 7 * DAY + 9 * HOUR
    assert usual.at("square", next_monday).days == ENOUGH_LIKE
    assert usual.at("square", next_monday + 5 * DAY) is None  # a weekend has had two days only
    usual.learn(weeks(ENOUGH - 1, street, np.random.default_rng(2), MONDAY + 7 * DAY))
    assert usual.at("square", next_monday + (ENOUGH - 1) * 7 * DAY).days == ENOUGH


def test_hours_hardly_observed_teach_nothing():
    usual = Usual("Europe/Amsterdam")
    usual.learn(seen(MONDAY + week * 7 * DAY, 10.0, observed=0.4) for week in range(8) for _ in range(1))
    assert usual.at("square", MONDAY + 8 * 7 * DAY) is None


def test_busier_than_usual_and_back():
    usual = Usual("Europe/Amsterdam")
    usual.learn(weeks(6, street, np.random.default_rng(3)))
    interpreter = Interpreter(SITE, usual)
    at = MONDAY + 6 * 7 * DAY + 9 * HOUR
    said = [interpreter.read(seen(at, people)).compared for people in (60.0, 75.0, 110.0, 30.0)]
    assert said == ["as_usual", "more", "much_more", "less"]


def test_a_level_does_not_flutter():
    interpreter = Interpreter(SITE, Usual("Europe/Amsterdam"))
    busy = 0.72 * 100  # people on 100 m2
    up = [interpreter.read(seen(MONDAY, people)).level for people in (busy - 1, busy, busy - 1, busy * 0.95)]
    assert up == ["normal", "busy", "busy", "busy"]
    assert interpreter.read(seen(MONDAY, busy * 0.89)).level == "normal"


def test_thresholds_of_the_site_by_hour():
    extra = (
        "busyness:\n  thresholds:\n"
        "    - {zone: square, days: [mon], from: '09:00', to: '17:00', normal: 5, busy: 10, very_busy: 20}\n"
    )
    interpreter = Interpreter(make_site(window=900, extra=extra), Usual("Europe/Amsterdam"))
    at_ten, at_night = (interpreter.read(seen(MONDAY + hour * HOUR, 12.0)) for hour in (9, 1))
    assert (at_ten.level, at_ten.level_from) == ("busy", "setting")
    assert (at_night.level, at_night.level_from) == ("quiet", "density")


@pytest.mark.parametrize(
    ("threshold", "complaint"),
    [
        ("{zone: nowhere, normal: 1, busy: 2, very_busy: 3}", "no zone 'nowhere'"),
        ("{zone: square, normal: 3, busy: 2, very_busy: 3}", "must grow"),
        ("{zone: square, from: '22:00', to: '06:00', normal: 1, busy: 2, very_busy: 3}", "ends before it starts"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(threshold, complaint):
    with pytest.raises(Exception, match=complaint):
        make_site(extra=f"busyness: {{thresholds: [{threshold}]}}\n")


def test_hidden_and_unseen_windows_are_never_busy():
    interpreter = Interpreter(SITE, Usual("Europe/Amsterdam"))
    few = interpreter.read(seen(MONDAY, None, status="under_5"))
    assert few.level == "quiet"
    for status in ("suppressed", "not_observed"):
        assert interpreter.read(seen(MONDAY, None, status=status)).level is None


def test_the_forecast_holds_as_often_as_it_says():
    rng = np.random.default_rng(4)
    usual = Usual("Europe/Amsterdam")
    usual.learn(weeks(8, street, rng))
    start = MONDAY + 8 * 7 * DAY
    held = []
    for hours in range(0, 7 * 24 - AHEAD, 2):
        at = start + hours * HOUR
        local = datetime.fromtimestamp(at, UTC).astimezone(usual._place)
        now = float(rng.poisson(street(local.weekday(), local.hour)))
        for one in Interpreter(SITE, usual).read(seen(at, now)).forecast:
            then = datetime.strptime(one.from_, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).astimezone(usual._place)
            held.append(one.low <= rng.poisson(street(then.weekday(), then.hour)) <= one.high)
    assert len(held) > 200
    assert 0.7 < np.mean(held) < 0.95


def test_messages_fit_their_schema_and_restart_from_history(tmp_path):
    schema = json_schema("busyness-1")
    history = History(tmp_path / "history.sqlite")
    history.keep(weeks(6, street, np.random.default_rng(5)))
    now = MONDAY + 6 * 7 * DAY
    meaning = Meaning(SITE, history, now)
    meaning.take([seen(now + 9 * HOUR, 100.0)])
    (text,) = meaning.to_say(everything=False).values()
    message = json.loads(text)
    jsonschema.validate(message, schema)
    assert message["compared"] == "much_more"
    assert message["usual"]["days"] == 6
    assert len(message["forecast"]) == AHEAD
    assert meaning.to_say(everything=False) == {}
    assert meaning.to_say(everything=True) == {"square": text}
    assert "person decides" in dump(Interpreter(SITE, Usual("UTC")).read(seen(now, 1.0)))
