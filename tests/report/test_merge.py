"""What waited too long is put together, and says so."""

from pathlib import Path

import pytest

from drukte.config import parse_site
from drukte.report.formats.native import MODELS, Observation, dump
from drukte.report.merge import merge_hour
from drukte.report.outbox import KEEP, MAX_BYTES, Outbox
from drukte.report.process import Report
from drukte.report.window import Closed, Tally
from tests.report.conftest import Time, make_site, record

T = 1_800_000_000


def minutes(people: list[int], policy: str = "operational") -> list[Observation]:
    report = Report.__new__(Report)
    reason = ", reason: a test" if policy == "none" else ""
    report._site, report._boot, report._zones = (
        make_site(disclosure=f"{{policy: {policy}{reason}}}"),
        "00000000",
        ["square", "corner"],
    )
    made = []
    for i, n in enumerate(people):
        tally = Tally.of(record(i, T + 60 * (i + 1), people=n, speed=8, mode=0))
        crossings = Tally.of(record(i, T + 60 * (i + 1), people=n, in_a=n, out_a=n)) if i % 15 == 14 else None
        made.append(report._observe(Closed(0, tally, crossings), i))
    return made


def test_an_hour_of_shown_minutes_keeps_mean_most_and_sum() -> None:
    hour = merge_hour(minutes(list(range(10, 70))))
    assert (hour.people.mean, hour.people.max) == (39.5, 69)
    assert (hour.from_, hour.to) == ("2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z")
    assert hour.merged is not None
    assert (hour.merged.windows, hour.merged.hidden, hour.merged.crossings_hidden) == (60, 0, 0)
    assert hour.crossings is not None
    assert hour.crossings.lines[0].in_ == sum(5 * round(n / 5) for n in (24, 39, 54, 69))
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
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, ["primary", "mirror-1"], clock.now) as box:
        seq = 0
        for minute in range(7 * 1440):
            clock.pass_(60)
            batch = []
            for zone in range(zones):
                report = REPORT
                tally = Tally.of(record(seq, clock.wall, zone=zone, people=(minute // 60 + zone) % 40, speed=8))
                batch.append(report._observe(Closed(zone, tally, tally if minute % 15 == 14 else None), seq))
                seq += 1
            box.store(batch, {}, 0)
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


def _many() -> Report:
    from tests.report.conftest import site_text

    squares = "".join(
        f"  - name: z{i}\n    polygon: [[{20 * i}, 0], [{20 * i + 10}, 0], [{20 * i + 10}, 8], [{20 * i}, 8]]\n"
        for i in range(16)
    )
    text = site_text()
    head, tail = text[: text.index("zones:")], text[text.index("tick:") :]
    report = Report.__new__(Report)
    report._site, report._boot = parse_site(head + "zones:\n" + squares + tail), "00000000"
    report._zones = [zone.name for zone in report._site.zones]
    return report


REPORT = _many()
