"""`drukte report` with a clock that the test sets: both of its clocks are a number in a file that both have mapped."""

import logging
import mmap
import os
import signal
import struct
import sys
from functools import partial
from pathlib import Path

from drukte.config import load_site
from drukte.report.broker.tell import brokers, wants
from drukte.report.ledger.attest import Attestation
from drukte.report.process import Clocks, Report
from drukte.report.store.history import History
from drukte.report.store.outbox import Outbox


def main(site_file: Path, state: Path, clock_file: Path) -> None:
    """Run until SIGTERM."""
    with clock_file.open("rb") as file:
        clock = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def now() -> float:
        return float(struct.unpack("d", clock[:8])[0])

    site = load_site(site_file)
    os.set_blocking(0, False)
    outbox = Outbox(state / "outbox.sqlite", list(brokers(site)), now=now, wants=partial(wants, site))
    history = History(state / "history.sqlite")
    clocks = Clocks(now, lambda: now() - 1_000_000)
    report = Report(site, 0, outbox, history, site_file.parent, clocks, Attestation(site, site_file, state))
    signal.signal(signal.SIGTERM, lambda *_: report.stop())
    report.run()
    outbox.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="report: %(message)s")
    main(*map(Path, sys.argv[1:]))
