"""The sensors of the sealed room, from whose frames some are kept. Sense itself knows nothing of this."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drukte.config import Site
from drukte.config.calibration_files import inline
from drukte.config.radar import RADARS, RadarGround
from drukte.order import Order
from drukte.sample.container import ECHOES_PLAIN, plain_size, room
from drukte.sample.echo_memory import EchoMemory
from drukte.sample.keep import HEADER_ROOM, Keeper, Shot, outline
from drukte.sample.pixelate import pixelate_heads
from drukte.sample.plan import Moment
from drukte.sense.camera_sight import CameraSight
from drukte.sense.geometry.calibration import GroundError, ground_from
from drukte.sense.radar_sight import RadarSight
from drukte.sense.result import FrameResult
from drukte.sense.sight import Sight
from drukte.sense.sources import SourceEnded
from drukte.sense.sources.radar import RadarFrame

Write = Callable[[int, bytes], None]
GRACE = 2.0
"""Seconds after the order's end in which trailing numbers are still joined with their pictures."""


class KeptSight(Sight, Protocol):
    """A sight that keeps frames at the moments of an order.

    Attributes:
        keeper: what they go to.
        size: bytes of a container.
    """

    keeper: Keeper
    size: int

    def rehearse(self) -> None:
        """Encode and encrypt once before the seal, so that every library has started what it needs."""


class _Keeping:
    """Ends with the order, and hands results on."""

    keeper: Keeper

    def set_up(self, order: Order, write: Write) -> None:
        """Begin: nothing is kept after the order's end, whatever the clock does later."""
        self._write = write
        self._ends = order.ends.timestamp() + GRACE
        self._latest = time.monotonic() + max(0.0, self._ends - time.time())
        self._sealed = False

    def sealed(self) -> None:
        """The files are open and nothing else can be written: from now on moments count."""
        self._sealed = True

    def due(self) -> tuple[int, Moment] | None:
        """The moment that has come; none before the seal."""
        return self.keeper.due(time.time()) if self._sealed else None

    def over(self) -> bool:
        """Whether nothing is left to keep."""
        late = time.time() >= self._ends or time.monotonic() >= self._latest
        return self._sealed and (self.keeper.done or late)

    def join(self, results: list[FrameResult]) -> list[FrameResult]:
        """Write the kept frames whose numbers have come."""
        self.keeper.results(results, self._write)
        return results


class KeptCamera(_Keeping, CameraSight):
    """See `KeptSight`."""

    def __init__(self, site: Site, folder: Path, model: bytes, order: Order, moments: list[Moment], write: Write):
        super().__init__(site, folder, model)
        width, height = self._source.width, self._source.height
        if isinstance(site.ground, RadarGround):
            raise GroundError("ground.kind radar describes no camera")
        calibration = inline(site.ground, folder)
        ground = ground_from(calibration, folder).for_picture(width, height)
        zone = next(zone for zone in site.zones if zone.name == order.zone)
        self.size = plain_size(width, height)
        self.keeper = Keeper(
            order,
            site,
            outline(ground, np.asarray(zone.polygon, np.float64)),
            calibration.model_dump(mode="json"),
            moments,
            self.size,
        )
        self._blur = order.blur
        self.set_up(order, write)

    def rehearse(self) -> None:
        """See `KeptSight.rehearse`."""
        with self._frame as frame:
            if self._source.read(frame) is not None:
                self.keeper.encrypt(self._shoot(frame.image, 0.0).content)

    def confirm(self) -> None:
        """See `Sight.confirm`."""
        super().confirm()
        self.sealed()

    def turn(self) -> list[FrameResult] | None:
        """See `Sight.turn`."""
        if self.over():
            raise SourceEnded("the order is carried out")
        results = super().turn()
        return None if results is None else self.join(results)

    def finish(self) -> list[FrameResult]:
        """See `Sight.finish`."""
        return self.join(super().finish())

    def _step(self, picture: NDArray[np.uint8], at: float) -> list[FrameResult]:
        results = super()._step(picture, at)
        if slot := self.due():
            self.keeper.hold(slot, self._shoot(picture, at))
        return results

    def _shoot(self, picture: NDArray[np.uint8], at: float) -> Shot:
        """The picture as it is kept; heads in it are made unrecognisable when the order says so."""
        taken = time.time()
        boxes, xy, scores = self._pipeline.everybody(picture)
        candidates = self.keeper.candidates(xy, scores)
        blurred = pixelate_heads(picture, boxes) if self._blur else 0
        size = (picture.shape[1], picture.shape[0])
        return Shot(at, taken, size, blurred, self.keeper.compress(picture), candidates)


class KeptRadar(_Keeping, RadarSight):
    """See `KeptSight`."""

    def __init__(self, site: Site, folder: Path, order: Order, moments: list[Moment], write: Write):
        super().__init__(site, folder)
        self.size = ECHOES_PLAIN
        self.keeper = Keeper(order, site, [], site.ground.model_dump(mode="json"), moments, self.size)
        self._memory = EchoMemory()
        self.set_up(order, write)

    def rehearse(self) -> None:
        """See `KeptSight.rehearse`."""
        self.keeper.encrypt(self._shoot(0.0).content)

    def confirm(self) -> None:
        """See `Sight.confirm`."""
        super().confirm()
        self.sealed()

    def turn(self) -> list[FrameResult] | None:
        """See `Sight.turn`."""
        if self.over():
            raise SourceEnded("the order is carried out")
        results = super().turn()
        return None if results is None else self.join(results)

    def _step(self, frame: RadarFrame) -> list[FrameResult]:
        results = super()._step(frame)
        self._memory.remember(frame)
        if slot := self.due():
            self.keeper.hold(slot, self._shoot(frame.time))
        return results

    def _shoot(self, at: float) -> Shot:
        content = self._memory.pack(at, room(self.size, b" " * HEADER_ROOM))
        return Shot(at, time.time(), (0, 0), 0, content)

    def wipe(self) -> None:
        """See `Sight.wipe`."""
        self._memory.wipe()
        super().wipe()


def open_kept(site: Site, folder: Path, model: bytes, order: Order, moments: list[Moment], write: Write) -> KeptSight:
    """What the site file names, opened; see `drukte.sense.sight.open_sight`, also for what it raises."""
    if site.source.kind in RADARS:
        return KeptRadar(site, folder, order, moments, write)
    return KeptCamera(site, folder, model, order, moments, write)
