"""What the seal costs: the same pictures through the same pipeline, in a sealed and an unsealed process in turns.

Run with `python -m drukte_tools.bench.sealed [SITE_FILE]`; `make sealed` does.
"""

import os
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

from drukte.config import load_site
from drukte.config.source import CanarySource
from drukte.models import read
from drukte.sense.lock.seal import ENVIRONMENT, seal, wakers

TURNS = 12
FRAMES = 15
"""Pictures in a turn. Turns alternate, so that whatever else the machine does falls on both."""
_ANSWER = struct.Struct("<qq48x")  # as long as a record, since the seal lets nothing else through


def child(site_file: Path, sealed: bool) -> None:
    """Wait for a byte on standard input, do a turn, say how long it and its processor took [ns]; until input ends."""
    from drukte.sense.frame import Frame
    from drukte.sense.pipeline import Pipeline
    from drukte.sense.sources.base import Pace
    from drukte.sense.sources.canary import Canary

    site = load_site(site_file)
    width, height = getattr(site.ground, "picture", None) or (1280, 720)
    source = Canary(CanarySource(kind="canary", seed=1, width=width, height=height, rate=1))
    source._pace = Pace(None)
    pipeline = Pipeline(site, site_file.parent, read(site.model.name, site.model.size), width, height)
    frame = Frame(height, width)

    def turn() -> None:
        for _ in range(FRAMES):
            with frame:
                at = source.read(frame)
                pipeline.step(frame.image, at)

    turn()
    if sealed:
        seal(1, (), wakers(), source_fds=(0,))
    while os.read(0, 1):
        began, busy = time.perf_counter_ns(), time.process_time_ns()
        turn()
        os.write(1, _ANSWER.pack(time.perf_counter_ns() - began, time.process_time_ns() - busy))


def measure(site_file: Path) -> dict[str, tuple[float, float]]:
    """Frames per second of time, and per second of processor time, unsealed and sealed: medians over the turns.

    On a machine that does other things only the second is steady.
    """
    rates: dict[str, list[tuple[float, float]]] = {"unsealed": [], "sealed": []}
    children = {
        name: subprocess.Popen(
            [sys.executable, "-m", "drukte_tools.bench.sealed", str(site_file), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ENVIRONMENT,
            bufsize=0,
        )
        for name in rates
    }
    try:
        for number in range(TURNS):
            for name in rates if number % 2 else reversed(rates):
                to, back = children[name].stdin, children[name].stdout
                assert to and back  # noqa: S101 - pipes were asked for
                to.write(b".")
                answer = back.read(_ANSWER.size) or b""
                if len(answer) != _ANSWER.size:
                    raise SystemExit(f"the {name} process ended")
                took, busy = _ANSWER.unpack(answer)
                rates[name].append((FRAMES * 1e9 / took, FRAMES * 1e9 / busy))
    finally:
        for process in children.values():
            process.kill()
            process.wait()
    return {
        name: (statistics.median(r[0] for r in turns), statistics.median(r[1] for r in turns))
        for name, turns in rates.items()
    }


if __name__ == "__main__":
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "firmware_config/sites/demo-street.yaml")
    if len(sys.argv) > 2:
        child(site, sys.argv[2] == "sealed")
    else:
        result = measure(site)
        for i, what in enumerate(("time", "processor time")):
            unsealed, sealed = result["unsealed"][i], result["sealed"][i]
            sys.stdout.write(
                f"frames/s of {what}: unsealed {unsealed:.1f}, sealed {sealed:.1f}, ratio {sealed / unsealed:.3f}\n"
            )
