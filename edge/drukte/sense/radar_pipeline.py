"""The whole way of one radar frame: echoes or targets, metres, tracks, numbers."""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from drukte.config import Site
from drukte.config.radar import RadarGround, Use
from drukte.sense.detect.echo_beliefs import EchoSettings
from drukte.sense.detect.echo_tracks import Patience
from drukte.sense.detect.echoes import EchoDetector
from drukte.sense.geometry.view import View
from drukte.sense.people import Floats, Positions
from drukte.sense.reduction.reduce import Reducer
from drukte.sense.result import FrameResult, Seen, no_boxes
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_modules import Module
from drukte.sense.tracking.track import Tracker
from drukte.summary import RUNNING

SURE: Final = 0.25
"""Score from which somebody counts: below it lie those about to be given up."""
MEMORY: Final = 0.5
"""Seconds for which the tracker keeps people that the echoes no longer show: who stands still is held before it."""
HELD: Final = 0.85
"""Score below which somebody is counted without a fresh echo."""
ARC: Final = 16


class RadarPipeline:
    """People, ground plane, tracker and zones of one radar."""

    def __init__(self, site: Site, ground: RadarGround, module: Module, use: Use) -> None:
        self._site, self._ground = site, ground
        bearing = math.radians(ground.bearing)
        # Columns: where the radar's right and forward lie on the site's ground plane; bearing is clockwise from y.
        cos, sin = math.cos(bearing), math.sin(bearing)
        right = np.array([cos, -sin]) * (-1 if ground.upside_down else 1)
        self._turn: Floats = np.column_stack([right, [sin, cos]])
        self._at: Floats = np.array(ground.at, np.float64)
        reach = min(module.max_range, ground.reach or module.max_range)
        down = ground.tilt > 60
        wide = reach if down else reach * math.sin(module.half_view)
        self._settings = EchoSettings(
            height=ground.height,
            tilt=math.radians(ground.tilt),
            box=(-wide, wide, -reach if down else ground.near, reach),
            walls=[(self._local(a), self._local(b)) for a, b in ground.walls],
            standing=[np.array([self._local(p) for p in polygon]) for polygon in ground.standing],
            use=use,
            azimuth_resolution=module.azimuth_resolution,
            azimuth_error=module.azimuth_error,
            capacity=module.capacity,
            patience=replace(Patience(), hold=ground.hold),
        )
        angles = np.linspace(-math.pi, math.pi, 4 * ARC) if down else np.linspace(-1, 1, ARC) * module.half_view
        edge = reach * np.column_stack([np.sin(angles), np.cos(angles)])
        visible = edge if down else np.concatenate([[[0.0, 0.0]], edge])
        foot = (float(self._at[0]), float(self._at[1]))
        self.view = View(visible=visible @ self._turn.T + self._at, foot=foot, height=ground.height)
        self.forget()

    def _local(self, point: tuple[float, float]) -> tuple[float, float]:
        x, y = (np.array(point) - self._at) @ self._turn
        return float(x), float(y)

    def forget(self) -> None:
        """Start anew: nobody is there."""
        self._detector = EchoDetector(self._settings)
        tracking = self._site.tracking.model_copy(update={"memory": MEMORY})
        self._tracker = Tracker(tracking, SURE, self.view)
        self._reducer = Reducer(self._site, self.view)

    def look(self, frame: RadarFrame) -> Positions:
        """The people after one frame, on the site's ground plane."""
        local = self._detector.detect(frame)
        return Positions(local.xy @ self._turn.T + self._at, self._turn @ local.cov @ self._turn.T, local.scores)

    def step(self, frame: RadarFrame) -> list[FrameResult]:
        """Reduce one frame."""
        people = self.look(frame)
        t = frame.time
        tracks = self._tracker.update(people, t)
        zones, states = self._reducer.reduce(tracks, t)
        held = tracks.seen & (tracks.scores < HELD)
        for counts, state in zip(zones, states, strict=True):
            counts.held += int((held & state.inside).sum())
            counts.saturated |= self._detector.saturated or frame.truncated
        seen = Seen(tracks.xy, no_boxes, [state.inside for state in states], tracks.ids)
        return [FrameResult(t, zones, RUNNING, 0, int(tracks.mode), seen)]

    def answer(self) -> Floats:
        """Where a made walker is found, to compare before and after the seal."""
        detector = EchoDetector(replace(self._settings, use="targets", walls=(), standing=()))
        frame = RadarFrame()
        for k in range(30):
            frame.time = k * 0.1
            frame.take_targets(1)[0] = (0, 0.2, 1.5 + 0.1 * k, math.nan, 0, 1.0, math.nan, math.nan, math.nan)
            found = detector.detect(frame)
            frame.wipe()
        detector.wipe()
        return np.column_stack([found.xy, found.scores])

    def wipe(self) -> None:
        """Overwrite what is remembered of people."""
        self._detector.wipe()
