"""How soon a device is back after its broker is."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.report.broker.backoff import FIRST, LONG_AWAY, LONGEST, LONGEST_REFUSED, Backoff
from tests.report.broker.test_mqtt import bench
from tests.report.conftest import Mosquitto, listening
from tests.report.store.test_outbox import observations


@given(outage=st.floats(0, LONG_AWAY - LONGEST), seed=st.randoms(use_true_random=False))
def test_after_an_outage_of_up_to_an_hour_the_next_attempt_comes_within_seconds(outage: float, seed: object) -> None:
    backoff = Backoff(seed.random)  # type: ignore[attr-defined]
    now = attempts = 0.0
    while now < outage:
        now += backoff.pause("unreachable", now)
        attempts += 1
    assert now - outage <= LONGEST
    assert attempts <= 3 + 2 * outage / LONGEST


def test_a_broker_that_does_not_let_in_is_asked_ever_more_seldom() -> None:
    backoff = Backoff(lambda: 1.0)
    pauses = [backoff.pause("certificate", 0) for _ in range(10)]
    assert pauses[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert pauses[-1] == LONGEST_REFUSED
    assert backoff.pause("unreachable", 100) == LONGEST
    backoff.connected()
    assert backoff.pause("lost", 200) == FIRST


def test_a_fleet_does_not_come_back_all_at_once() -> None:
    assert {Backoff(lambda c=c: c).pause("lost", 0) for c in (0.0, 0.5, 1.0)} == {0.5, 0.75, 1.0}  # type: ignore[misc]


@pytest.mark.parametrize("outage", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_back_soon_after_a_real_broker_is(broker: Mosquitto, tmp_path: Path, outage: int) -> None:
    """Pauses that doubled up to a minute would let it wait for 16 s after the broker's return."""
    with bench(tmp_path, port=broker.port) as b:
        b.turn_until(lambda: b.link.connected)
        broker.stop(kill=True)
        b.box.store(observations(0, 3), {}, 0)
        until = time.monotonic() + outage
        b.turn_until(lambda: time.monotonic() > until, outage + 5)
        assert not b.link.connected
        broker.start()
        back = time.monotonic()
        with listening(broker.port, "drukte/#") as seen:
            b.turn_until(lambda: not len(b.box), 10)  # generous: the machine may be busy
            seen.wait(lambda s: len(s.of("/obs")) >= 3)
        print(f"outage {outage} s: all windows delivered {time.monotonic() - back:.1f} s after the broker's return")
