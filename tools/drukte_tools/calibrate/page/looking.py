"""`drukte calibrate page`: look at the place with nobody in it, point, draw, and forget the picture."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from drukte.config.radar import RADARS
from drukte_tools.calibrate.acts import record
from drukte_tools.calibrate.page.editing import Editor
from drukte_tools.calibrate.page.server import PageServer
from drukte_tools.calibrate.page.watch import Watcher
from drukte_tools.calibrate.result import Asked, user
from drukte_tools.calibrate.sitefile import SiteFile, SiteFileError

LITTLE = 0.8
"""Share of the picture seen empty under which a longer look is advised."""


def look_at(
    site: SiteFile, asked: Asked, seconds: float, minutes: float, port: int, picture: bool, ledger: Path | None
) -> bool:
    """Serve the page until the technician is done; returns whether something was saved.

    Raises:
        SiteFileError, SourceError, ModelError: the site's source or model cannot be used.
        RecordError: the ledger cannot keep the act; then nothing is shown.
        PortError: the port is taken.
    """
    source = site.source()
    if source.kind in RADARS:
        raise SiteFileError(f"{site.path}: source.kind {source.kind} gives no picture; use `drukte calibrate radar`")
    before = site.path.read_bytes()
    with _signals():
        shown: NDArray[np.uint8] | None = None
        if picture:
            until = datetime.now(UTC) + timedelta(seconds=seconds, minutes=minutes)
            details = {"by": asked.by or user(), "until": until.isoformat(timespec="seconds")}
            record(site, "plate", details, ledger)
            size, shown = _plate(site, source, seconds)
        else:
            size = _size(site, source)
        try:
            server = PageServer(Editor(site, size, asked), shown, port, minutes)
        except OSError as error:
            raise PortError(f"port {port}: {error.strerror}. Give another one: --port") from None
        say(server, minutes)
        with suppress(KeyboardInterrupt):
            server.serve()
    click.echo("ended; the picture is wiped")
    return site.path.read_bytes() != before


class PortError(Exception):
    """The page's port cannot be used."""


def say(server: PageServer, minutes: float) -> None:
    """Where the page is, for who sits at the device and for who came by ssh."""
    click.echo(f"open in a browser on this machine:  {server.url}")
    click.echo(f"from elsewhere, first:  ssh -L {server.port}:localhost:{server.port} USER@THIS-DEVICE")
    click.echo(f"The page ends after {minutes:g} minutes, with its own button, or with Ctrl-C here.")


def _plate(site: SiteFile, source: Any, seconds: float) -> tuple[tuple[int, int], NDArray[np.uint8]]:
    """Size of the picture, and the plate as PNG."""
    with Watcher(source, site.model(), site.path.parent) as watcher:
        click.echo(f"looking for {seconds:g} s; whoever walks through is left out")
        plate = watcher.plate(seconds, _told)
        try:
            click.echo(f"\n{plate.resolved:.0%} of the picture was seen empty; the rest is grey")
            if plate.resolved < LITTLE:
                click.echo(f"that is little: look longer, as --seconds {3 * seconds:g}, or when fewer people are there")
            picture = plate.picture()
            ok, png = cv2.imencode(".png", picture)
            picture.fill(0)
        finally:
            plate.wipe()
    if not ok:
        raise SiteFileError("the picture could not be encoded")
    return watcher.size, np.asarray(png, np.uint8)


def _told(passed: float, resolved: float) -> None:
    if sys.stdout.isatty():
        click.echo(f"\r{passed:4.0f} s  {resolved:4.0%} seen empty", nl=False)


def _size(site: SiteFile, source: Any) -> tuple[int, int]:
    """Size of the picture without looking: of the calibration there is, else what the source is set to."""
    size = site.ground.get("picture") or [getattr(source, "width", None), getattr(source, "height", None)]
    if isinstance(size, list) and len(size) == 2 and all(isinstance(v, int) and v > 0 for v in size):
        return size[0], size[1]
    raise SiteFileError(f"{site.path}: ground.picture: is missing; without a look at the source it must be given")


@contextmanager
def _signals() -> Iterator[None]:
    """Let a lost ssh connection and `kill` end in order, so that memory is wiped."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
