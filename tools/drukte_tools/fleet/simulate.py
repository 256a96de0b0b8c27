"""`drukte fleet simulate`: sets up made-up devices, lets them talk, and sums up what was measured."""

import math
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drukte.config.report import Mqtt
from drukte.report.history import History
from drukte.report.secret import SecretError
from drukte_tools.fleet.bus import Bus, FleetError
from drukte_tools.fleet.options import broker_of
from drukte_tools.fleet.simulated import SimulatedDevice, new_site, quantiles
from drukte_tools.fleet.talker import Figures, Simulated
from drukte_tools.fleet.traffic import Traffic

SHARES: Final = (0.5, 0.9, 0.99, 1.0)
SPARE: Final = 64
"""File descriptors besides one for each connection."""


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of a run, for people and for machines."""

    figures: Figures
    devices: int
    seconds: float

    @property
    def made(self) -> int:
        """Observations made."""
        return self.figures.made

    @property
    def confirmed(self) -> int:
        """Observations that the broker confirmed."""
        return self.figures.confirmed

    @property
    def tree(self) -> dict[str, Any]:
        """Everything, for JSON; times in seconds."""
        f = self.figures
        return {
            "devices": self.devices,
            "seconds": round(self.seconds, 1),
            "observations_made": f.made,
            "observations_confirmed": f.confirmed,
            "messages_confirmed": f.messages,
            "messages_per_second": round(f.messages / self.seconds, 1),
            "messages_in_busiest_second": max(f.by_second.values(), default=0),
            "payload_bytes_per_second": round(f.bytes / self.seconds),
            "connections_made": len(f.connects),
            "connections_broken": f.broken,
            "sent_again": f.again,
            "refused": dict(f.refused),
            **{
                name: {f"q{share:g}": None if math.isnan(value) else round(value, 4) for share, value in _pairs(values)}
                for name, values in (("puback", f.latencies), ("connack", f.connects), ("own_lag", f.lags))
            },
        }

    @property
    def lines(self) -> list[str]:
        """The same for people."""
        f = self.figures
        lines = [
            f"{self.devices} devices, {self.seconds:.0f} s: {f.made} observations made, {f.confirmed} confirmed",
            f"throughput  {f.messages / self.seconds:.1f} messages/s, {f.bytes / self.seconds / 1000:.1f} kB/s "
            f"({f.messages} messages of all kinds, {max(f.by_second.values(), default=0)} in the busiest second)",
            f"PUBACK      {_words(f.latencies)}",
            f"CONNACK     {_words(f.connects)}",
            f"own delay   {_words(f.lags)}; when this is large, this machine is what is slow",
            f"connections {len(f.connects)} made, {f.broken} broken, {f.again} observations sent again",
        ]
        return lines + [f"refused     {many} times: {reason}" for reason, many in f.refused.most_common()]


def run(given: dict[str, Any], say: Callable[[str], None]) -> Result:
    """Run as the command's options say.

    Raises:
        FleetError: the broker cannot be reached, or a file is missing.
    """
    options = {
        name: given.pop(name) for name in ("devices", "first", "zones", "window", "seconds", "ramp", "spread", "keep")
    }
    certificates: Path | None = given.pop("certificates")
    confirmations: Path | None = given.pop("confirmations")
    others = [_node(text) for text in given.pop("nodes")]
    broker, base = broker_of(given)
    room_for(options["devices"])
    spread = min(options.pop("spread"), 0.8 * options["window"])
    if certificates is None:
        with Bus(broker, base, []):
            pass
    figures = Figures()
    shared = new_site(options["zones"], options["window"])
    shared = shared.model_copy(update={"mqtt": shared.mqtt.model_copy(update={"prefix": broker.prefix})})
    history, now = History(None), time.time()
    devices = []
    for n in range(options["first"], options["first"] + options["devices"]):
        device = SimulatedDevice(n, shared, history, now)
        own = broker if certificates is None else _own(broker, certificates, device.site.device)
        nodes = [own, *(own.model_copy(update={"host": host, "port": port}) for host, port in others)]
        devices.append(Simulated(device, nodes, base, n % len(nodes), figures, broker.version == "5"))

    def tell(f: Figures, connected: int) -> None:
        say(f"{connected} connected, {f.messages} messages confirmed, PUBACK {_words(f.latencies[-10_000:])}")

    traffic = Traffic(devices, options["window"], options["ramp"], spread, figures, tell)
    try:
        traffic.run(options["seconds"], clear=not options["keep"])
    except SecretError as error:
        raise FleetError(str(error)) from None
    except KeyboardInterrupt:
        say("ended early")
    finally:
        history.close()
    if confirmations is not None:
        _write(figures, confirmations)
    return Result(figures, len(devices), options["seconds"])


def _write(figures: Figures, out: Path) -> None:
    apart = time.time() - time.monotonic()
    rows = zip(figures.times, figures.latencies, strict=True)
    try:
        out.write_text("time,latency\n" + "".join(f"{at + apart:.3f},{late:.5f}\n" for at, late in rows))
    except OSError as error:
        raise FleetError(f"{out}: cannot be written ({error.strerror})") from None


def room_for(devices: int) -> None:
    """Make room for a connection each.

    Raises:
        FleetError: this machine does not let one program have so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = devices + SPARE
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise FleetError(
            f"this machine lets a program have {hard} connections, {wanted} are needed: ulimit -Hn {wanted}"
        )
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _own(broker: Mqtt, folder: Path, name: str) -> Mqtt:
    files = {"certificate_file": folder / f"{name}.crt", "key_file": folder / f"{name}.key"}
    for file in files.values():
        if not file.exists():
            raise FleetError(f"{file}: is missing. Make it: drukte fleet enrol {name} --authority ... --out {folder}")
    return broker.model_copy(update={key: str(file.absolute()) for key, file in files.items()})


def _node(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise FleetError(f"--node {text}: write HOST:PORT")
    return host, int(port)


def _pairs(values: list[float]) -> list[tuple[float, float]]:
    return list(zip(SHARES, quantiles(values, SHARES), strict=True))


def _words(values: list[float]) -> str:
    if not values:
        return "none"
    names = {0.5: "half within", 0.9: "90 %", 0.99: "99 %", 1.0: "all"}
    return ", ".join(f"{names[share]} {1000 * value:.1f} ms" for share, value in _pairs(values))
