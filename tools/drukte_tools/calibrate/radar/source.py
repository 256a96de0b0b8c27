"""A radar's frames for calibrating, live or recorded. Never inside `sense`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from drukte.config.radar import RadarReplaySource
from drukte.sense.sources import SourceEnded, SourceError
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_open import open_radar
from drukte.sense.sources.radar_reader import RadarReader

WAIT: Final = 0.5
SILENT: Final = 20
"""Waits without a frame after which a live radar counts as silent."""


@contextmanager
def radar_frames(source: Any, folder: Path) -> Iterator[Iterator[RadarFrame]]:
    """The frames of a checked radar source; each is wiped when the next one is asked for.

    Args:
        source: the site file's `source:` section.
        folder: of the site file.

    Raises:
        SourceError: it cannot be opened or has gone.
    """
    if isinstance(source, RadarReplaySource):
        source = source.model_copy(update={"rate": "max", "loop": False})
    with open_radar(source, folder) as reader:
        yield _frames(reader)


def _frames(reader: RadarReader) -> Iterator[RadarFrame]:
    silent = 0
    while silent < SILENT:
        try:
            frame = reader.next(WAIT)
        except SourceEnded:
            return
        silent = silent + 1 if frame is None else 0
        if frame is not None:
            yield frame
    raise SourceError(f"the radar gave no frame for {SILENT * WAIT:.0f} s. Check cable and power")
