"""Observations of every kind, and the device that makes them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from drukte.config import Site, parse_site
from drukte.report.broker.tell import device_of
from drukte.report.disclosure.disclose import Discloser
from drukte.report.disclosure.merge import merge_hour
from drukte.report.formats.base import Device
from drukte.report.formats.native import Observation
from drukte.report.messages import observation
from drukte.report.windows.window import Closed, Tally, merge
from tests.report.conftest import EXACT, record, site_text
from tests.report.disclosure.attack import publish, publish_for_the_public, random_day, town

T = 1_800_000_000 - 1_800_000_000 % 86_400


@dataclass
class Told:
    """A device and everything that it tells in a day."""

    site: Site
    device: Device
    observations: list[Observation]


def with_public(site: Site) -> Site:
    """The same site with a second product, of hours."""
    return site.model_copy(update={"disclosure": site.disclosure.model_copy(update={"open_window": 3600})})


def day(seed: int) -> Told:
    """A simulated day of the attack's town: both products, and hours put together after an outage."""
    site = with_public(town())
    published = publish(site, random_day(seed))
    found: list[Observation] = []
    for zone in published:
        found += zone
        found += publish_for_the_public(zone)
        hours = [merge_hour(zone[i : i + 4]) for i in range(0, len(zone), 4)]
        found += [hour.model_copy(update={"boot": "0000feed"}) for hour in hours]
    return Told(site, device_of(site), found)


def exact() -> Told:
    """Windows with everything in them: levels, pairs, speed, crossings; and windows in which nothing was seen."""
    text = site_text(60, 60, EXACT)
    site = parse_site(text)
    discloser = Discloser(site)
    found = []
    for i in range(4):
        start = T + 60 * i
        ticks = [record(i, start + 60, people=7 + i, speed=12, in_a=3, out_a=1, riders=10, mode=0)] if i != 2 else []
        for zone in (0, 1):
            whole = merge(start, start + 60, [Tally.of(tick) for tick in ticks])
            closed = Closed(zone, whole, whole if zone == 0 else None)
            (blocks,) = discloser.disclose([closed])
            found.append(observation(site, "00c0ffee", i, closed, blocks))
    return Told(site, device_of(site), found)


def all_told() -> Iterator[Told]:
    yield from (day(seed) for seed in (0, 3, 7))
    yield exact()


@pytest.fixture(scope="session")
def told() -> list[Told]:
    return list(all_told())
