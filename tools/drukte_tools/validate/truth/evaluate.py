"""`drukte evaluate`: the device's own pipeline over recorded input, compared with truth."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray

from drukte.config import Site, SiteError, load_site
from drukte.config.source import ImagesSource, VideoSource
from drukte.exits import Exit
from drukte.models import ModelError, read
from drukte.sense.frame import Frame
from drukte.sense.geometry.calibration import CalibrationError, GroundError
from drukte.sense.geometry.polygon import signed_distance
from drukte.sense.people import PERSON, Detections
from drukte.sense.pipeline import Pipeline
from drukte.sense.result import FrameResult
from drukte.sense.sources import SourceEnded, SourceError, open_source
from drukte_tools.validate.report.figures import recording_figures
from drukte_tools.validate.truth.identity import NEAR, Identities
from drukte_tools.validate.truth.metrics import NEAR_PAIRS, SAME_PERSON, CountErrors, PairErrors
from drukte_tools.validate.truth.recorded import Truth, TruthError, read_truth

BLOCK: Final = 10.0
"""Frames of as many seconds of a recording count as alike, s: people take about so long to walk through a picture."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One set: a recording, its truth, and which frames of it count (from 1, both ends included)."""

    source: Path
    truth: Path
    first: int = 1
    last: int = sys.maxsize

    @property
    def name(self) -> str:
        """What to call it in a table."""
        return self.source.parent.name if self.source.is_file() else self.source.resolve().name


def measure(
    site: Site,
    folder: Path,
    recording: Recording,
    boxes: str = "detected",
    rate: float | None = None,
    block: float = BLOCK,
) -> dict[str, Any]:
    """Run the pipeline over a recording and compare its first zone with truth.

    Args:
        site: the site file's content; its source is replaced by the recording.
        folder: where the site file's relative paths start.
        recording: what to play, and the truth.
        boxes: "detected", or "truth" to put the true boxes in the detector's place and measure the rest alone.
        rate: pictures per second at which it was recorded; None: what the site file says of its recording, or else
            the file.
        block: frames of as many seconds count as alike, s.

    Returns:
        The figures of one set, as `drukte evaluate --json` writes them.
    """
    truth = read_truth(recording.truth)
    path = str(recording.source.resolve())
    if rate is None and isinstance(site.source, ImagesSource | VideoSource):
        rate = site.source.recorded_rate
    settings = (
        ImagesSource(kind="images", path=path, recorded_rate=rate)
        if recording.source.is_dir()
        else VideoSource(kind="video", path=path, recorded_rate=rate)
    )
    source = open_source(settings, folder)
    pipeline = Pipeline(site, folder, read(site.model.name, site.model.size), source.width, source.height)
    frame = Frame(source.height, source.width)
    counted = CountErrors()
    limits = {"high_risk": site.closeness.high_risk, "low_risk": site.closeness.low_risk}
    pairs = PairErrors(limits) if truth.in_metres else None
    who = Identities() if truth.in_metres else None
    zone = np.asarray(site.zones[0].polygon, np.float64)
    number, spent = 0, 0.0
    numbers: dict[float, int] = {}  # of the frames whose numbers are still to come: they trail by a second
    wanted = {n for n in truth.numbers if recording.first <= n <= recording.last}
    for number in range(1, max(wanted, default=0) + 1):
        try:
            with frame:
                at = source.read(frame)
                if at is None:
                    continue
                began = time.perf_counter()
                if boxes == "truth":
                    real = truth.frames[number]
                    here = real.boxes.astype(np.float32)
                    people = Detections(here, np.ones(len(here), np.float32), np.full(len(here), PERSON, np.uint8))
                    results = pipeline.count(people, at, drawn=True)
                else:
                    results = pipeline.step(frame.image, at)
                spent += time.perf_counter() - began
        except SourceEnded:
            raise TruthError(f"{recording.source}: ends before frame {number}, which the truth speaks of") from None
        numbers[at] = number
        _compare_all(results, numbers, wanted, truth, zone, pipeline, counted, pairs, who)
    _compare_all(pipeline.finish(), numbers, wanted, truth, zone, pipeline, counted, pairs, who)
    source.close()
    if not counted.true:
        raise TruthError(f"truth {recording.truth}: no frame between {recording.first} and {recording.last}")
    figures: dict[str, Any] = {
        "name": recording.name,
        "frames": len(counted.true),
        **recording_figures(counted.found, counted.true, counted.at, block),
        **counted.flicker(),
    }
    if pairs is not None:
        figures |= pairs.figures()
    if who is not None:
        figures["tracking"] = who.figures()
    return figures | {"frames_per_second": number / spent if spent else None}


def _compare_all(
    results: list[FrameResult],
    numbers: dict[float, int],
    wanted: set[int],
    truth: Truth,
    zone: NDArray[np.float64],
    pipeline: Pipeline,
    counted: CountErrors,
    pairs: PairErrors | None,
    who: Identities | None,
) -> None:
    """Add the frames that truth speaks of to the errors."""
    for result in results:
        number = numbers.pop(result.at)
        if number in wanted and result.zones:  # none: the sensor was blind
            _compare(truth, number, zone, pipeline, result, counted, pairs, who)


