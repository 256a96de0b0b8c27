"""What waited too long is put together, and says so."""

from pathlib import Path

import pytest

from drukte.config import Site, parse_site
from drukte.report.disclosure.disclose import Discloser
from drukte.report.disclosure.merge import merge_hour
from drukte.report.formats.native import MODELS, Observation, dump
from drukte.report.messages import observation
from drukte.report.store.outbox import KEEP, MAX_BYTES, Outbox
from drukte.report.windows.window import Closed, Tally
from tests.report.conftest import Time, make_site, record, site_text

T = 1_800_000_000


def minutes(people: list[int]) -> list[Observation]:
    site = make_site()
    discloser = Discloser(site)
    made = []
    for i, n in enumerate(people):
        tally = Tally.of(record(i, T + 60 * (i + 1), people=n, speed=8, mode=0))
        crossings = Tally.of(record(i, T + 60 * (i + 1), people=n, in_a=n, out_a=n)) if i % 15 == 14 else None
        closed = Closed(0, tally, crossings)
        made.append(observation(site, "00000000", i, closed, discloser.disclose([closed])[0]))
    return made


def test_an_hour_of_shown_minutes_keeps_mean_most_and_sum() -> None:
    hour = merge_hour(minutes(list(range(10, 70))))
    assert (hour.people.mean, hour.people.max) == (39.5, 69)
    assert (hour.from_, hour.to) == ("2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z")
    assert hour.merged is not None
    assert (hour.merged.windows, hour.merged.hidden, hour.merged.crossings_hidden) == (60, 0, 0)
    assert hour.crossings is not None
    assert hour.crossings.lines[0].in_ == 185  # 24 + 39 + 54 + 69, rounded to 5 with the rest carried
    assert hour.speed.mean == 0.8
    MODELS["observation-1"].model_validate_json(dump(hour))


def test_hidden_minutes_count_as_two_and_are_told() -> None:
    hour = merge_hour(minutes([3] * 30 + [20] * 30))
    assert hour.merged is not None
    assert hour.merged.hidden == 30
    assert hour.people.mean == pytest.approx(11)


@pytest.mark.parametrize("people", [[3] * 60, [1] * 59 + [9], [0] * 30 + [4] * 30])
def test_an_hour_of_few_people_stays_hidden(people: list[int]) -> None:
    assert merge_hour(minutes(people)).people.status == "under_5"


def test_an_hour_of_nobody_is_zero() -> None:
    assert merge_hour(minutes([0] * 60)).people.mean == 0


def test_other_zones_or_orders_are_refused() -> None:
    one, two = minutes([1, 2])
    for wrong in ([], [two, one], [one, two.model_copy(update={"zone": "corner"})]):
        with pytest.raises(ValueError, match="one zone in order"):
            merge_hour(wrong)


@pytest.mark.slow
def test_a_week_without_a_broker_fits(tmp_path: Path, clock: Time) -> None:
    """Sixteen zones, every minute, two brokers: `make outage`."""
    zones = 16
    site = many_zones()
    discloser = Discloser(site)
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, ["primary", "mirror-1"], clock.now) as box:
        seq = 0
        for minute in range(7 * 1440):
            clock.pass_(60)
            closed = []
            for zone in range(zones):
                tally = Tally.of(record(seq, clock.wall, zone=zone, people=(minute // 60 + zone) % 40, speed=8))
                closed.append(Closed(zone, tally, tally if minute % 15 == 14 else None))
            blocks = discloser.disclose(closed)
            box.store(
                [
                    observation(site, "00000000", seq + i, *both)
                    for i, both in enumerate(zip(closed, blocks, strict=True))
                ],
                {},
            )
            seq += zones
        size = sum(p.stat().st_size for p in tmp_path.iterdir())
        print(
            f"\na week, {zones} zones: {seq} windows, {len(box)} rows, {box.merged} merged, {box.lost} lost, {size} B"
        )
        assert box.lost == 0
        assert size <= MAX_BYTES
        covered: dict[str, int] = {}
        cursor = -1
        while batch_ := box.batch("primary", cursor, 1000):
            for w in batch_:
                covered[w.observation.zone] = covered.get(w.observation.zone, 0) + (
                    w.observation.merged.windows if w.observation.merged else 1
                )
            cursor = batch_[-1].seq
        assert set(covered.values()) == {7 * 1440}
    assert KEEP > 7 * 86_400


def many_zones() -> Site:
    squares = "".join(
        f"  - name: z{i}\n    polygon: [[{20 * i}, 0], [{20 * i + 10}, 0], [{20 * i + 10}, 8], [{20 * i}, 8]]\n"
        for i in range(16)
    )
    text = site_text()
    return parse_site(text[: text.index("zones:")] + "zones:\n" + squares + text[text.index("tick:") :])
