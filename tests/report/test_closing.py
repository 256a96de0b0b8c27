"""What is stored when windows end: both products, the sum of a day, and what a restart in between must not change."""

import itertools

from drukte.config import Site
from drukte.report.closing import Closing
from drukte.report.formats.native import Observation
from drukte.report.history import History
from drukte.report.outbox import Outbox
from tests.report.attack import FLOWS, WINDOW, Day, T, publish_for_the_public, random_day, town
from tests.report.conftest import record
from tests.report.formats.conftest import with_public


class Device:
    """A device whose process may be started anew at any window."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.clock = float(T)
        self.outbox = Outbox(None, ["primary"], now=lambda: self.clock)
        self.history = History(None)
        self.start()

    def start(self) -> None:
        self.closing = Closing(self.site, self.outbox, self.history, "00000000", lambda: self.clock)

    def live(self, day: Day, windows: range) -> None:
        for w in windows:
            for zone in range(len(self.site.zones)):
                ticks = []
                for minute in range(1, WINDOW // 60 + 1):
                    sums = dict(zip(FLOWS, map(int, day.flows[zone, w]), strict=True))
                    end = T + w * WINDOW + 60 * minute
                    more = sums if minute == 1 else {}
                    ticks.append(record(0, end, zone=zone, people=int(day.people[zone, w]), **more))
                self.closing.add(ticks)
            self.clock = T + (w + 1) * WINDOW + 7
            self.closing.close()

    def told(self) -> list[Observation]:
        return [waiting.observation for waiting in self.outbox.batch("primary", -1, 10_000)]

    def close(self) -> None:
        self.outbox.close()
        self.history.close()


def test_a_restart_changes_nothing_of_both_products() -> None:
    day = random_day(3)
    through, broken = Device(with_public(town())), Device(with_public(town()))
    through.live(day, range(96))
    for begin, end in itertools.pairwise((0, 7, 38, 39, 60, 96)):
        broken.live(day, range(begin, end))
        broken.start()
    assert len(through.told()) == 96 * 6 + 22 * 6
    assert broken.told() == through.told()
    hall = [o for o in through.told() if o.zone == "hall"]
    operational = [o for o in hall if o.disclosure.policy == "operational"]
    public = [o for o in hall if o.disclosure.policy == "open"]
    expected = publish_for_the_public(operational[: 4 * len(public)])
    assert [o.model_copy(update={"seq": 0}) for o in public] == [o.model_copy(update={"seq": 0}) for o in expected]
    assert any(o.crossings and o.crossings.from_ < o.from_ for o in public)
    # The day of the place was over an hour before the last window; its sum is the same after a restart.
    assert set(broken.closing.days) == {zone.name for zone in broken.site.zones}
    broken_days = broken.closing.days
    broken.start()
    assert broken.closing.days == broken_days
    through.close()
    broken.close()
