"""Nothing that was hidden can be found by reckoning. Long form: `make attack`."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from drukte.config import Site
from drukte.report.disclosure import crossings as crossings_module
from drukte.report.disclosure.crossings import CrossingGate
from drukte.report.disclosure.disclose import Discloser
from drukte.report.disclosure.merge import HIDDEN_AS, merge_hour
from drukte.report.disclosure.public import for_the_public
from drukte.report.formats.native import Day as DayTotal
from drukte.report.formats.native import Observation, dump, seconds
from drukte.report.messages import observation
from drukte.report.windows.window import Closed
from tests.report.conftest import make_site
from tests.report.disclosure.attack import (
    FLOWS,
    WINDOW,
    Day,
    T,
    hidden_ranges,
    overlap_ranges,
    publish,
    publish_for_the_public,
    random_day,
    steady,
    town,
)

SITE = town()


def recovered(day: Day, site: Site = SITE) -> tuple[int, int]:
    """Hidden counts of a day, and how many of them an attacker knows for certain."""
    published = publish(site, day)
    ranges = hidden_ranges(published)
    for hidden, (low, high) in ranges.items():
        assert low <= hidden.truth(day) <= high, f"the attacker's reckoning is wrong, so it shows nothing: {hidden}"
    both = overlap_ranges(published)
    known = sum(low >= high for low, high in ranges.values()) + sum(len(values) < 2 for values in both.values())
    return len(ranges) + len(both), known


@pytest.mark.parametrize("policy", ["operational", "open"])
def test_no_hidden_count_of_random_days_is_recovered(policy: str) -> None:
    hidden = [recovered(random_day(seed), town(policy)) for seed in range(8)]
    assert sum(n for n, _ in hidden) > 500
    assert sum(known for _, known in hidden) == 0


def test_the_attack_finds_what_a_weaker_protection_gives_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without complementary protection the same attacker recovers counts: in minus out against occupancy."""
    monkeypatch.setattr(
        CrossingGate, "decide", lambda self, spans, _, __, old=CrossingGate.decide: old(self, spans, {}, {})
    )
    assert sum(recovered(random_day(seed))[1] for seed in range(6)) > 0


def test_the_attack_finds_what_overlapping_zones_give_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drukte.report.disclosure.disclose.overlapping", lambda zones: list(range(len(zones))))
    assert sum(recovered(random_day(seed))[1] for seed in range(6)) > 0


def test_the_attack_finds_what_riders_at_one_moment_would_give_away() -> None:
    """If it were told how many there are, from five on: in minus out against occupancy again."""
    known = 0
    for seed in range(6):
        day = random_day(seed)
        for hidden, (low, high) in hidden_ranges(publish(SITE, day), riding=day.riding).items():
            known += low >= high and (hidden.what.startswith("riders_") or (hidden.what == "riders" and 0 < low < 5))
    assert known > 0


@pytest.mark.slow
def test_a_thousand_days(capsys: pytest.CaptureFixture[str]) -> None:
    hidden = 0
    known: dict[int, int] = {}
    for seed in range(1000):
        more, found = recovered(random_day(seed))
        hidden += more
        known |= {seed: found} if found else {}
    with capsys.disabled():
        print(f"\n1000 random days: {hidden} hidden counts, {sum(known.values())} recovered")
        if known:
            print("recovered, by seed of the day:", known)
    assert not known


