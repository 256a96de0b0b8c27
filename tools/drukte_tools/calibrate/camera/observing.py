"""Boxes of people for the ways of calibrating that show no picture: live, or from a file of recorded boxes."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from drukte.config.ground import Lens
from drukte.config.radar import RADARS
from drukte_tools.calibrate.acts import record
from drukte_tools.calibrate.camera.passersby import read_boxes
from drukte_tools.calibrate.camera.points import PointsError
from drukte_tools.calibrate.page.watch import Sight, Watcher
from drukte_tools.calibrate.result import Asked, user
from drukte_tools.calibrate.sitefile import SiteFile, SiteFileError

SCORE: Final = 0.5
"""Score from which a box is drawn well enough to measure."""


@dataclass(frozen=True, slots=True)
class Look:
    """Where boxes come from.

    Attributes:
        seconds: how long to look, s.
        boxes: a file of recorded boxes instead of the source.
        rate: its frames per second.
        lens: of the camera, where the site file does not say it.
        ledger: where a live look is recorded; None: the device's.
    """

    seconds: float
    boxes: Path | None = None
    rate: float = 25.0
    lens: Lens | None = None
    ledger: Path | None = None


def observe(site: SiteFile, asked: Asked, look: Look, how: str) -> tuple[list[Sight], dict[str, Any]]:
    """The people of every frame, and `picture` and `lens` of the section to be made. Ctrl-C ends the look early.

    Raises:
        SiteFileError, SourceError, ModelError, PointsError: what is needed is missing.
        RecordError: the ledger cannot keep the act; then nothing is looked at.
    """
    lens = look.lens.model_dump(exclude_defaults=True) if look.lens is not None else site.ground.get("lens")
    base = {"lens": lens} if lens else {}
    if look.boxes is not None:
        size = site.ground.get("picture")
        if size is None:
            raise PointsError("the picture's size is not known; the site file's ground.picture must give it")
        return [s for s in read_boxes(look.boxes, look.rate) if s.time <= look.seconds], {"picture": list(size), **base}
    source = site.source()
    if source.kind in RADARS:
        raise SiteFileError(f"{site.path}: source.kind {source.kind} gives no picture; use `drukte calibrate radar`")
    record(site, "calibration", {"by": asked.by or user(), "how": how}, look.ledger)
    sights: list[Sight] = []
    with Watcher(source, site.model(), site.path.parent) as watcher:
        size = list(watcher.size)
        try:
            _collect(watcher.sights(look.seconds, SCORE), sights)
        except KeyboardInterrupt:
            click.echo("\nstopped; what was seen so far is used")
    return sights, {"picture": size, **base}


def _collect(sights: Iterator[Sight], into: list[Sight]) -> None:
    """Keep every sight as it comes, so that nothing is lost when the look is ended early; say what is seen."""
    for sight in sights:
        into.append(sight)
        if sys.stdout.isatty():
            n, passed = len(sight.boxes), sight.time - into[0].time
            click.echo(f"\r{passed:4.0f} s  {n or 'no'} {'person' if n == 1 else 'people'}   ", nl=False)
    if sys.stdout.isatty():
        click.echo()
