"""What the open room does while its site file may not be used: it says so at the broker, and publishes
nothing else.

Where to say it, it knows from the last site file that was right. On a device that takes unsigned settings and never had
a right one, the broker in the wrong file is used, if that part of it is right.
"""

import logging
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import TypeAdapter, ValidationError

from drukte import __version__
from drukte.config import SiteError
from drukte.config.base import Name
from drukte.config.generic import laid_under
from drukte.config.report import Mqtt
from drukte.report.broker.mqtt import Link
from drukte.report.broker.news import Connected
from drukte.report.broker.wake import Wake
from drukte.report.formats.native import BrokerStatus, CommandCounts, DeviceStatus, dump, moment
from drukte.report.health.alive import keep as keep_status
from drukte.report.health.alive import notify
from drukte.settings import load_trusted
from drukte.settings.files import SHARED, parse_bytes, read_bytes
from drukte.settings.put import write_whole
from drukte.settings.trust import demanded

log = logging.getLogger(__name__)

LAST: Final = "last-site.yaml"
"""Copy, in the state folder, of the last site file that was right."""
LOOK_EVERY: Final = 5.0
"""The site file is looked at again this often, s."""
SAY_EVERY: Final = 60.0


@dataclass(frozen=True, slots=True)
class Address:
    """Who the device is and where its messages go."""

    organisation: str
    device: str
    mqtt: Mqtt
    valid_until: str | None


def keep(site_file: Path, state: Path) -> None:
    """Remember a site file that is right; a disk that takes nothing is said and otherwise borne."""
    try:
        data = read_bytes(site_file)
        path = state / LAST
        if not path.exists() or path.read_bytes() != data:
            write_whole(path, data, 0o600)
    except (SiteError, OSError) as error:
        log.warning("the site file could not be remembered: %s", error)


def address(site_file: Path, state: Path | None) -> Address | None:
    """Where it can be said that the site file may not be used; None if nobody knows."""
    if state is not None:
        try:
            site = parse_bytes((state / LAST).read_bytes(), site_file)
        except (OSError, SiteError):
            pass
        else:
            return Address(site.organisation, site.device, site.mqtt, site.purpose.valid_until.isoformat())
    try:
        if demanded(site_file):
            return None  # an unsigned file does not say where messages go
        tree = _with_shared(site_file)
        name = TypeAdapter(Name)
        return Address(
            name.validate_python(tree["organisation"]),
            name.validate_python(tree["device"]),
            Mqtt.model_validate(tree.get("mqtt") or {}),
            None,
        )
    except (
        SiteError,
        ValidationError,
        yaml.YAMLError,
        RecursionError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
    ):
        return None


def _with_shared(site_file: Path) -> dict[str, Any]:
    """The site file as it stands, over the settings that it shares."""
    own = yaml.safe_load(read_bytes(site_file))
    shared = site_file.with_name(SHARED)
    return laid_under(yaml.safe_load(read_bytes(shared)) or {}, own) if shared.exists() else own


def reason(error: SiteError) -> str:
    """Why, for the status: what is wrong and where, without what stands there, which may be a secret."""
    parts = [f"{p.key}: {p.allowed}" if p.key else p.allowed for p in error.problems]
    more = f" (and {len(parts) - 3} more)" if len(parts) > 3 else ""
    text = "; ".join(parts[:3]) + more
    return text if len(text) <= 400 else text[:397] + "..."


class Refused:
    """Says at every broker that the site file may not be used, until it may.

    Args:
        where: who the device is and where its messages go.
        site_file: the file that may not be used.
        error: why not.
        base: folder that relative file names in the settings start from.

    Raises:
        SecretError: a password, certificate or key file cannot be used.
    """

    def __init__(self, where: Address, site_file: Path, error: SiteError, base: Path) -> None:
        self._where = where
        self._file = site_file
        self._error = error
        self._boot = os.urandom(4).hex()
        self._wake = Wake()
        self._stopping = False
        self._since = time.time()
        self._topic = f"{where.mqtt.prefix}/{where.organisation}/{where.device}/status"
        self._links: list[Link] = []
        will = (self._topic, dump(self._status(online=False)))
        brokers = {"primary": where.mqtt} | {f"mirror-{i}": m for i, m in enumerate(where.mqtt.mirrors, 1)}
        self._links = [
            Link(
                name,
                settings,
                client_id=settings.client_id or f"{where.organisation}-{where.device}",
                will=will,
                wake=self._wake,
                base=base,
            )
            for name, settings in brokers.items()
            if "native" in settings.formats  # others have no word for it, and hear nothing
        ]

    def stop(self) -> None:
        """Ask `run` to end. Safe in a signal handler."""
        self._stopping = True
        self._wake()

    def run(self, mended: Callable[[], bool] | None = None) -> bool:
        """Say it until the site file may be used (True) or `stop` is called (False)."""
        mended = mended or self._mended
        for link in self._links:
            link.start()
        poller = select.poll()
        poller.register(self._wake.fd, select.POLLIN)
        said = looked = time.monotonic()
        fine = False
        notify("READY=1")
        while not self._stopping and not fine:
            now = time.monotonic()
            anew = [link for link in self._links if any(isinstance(news, Connected) for news in link.news())]
            if now - said > SAY_EVERY:
                anew, said = self._links, now
            for link in anew:
                link.publish(self._topic, dump(self._status()), retain=True, schema="drukte/status/1")
            if now - looked > LOOK_EVERY:
                fine, looked = mended(), now
                keep_status(self._status())
            notify("WATCHDOG=1")  # no windows are made, and none are to be
            poller.poll(1000)
            self._wake.drain()
        for link in self._links:
            if not fine:
                link.publish(self._topic, dump(self._status(online=False)), retain=True, schema="drukte/status/1")
            link.stop()
        self._wake.close()
        return fine

    def _mended(self) -> bool:
        try:
            load_trusted(self._file)
        except SiteError as error:
            self._error = error
            return False
        return True

    def _status(self, online: bool = True) -> DeviceStatus:
        return DeviceStatus(
            organisation=self._where.organisation,
            device=self._where.device,
            online=online,
            sensing=False,
            state="refused",
            refusal=reason(self._error),
            reason=None if online else "stopped" if self._stopping else "connection_lost",
            since=moment(self._since),
            at=moment(time.time()) if online else None,
            boot=self._boot,
            software=__version__,
            last_record_age=None,
            accepted=0,
            rejected={},
            sensing_starts=0,
            seal=None,
            waiting=0,
            merged=0,
            lost=0,
            store="fine",
            brokers={link.name: BrokerStatus(condition=link.condition, waiting=0) for link in self._links},
            commands=CommandCounts(),
            purpose_valid_until=self._where.valid_until,
        )
