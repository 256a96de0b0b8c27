"""The sampler's room: the sealed room's way of a frame, and a picture kept at each of the plan's moments."""

import math
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from drukte.config import Site
from drukte.config.calibration_files import inline
from drukte.config.radar import RadarGround
from drukte.exits import Exit
from drukte.indicator.hold import IndicatorError
from drukte.order import Order
from drukte.sample.container import AGE_OVERHEAD, plain_size
from drukte.sample.folder import Slot
from drukte.sample.keep import Keeper, write_to
from drukte.sample.plan import Moment
from drukte.sample.seal import FIRST, seal_with_files
from drukte.sense.frame import Frame
from drukte.sense.geometry.calibration import CalibrationError, GroundError, ground_from
from drukte.sense.lock.liveness import KnownPicture, NotAliveError, confirm_frames
from drukte.sense.lock.seal import SealError
from drukte.sense.pipeline import Pipeline
from drukte.sense.reduction.tick import Ticker
from drukte.sense.room import PATIENCE, WARM_UP, Door, Outcome, ask_for_light
from drukte.sense.sources import Source, SourceEnded, SourceError, open_source
from drukte.summary import RUNNING, STARVED, VALIDATION


def run_sampler(
    site: Site, folder: Path, model: bytes, door_fd: int, slots: list[Slot], order: Order, moments: list[Moment]
) -> Outcome:
    """Count and sample until the order's end, or until the source ends. See `drukte.sense.room.run_room`.

    Args:
        site, folder, model, door_fd: as for the sealed room.
        slots: the files that may be written.
        order: the accepted order.
        moments: those that are still to come.
    """
    if isinstance(site.ground, RadarGround):
        return Exit.USAGE, "this sampler keeps pictures of cameras; a radar's echoes it cannot keep yet"
    looking = site.may_look(datetime.now(UTC))
    if not looking.allowed:
        return Exit.CLOSED, ""
    closes = looking.until.timestamp() if looking.until else math.inf
    try:
        ask_for_light(site)  # until this process ends
        source = open_source(site.source, folder)
        frame = Frame(source.height, source.width)
        pipeline = Pipeline(site, folder, model, source.width, source.height)
        calibration = inline(site.ground, folder)
        ground = ground_from(calibration, folder).for_picture(source.width, source.height)
    except IndicatorError as error:
        return Exit.INDICATOR, str(error)
    except SourceError as error:
        return Exit.SOURCE, str(error)
    except (CalibrationError, GroundError) as error:
        return Exit.CALIBRATION, str(error)
    size = plain_size(source.width, source.height)
    try:
        by_index = {m.index: m for m in moments}
        keeper = Keeper(
            order, site, ground, calibration.model_dump(mode="json"), [by_index[s.index] for s in slots], size
        )
        known = KnownPicture(pipeline.answer, source.height, source.width)
        warm_up(source, frame, pipeline)
        rehearse(keeper, frame, source, pipeline)
        os.set_blocking(door_fd, False)
        report = seal_with_files(door_fd, source.ioctls, [s.path for s in slots], size + AGE_OVERHEAD)
    except (SourceError, SourceEnded) as error:
        return Exit.SOURCE, str(error)
    except SealError as error:
        return Exit.SEAL, str(error)
    try:
        with frame:
            confirm_frames(lambda: None if source.read(frame) is None else frame.image)
        known.confirm()
        return _loop(
            site, source, frame, pipeline, Door(door_fd), int(report.bits), keeper, min(closes, order.ends.timestamp())
        ), ""
    except NotAliveError:
        return Exit.NOT_ALIVE, ""
    except (SourceError, SourceEnded):
        return Exit.SOURCE, ""
    except BrokenPipeError:
        return Exit.DOOR, ""
    except Exception:  # a traceback could carry what a frame holds, so none is ever made
        return Exit.INTERNAL, ""
    finally:
        frame.wipe()
        pipeline.wipe()


def warm_up(source: Source, frame: Frame, pipeline: Pipeline) -> None:
    """Let frames go the whole way; a slow camera gets its time."""
    seen = 0
    give_up = time.monotonic() + PATIENCE
    while seen < WARM_UP:
        if time.monotonic() > give_up:
            raise SourceError(f"{seen} pictures in {PATIENCE:.0f} s, {WARM_UP} are needed to begin. Check the camera")
        with frame:
            at = source.read(frame)
            if at is not None:
                pipeline.step(frame.image, at)
                seen += 1
    pipeline.forget()


def rehearse(keeper: Keeper, frame: Frame, source: Source, pipeline: Pipeline) -> None:
    """Encode and encrypt once before the seal, so that every library has started what it needs; written nowhere."""
    with frame:
        if source.read(frame) is not None:
            pipeline.answer(frame.image)
            keeper.encrypt(keeper.compress(frame.image))


def _loop(
    site: Site, source: Source, frame: Frame, pipeline: Pipeline, door: Door, bits: int, keeper: Keeper, ends: float
) -> Exit:
    """See, reduce, keep what chance has picked, forget the rest. Every record says that this is a validation."""
    ticker = Ticker(site.tick, len(site.zones), bits, time.time(), time.monotonic())
    write = write_to(FIRST)
    patience = max(2.0, 3 / source.rate) if source.rate else 2.0
    begun = last_seen = time.monotonic()
    longest = ends - time.time()  # whatever the clock does later
    state, ended = VALIDATION, False
    while True:
        try:
            with frame:
                at = source.read(frame)
                if at is not None:
                    picture = frame.image
                    results = pipeline.step(picture, at)
                    last_seen = time.monotonic()
                    keeper.look(picture, at, time.time(), pipeline.answer)
                    for result in results:
                        state = VALIDATION if result.state == RUNNING else result.state
                        ticker.add(result.zones, last_seen, state, result.calibration, result.mode)
                    keeper.results(results, write)
        except SourceEnded:
            keeper.results(pipeline.finish(), write)
            ended = True
        steady = time.monotonic()
        if steady - last_seen > patience:
            state = STARVED
        for record in ticker.due(time.time(), steady, state):
            door.send(record)
        if ended or keeper.done or time.time() >= ends + patience or steady - begun > longest + patience:
            if not ended:
                keeper.results(pipeline.finish(), write)  # numbers trail by a second
            return Exit.OK
