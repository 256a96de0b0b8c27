"""Opening hours: local time, midnight, events, and both changes of the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.config.test_load import changed

from drukte.config import parse_site
from drukte.config.schedule import DAYS, Schedule

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def schedule(*weekly: dict[str, Any], events: tuple[dict[str, Any], ...] = ()) -> Schedule:
    return Schedule.model_validate({"weekly": weekly, "events": events})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WORK = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "19:00"}


@pytest.mark.parametrize(
    ("weekly", "now", "is_open", "change"),
    [
        (WORK, "2027-01-04 05:59", False, "2027-01-04 06:00"),  # a Monday in winter: UTC+1
        (WORK, "2027-01-04 06:00", True, "2027-01-04 18:00"),
        (WORK, "2027-01-08 18:00", False, "2027-01-11 06:00"),  # Friday evening to Monday
        (WORK, "2027-07-05 05:00", True, "2027-07-05 17:00"),  # summer: UTC+2
        ({"from": "22:00", "to": "04:00"}, "2027-01-04 23:30", True, "2027-01-05 03:00"),  # over midnight
        ({"days": ["sun"], "from": "22:00", "to": "04:00"}, "2027-01-04 02:30", True, "2027-01-04 03:00"),
        ({"from": "00:00", "to": "24:00", "days": ["sat", "sun"]}, "2027-01-09 12:00", True, "2027-01-10 23:00"),
        # the clock goes forward on 28 March 2027 at 02:00: 02:30 is not there
        ({"from": "01:00", "to": "04:00"}, "2027-03-28 00:30", True, "2027-03-28 02:00"),
        ({"from": "02:30", "to": "04:00"}, "2027-03-28 01:15", False, "2027-03-28 01:30"),
        # the clock goes back on 31 October 2027 at 03:00: 02:30 comes twice
        ({"from": "02:30", "to": "04:00"}, "2027-10-31 00:30", True, "2027-10-31 03:00"),
        ({"from": "01:00", "to": "02:30"}, "2027-10-31 01:15", True, "2027-10-31 01:30"),
    ],
)
def test_weekly_hours(weekly: dict[str, Any], now: str, is_open: bool, change: str) -> None:
    assert schedule(weekly).change(utc(now), AMSTERDAM) == (is_open, utc(change))


def test_events_and_hours_that_touch_are_one_opening() -> None:
    event = {"from": "2027-04-27 19:00", "to": "2027-04-27 23:30"}
    plan = schedule(WORK, events=(event,))
    assert plan.change(utc("2027-04-27 10:00"), AMSTERDAM) == (True, utc("2027-04-27 21:30"))


def test_after_the_last_event_there_is_no_opening() -> None:
    plan = schedule(events=({"from": "2027-04-27 10:00", "to": "2027-04-27 23:30"},))
    assert plan.change(utc("2027-05-01 00:00"), AMSTERDAM) == (False, None)


def test_hours_that_join_up_around_the_clock_have_no_end() -> None:
    plan = schedule({"from": "00:00", "to": "12:30"}, {"from": "12:00", "to": "24:00"})
    assert plan.change(utc("2027-05-01 00:00"), AMSTERDAM) == (True, None)


def test_without_a_schedule_it_is_always_open() -> None:
    assert Schedule().change(utc("2027-05-01 00:00"), AMSTERDAM) == (True, None)


@given(st.data())
def test_the_change_is_really_the_next_one(data: st.DataObject) -> None:
    hour = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.sampled_from([0, 30]))
    weekly = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {"days": st.lists(st.sampled_from(DAYS), min_size=1, unique=True), "from": hour, "to": hour}
            ).filter(lambda w: w["from"] != w["to"]),
            min_size=1,
            max_size=3,
        )
    )
    plan = schedule(*weekly)
    now = utc("2027-03-26 00:00") + timedelta(minutes=data.draw(st.integers(0, 7 * 24 * 60)))
    is_open, change = plan.change(now, AMSTERDAM)
    if change is None:
        return
    assert change > now
    assert plan.change(change, AMSTERDAM)[0] is not is_open
    middle = now + (change - now) / 2
    assert plan.change(middle, AMSTERDAM) == (is_open, change)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekly": [{"from": "07:00", "to": "07:00"}]},
        {"weekly": [{"from": "7:00", "to": "19:00"}]},
        {"weekly": [{"days": [], "from": "07:00", "to": "19:00"}]},
        {"events": [{"from": "2027-04-27 23:00", "to": "2027-04-27 10:00"}]},
        {"events": [{"from": "2027-02-30 10:00", "to": "2027-04-27 10:00"}]},
    ],
)
def test_what_is_no_schedule(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(wrong)


def test_the_purpose_s_last_day_ends_every_opening() -> None:
    site = parse_site(
        changed(purpose__valid_until="2027-01-05", schedule={"weekly": [{"from": "07:00", "to": "24:00"}]})
    )
    assert site.may_look(utc("2027-01-05 12:00")) == (True, utc("2027-01-05 23:00"), None)
    assert site.may_look(utc("2027-01-05 04:00")) == (False, utc("2027-01-05 06:00"), "schedule")
    assert site.may_look(utc("2027-01-05 23:00")) == (False, None, "purpose")
    assert parse_site(changed(purpose__valid_until="2027-01-05")).may_look(utc("2027-01-05 22:59")).allowed
