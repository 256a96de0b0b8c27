"""What is known about the sensor and this process at a moment, for the status message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from drukte import __version__
from drukte.config import Site
from drukte.report.formats.native import BrokerStatus, CommandCounts, DeviceStatus, moment
from drukte.summary import BLURRED, HEARTBEAT_EVERY, RUNNING, STATES, VALIDATION, Summary

SLACK: Final = 5
"""Seconds that a record may be late before the sensing process counts as absent."""


@dataclass(slots=True)
class Health:
    """Follows the records that come in.

    Attributes:
        state: sensor state by the last record; when none came for too long, `closed` or `expired` if the schedule or
            the purpose says so, else `absent`.
        opens: when the schedule opens the camera again, if it is closed.
        since: when `state` took this value, s since 1970.
    """

    site: Site
    boot: str
    state: str = "absent"
    since: float = 0.0
    opens: datetime | None = None
    _last: float | None = field(default=None)
    _look_again: float = 0.0

    @property
    def patience(self) -> float:
        """Without a record for this long the sensing process counts as absent, s."""
        return 2 * min(self.site.tick, HEARTBEAT_EVERY) + SLACK

    @property
    def sensing(self) -> bool:
        """Whether frames are being turned into numbers."""
        return self.state in (STATES[RUNNING], STATES[VALIDATION], STATES[BLURRED])

    def heard(self, record: Summary, now: float, mono: float) -> None:
        """A record came in."""
        self._last = mono
        self._look_again = 0.0
        self._become(STATES[record.state], now)

    def look(self, now: float, mono: float) -> None:
        """Notice that nothing comes any more."""
        if not self.since:
            self.since = now
        if self._last is None or mono - self._last > self.patience:
            self._become(self._why_silent(now, mono), now)

    def _why_silent(self, now: float, mono: float) -> str:
        """`closed` or `expired` when the site's own rules keep the camera shut, else `absent`."""
        if mono < self._look_again:
            return self.state
        self._look_again = mono + 5
        looking = self.site.may_look(datetime.fromtimestamp(now, UTC))
        self.opens = looking.until if not looking.allowed else None
        return {"schedule": "closed", "purpose": "expired", None: "absent"}[looking.why_not]

    def age(self, mono: float) -> int | None:
        """Seconds since the last record; None before the first."""
        return None if self._last is None else max(0, int(mono - self._last))

    def _become(self, state: str, now: float) -> None:
        if state != self.state:
            self.state = state
            self.since = now

    def status(
        self,
        now: float | None,
        mono: float,
        *,
        reason: Literal["connection_lost", "stopped"] | None = None,
        accepted: int = 0,
        rejected: Mapping[str, int] | None = None,
        starts: int = 0,
        seal: int | None = None,
        waiting: int = 0,
        merged: int = 0,
        lost: int = 0,
        store: Literal["fine", "full", "replaced"] = "fine",
        brokers: Mapping[str, BrokerStatus] | None = None,
        commands: CommandCounts | None = None,
        last_day: tuple[float | None, float | None] = (None, None),
    ) -> DeviceStatus:
        """The status message; with a `reason` it says that the device is not online."""
        online = reason is None
        return DeviceStatus(
            organisation=self.site.organisation,
            device=self.site.device,
            online=online,
            sensing=online and self.sensing,
            state=self.state if online else "unknown",
            opens=moment(self.opens.timestamp()) if online and self.opens and self.state == "closed" else None,
            reason=reason,
            since=moment(self.since) if online and self.since else None,
            at=None if now is None else moment(now),
            boot=self.boot,
            software=__version__,
            last_record_age=self.age(mono) if online else None,
            accepted=accepted,
            rejected=dict(rejected or {}),
            sensing_starts=starts,
            seal=seal,
            waiting=waiting,
            merged=merged,
            lost=lost,
            store=store,
            brokers=dict(brokers or {}),
            observed=_share(last_day[0]),
            good=_share(last_day[1]),
            commands=commands or CommandCounts(),
            purpose_valid_until=self.site.purpose.valid_until.isoformat(),
        )


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
