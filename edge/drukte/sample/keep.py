"""Keeps pictures at the plan's moments: encrypted in memory, written into the files opened for them."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
import pyrage
from numpy.typing import NDArray

from drukte import __version__
from drukte.config import Site
from drukte.config.radar import RadarGround
from drukte.order import Order
from drukte.sample.container import Candidate, Header, Person, pack, room
from drukte.sample.plan import Moment
from drukte.sense.geometry.ground import Ground
from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.people import Floats
from drukte.sense.result import FrameResult

QUALITIES: Final = (92, 85, 75, 60, 40, 20)
"""JPEG qualities, best first: the first that fits the container is used."""
LATE: Final = 2.0
"""A moment that passed longer ago is missed, not made up for: chance chose it, nobody else does. s."""
HEADER_ROOM: Final = 80 * 1024
"""Most that a header takes, bytes."""
MOST_CANDIDATES: Final = 400


@dataclass(slots=True)
class Shot:
    """What was kept of one moment, still to be joined with its count: a camera's numbers trail by about a second.

    Attributes:
        at: time of the frame in the pipeline, s.
        taken: seconds since 1970.
        size: width and height of the picture, px; (0, 0) for echoes.
        blurred: boxes whose head was made unrecognisable.
        content: JPEG, or echoes as `echo_memory` packs them.
        candidates: what the detector found in the zone.
    """

    at: float
    taken: float
    size: tuple[int, int]
    blurred: int
    content: bytes
    candidates: list[Candidate] = field(default_factory=list)


class Keeper:
    """What the sampler does beside counting, whatever the sensor: moments in, encrypted files out."""

    def __init__(
        self,
        order: Order,
        site: Site,
        outline: list[tuple[float, float]],
        calibration: dict[str, Any],
        moments: Sequence[Moment],
        size: int,
    ) -> None:
        """Get ready for an order.

        Args:
            order: the accepted order.
            site: the device's site.
            outline: the zone in the picture, px.
            calibration: the site's `ground` section with its files written out.
            moments: those that have a file, in the order of the files.
            size: bytes of a container.
        """
        self._order, self._site, self._size, self._outline = order, site, size, outline
        self.zone = next(i for i, zone in enumerate(site.zones) if zone.name == order.zone)
        self._todo = list(enumerate(moments))
        self._waiting: list[tuple[int, Moment, Shot]] = []
        self._recipients = [pyrage.x25519.Recipient.from_str(r.key) for r in order.recipients]
        self._calibration = calibration
        self.polygon = np.asarray(site.zones[self.zone].polygon, np.float64)
        self.missed = 0

    @property
    def done(self) -> bool:
        """Whether every moment has passed and everything is written."""
        return not self._todo and not self._waiting

    def encrypt(self, content: bytes) -> bytes:
        """The age file of a container. Only the recipients' private keys open it."""
        return bytes(pyrage.encrypt(content, self._recipients))

    def due(self, wall: float) -> tuple[int, Moment] | None:
        """The moment that has come, and the number of its file; None while none has. It is not given twice.

        Args:
            wall: seconds since 1970.
        """
        while self._todo and wall - self._todo[0][1].at > LATE:
            self._todo.pop(0)
            self.missed += 1
        if not self._todo or wall < self._todo[0][1].at or wall >= self._order.ends.timestamp():
            return None
        return self._todo.pop(0)

    def hold(self, slot: tuple[int, Moment], shot: Shot) -> None:
        """Keep a shot until its count has come."""
        self._waiting.append((*slot, shot))

    def compress(self, picture: NDArray[np.uint8]) -> bytes:
        """A picture as JPEG, as good as fits the container."""
        # what the header takes at most is set aside; `pack` checks
        for quality in QUALITIES:
            _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if len(encoded) <= room(self._size, b" " * HEADER_ROOM):
                break
        data = encoded.tobytes()
        encoded.fill(0)
        return data

    def candidates(self, xy: Floats, scores: Floats) -> list[Candidate]:
        """The surest of those who stand in the zone: (n, 2) places, m, and (n,) scores."""
        inside = np.flatnonzero(signed_distance(xy, self.polygon) > 0) if len(xy) else np.empty(0, np.intp)
        best = inside[np.argsort(-scores[inside])][:MOST_CANDIDATES]
        return [
            Candidate(xy=(round(x, 3), round(y, 3)), score=round(min(1.0, s), 4))
            for (x, y), s in zip(xy[best].tolist(), scores[best].tolist(), strict=True)
        ]

    def results(self, results: Sequence[FrameResult], write: Callable[[int, bytes], None]) -> None:
        """Match results with the pictures that wait for them; `write` gets the number of a file and its bytes."""
        for result in results:
            for waiting in [w for w in self._waiting if w[2].at == result.at]:
                self._waiting.remove(waiting)
                if not result.zones:  # the sensor was blind: nothing was counted that could be compared
                    self.missed += 1
                    continue
                file, moment, shot = waiting
                write(file, self.encrypt(pack(self._header(moment, shot, result), shot.content, self._size)))

    def _header(self, moment: Moment, shot: Shot, result: FrameResult) -> Header:
        counts = result.zones[self.zone]
        inside = np.flatnonzero(result.seen.inside[self.zone])
        people = [
            Person(xy=tuple(xy), box=tuple(box) if math.isfinite(box[0]) else None)
            for xy, box in zip(result.seen.xy[inside].tolist(), result.seen.boxes[inside].tolist(), strict=True)
        ]
        near = self._site.closeness
        return Header(
            order=self._order.id,
            device=self._site.device,
            zone=self._order.zone,
            index=moment.index,
            planned=moment.at,
            taken=shot.taken,
            stratum=moment.stratum,
            kind="picture" if any(shot.size) else "echoes",
            size=shot.size,
            mark=self._order.mark,
            blurred=shot.blurred,
            count=counts.people + counts.riders,
            riders=counts.riders,
            levels={
                "safe": counts.safe,
                "low_risk": counts.low_risk,
                "high_risk": counts.high_risk,
                "undetermined": counts.undetermined,
            },
            people=people,
            candidates=shot.candidates,
            threshold=self._site.model.score,
            polygon=[(x, y) for x, y in self.polygon.tolist()],
            outline=self._outline,
            closeness=(near.low_risk, near.high_risk),
            ground=self._calibration,
            model=self._detector(),
            software=__version__,
        )

    def _detector(self) -> str:
        model = self._site.model
        if isinstance(self._site.ground, RadarGround):
            return self._site.source.kind
        return f"{model.name} {model.size} {model.score}"


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
