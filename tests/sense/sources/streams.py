"""Frames of a reader, up to its end."""

from collections.abc import Iterator

from drukte.sense.sources.base import SourceEnded
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_reader import RadarReader


def frames_of(reader: RadarReader) -> Iterator[RadarFrame]:
    """Each is wiped when the next one is asked for."""
    try:
        while True:
            frame = reader.next(2.0)
            assert frame is not None
            yield frame
    except SourceEnded:
        return
