"""What is put before the device in place of its sensor: frames that carry a secret watermark.

A camera is replaced by pictures made inside the sealed program (`source.kind: canary`). A radar stays what it is in
the site file, at the end of a pseudo-terminal on which the audit plays the module and sends watermarked echoes, so the
serial port's own code is used.
"""

import contextlib
import os
import select
import struct
import threading
import time
import tty
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from drukte.config import Site
from drukte.config.radar import RADARS, RadarReplaySource, RadarTiSource
from drukte.sense.lock.kernel import number
from drukte.sense.sources import radar_ld2450_setup as setup
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_ti import Family
from drukte_tools.audit.needles import Needles, needles
from drukte_tools.audit.twins import Kind
from drukte_tools.simulate import ld2450_stream, ti_stream

RATE: Final = 2.0
"""Pictures per second."""
ECHOES: Final = 40
_QUIET: Final = 0.4
"""Seconds after which a radar that is silent has nothing left to do."""
_LONGEST_WAIT: Final = 10.0


class Mark(Protocol):
    """A sensor's stand-in.

    Attributes:
        kind: of sensor.
        wanted: pieces of its frames, in every form in which they are looked for.
        proof: copies of some of them that a program which overwrites nothing has to show at least, or the search in
            memory proves nothing.
        source: what stands in the site file's `source`.
        device: what the program opens for it, to read and to set it up; empty if nothing.
    """

    kind: Kind
    wanted: Needles
    proof: Mapping[str, int]
    source: dict[str, Any]
    device: str

    def between(self, pid: int) -> contextlib.AbstractContextManager[None]:
        """A time in which the sealed program `pid` holds no frame. Raises OSError if that time never comes."""

    def close(self) -> None:
        """Take it away."""


class PictureMark:
    """Pictures of a line of noise drawn from `seed`."""

    kind: Kind = "camera"
    device = ""
    proof: Mapping[str, int] = {"raw": 100, "resized": 100, "float": 100}  # a picture has hundreds of rows

    def __init__(self, site: Site, seed: int) -> None:
        width, height = _size(site)
        self.source: dict[str, Any] = {"kind": "canary", "seed": seed, "width": width, "height": height, "rate": RATE}
        self.wanted = needles(seed, width, height, site.model.size)

    @contextlib.contextmanager
    def between(self, pid: int) -> Iterator[None]:
        """While it sleeps until the next picture is due."""
        sleeping = {str(number("clock_nanosleep")), str(number("nanosleep"))}
        give_up = time.monotonic() + _LONGEST_WAIT
        while Path(f"/proc/{pid}/syscall").read_text().split()[0] not in sleeping:
            if time.monotonic() > give_up:
                raise OSError("it never waits for a picture: this machine is too slow or too busy for the audit")
            time.sleep(0.002)
        yield

    def close(self) -> None:
        """Nothing is open."""


