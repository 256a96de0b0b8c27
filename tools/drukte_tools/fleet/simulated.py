"""One made-up device: made-up records, and from there on the device's own code to the messages it would publish."""

import hashlib
import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import drukte
from drukte.config import Site, parse_site
from drukte.report.disclose import Discloser
from drukte.report.formats.native import BrokerStatus, Privacy, dump, moment
from drukte.report.health import Health
from drukte.report.history import History
from drukte.report.meaning import Meaning
from drukte.report.messages import meta, observation, topics
from drukte.report.window import Windows
from drukte.summary import HEARTBEAT, SEAL, Summary

ORGANISATION: Final = "simulated"
_SIDE: Final = 12
"""Side of a zone, a square, m."""
_PEAKS: Final = ((8.5, 0.9, 0.55), (12.7, 1.6, 0.8), (17.3, 1.7, 1.0), (21.0, 1.5, 0.35))
"""Hour, width [h] and height of the peaks of a shopping street's day: commuters, lunch, the way home, the evening."""
_SITE: Final = """
drukte: 1
organisation: {organisation}
device: sim-0000
purpose:
  what_for: Trying out a broker. These numbers are made up and tell about nobody
  controller: Nobody
  legal_ground: public_task
  contact: nobody@example.org
  valid_until: 2099-12-31
place: {{name: Nowhere}}
source: {{kind: camera, rate: 5}}
ground:
  kind: homography
  picture: [640, 480]
  points:
    - {{pixel: [0, 0], metres: [0, 12]}}
    - {{pixel: [640, 0], metres: [12, 12]}}
    - {{pixel: [640, 480], metres: [12, 0]}}
    - {{pixel: [0, 480], metres: [0, 0]}}
tick: {tick}
window: {window}
{disclosure}
zones:
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A message to publish; `counted` ones may not get lost."""

    topic: str
    payload: bytes
    schema: str
    retain: bool
    counted: bool = False


def new_site(zones: int, window: int, organisation: str = ORGANISATION) -> Site:
    """The settings that all made-up devices share, but for their names."""
    short = window < 60
    text = _SITE.format(
        organisation=organisation,
        tick=min(60, window),
        window=window,
        disclosure="disclosure: {policy: none, reason: made-up numbers}" if short else "",
    )
    for n in range(zones):
        x = n * (_SIDE + 1)
        corners = f"[[{x}, 0], [{x + _SIDE}, 0], [{x + _SIDE}, {_SIDE}], [{x}, {_SIDE}]]"
        line = f"{{name: line-{n}, from: [{x}, 6], to: [{x + _SIDE}, 6]}}"
        text += f"  - name: zone-{n}\n    polygon: {corners}\n    lines: [{line}]\n"
    return parse_site(text, "simulated site")


def busy(when: float, zone: ZoneInfo) -> float:
    """How busy a street is at a moment, 0 to about 1: peaks of a day, quieter on Sunday, nearly nobody at night."""
    local = datetime.fromtimestamp(when, UTC).astimezone(zone)
    hour = local.hour + local.minute / 60
    sum_ = sum(height * math.exp(-(((hour - at) / width) ** 2)) for at, width, height in _PEAKS)
    weekend = {5: 1.15, 6: 0.6}.get(local.weekday(), 1.0)
    return 0.02 + weekend * min(1.0, sum_)