def _compare(
    truth: Truth,
    number: int,
    zone: NDArray[np.float64],
    pipeline: Pipeline,
    result: FrameResult,
    counted: CountErrors,
    pairs: PairErrors | None,
    who: Identities | None,
) -> None:
    """Add one frame to the errors."""
    found = result.zones[0].people + result.zones[0].riders
    if truth.counts:
        counted.add(found, truth.counts[number], result.at)
        return
    real = truth.frames[number]
    places = real.xy if truth.in_metres else pipeline.places(real.boxes)
    counts = real.sure & (signed_distance(places, zone) > 0)
    counted.add(found, int(counts.sum()), result.at)
    if pairs is not None:
        # Everybody who counts, seen in this very frame or not.
        visible = result.seen.inside[0] & np.isfinite(result.seen.boxes).all(axis=1)
        if who is not None:
            inside = result.seen.inside[0]
            who.add(result.seen.xy[inside], result.seen.ids[inside], real.xy[counts], real.ids[counts])
        pairs.add(result.seen.xy[visible], result.seen.boxes[visible], real.xy[counts], real.boxes[counts])


def table(figures: dict[str, Any]) -> str:
    """One set's figures for a person to read."""

    def shown(value: float | None, unit: str = "") -> str:
        return "-" if value is None else f"{value:.3f}{unit}"

    def between(name: str) -> str:
        e = figures["intervals"][name]
        return "" if e["low"] is None else f"   95 %: {e['low']:.3f} to {e['high']:.3f}"

    blocks = f"{figures['blocks']} blocks of {figures['block_s']:g} s"
    rows = [
        f"{figures['name']}: {figures['frames']} frames, {figures['mean_truth']:.2f} people on average",
        f"  count MAE              {shown(figures['count_mae'])}{between('count_mae')}   "
        f"(always saying the median: {shown(figures['constant_mae'])})",
        f"  count bias             {figures['count_bias']:+.3f}{between('count_bias')}",
        f"  total ratio            {shown(figures['total_ratio'])}{between('total_ratio')}",
        f"  within 1 or 20 %       {shown(figures['share_within_1_or_20_percent'])}"
        f"{between('share_within_1_or_20_percent')}",
        f"  intervals over {blocks}; they speak of moments like those of the recording, of no other hour or weather"
        if figures["intervals"]["count_mae"]["low"] is not None
        else f"  no intervals: {blocks} tell none",
        f"  flicker                {shown(figures['flicker'])}   (truth: {shown(figures['flicker_truth'])})",
    ]
    if "levels" in figures:
        distance = shown(figures["pair_distance_mae_m"], " m")
        rows.append(f"  pair distance MAE      {distance}   ({figures['pairs_compared']} pairs under {NEAR_PAIRS:g} m)")
        for name, level in figures["levels"].items():
            rows.append(
                f"  {name:<10} pairs       precision {shown(level['precision'])}, recall {shown(level['recall'])}, "
                f"F1 {shown(level['f1'])}   ({level['pairs_true']} true, {level['pairs_found']} found)"
            )
        if "tracking" in figures:
            t = figures["tracking"]
            rows.append(
                f"  tracking on the ground MOTA {shown(t['mota'])}, IDF1 {shown(t['idf1'])}   "
                f"({t['switches']:.0f} switches, {t['fragments']:.0f} fragments, {t['missed']:.0f} missed, "
                f"{t['false']:.0f} false; within {NEAR:g} m)"
            )
        rows.append(
            f"  people matched one to one at an overlap (IoU) of {SAME_PERSON} or more; the box of a found "
            "person is that of a body of usual height at the place that was counted"
        )
    rows.append(f"  speed                  {figures['frames_per_second']:.1f} frames/s without reading the recording")
    return "\n".join(rows)


def _frames(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int]:
    if value is None:
        return 1, sys.maxsize
    first, dash, last = value.partition("-")
    try:
        numbers = int(first), int(last) if dash else int(first)
    except ValueError:
        raise click.BadParameter("write it as 1-400") from None
    if not 1 <= numbers[0] <= numbers[1]:
        raise click.BadParameter("frames are counted from 1, and the first must not come after the last")
    return numbers


@click.command()
@click.option(
    "--site", "site_file", type=click.Path(path_type=Path), required=True, help="Site file; its first zone is measured."
)
@click.option(
    "--source",
    "sources",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    required=True,
    help="Video file or folder of pictures. Give it again for another set.",
)
@click.option(
    "--truth",
    "truths",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="MOTChallenge gt.txt or a CSV frame,count; one for each source.",
)
@click.option("--frames", callback=_frames, help="Only these frames, as 1-400.")
@click.option(
    "--boxes",
    type=click.Choice(["detected", "truth"]),
    default="detected",
    show_default=True,
    help="Put the true boxes in the detector's place to measure the geometry alone.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 240, min_open=True),
    help="Pictures per second at which it was recorded, where neither the site file nor the recording says it.",
)
@click.option(
    "--block",
    type=click.FloatRange(1, 3600),
    default=BLOCK,
    show_default=True,
    help="Frames of as many seconds count as alike for the 95 % intervals [s].",
)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures to this file too.")
def evaluate(
    site_file: Path,
    sources: tuple[Path, ...],
    truths: tuple[Path, ...],
    frames: tuple[int, int],
    boxes: str,
    rate: float | None,
    block: float,
    out: Path | None,
) -> None:
    """Compare the device's own counting with recorded truth. Sets are never pooled."""
    if len(sources) != len(truths):
        raise click.UsageError(f"{len(sources)} sources but {len(truths)} truth files; give one truth for each source")
    try:
        site = load_site(site_file)
        sets = []
        for source, truth in zip(sources, truths, strict=True):
            sets.append(measure(site, site_file.parent, Recording(source, truth, *frames), boxes, rate, block))
            click.echo(table(sets[-1]))
    except SiteError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.SITE)
    except ModelError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.MODEL)
    except (TruthError, SourceError, CalibrationError, GroundError) as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.SOURCE)
    if out is not None:
        out.write_text(json.dumps({"sets": sets}, indent=2) + "\n", encoding="utf-8")
