"""Runs the two rooms as a device does, each under strace, with the auditor's hand in the door between them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from drukte.exits import Exit
from drukte.sense.lock.kernel import status
from drukte.sense.lock.seal import ENVIRONMENT
from drukte.summary import SIZE, DoorError, decode
from drukte_tools.audit import trace
from drukte_tools.audit.marks import Mark
from drukte_tools.audit.needles import in_memory
from drukte_tools.audit.twins import MAIN, twin

_QUIET = ("CI", "ORT_DISABLE_TELEMETRY", "MALLOC_PERTURB_")


@dataclass
class Seen:
    """What was seen of one run.

    Attributes:
        sense, report: what strace saw of the sealed room, and of the open one if it ran.
        records: how many valid records came through the door; `refused`: the others, by reason.
        seal: seal bits that they carried.
        scans: (program, copies of each piece, bytes read) of each look through a program's memory.
        unread: why a program could not be looked at.
        threads, descriptors: of the sealed room, as the kernel shows them.
        said: what the programs wrote on standard error.
        ended: the sealed room's exit status; `by_itself` if it ended before it was told to.
        device: the sensor's device, which the sealed room may open and set up.
    """

    sense: trace.Traced = field(default_factory=trace.Traced)
    report: trace.Traced | None = None
    records: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    seal: set[int] = field(default_factory=set)
    scans: list[tuple[str, dict[str, int], int]] = field(default_factory=list)
    unread: str = ""
    threads: list[dict[str, str]] = field(default_factory=list)
    descriptors: list[str] = field(default_factory=list)
    said: str = ""
    ended: int | None = None
    by_itself: bool = False
    device: str = ""

    @property
    def reason(self) -> str:
        """Why the sealed room ended by itself, in its own words; empty if it did not."""
        if not self.by_itself:
            return ""
        words = [row.partition(": ")[2] for row in self.said.splitlines() if row.startswith("sense: ")]
        name = Exit(self.ended).name.lower() if self.ended in list(Exit) else "unknown"
        return f"it ended by itself (status {self.ended}, {name}){': ' + words[-1] if words else ''}"


class Run:
    """One run of the pair, or of the sealed room alone."""

    def __init__(
        self, site: Path, work: Path, models: Path, mark: Mark, plant: str | None = None, report: bool = True
    ) -> None:
        """Start the programs.

        Args:
            site: site file with the stand-in for the sensor.
            work: folder for traces, homes and state.
            models: the device's model store.
            mark: the stand-in.
            plant: name of a leak to plant in the sealed room.
            report: whether the open room runs too.
        """
        self.seen = Seen(device=mark.device)
        self._work, self.mark = work, mark
        work.mkdir(parents=True)
        self.leak = work / "leak"
        self.home = work / "home"
        self.home.mkdir()
        kept = {name: value for name, value in os.environ.items() if name not in _QUIET}
        env = kept | ENVIRONMENT | {"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state")}
        env.pop("XDG_CACHE_HOME", None)
        env["DRUKTE_MODELS"] = str(models)
        from_sense, into_audit = os.pipe()
        self._from_sense, self._to_report = from_sense, -1
        prelude = twin(plant, mark.kind, str(self.leak)) if plant else ""
        arguments = ["sense", "--site", str(site), "--door", "1"]
        with (work / "said").open("wb") as said:
            program = [sys.executable, "-c", prelude + MAIN] if plant else [sys.executable, "-m", "drukte"]
            self._sense = subprocess.Popen(
                [*trace.command(work / "sense.trace"), *program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=into_audit,
                stderr=said,
                env=env,
            )
            os.close(into_audit)
            self._report = None
            if report:
                for_report, self._to_report = os.pipe()
                program = [sys.executable, "-m", "drukte", "report", "--site", str(site), "--door", "0"]
                self._report = subprocess.Popen(
                    [*trace.command(work / "report.trace"), *program], stdin=for_report, stderr=said, env=env
                )
                os.close(for_report)
        self._tap = threading.Thread(target=self._listen, daemon=True)
        self._tap.start()

    def _listen(self) -> None:
        """Pass on what comes out of the door, having looked at it."""
        while data := os.read(self._from_sense, 64 * 1024):
            for at in range(0, len(data), SIZE):
                try:
                    self.seen.seal.add(decode(data[at : at + SIZE]).seal)
                    self.seen.records += 1
                except DoorError as error:
                    self.seen.refused[str(error)] += 1
            if self._to_report >= 0:
                with contextlib.suppress(BrokenPipeError):
                    os.write(self._to_report, data)

    @property
    def alive(self) -> bool:
        """Whether the sealed room still runs."""
        return self._sense.poll() is None

    def wait_for_records(self, n: int, seconds: float) -> None:
        """Wait until `n` records came, also refused ones, the room ended or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.alive:
            if self.seen.records + sum(self.seen.refused.values()) >= n:
                return
            time.sleep(0.1)

    def scan(self) -> None:
        """Look through both programs' memory between two frames."""
        try:
            for name, tracer in (("sense", self._sense), ("report", self._report)):
                if tracer is None or not (pid := _child(tracer.pid)):
                    continue
                if name == "sense":
                    self._look_at_kernel(pid)
                with self.mark.between(pid) if name == "sense" else contextlib.nullcontext(), _held(pid):
                    hits, size = in_memory(pid, self.mark.wanted)
                self.seen.scans.append((name, hits, size))
        except (OSError, ValueError) as error:
            self.seen.unread = f"{error}"

    def _look_at_kernel(self, pid: int) -> None:
        tasks = [status((task / "status").read_text()) for task in Path(f"/proc/{pid}/task").iterdir()]
        self.seen.threads = tasks
        self.seen.descriptors = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]

    def end(self) -> Seen:
        """End the programs and read their traces."""
        self.seen.by_itself = not self.alive
        for tracer in (self._sense, self._report):
            if tracer is None:
                continue
            if tracer.poll() is None and (pid := _child(tracer.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            try:
                tracer.wait(10)
            except subprocess.TimeoutExpired:
                tracer.kill()
                tracer.wait()
        self._tap.join(5)
        for fd in (self._from_sense, self._to_report):
            if fd >= 0:
                os.close(fd)
        self.seen.ended = self._sense.returncode
        self.seen.said = (self._work / "said").read_text(errors="replace")
        self.seen.sense = trace.parse(self._work / "sense.trace")
        if self._report is not None:
            self.seen.report = trace.parse(self._work / "report.trace")
        return self.seen


def _child(pid: int) -> int | None:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


@contextlib.contextmanager
def _held(pid: int) -> Iterator[None]:
    """Hold a program still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
