"""The open room: reads the door, makes windows, protects small numbers, publishes. Never sees a frame."""

import logging
import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drukte.command import LONGEST, Act, Command
from drukte.config import Site
from drukte.report.alive import Alive
from drukte.report.attest import Attestation
from drukte.report.closing import Closing
from drukte.report.commands import Commands
from drukte.report.deliver import Delivery
from drukte.report.door import DoorReader
from drukte.report.formats.base import Outgoing
from drukte.report.formats.native import BrokerStatus, Day, DeviceStatus, SelfCheck, dump, moment
from drukte.report.health import Health
from drukte.report.history import History
from drukte.report.meaning import Meaning
from drukte.report.messages import meta, topics
from drukte.report.mqtt import Link
from drukte.report.outbox import Outbox
from drukte.report.selfcheck import SelfChecks
from drukte.report.service import DAY, Completeness
from drukte.report.tell import Teller, brokers, client_id, device_of, formats_of
from drukte.report.wake import Wake
from drukte.summary import SUMMARY

log = logging.getLogger(__name__)

STATUS_EVERY: Final = 60.0
"""The status is said again after this long even when nothing changed, s."""
LONGEST_WAIT: Final = 1.0
ACTS_EVERY: Final = 5.0
"""The files in which other programs write down what they did are looked at this often, s."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Wall clock (s since 1970) and monotonic clock (s)."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class Report:
    """The process without its surroundings.

    Args:
        site: the checked site file.
        door: non-blocking descriptor to read records from.
        outbox: the store.
        history: what has been published, on this device.
        base: folder that relative file names in the site file start from.
        clocks: where the time comes from.
        attestation: what keeps frames in, and the ledger; None leaves both out.
        trusted: public keys of those who may send commands.
        acts: what to do for commands that this class cannot carry out itself.
    """

    def __init__(
        self,
        site: Site,
        door: int,
        outbox: Outbox,
        history: History,
        base: Path,
        clocks: Clocks | None = None,
        attestation: Attestation | None = None,
        trusted: Sequence[str] = (),
        acts: Mapping[Act, Callable[[Command], None]] | None = None,
    ) -> None:
        self._site = site
        self._door = door
        self._outbox = outbox
        self._clocks = clocks or Clocks()
        self._attestation = attestation
        self._attested: int | None = None
        self._boot = os.urandom(4).hex()
        self._topic = topics(site)
        self._zones = [zone.name for zone in site.zones]
        self._reader = DoorReader(door, site, self._clocks.now, self._clocks.monotonic)
        self._health = Health(site, self._boot)
        self._jumps = 0
        self._days: dict[str, Day] = {}
        self._meaning = Meaning(site, history, self._clocks.now())
        self._complete = Completeness(len(site.zones))
        recent = history.between(int(self._clocks.now()) - DAY, int(self._clocks.now()))
        self._complete.take(o for o in recent if o.disclosure.policy == site.disclosure.policy)
        self._checks = SelfChecks(site, history)
        self._checked: SelfCheck | None = None
        self._said: tuple[object, ...] = ()
        self._said_at = -STATUS_EVERY
        self._stopping = False
        self._wake = Wake()
        self._alive = Alive(site.window, self._clocks.monotonic())
        self._asked = False
        self._look_at_acts = 0.0
        own: dict[Act, Callable[[Command], None]] = {"status": self._ask}
        self._commands = Commands(site, outbox, list(trusted), self._clocks.now, own | dict(acts or {}))
        record = attestation.record if attestation else None
        self._closing = Closing(site, outbox, history, self._boot, self._clocks.now, record)
        will = Outgoing(self._topic("status"), dump(self._health.status(None, 0.0, reason="connection_lost")))
        told = formats_of(site)
        self._tellers = {name: Teller(name, told[name], device_of(site, name), outbox) for name in told}
        self._deliveries = [
            Delivery(
                Link(
                    name,
                    settings,
                    client_id=client_id(site, name),
                    will=(last.topic, last.payload) if (last := will if teller.native else teller.will) else None,
                    wake=self._wake,
                    base=base,
                    listen=self._topic("cmd/#") if trusted and name == "primary" else None,
                    longest=LONGEST,
                ),
                outbox,
                teller.render,
                self._clocks.monotonic,
                "open" if settings.gets == "open" else site.disclosure.policy,
            )
            for (name, settings), teller in zip(brokers(site).items(), self._tellers.values(), strict=True)
        ]
        self._native = [delivery for delivery in self._deliveries if self._tellers[delivery.link.name].native]

    def _ask(self, _command: Command) -> None:
        self._asked = True

    def _obey(self) -> None:
        """Take in the commands that came, and what other programs of this device wrote down."""
        for delivery in self._deliveries:
            for received in delivery.take_received():
                if (command := self._commands.take(received)) and self._attestation:
                    self._attestation.record("command", did=command.act, serial=command.serial, key=command.key)
            if dropped := delivery.link.take_dropped():
                self._commands.dropped(dropped)
        mono = self._clocks.monotonic()
        if self._attestation and mono >= self._look_at_acts:
            self._look_at_acts = mono + ACTS_EVERY
            self._attestation.take_acts()

    def stop(self) -> None:
        """Ask `run` to end. Safe in a signal handler."""
        self._stopping = True
        self._wake()

    def run(self) -> None:
        """Work until `stop` is called."""
        for delivery in self._deliveries:
            delivery.link.start()
        poller = select.poll()
        poller.register(self._wake.fd, select.POLLIN)
        while not self._stopping:
            self.turn()
            # A pipe without a writer is always ready: it is then looked at once per turn instead.
            if self._reader.closed:
                poller.poll(1000 * min(LONGEST_WAIT, self._wait()))
            else:
                poller.register(self._door, select.POLLIN)
                poller.poll(1000 * self._wait())
                poller.unregister(self._door)
            self._wake.drain()
        self._goodbye()

    def _wait(self) -> float:
        waits = [wait for delivery in self._deliveries if (wait := delivery.wait) is not None]
        return min([LONGEST_WAIT, *waits])

    def turn(self) -> None:
        """One turn: take in what came, close what is due, send what waits."""
        self._take_in()
        made = self._closing.close(self._under_way())
        self._meaning.take(made)
        self._complete.take(o for o in made if o.disclosure.policy == self._site.disclosure.policy)
        now, mono = self._clocks.now(), self._clocks.monotonic()
        self._alive.windows(made, mono)
        self._health.look(now, mono)
        new = [delivery for delivery in self._deliveries if delivery.turn(now)]
        self._obey()
        if self._asked:
            new, self._asked = self._deliveries, False
        anew = self._greet(new)
        self._say_days(anew)
        self._say_meaning(anew)
        self._say_check(now, anew)
        self._say_status(now, mono, anew)
        self._attest(now, anew)
        if self._alive.turn(mono):
            self._alive.status(self._status(now, mono))

    def _greet(self, new: list[Delivery]) -> bool:
        """Tell brokers that are new what does not change. True when there are any."""
        for delivery in new:
            teller = self._tellers[delivery.link.name]
            sent = [_publish(delivery, message) for message in teller.greet()]
            if teller.native:
                delivery.link.publish(self._topic("meta"), dump(meta(self._site)), retain=True, schema="drukte/meta/1")
            if all(sent):
                teller.greeted()
        return bool(new)

    def _attest(self, now: float, anew: bool) -> None:
        """Say what keeps frames in: to a broker that is new, and when the seal changes."""
        if self._attestation is None or not (anew or self._reader.seal != self._attested):
            return
        said = dump(self._attestation.message(now, self._reader.seal))
        for delivery in self._native:
            delivery.link.publish(self._topic("privacy"), said, retain=True, schema="drukte/privacy/1")
        self._attested = self._reader.seal

    def _say_days(self, anew: bool) -> None:
        """Say the last whole day of each zone: to a broker that is new, and when a day is over."""
        if not anew and self._closing.days == self._days:
            return
        self._days = self._closing.days
        for name, day in self._days.items():
            for delivery in self._native:
                delivery.link.publish(self._topic(f"{name}/day"), dump(day), retain=True, schema="drukte/day/1")

    def _say_meaning(self, anew: bool) -> None:
        """Say what the last window of each zone means: to a broker that is new, and when there is a new one."""
        for zone, message in self._meaning.to_say(anew).items():
            for delivery in self._native:
                delivery.link.publish(self._topic(f"{zone}/busyness"), message, retain=True, schema="drukte/busyness/1")

    def _say_check(self, now: float, anew: bool) -> None:
        """Say the last week's self-check: to a broker that is new, and when a week is over."""
        check = self._checks.look(now)
        if check is None or (check == self._checked and not anew):
            return
        self._checked = check
        for delivery in self._native:
            delivery.link.publish(self._topic("selfcheck"), dump(check), retain=True, schema="drukte/selfcheck/1")

    def _take_in(self) -> None:
        records = self._reader.read()
        if self._reader.jumps != self._jumps:
            self._jumps = self._reader.jumps
            log.warning("the clock was set while running; windows go on at the new time")
            if self._attestation:
                self._attestation.record("clock", to=moment(self._clocks.now()))
            self._closing.begin()
        if not records:
            return
        now, mono = self._clocks.now(), self._clocks.monotonic()
        for record in records:
            self._health.heard(record, now, mono)
        self._closing.add([record for record in records if record.kind == SUMMARY])

    def _under_way(self) -> set[int]:
        return {seq for delivery in self._deliveries for seq in delivery.under_way}

    def _say_status(self, now: float, mono: float, anew: bool) -> None:
        reader = self._reader
        condition = (
            self._health.state,
            reader.seal,
            reader.runs,
            sum(reader.rejected.values()),
            self._outbox.lost,
            bool(self._closing.held),
            self._commands.counts.model_dump_json(),
            *(delivery.condition for delivery in self._deliveries),
        )
        if not anew and condition == self._said and mono - self._said_at < STATUS_EVERY:
            return
        status = self._status(now, mono)
        sent = [
            delivery.link.publish(self._topic("status"), dump(status), retain=True, schema="drukte/status/1")
            for delivery in self._native
        ]
        if any(sent) or not self._native:
            self._said, self._said_at = condition, mono

    def _status(self, now: float, mono: float) -> DeviceStatus:
        reader = self._reader
        return self._health.status(
            now,
            mono,
            accepted=reader.accepted,
            rejected=reader.rejected,
            starts=reader.runs,
            seal=reader.seal,
            waiting=len(self._outbox) + self._closing.held,
            merged=self._outbox.merged,
            lost=self._outbox.lost,
            store="full" if self._closing.held else "replaced" if self._outbox.moved_aside else "fine",
            brokers={
                d.link.name: BrokerStatus(
                    condition=d.condition,
                    waiting=self._outbox.waiting(d.link.name),
                    publish_median=d.pace.told()[0],
                    publish_95=d.pace.told()[1],
                )
                for d in self._deliveries
            },
            last_day=self._complete.told(now),
            commands=self._commands.counts,
        )

    def _goodbye(self) -> None:
        now, mono = self._clocks.now(), self._clocks.monotonic()
        gone = dump(self._health.status(now, mono, reason="stopped"))
        for delivery in self._deliveries:
            delivery.turn(now)
            for message in self._tellers[delivery.link.name].farewell():
                _publish(delivery, message)
        for delivery in self._native:
            delivery.link.publish(self._topic("status"), gone, retain=True, schema="drukte/status/1")
        for delivery in self._deliveries:
            delivery.link.stop()
        for delivery in self._deliveries:
            delivery.turn(now)
        self._wake.close()


def _publish(delivery: Delivery, message: Outgoing) -> bool:
    return delivery.link.publish(
        message.topic,
        message.payload,
        retain=message.retain,
        schema=message.schema,
        content_type=message.content_type,
    )