def utility(days: int) -> dict[str, float]:
    """Relative error of sums over zones with lines: hidden windows counted as `HIDDEN_AS`, and as told by the day."""
    parts = [random_day(seed) for seed in range(days)]
    day = Day(np.concatenate([d.people for d in parts], axis=1), np.concatenate([d.flows for d in parts], axis=1))
    totals: list[DayTotal] = []
    published = publish(SITE, day, totals=totals)

    def people(observations: list[Observation]) -> float:
        return sum(HIDDEN_AS if o.people.mean is None else o.people.mean for o in observations)

    open_ones = [publish_for_the_public(zone) for zone in published[:3]]

    def crossed(zones: list[list[Observation]]) -> float:
        told = sum(line.in_ or 0.0 for zone in zones for o in zone if o.crossings for line in o.crossings.lines)
        return abs(told / float(day.flows[:3, :, [0, 2]].sum()) - 1)

    true_people = float(day.people[:3].sum())
    told: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for total in totals:
        zone = next(i for i, z in enumerate(SITE.zones) if z.name == total.zone)
        if zone < 3:
            first, last = ((seconds(t) - T) // WINDOW for t in (total.from_, total.to))
            told[total.date][0] += day.people[zone, first:last].sum() / 4
            told[total.date][1] += HIDDEN_AS if total.people.person_hours is None else total.people.person_hours
    days_of_24 = list(told.values())[1:]
    return {
        "day total, all days": abs(sum(t for _, t in days_of_24) / sum(x for x, _ in days_of_24) - 1),
        "day total, median of days": float(np.median([abs(t / x - 1) for x, t in days_of_24])),
        "day total, mean of days": float(np.mean([abs(t / x - 1) for x, t in days_of_24])),
        "summed windows, operational, all days": abs(sum(people(zone) for zone in published[:3]) / true_people - 1),
        "summed windows, open, all days": abs(4 * sum(people(zone) for zone in open_ones) / true_people - 1),
        "crossings, operational, all days": crossed(published[:3]),
        "crossings at the door both ways, open, all days": abs(
            sum(line.in_ or 0.0 for o in open_ones[0] if o.crossings for line in o.crossings.lines)
            / float(day.flows[0, :, 0].sum())
            - 1
        ),
    }


def test_totals_stay_right() -> None:
    errors = utility(10)
    assert errors["day total, all days"] < 0.01
    assert errors["summed windows, operational, all days"] < 0.01
    assert errors["crossings, operational, all days"] < 0.01
    assert errors["crossings at the door both ways, open, all days"] < 0.01


@pytest.mark.slow
def test_totals_of_a_thousand_days_stay_right(capsys: pytest.CaptureFixture[str]) -> None:
    errors = utility(1000)
    with capsys.disabled():
        for name, error in errors.items():
            print(f"\n{name}: error {100 * error:.2f} %", end="")
    assert errors["day total, all days"] <= 0.01
    assert errors["day total, mean of days"] <= 0.01
    assert errors["summed windows, operational, all days"] <= 0.01
    assert errors["crossings, operational, all days"] <= 0.01
    # These days are quiet: most hours have under five people, and the windows of the public product say no more.
    assert errors["summed windows, open, all days"] <= 0.06


def closeness_worlds(most: int) -> Iterator[tuple[int, dict[str, int]]]:
    """People at rest: singles, pairs, rows of three at low risk, and groups in which each stands near each."""
    for n in range(5, most + 1):
        for twos, threes, fours, fives, low, row in itertools.product(
            range(n // 2 + 1), range(4), range(3), range(3), range(n // 2 + 1), range(n // 3 + 1)
        ):
            members, near = 2 * twos + 3 * threes + 4 * fours + 5 * fives, 2 * low + 3 * row
            if members + near <= n:
                counts = {"high_risk": members, "low_risk": near, "safe": n - members - near}
                counts |= {"pairs_high": twos + 3 * threes + 6 * fours + 10 * fives, "pairs_low": low + 2 * row}
                yield n, counts | {"groups_2": twos, "groups_3_4": threes + fours, "groups_5_up": fives}


def test_closeness_gives_no_small_count_away() -> None:
    """Shares, pairs and groups of one window, over many ways in which up to fourteen people can stand."""
    site = make_site()
    worlds: dict[Any, list[dict[str, int]]] = defaultdict(list)
    for n, counts in closeness_worlds(14):
        names = ("safe", "low_risk", "high_risk", "undetermined", "riders", "pairs_low", "pairs_high", "groups_2")
        means = tuple(10 * 60 * counts.get(name, 0) for name in (*names, "groups_3_4", "groups_5_up"))
        still = steady(T, n, 60)
        tally = type(still)(**({f: getattr(still, f) for f in still.__slots__} | {"means": (*means, 0)[:11]}))
        (blocks,) = Discloser(site).disclose([Closed(1, tally, None)])
        worlds[blocks.people, blocks.levels, blocks.pairs, blocks.groups].append(counts)
    hidden = 0
    for (_, levels, pairs, groups), alike in worlds.items():
        for name in alike[0]:
            block = pairs if name.startswith("pairs") else groups if name.startswith("groups") else levels
            if block.status == "suppressed":
                hidden += 1
                values = {counts[name] for counts in alike}
                assert len(values) > 1 or not 0 < next(iter(values)) < 5, (name, values, levels, alike)
    assert hidden > 50


def test_the_public_product_is_made_of_published_numbers_alone() -> None:
    """The same messages, however they came about, give the same public message; so it cannot tell more."""
    published = publish(SITE, random_day(3))[0]
    for i in range(0, len(published), 4):
        part = published[i : i + 4]
        again = [Observation.model_validate_json(dump(o)) for o in part]
        assert for_the_public(part) == for_the_public(again)
        made = for_the_public(part)
        counts = [made.people.mean, made.people.max]
        counts += [v for line in (made.crossings.lines if made.crossings else []) for v in (line.in_, line.out)]
        assert all(value is None or (value >= 5 and value % 5 == 0) for value in counts)
        assert made.disclosure.policy == "open"
        assert merge_hour(part).seq == made.seq


def test_what_the_public_is_not_told_is_carried_on() -> None:
    published = publish(SITE, random_day(3))[0]
    made = publish_for_the_public(published)
    assert {o.crossings.status for o in made if o.crossings} == {"shown", "suppressed"}
    later = [o for o in made if o.crossings and o.crossings.status == "shown" and o.crossings.from_ < o.from_]
    assert later
    for o in later:
        assert o.crossings
        told = [p.crossings for p in published if o.crossings.from_ < p.to <= o.to and p.crossings]
        assert o.crossings.lines[0].in_ == sum(c.lines[0].in_ or 0 for c in told)
    # For one who has only seen an earlier span there is no other way to it than through published messages.
    assert not any(value < 5 for o in made if o.crossings for line in o.crossings.lines for value in (line.in_ or 5,))


def test_what_is_carried_survives_a_restart() -> None:
    day = random_day(1)
    whole = publish(SITE, day)
    discloser = Discloser(SITE)
    for w in range(96):
        closed = []
        for zone, settings in enumerate(SITE.zones):
            sums = dict(zip(FLOWS, map(int, day.flows[zone, w]), strict=True))
            tally = steady(T + w * WINDOW, int(day.people[zone, w]), **sums)
            closed.append(Closed(zone, tally, tally if settings.lines else None))
        for zone, blocks in enumerate(discloser.disclose(closed)):
            assert observation(SITE, "00000000", w, closed[zone], blocks) == whole[zone][w]
        memory = discloser.memory
        discloser = Discloser(SITE)
        discloser.recall(memory)


def test_a_span_in_which_nobody_left_does_not_tell_who_came_in_its_hidden_part() -> None:
    """Five people, then nine: had the longer span told that nobody left, four would have come in the first window."""
    discloser = Discloser(make_site(window=900))
    told = []
    for w, (people, came, left) in enumerate([(5, 5, 0), (9, 4, 0), (10, 1, 0), (11, 7, 6)]):
        tally = steady(T + w * WINDOW, people, in_a=came, out_a=left)
        (blocks,) = discloser.disclose([Closed(0, tally, tally)])
        assert blocks.crossings
        line = blocks.crossings.lines[0]
        told.append((blocks.crossings.status, line.in_, line.out))
    assert told == [("shown", 5, 0), ("suppressed", None, None), ("suppressed", None, None), ("shown", 10, 5)]


def test_what_cannot_be_shown_for_a_day_is_given_up() -> None:
    assert crossings_module.LONGEST == 86_400
    discloser = Discloser(SITE)
    starts = set()
    for w in range(3 * 96):
        tallies = [steady(T + w * WINDOW, 9, in_a=9 * (z != 0), out_a=9 * (z != 0)) for z in range(6)]
        tallies[0] = steady(T + w * WINDOW, 9, in_a=9, out_a=int(w == 0))
        closed = [Closed(z, t, t if SITE.zones[z].lines else None) for z, t in enumerate(tallies)]
        block = discloser.disclose(closed)[0].crossings
        assert block is not None
        starts.add(block.from_)
        assert block.status == ("suppressed" if w < 96 else "shown")
    assert len(starts) == 3 * 96 - 95
