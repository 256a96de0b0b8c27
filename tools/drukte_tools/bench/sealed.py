"""What the seal costs: the same pictures through the same pipeline, in a sealed and an unsealed process in turns.

Run with `python -m drukte_tools.bench.sealed [SITE_FILE] [--rounds N]`; `make sealed` does.
"""

import argparse
import math
import os
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drukte.config import load_site
from drukte.config.source import CanarySource
from drukte.models import read
from drukte.sense.lock.seal import ENVIRONMENT, seal, wakers

ROUNDS = 8
TURNS = 40
FRAMES = 8
"""Pictures in a turn: so few that the two turns of a pair lie within a fifth of a second of each other, and whatever
else the machine does falls on both."""
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


@dataclass(frozen=True)
class Comparison:
    """Sealed and unsealed turns, side by side.

    Attributes:
        unsealed, sealed: frames per second of each turn, in pairs taken one right after the other.
        unsealed_busy, sealed_busy: the same per second of processor time.
        rounds: number of process pairs that they come from, started afresh each.
    """

    unsealed: list[float]
    sealed: list[float]
    unsealed_busy: list[float]
    sealed_busy: list[float]
    rounds: int

    def text(self) -> str:
        """What is printed."""
        rows = [f"{len(self.sealed)} pairs of turns of {FRAMES} frames each, {self.rounds} pairs of processes"]
        for what, one, other in (
            ("time", self.unsealed, self.sealed),
            ("processor time", self.unsealed_busy, self.sealed_busy),
        ):
            ratios = [b / a for a, b in zip(one, other, strict=True)]
            middle, low, high = median_interval(ratios)
            rows.append(
                f"frames/s of {what}: unsealed {statistics.median(one):.1f}, sealed {statistics.median(other):.1f}; "
                f"sealed / unsealed {middle:.3f} (95 % interval {low:.3f} to {high:.3f})"
            )
            size = len(ratios) // self.rounds
            each = (statistics.median(ratios[i * size : (i + 1) * size]) for i in range(self.rounds))
            rows.append(f"  of each pair of processes: {' '.join(f'{ratio:.3f}' for ratio in each)}")
        return "\n".join(rows)


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median and its 95 % interval, whatever the distribution: two of the values in order, by the binomial law.

    Raises:
        ValueError: fewer than six values, of which no two would do.
    """
    ordered, n = sorted(values), len(values)
    if n < 6:
        raise ValueError(f"{n} values: a 95 % interval of a median takes six at least")
    below, k = 0.0, 0
    while (more := below + math.comb(n, k) / 2**n) <= 0.025:
        below, k = more, k + 1
    return statistics.median(ordered), ordered[k - 1], ordered[n - k]


def measure(site_file: Path, rounds: int = ROUNDS, turns: int = TURNS) -> Comparison:
    """Take turns. Each round has a pair of processes of its own: where memory happens to lie differs between two
    processes that do the same, by more than the seal costs.
    """
    pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for _ in range(rounds):
        pairs += _round(site_file, turns)
    return Comparison(
        unsealed=[one[0] for one, _ in pairs],
        sealed=[other[0] for _, other in pairs],
        unsealed_busy=[one[1] for one, _ in pairs],
        sealed_busy=[other[1] for _, other in pairs],
        rounds=rounds,
    )


def _round(site_file: Path, turns: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Turns of an unsealed and of a sealed process, each one right after the other, first the one and then the other
    in front.
    """
    children = {
        name: subprocess.Popen(
            [sys.executable, "-m", "drukte_tools.bench.sealed", str(site_file), "--child", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ENVIRONMENT,
            bufsize=0,
        )
        for name in ("unsealed", "sealed")
    }
    try:
        for name, process in children.items():  # both have started before either is measured
            _turn(process, name)
        found = []
        for number in range(turns):
            order = list(children) if number % 2 else list(reversed(children))
            rates = {name: _turn(children[name], name) for name in order}
            found.append((rates["unsealed"], rates["sealed"]))
        return found
    finally:
        for process in children.values():
            process.kill()
            process.communicate()


def _turn(process: "subprocess.Popen[bytes]", name: str) -> tuple[float, float]:
    """Frames per second, and per second of processor time, of one turn."""
    assert process.stdin and process.stdout  # noqa: S101 - pipes were asked for
    process.stdin.write(b".")
    answer = process.stdout.read(_ANSWER.size) or b""
    if len(answer) != _ANSWER.size:
        raise SystemExit(f"the {name} process ended")
    took, busy = _ANSWER.unpack(answer)
    return FRAMES * 1e9 / took, FRAMES * 1e9 / busy


def main() -> None:
    """Compare and print, or be one of the two processes."""
    parser = argparse.ArgumentParser(prog="python -m drukte_tools.bench.sealed", description="What the seal costs.")
    parser.add_argument("site", nargs="?", type=Path, default=Path("firmware_config/sites/demo-street.yaml"))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs of processes (default %(default)s)")
    parser.add_argument("--child", choices=("sealed", "unsealed"), help=argparse.SUPPRESS)
    known = parser.parse_args()
    if known.child:
        child(known.site, known.child == "sealed")
    else:
        sys.stdout.write(measure(known.site, known.rounds).text() + "\n")


if __name__ == "__main__":
    main()