class EchoMark:
    """A radar module on a pseudo-terminal, with echoes drawn from `seed`.

    Raises:
        OSError: no pseudo-terminal is to be had.
    """

    kind: Kind = "radar"
    proof: Mapping[str, int] = {"raw": 1, "numbers": 3}

    def __init__(self, site: Site, seed: int) -> None:
        source = site.source
        name = source.module if isinstance(source, RadarTiSource | RadarReplaySource) else source.kind[len("radar-") :]
        self._module = MODULES[name]
        self._rng = np.random.default_rng(seed)
        self._small = name in ("ld2450", "rd03d")
        self._packet = self._report() if self._small else self._cloud()
        self._people = b"" if self._small else self._targets()
        self.wanted = self._pieces()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.device = os.ttyname(self._slave)
        self.source = {"kind": f"radar-{name}" if self._small else "radar-ti", "port": self.device}
        if not self._small:
            self.source["module"] = name
        self.source["use"] = getattr(source, "use", "auto")
        self._go, self._stop = threading.Event(), threading.Event()
        self._go.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _report(self) -> bytes:
        x, y = self._rng.uniform(-2, 2, 3), self._rng.uniform(1, 5, 3)
        return ld2450_stream.report([(float(a), float(b), 0.37) for a, b in zip(x, y, strict=True)])

    def _cloud(self) -> bytes:
        points = np.empty((ECHOES, 5), np.float32)
        for column, (low, high) in enumerate(((-2.5, 2.5), (1, 6), (-1, 0.5), (-1.5, 1.5), (8, 30))):
            points[:, column] = self._rng.uniform(low, high, ECHOES)
        return ti_stream.compressed_points(points)

    def _targets(self) -> bytes:
        draw = self._rng.uniform
        places = np.column_stack([draw(-2, 2, 3), draw(1, 5, 3), draw(-1, 0.5, 3)])
        return ti_stream.targets([1, 2, 3], places, draw(-0.2, 0.2, (3, 3)))

    def _frame(self, sequence: int) -> bytes:
        if self._small:
            return self._packet
        parts = [(6, self._packet), (7, self._people)]
        if self._module.name != "iwrl6432":
            return ti_stream.packet(Family.PEOPLE_COUNTING, sequence, parts)
        return ti_stream.packet(Family.SDK, sequence, [(1020, self._packet), (308, self._people)])

    def _pieces(self) -> Needles:
        """Pieces of the module's bytes, and of the numbers that drukte's own decoder makes of them."""
        frame = RadarFrame()
        self._module.decoder().decode(memoryview(self._frame(1)), frame)
        people = frame.targets
        rows = people if self._small else frame.points
        if rows is None or people is None or min(len(rows), len(people)) < 3:
            raise OSError("the watermarked echoes do not survive the decoder")
        middle = len(rows) // 2
        raw = self._packet[6:26] if self._small else self._packet[20 + 8 * middle : 20 + 8 * middle + 24]
        # What the small radars give is what the room holds, in double, for as long as it counts somebody.
        double = {} if self._small else {"numbers, double": rows[middle, 1:3].astype(np.float64).tobytes()}
        return {
            "raw": raw,
            "numbers": rows[middle, 1:5].tobytes(),
            "targets": people[1, 1:6].tobytes(),
            "numbers, one column": np.ascontiguousarray(rows[middle - 1 : middle + 2, 1]).tobytes(),
        } | double

    def _run(self) -> None:
        sequence, heard = 1, b""
        while not self._stop.wait(0.1):
            if select.select([self._master], [], [], 0)[0]:
                heard, answer = self._answers(heard + os.read(self._master, 4096))
                self._say(answer)
            if self._go.is_set():
                self._say(self._frame(sequence))
                sequence += 1

    def _say(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody listens: a module would not notice either
            while data:
                data = data[os.write(self._master, data) :]

    @staticmethod
    def _answers(heard: bytes) -> tuple[bytes, bytes]:
        """What is left of a command, and the module's answers to whole ones: all is set up as it should be."""
        values = {
            setup.ENABLE: b"\x01\x00\x40\x00",
            setup.FIRMWARE: struct.pack("<2HI", 0, 0x0102, 0x22062416),
            setup.TRACKING: struct.pack("<H", 2),
            setup.ADDRESS: setup.NO_ADDRESS,
        }
        out = b""
        while setup.TAIL in heard:
            one, heard = heard.split(setup.TAIL, 1)
            if len(one) >= 8:
                (word,) = struct.unpack_from("<H", one, 6)
                out += setup.command(word | 0x0100, b"\0\0" + values.get(word, b""))
        return heard, out

    @contextlib.contextmanager
    def between(self, pid: int) -> Iterator[None]:  # noqa: ARG002 - as in the protocol
        """While the module is silent."""
        self._go.clear()
        try:
            time.sleep(_QUIET)
            yield
        finally:
            self._go.set()

    def close(self) -> None:
        """Unplug the module."""
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


def mark_for(site: Site, seed: int) -> Mark:
    """The stand-in for a site's sensor."""
    return EchoMark(site, seed) if site.source.kind in RADARS else PictureMark(site, seed)


def _size(site: Site) -> tuple[int, int]:
    """(width, height) of the pictures: what the site's ground was calibrated for, else what its camera gives."""
    picture = getattr(site.ground, "picture", None)
    if picture:
        return int(picture[0]), int(picture[1])
    return int(getattr(site.source, "width", 1280)), int(getattr(site.source, "height", 720))
