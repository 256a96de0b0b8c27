"""What the status says: every state that the door knows, and silence for each of its reasons."""

import pytest

from drukte.config import parse_site
from drukte.report.health.health import Health
from drukte.summary import STATES
from tests.report.conftest import beat, make_site, site_text

NOON = 1_800_000_000.0


@pytest.mark.parametrize("state", range(len(STATES)))
def test_every_state_of_the_door_can_be_told(state: int) -> None:
    health = Health(make_site(), "0123abcd")
    health.heard(beat(0, NOON, state=state), NOON, 0.0)
    status = health.status(NOON, 0.0)
    assert status.state == STATES[state]
    assert status.sensing is (STATES[state] in ("running", "validation", "blurred"))


@pytest.mark.parametrize(
    ("extra", "state", "opens"),
    [
        ("", "absent", None),
        ("schedule: {events: [{from: '2020-01-01 10:00', to: '2020-01-01 12:00'}]}\n", "closed", None),
        ("schedule: {weekly: [{days: [sat], from: '10:00', to: '12:00'}]}\n", "closed", "2027-01-16T09:00:00Z"),
    ],
    ids=["no reason", "no opening in sight", "opens on Saturday"],
)
def test_silence_has_a_reason(extra: str, state: str, opens: str | None) -> None:
    health = Health(parse_site(site_text(extra=extra)), "0123abcd")
    health.look(NOON, 0.0)
    status = health.status(NOON, 0.0)
    assert (status.state, status.sensing, status.opens) == (state, False, opens)


def test_past_the_purpose_s_last_day_it_is_expired() -> None:
    health = Health(parse_site(site_text().replace("2099-12-31", "2026-12-31")), "0123abcd")
    health.look(NOON, 0.0)
    assert health.status(NOON, 0.0).state == "expired"
