"""The sampler's room: the sealed room's start-up and loop, and frames kept at the plan's moments."""

from pathlib import Path

from drukte.config import Site
from drukte.order import Order
from drukte.sample.container import AGE_OVERHEAD
from drukte.sample.folder import Slot
from drukte.sample.keep import write_to
from drukte.sample.kept import KeptSight, open_kept
from drukte.sample.plan import Moment
from drukte.sample.seal import FIRST, seal_with_files
from drukte.sense.lock.seal import SealReport
from drukte.sense.room import Outcome, enter
from drukte.sense.sight import Sight
from drukte.summary import VALIDATION


def run_sampler(
    site: Site, folder: Path, model: bytes, door_fd: int, slots: list[Slot], order: Order, moments: list[Moment]
) -> Outcome:
    """Count and sample until everything is kept, the order ends, or the source ends. Every record says that this is a
    validation. See `drukte.sense.room.run_room`.

    Args:
        site, folder, model, door_fd: as for the sealed room.
        slots: the files that may be written.
        order: the accepted order.
        moments: those that are still to come.
    """
    by_index = {m.index: m for m in moments}
    opened: list[KeptSight] = []

    def open_it() -> Sight:
        with_file = [by_index[slot.index] for slot in slots]
        opened.append(open_kept(site, folder, model, order, with_file, write_to(FIRST)))
        return opened[0]

    def lock(sight: Sight) -> SealReport:
        (kept,) = opened
        kept.rehearse()
        files = [slot.path for slot in slots]
        return seal_with_files(door_fd, sight.ioctls, files, kept.size + AGE_OVERHEAD, sight.fds)

    return enter(site, open_it, lock, door_fd, usual=VALIDATION)
