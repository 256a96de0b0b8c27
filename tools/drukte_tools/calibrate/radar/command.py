"""`drukte calibrate radar`: look, fit, judge, write."""

import math
from pathlib import Path

from drukte.config.radar import RADARS, RadarReplaySource
from drukte.sense.sources.radar_open import module_of
from drukte_tools.calibrate.acts import record
from drukte_tools.calibrate.camera.walking import Mark
from drukte_tools.calibrate.radar.result import finish_radar, judge_radar
from drukte_tools.calibrate.radar.source import radar_frames
from drukte_tools.calibrate.radar.walk import Known, Line, fit_line, places
from drukte_tools.calibrate.result import Asked, user
from drukte_tools.calibrate.sitefile import SiteFile, SiteFileError


def walk_line(
    site: SiteFile,
    asked: Asked,
    line: Line,
    height: float | None,
    at: Mark | None,
    recording: Path | None,
    seconds: float,
    ledger: Path | None,
) -> bool:
    """Calibrate the site's radar; returns whether it passed.

    Raises:
        SiteFileError, SourceError, RecordError, GroundError: what is needed is missing, or does not fit.
    """
    source = site.source()
    if source.kind not in RADARS:
        raise SiteFileError(f"{site.path}: source.kind {source.kind} is no radar; use another `drukte calibrate`")
    module = module_of(source)
    if recording is not None:
        path = str(recording.resolve())
        source = RadarReplaySource(kind="radar-replay", path=path, module=module.name)
    if not isinstance(source, RadarReplaySource):
        record(site, "calibration", {"by": asked.by or user(), "how": "radar"}, ledger)
    old = site.ground if site.ground.get("kind") == "radar" else {}
    place = at.metres if at is not None else tuple(float(v) for v in old.get("at") or (0.0, 0.0))
    tilt = math.radians(float(old.get("tilt") or 0.0))
    known = Known(height, (place[0], place[1]), tilt, bool(old.get("upside_down")))
    with radar_frames(source, site.path.parent) as frames:
        walked = places(frames, seconds)
    hang = fit_line(walked, line, known)
    return finish_radar(site, judge_radar(site, hang, line, module, asked), line, known, asked)
