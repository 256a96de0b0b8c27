"""Keeps pictures at the plan's moments: encrypted in memory, written into the files opened for them."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import pyrage
from numpy.typing import NDArray

from drukte.config import Site
from drukte.order import Order
from drukte.sample.container import Header, Person, pack, room
from drukte.sample.pixelate import pixelate_heads
from drukte.sample.plan import Moment
from drukte.sense.geometry.ground import Ground
from drukte.sense.result import FrameResult

QUALITIES: Final = (92, 85, 75, 60, 40, 20)
"""JPEG qualities, best first: the first that fits the container is used."""
LATE: Final = 2.0
"""A moment that passed longer ago is missed, not made up for: chance chose it, nobody else does. s."""

Boxes = Callable[[NDArray[np.uint8]], NDArray[np.float64]]


@dataclass(slots=True)
class _Waiting:
    """A picture whose count is still to come: numbers trail by about a second."""

    moment: Moment
    file: int
    at: float
    taken: float
    size: tuple[int, int]
    blurred: int
    jpeg: bytes


class Keeper:
    """What the sampler does beside counting."""

    def __init__(
        self,
        order: Order,
        site: Site,
        ground: Ground,
        calibration: dict[str, Any],
        moments: Sequence[Moment],
        size: int,
    ) -> None:
        """`moments`: those that have a file, in the order of the files. `size`: bytes of a container."""
        self._order, self._site, self._size = order, site, size
        self._zone = next(i for i, zone in enumerate(site.zones) if zone.name == order.zone)
        self._todo = list(enumerate(moments))
        self._waiting: list[_Waiting] = []
        self._recipients = [pyrage.x25519.Recipient.from_str(r.key) for r in order.recipients]
        self._calibration = calibration
        polygon = np.asarray(site.zones[self._zone].polygon, np.float64)
        self._polygon = [(float(x), float(y)) for x, y in polygon]
        self._outline = outline(ground, polygon)
        self.missed = 0

    @property
    def done(self) -> bool:
        """Whether every moment has passed and everything is written."""
        return not self._todo and not self._waiting

    def encrypt(self, content: bytes) -> bytes:
        """The age file of a container. Only the recipients' private keys open it."""
        return bytes(pyrage.encrypt(content, self._recipients))

    def look(self, picture: NDArray[np.uint8], at: float, wall: float, boxes: Boxes) -> None:
        """See whether a moment has come; if so, hold on to this picture.

        Args:
            picture: the frame; heads in it are made unrecognisable when the order says so.
            at: its time in the pipeline.
            wall: seconds since 1970.
            boxes: finds everybody in the picture, (n, 4 or more), px.
        """
        while self._todo and wall - self._todo[0][1].at > LATE:
            self._todo.pop(0)
            self.missed += 1
        if not self._todo or wall < self._todo[0][1].at or wall >= self._order.ends.timestamp():
            return
        file, moment = self._todo.pop(0)
        blurred = pixelate_heads(picture, boxes(picture)[:, :4]) if self._order.blur else 0
        jpeg = self.compress(picture)
        size = (picture.shape[1], picture.shape[0])
        self._waiting.append(_Waiting(moment, file, at, wall, size, blurred, jpeg))

    def compress(self, picture: NDArray[np.uint8]) -> bytes:
        """The picture as JPEG, as good as fits the container."""
        # what the header takes at most is set aside; `pack` checks
        for quality in QUALITIES:
            _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if len(encoded) <= room(self._size, b" " * (80 * 1024)):
                break
        data = encoded.tobytes()
        encoded.fill(0)
        return data

    def results(self, results: Sequence[FrameResult], write: Callable[[int, bytes], None]) -> None:
        """Match results with the pictures that wait for them; `write` gets the number of a file and its bytes."""
        for result in results:
            for w in [w for w in self._waiting if w.at == result.at]:
                self._waiting.remove(w)
                write(w.file, self.encrypt(pack(self._header(w, result), w.jpeg, self._size)))

    def _header(self, w: _Waiting, result: FrameResult) -> Header:
        counts = result.zones[self._zone]
        inside = np.flatnonzero(result.seen.inside[self._zone])
        people = [
            Person(xy=tuple(xy), box=tuple(box) if math.isfinite(box[0]) else None)
            for xy, box in zip(result.seen.xy[inside].tolist(), result.seen.boxes[inside].tolist(), strict=True)
        ]
        near = self._site.closeness
        return Header(
            order=self._order.id,
            device=self._site.device,
            zone=self._order.zone,
            index=w.moment.index,
            planned=w.moment.at,
            taken=w.taken,
            stratum=w.moment.stratum,
            kind="picture",
            size=w.size,
            blurred=w.blurred,
            count=counts.people + counts.riders,
            riders=counts.riders,
            levels={
                "safe": counts.safe,
                "low_risk": counts.low_risk,
                "high_risk": counts.high_risk,
                "undetermined": counts.undetermined,
            },
            people=people,
            polygon=self._polygon,
            outline=self._outline,
            closeness=(near.low_risk, near.high_risk),
            ground=self._calibration,
            model=f"{self._site.model.name} {self._site.model.size} {self._site.model.score}",
        )


def outline(ground: Ground, polygon: NDArray[np.float64]) -> list[tuple[float, float]]:
    """The zone in the picture: its sides, as bent as the lens bends them; empty when parts lie behind the camera."""
    ends = np.roll(polygon, -1, axis=0)
    steps = np.linspace(0, 1, 9)[:-1, None]
    points = np.concatenate([a + (b - a) * steps for a, b in zip(polygon, ends, strict=True)])
    px, ok = ground.to_pixels(points)
    return [(round(float(x), 1), round(float(y), 1)) for x, y in px] if ok.all() else []


def write_to(first: int) -> Callable[[int, bytes], None]:
    """Writes whole files by descriptor, and brings them to the disk."""

    def write(number: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(first + number, view) :]
        os.fdatasync(first + number)

    return write
