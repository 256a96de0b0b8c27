"""Opens a radar module or a recording of one: before the seal, and before the first frame."""

from dataclasses import dataclass
from pathlib import Path

from drukte.config.radar import RadarLd2450Source, RadarRd03dSource, RadarReplaySource, RadarTiSource
from drukte.sense.sources.radar_ld2450_setup import Ld2450Setup
from drukte.sense.sources.radar_modules import MODULES, Module
from drukte.sense.sources.radar_port import RadarError, find_port, open_port
from drukte.sense.sources.radar_reader import RadarReader
from drukte.sense.sources.radar_replay import RadarReplay
from drukte.sense.sources.radar_ti_cli import TiCommandLine, read_lines

RadarSource = RadarReplaySource | RadarTiSource | RadarLd2450Source | RadarRd03dSource


@dataclass(frozen=True, slots=True)
class Opened:
    """A radar that is ready to give frames.

    Attributes:
        module: what is known of its kind.
        rate: frames per second; None as fast as possible.
        reader: of a module on a port; else None.
        replay: of a recording; else None.
        fds: descriptors that the reader goes on reading.
    """

    module: Module
    rate: float | None
    reader: RadarReader | None = None
    replay: RadarReplay | None = None
    fds: tuple[int, ...] = ()


def open_radar(settings: RadarSource, folder: Path) -> Opened:
    """Open what the site file names, and set it up.

    Args:
        settings: the site file's source.
        folder: where its relative paths start.

    Raises:
        RadarError: there is no such port or recording, or the module does not answer.
    """
    if isinstance(settings, RadarReplaySource):
        return _recording(settings, folder)
    name = settings.module if isinstance(settings, RadarTiSource) else settings.kind[len("radar-") :]
    module = MODULES[name]
    port = open_port(find_port(settings.port), module.baud)
    if isinstance(settings, RadarTiSource):
        configure(settings, folder, port)
    else:
        Ld2450Setup(port, settings.port).run()
    reader = RadarReader(lambda: port, module, name=settings.port)
    return Opened(module, 1 / module.period, reader=reader, fds=(port.fileno(),))


def _recording(settings: RadarReplaySource, folder: Path) -> Opened:
    module = MODULES[settings.module]
    path = folder / settings.path
    period = None if isinstance(settings.rate, str) else 1 / settings.rate
    try:
        replay = RadarReplay(path, module, real_time=settings.rate != "max", loop=settings.loop, period=period)
    except OSError as error:
        raise RadarError(
            f"radar recording {path}: {error.strerror}. Check source.path; `drukte simulate radar --out FILE` makes one"
        ) from None
    return Opened(module, None if settings.rate == "max" else 1 / module.period, replay=replay)


def configure(settings: RadarTiSource, folder: Path, data: object) -> None:
    """Send the configuration, if there is one. Raises RadarError."""
    if settings.configuration is None:
        return
    path = folder / settings.configuration
    try:
        lines = read_lines(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RadarError(f"radar configuration {path}: cannot be read ({error}). Check source.configuration") from None
    if settings.command_port is None:
        TiCommandLine(data, settings.port).configure(lines, str(path))  # type: ignore[arg-type]
        return
    port = open_port(find_port(settings.command_port), 115_200)
    try:
        TiCommandLine(port, settings.command_port).configure(lines, str(path))
    finally:
        port.close()
