"""Moments: the order's chance alone decides, strata are all visited, the sun is where it is."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from tests.sample.test_expire import T0, order

from drukte.order import Order, OrderError, Plan
from drukte.sample.plan import sampling
from drukte.sample.sun import elevation, light


def planned(pictures: int, **plan: object) -> Order:
    return order().model_copy(
        update={"pictures": pictures, "plan": Plan.model_validate({"time_zone": "Europe/Amsterdam", **plan})}
    )


def test_the_same_order_always_gives_the_same_moments() -> None:
    made = planned(100)
    first, again = sampling(made), sampling(made)
    assert first == again
    assert len({m.at for m in first.moments}) == 100
    assert all(0 <= m.at - T0.timestamp() < 86_400 for m in first.moments)
    other = sampling(made.model_copy(update={"seed": "01" * 32}))
    assert first.moments != other.moments


def test_uniform_moments_are_uniform() -> None:
    moments = sampling(planned(480)).moments
    quarters = Counter(int((m.at - T0.timestamp()) // 21_600) for m in moments)
    assert all(85 < quarters[i] < 155 for i in range(4))  # 120 +- 3.7 standard deviations


def test_every_hour_gets_its_share() -> None:
    drawn = sampling(planned(48, kind="hour"))
    assert set(Counter(m.stratum for m in drawn.moments).values()) == {2}
    assert sum(drawn.shares.values()) == pytest.approx(1)


def test_only_the_hours_that_were_asked_for() -> None:
    drawn = sampling(planned(30, kind="hour", hours=(9, 12)))
    assert {m.stratum for m in drawn.moments} == {"hour 09", "hour 10", "hour 11"}


def test_by_light_and_by_expected_count() -> None:
    lit = sampling(planned(30, kind="light", latitude=52.37, longitude=4.9))
    assert Counter(m.stratum for m in lit.moments) == {"day": 10, "twilight": 10, "night": 10}
    assert lit.shares["twilight"] < lit.shares["day"] < lit.shares["night"]
    counts = [0.0] * 8 + [3.0] * 8 + [20.0] * 8
    drawn = sampling(planned(30, kind="expected", expected=counts))
    assert Counter(m.stratum for m in drawn.moments) == {"expected 0": 10, "expected 1-4": 10, "expected 15+": 10}


def test_hours_that_never_come_are_an_error() -> None:
    made = planned(3, hours=(9, 10)).model_copy(update={"end": "2026-11-01T09:00:00Z", "start": "2026-11-01T06:30:00Z"})
    assert len(sampling(made).moments) == 3
    with pytest.raises(OrderError, match="hours"):
        sampling(planned(3, hours=(3, 4)).model_copy(update={"end": "2026-11-01T10:00:00Z"}))
    with pytest.raises(OrderError, match="time zone"):
        sampling(order().model_copy(update={"plan": Plan(time_zone="Atlantis")}))


@pytest.mark.parametrize(
    ("when", "height"),
    [
        # The sun stands 90 - |latitude - declination| high at local noon: 23.44 degrees at a solstice, 0 at an equinox.
        (datetime(2026, 6, 21, 11, 42, tzinfo=UTC), 90 - 52.37 + 23.44),
        (datetime(2026, 12, 21, 11, 38, tzinfo=UTC), 90 - 52.37 - 23.44),
        (datetime(2026, 3, 20, 11, 48, tzinfo=UTC), 90 - 52.37),
    ],
)
def test_the_sun_at_noon_in_amsterdam(when: datetime, height: float) -> None:
    assert elevation(when, 52.37, 4.9) == pytest.approx(height, abs=0.5)
    assert light(when, 52.37, 4.9) == "day"
    assert light(when.replace(hour=23), 52.37, 4.9) in ("night", "twilight")
