"""Opens a radar module or a recording of one: before the seal, and before the first frame."""

from pathlib import Path

from drukte.config.radar import RadarReplaySource, RadarSource, RadarTiSource
from drukte.sense.sources.radar_ld2450_setup import Ld2450Setup
from drukte.sense.sources.radar_modules import MODULES, Module
from drukte.sense.sources.radar_port import PortStream, RadarError, find_port, open_port
from drukte.sense.sources.radar_reader import ByteStream, RadarReader
from drukte.sense.sources.radar_replay import Recording
from drukte.sense.sources.radar_ti_cli import TiCommandLine, read_lines


def module_of(settings: RadarSource) -> Module:
    """The module that a source names."""
    if isinstance(settings, RadarReplaySource | RadarTiSource):
        return MODULES[settings.module]
    return MODULES[settings.kind.removeprefix("radar-")]


def open_radar(settings: RadarSource, folder: Path) -> RadarReader:
    """Open what the site file names, set it up, and begin to read it; see `open_stream`."""
    return RadarReader(open_stream(settings, folder), module_of(settings))


def open_stream(settings: RadarSource, folder: Path) -> ByteStream:
    """Open what the site file names, and set it up.

    Args:
        settings: the site file's source.
        folder: where its relative paths start.

    Raises:
        RadarError: there is no such port or recording, or the module does not answer.
    """
    module = module_of(settings)
    if isinstance(settings, RadarReplaySource):
        return _recording(settings, folder, module.period)
    port = open_port(find_port(settings.port), module.baud)
    try:
        if isinstance(settings, RadarTiSource):
            configure(settings, folder, port)
        else:
            Ld2450Setup(port, settings.port).run()
        return PortStream(port, settings.port, module.period)
    except OSError as error:
        port.close()
        raise RadarError(f"radar {settings.port}: lost while it was set up ({error}). Check cable and power") from None
    except RadarError:
        port.close()
        raise


def _recording(settings: RadarReplaySource, folder: Path, period: float) -> Recording:
    path = folder / settings.path
    if not isinstance(settings.rate, str):
        period = 1 / settings.rate
    try:
        return Recording(path, period, real_time=settings.rate != "max", loop=settings.loop)
    except OSError as error:
        raise RadarError(
            f"radar recording {path}: {error.strerror}. Check source.path; `drukte simulate radar --out FILE` makes one"
        ) from None


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
