"""Messages that stand at a broker until the next of their kind: said to one that is new, and when they change."""

from collections.abc import Callable, Mapping, Sequence

from drukte.report.broker.deliver import Delivery
from drukte.report.formats.native import Day, SelfCheck, dump
from drukte.report.ledger.attest import Attestation
from drukte.report.meaning.meaning import Meaning
from drukte.report.meaning.selfcheck import SelfChecks


class Standing:
    """Says days, meanings, self-checks and what keeps frames in.

    Args:
        topic: full topic of a message from its end.
        deliveries: the brokers that are told.
        checks: the weekly self-check.
        attestation: what keeps frames in; None leaves it out.
    """

    def __init__(
        self,
        topic: Callable[[str], str],
        deliveries: Sequence[Delivery],
        checks: SelfChecks,
        attestation: Attestation | None,
    ) -> None:
        self._topic = topic
        self._deliveries = deliveries
        self._checks = checks
        self._attestation = attestation
        self._attested: int | None = None
        self._days: Mapping[str, Day] = {}
        self._checked: SelfCheck | None = None

    def say(self, now: float, anew: bool, days: Mapping[str, Day], meaning: Meaning, seal: int | None) -> None:
        """Say what is new.

        Args:
            now: wall clock, s since 1970.
            anew: whether a broker is new; then all is said.
            days: the last whole day of each zone.
            meaning: what the last windows mean.
            seal: what the sealed room's records say of its seal.
        """
        if anew or days != self._days:
            self._days = days
            for zone, day in days.items():
                self._publish(f"{zone}/day", dump(day), "drukte/day/1")
        for zone, message in meaning.to_say(anew).items():
            self._publish(f"{zone}/busyness", message, "drukte/busyness/1")
        check = self._checks.look(now)
        if check is not None and (anew or check != self._checked):
            self._checked = check
            self._publish("selfcheck", dump(check), "drukte/selfcheck/1")
        if self._attestation and (anew or seal != self._attested):
            self._publish("privacy", dump(self._attestation.message(now, seal)), "drukte/privacy/1")
            self._attested = seal

    def _publish(self, end: str, message: str, schema: str) -> None:
        for delivery in self._deliveries:
            delivery.link.publish(self._topic(end), message, retain=True, schema=schema)