class SimulatedDevice:
    """Makes the messages of one device.

    Args:
        number: which one; its name is `sim-NUMBER`.
        shared: settings of `new_site`.
        history: an empty one; it is only read.
        now: s since 1970.
        seed: of its numbers.
    """

    def __init__(self, number: int, shared: Site, history: History, now: float, seed: int = 0) -> None:
        name = f"sim-{number:04d}"
        place = shared.place.model_copy(update={"name": f"Simulated street {number}"})
        self.site = shared.model_copy(update={"device": name, "place": place})
        self._random = random.Random(f"{seed}-{number}")  # noqa: S311 - made-up people, not keys
        self._topic = topics(self.site)
        self._boot = os.urandom(4).hex()
        self._zone = ZoneInfo(self.site.place.time_zone)
        self._most = [min(60.0, self._random.lognormvariate(2.3, 0.8)) for _ in self.site.zones]
        self._drift = [1.0] * len(self._most)
        self._windows = Windows(len(self._most), shared.window, shared.tick, shared.crossings_span)
        self._windows.begin(now)
        self._discloser = Discloser(self.site)
        self._meaning = Meaning(self.site, history, now)
        self._health = Health(self.site, self._boot)
        self._health.heard(Summary(kind=HEARTBEAT, seq=0, end=int(now), tick=shared.tick, state=0), now, now)
        self._made = 0
        self._accepted = 0

    @property
    def will(self) -> Said:
        """What the broker says when the device is gone."""
        gone = self._health.status(None, 0.0, reason="connection_lost")
        return Said(self._topic("status"), dump(gone).encode(), "drukte/status/1", True)

    def status(self, now: float, waiting: int = 0, stopped: bool = False) -> Said:
        """How the device is."""
        if stopped:
            message = self._health.status(now, now, reason="stopped", seal=7)
        else:
            condition = BrokerStatus(condition="connected", waiting=waiting)
            message = self._health.status(
                now, now, accepted=self._accepted, starts=1, seal=7, waiting=waiting, brokers={"primary": condition}
            )
        return Said(self._topic("status"), dump(message).encode(), "drukte/status/1", True)

    def greet(self, now: float, waiting: int = 0) -> list[Said]:
        """What is said to a broker that is new: meta, privacy, status. The attestation is as made up as the rest."""
        text = self.site.model_dump_json()
        privacy = Privacy(
            organisation=self.site.organisation, device=self.site.device, at=moment(now), sealed=True,
            enforced=list(SEAL[:3]), free_bits_per_hour=1000.0, software=drukte.__version__, code="0" * 64, model=None,
            settings=hashlib.sha256(text.encode()).hexdigest(), settings_serial=None, indicator="none", schedule=[],
            purpose_valid_until=self.site.purpose.valid_until.isoformat(), ledger="0" * 64, ledger_lines=1, audit=None,
            audit_at=None,
        )  # fmt: skip
        return [
            Said(self._topic("meta"), dump(meta(self.site)).encode(), "drukte/meta/1", True),
            Said(self._topic("privacy"), dump(privacy).encode(), "drukte/privacy/1", True),
            self.status(now, waiting),
        ]

    def window(self, end: int) -> list[Said]:
        """The messages of the window that ends at `end` (s since 1970), in the order of publication."""
        for at in range(end - self.site.window + self.site.tick, end + 1, self.site.tick):
            for zone in range(len(self._most)):
                self._windows.add(self.record(zone, at))
                self._accepted += 1
            self._health.heard(Summary(kind=HEARTBEAT, seq=0, end=at, tick=self.site.tick, state=0), at, at)
        closed = self._windows.due(end + 7)  # whatever is missing is not waited for
        made = []
        for one, blocks in zip(closed, self._discloser.disclose(closed), strict=True):
            made.append(observation(self.site, self._boot, self._made, one, blocks))
            self._made += 1
        self._meaning.take(made)
        said = [
            Said(self._topic(f"{o.zone}/obs"), dump(o).encode(), "drukte/observation/1", False, counted=True)
            for o in made
        ]
        for name, text in self._meaning.to_say(False).items():
            said.append(Said(self._topic(f"{name}/busyness"), text.encode(), "drukte/busyness/1", True))
        days = self._discloser.days
        said += [Said(self._topic(f"{day.zone}/day"), dump(day).encode(), "drukte/day/1", True) for day in days]
        self._discloser.days.clear()
        return said

    def retained(self) -> list[str]:
        """Topics at which something of this device may be retained."""
        ends = ["status", "meta", "privacy", *(f"{z.name}/{e}" for z in self.site.zones for e in ("busyness", "day"))]
        return [self._topic(end) for end in ends]

    def record(self, zone: int, end: int) -> Summary:
        """A made-up record of one zone and the tick that ends at `end`; fits the rules of the door."""
        r, tick = self._random, self.site.tick
        self._drift[zone] = min(2.0, max(0.4, self._drift[zone] * r.lognormvariate(0, 0.1)))
        people = poisson(r, self._most[zone] * self._drift[zone] * busy(end, self._zone))
        spread = poisson(r, math.sqrt(people))
        least, most = max(0, people - spread), people + spread
        total = 10 * people
        near = min(0.8, people / 60)
        high = int(total * near * 0.4)
        low = int(total * near * 0.6)
        flow = min(250, poisson(r, people * tick / 40))
        come = sum(r.random() < 0.5 for _ in range(flow))
        pairs = min(1000, (high + low) // 2)
        twos = total // 8
        return Summary(
            seq=0, end=end, zone=zone, tick=tick, state=0, mode=0, seal=7, frames=5 * tick, observed=tick,
            confidence=7 if people else 0, safe=total - high - low, low_risk=low, high_risk=high,
            least=least, most=most, last=r.randint(least, most), riders=min(total, 10 * poisson(r, people * 0.05)),
            pairs_low=pairs * 6 // 10, pairs_high=pairs * 4 // 10, party=6 if pairs * 4 // 10 else 0,
            groups_2=twos, groups_3_4=total // 40, in_a=come, out_a=flow - come,
            dwell_1=min(20, flow // 2), dwell_5=min(20, flow // 8), speed=12 if people else 0,
        )  # fmt: skip


def poisson(r: random.Random, mean: float) -> int:
    """A Poisson number (Knuth's way for small means, a rounded normal one for large)."""
    if mean > 30:
        return max(0, round(r.gauss(mean, math.sqrt(mean))))
    limit, product, n = math.exp(-mean), r.random(), 0
    while product > limit:
        product *= r.random()
        n += 1
    return n


def quantiles(values: Sequence[float], shares: Sequence[float]) -> list[float]:
    """Quantiles of values by the nearest rank; NaN where there are none."""
    ordered = sorted(values)
    if not ordered:
        return [math.nan] * len(shares)
    return [ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))] for share in shares]
