"""A radar's frames for calibrating, live or recorded. Never inside `sense`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from drukte.config.radar import RadarReplaySource, RadarTiSource
from drukte.sense.sources import SourceError
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_ld2450_setup import Ld2450Setup
from drukte.sense.sources.radar_modules import MODULES, Module
from drukte.sense.sources.radar_open import configure
from drukte.sense.sources.radar_port import RadarError, find_port, open_port
from drukte.sense.sources.radar_reader import RadarReader
from drukte.sense.sources.radar_replay import RadarReplay

WAIT: Final = 0.5
SILENT: Final = 20
"""Waits without a frame after which a live radar counts as silent."""


def module_of(source: Any) -> Module:
    """The module that a checked radar source names."""
    named = source.module if isinstance(source, RadarReplaySource | RadarTiSource) else source.kind[len("radar-") :]
    return MODULES[named]


@contextmanager
def radar_frames(source: Any, folder: Path) -> Iterator[Iterator[RadarFrame]]:
    """The frames of a checked radar source; each is wiped when the next one is asked for.

    Args:
        source: the site file's `source:` section.
        folder: of the site file.

    Raises:
        SourceError: it cannot be opened or has gone.
    """
    module = module_of(source)
    try:
        if isinstance(source, RadarReplaySource):
            try:
                replay = RadarReplay(folder / source.path, module, real_time=False)
            except OSError as error:
                raise RadarError(f"radar recording {folder / source.path}: {error.strerror}. Check the path") from None
            with replay:
                yield replay.frames()
            return
        port = open_port(find_port(source.port), module.baud)
        if isinstance(source, RadarTiSource):
            configure(source, folder, port)
        else:
            Ld2450Setup(port, source.port).run()
        reader = RadarReader(lambda: port, module, name=source.port)
        try:
            yield _live(reader)
        finally:
            reader.close()
    except RadarError as error:
        raise SourceError(str(error)) from None


def _live(reader: RadarReader) -> Iterator[RadarFrame]:
    silent = 0
    while silent < SILENT:
        frame = reader.next(WAIT)
        silent = silent + 1 if frame is None else 0
        if frame is not None:
            yield frame
    raise RadarError(f"radar {reader.name}: no frame for {SILENT * WAIT:.0f} s. Check cable and power")
