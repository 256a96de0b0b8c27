"""A live table of what devices publish, for a desk and a terminal."""

import queue
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from drukte.config.report import Broker
from drukte.report.broker.secret import read_secret, tls_context, uses_tls
from drukte.report.formats.native import DeviceStatus, Observation, seconds

HIDDEN: Final = {
    "under_5": "<5",
    "suppressed": "hidden",
    "not_observed": "not seen",
    "not_measured": "-",
}


def number(block: Any, value: float | None) -> str:
    """A value of a block as it is shown to people: never empty, never 0 for what is not known."""
    if block is None:
        return "-"
    if block.status != "shown" or value is None:
        return HIDDEN.get(block.status, "-")
    return f"{value:g}"


def percent(block: Any, value: float | None) -> str:
    """A share of a block in percent."""
    return f"{100 * value:.0f}%" if block.status == "shown" and value is not None else HIDDEN.get(block.status, "-")


def crossings(o: Observation, between: str = ", ") -> str:
    """Crossings of all lines of a zone, with `between` between lines."""
    if o.crossings is None:
        return "-"
    if o.crossings.status != "shown":
        return HIDDEN[o.crossings.status]
    return between.join(f"{line.line} {line.in_:g} in {line.out:g} out" for line in o.crossings.lines)


def local(moment: str) -> str:
    """Time of day of a UTC moment in this computer's time zone."""
    return datetime.fromtimestamp(seconds(moment)).astimezone().strftime("%H:%M:%S")


def line(o: Observation) -> str:
    """An observation in one line of text."""
    return (
        f"{local(o.to)} {o.device}/{o.zone}: people {number(o.people, o.people.mean)} "
        f"(most {number(o.people, o.people.max)}), high risk {percent(o.levels, o.levels.high_risk)}, "
        f"low risk {percent(o.levels, o.levels.low_risk)}, crossings {crossings(o)}, "
        f"observed {100 * o.observed:.0f}%, sensor {o.state}, {o.quality.grade}"
    )


class Board:
    """The latest of every zone and device."""

    def __init__(self) -> None:
        self._zones: dict[tuple[str, str, str], Observation] = {}
        self._devices: dict[tuple[str, str], DeviceStatus] = {}
        self.unreadable = 0

    def take(self, topic: str, payload: bytes) -> Observation | DeviceStatus | None:
        """A message; None when it is of no kind that is shown."""
        try:
            if topic.endswith("/obs"):
                o = Observation.model_validate_json(payload)
                self._zones[o.organisation, o.device, o.zone] = o
                return o
            if topic.endswith("/status"):
                status = DeviceStatus.model_validate_json(payload)
                self._devices[status.organisation, status.device] = status
                return status
        except ValidationError:
            self.unreadable += 1
        return None

    def table(self) -> Table:
        """What is known, as a table."""
        devices = sorted({device for _, device, _ in self._zones})
        title = devices[0] if len(devices) == 1 else "drukte"
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=title, caption=self._caption())
        for heading in ("zone", "until", "people", "most", "high", "low", "crossings", "seen", "quality"):
            right = heading in ("people", "most", "high", "low", "seen")
            table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "zone")
        for (_, device, zone), o in sorted(self._zones.items()):
            table.add_row(
                f"{device}/{zone}" if len(devices) > 1 else zone,
                local(o.to),
                number(o.people, o.people.mean),
                number(o.people, o.people.max),
                percent(o.levels, o.levels.high_risk),
                percent(o.levels, o.levels.low_risk),
                crossings(o, "\n"),
                f"{100 * o.observed:.0f}%",
                o.quality.grade if o.state == "running" else f"{o.quality.grade}, {o.state}",
            )
        return table

    def _caption(self) -> str:
        states = [
            f"{device}: {'online' if s.online else 'offline'}, {'sensing' if s.sensing else s.state}"
            for (_, device), s in sorted(self._devices.items())
        ]
        if self.unreadable:
            states.append(f"{self.unreadable} messages could not be read")
        return escape("   ".join(states)) or "waiting for messages (a window must end first)"


def messages(broker: Broker, topic: str, base: Path = Path()) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of every message, for ever.

    Raises:
        OSError: the broker cannot be reached or refuses.
        SecretError: a password or certificate file cannot be used.
    """
    arrived: queue.SimpleQueue[tuple[str, bytes] | OSError] = queue.SimpleQueue()
    protocol = paho.MQTTv5 if broker.version == "5" else paho.MQTTv311
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
    if broker.username:
        client.username_pw_set(
            broker.username, read_secret(broker.password_file, base) if broker.password_file else None
        )
    if uses_tls(broker):
        client.tls_set_context(tls_context(broker, base))

    def connected(_client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            arrived.put(OSError(f"the broker refused: {reason}"))
        else:
            client.subscribe(topic, qos=1)

    client.on_connect = connected
    client.on_message = lambda _client, _data, message: arrived.put((message.topic, bytes(message.payload)))
    client.connect(broker.host, broker.port, keepalive=30)
    client.loop_start()
    try:
        while True:
            item = arrived.get()
            if isinstance(item, OSError):
                raise item
            yield item
    finally:
        client.disconnect()
        client.loop_stop()


def watch(
    broker: Broker,
    topic: str,
    base: Path = Path(),
    console: Console | None = None,
    enough: Callable[[Board], bool] = lambda _: False,
    source: Iterator[tuple[str, bytes]] | None = None,
) -> None:
    """Show what comes until Ctrl-C: a table on a terminal, one line per observation elsewhere.

    Args:
        broker: where to subscribe.
        topic: topic filter, as `drukte/v1/#`.
        base: folder that file names in `broker` start from.
        console: where to show it.
        enough: asked after every message; true ends.
        source: messages from elsewhere than the broker.

    Raises:
        OSError: the broker cannot be reached or refuses.
        SecretError: a password or certificate file cannot be used.
    """
    console = console or Console()
    board = Board()
    live = Live(board.table(), console=console, auto_refresh=False) if is_rich(console) else None
    try:
        if live:
            live.start(refresh=True)
        for where, payload in source if source is not None else messages(broker, topic, base):
            taken = board.take(where, payload)
            if live:
                live.update(board.table(), refresh=True)
            elif isinstance(taken, Observation):
                console.out(line(taken), highlight=False)
            elif taken is not None:
                state = "sensing" if taken.sensing else taken.state
                console.out(f"{taken.device}: {'online' if taken.online else 'offline'}, {state}", highlight=False)
            if enough(board):
                return
    except KeyboardInterrupt:
        return
    finally:
        if live:
            live.stop()


def is_rich(console: Console) -> bool:
    """Whether a table can be redrawn in place."""
    return console.is_terminal and not console.is_dumb_terminal


def main(broker: Broker, topic: str, base: Path = Path()) -> int:
    """`drukte watch`: 0 after Ctrl-C, 1 when the broker cannot be reached."""
    try:
        watch(broker, topic, base)
    except OSError as error:
        sys.stderr.write(
            f"watch: {broker.host}:{broker.port}: {error}. Check that the broker runs and the address is right\n"
        )
        return 1
    return 0
