"""Both rooms on one machine, without systemd: start them, join them by the door, start again what fell over."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from drukte.config import SiteError
from drukte.exits import HOPELESS, MEANING, Exit
from drukte.report.places import state_folder
from drukte.settings import load_trusted
from drukte.settings.put import INBOX, empty_inbox

SECONDS_TO_END = 5.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
LONGEST_UNPLUGGED = 2.0
"""The longest pause while the sensor is not there: whoever puts the plug back waits beside it."""
SETTLED = 20.0
"""A room that ran this long is started again without an extra pause."""


@dataclass
class Room:
    """One of the two programs."""

    name: str
    arguments: list[str]
    stdin: int
    stdout: int
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    again_at: float = 0.0
    ended: Exit | None = field(default=None)

    def start(self) -> None:
        """Start the program."""
        self.started = time.monotonic()
        command = [sys.executable, "-m", "drukte", self.name, *self.arguments]
        self.child = subprocess.Popen(command, stdin=self.stdin, stdout=self.stdout)

    def look_after(self) -> None:
        """Start the program again if it fell over and there is hope."""
        now = time.monotonic()
        if self.child is None:
            if self.ended is None and now >= self.again_at:
                self.start()
            return
        status = self.child.poll()
        if status is None:
            return
        self.child = None
        why = Exit(status) if status in list(Exit) else Exit.INTERNAL
        if why is Exit.OK or why in HOPELESS:
            self.ended = why
            if why is not Exit.OK:
                _say(f"{self.name} {MEANING[why]}")
            return
        longest = LONGEST_UNPLUGGED if why is Exit.SOURCE else LONGEST_PAUSE
        self.pause = FIRST_PAUSE if now - self.started > SETTLED else min(longest, self.pause * 2)
        self.again_at = now + self.pause
        cause = f"was ended by signal {-status}" if status < 0 else MEANING[why]
        _say(f"{self.name} {cause}; starting again in {self.pause:g} s")

    def start_again(self) -> None:
        """End the program, and start it with what its files now say."""
        self.end()
        self.ended, self.again_at = None, 0.0

    def end(self) -> None:
        """Ask the program to end, and insist after a while."""
        if self.child is None:
            return
        self.child.terminate()
        try:
            self.child.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None


def run(site_file: Path) -> Exit:
    """Run both rooms until a signal comes, the recording ends, or one of them cannot go on."""
    given = _given(site_file)
    readable, writable = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    sense = Room("sense", ["--site", str(site_file), "--door", "1"], stdin=nothing, stdout=writable)
    report = Room("report", ["--site", str(site_file), "--door", "0"], stdin=readable, stdout=nothing)
    rooms = [sense, report]
    if given.light:
        lamp = Room("indicator", ["--site", str(site_file)], stdin=nothing, stdout=nothing)
        rooms.append(lamp)
        os.environ["DRUKTE_INDICATOR"] = str(given.light)
        lamp.start()
    stop: list[int] = []
    before = {s: signal.signal(s, lambda number, _: stop.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        report.start()
        sense.start()
        while not stop:
            time.sleep(0.1)
            for room in rooms:
                room.look_after()
            if given.inbox is not None and empty_inbox(given.inbox, site_file, _say):
                sense.start_again()
                report.start_again()
            failed = next((r.ended for r in rooms if r.ended not in (None, Exit.OK)), None)
            if failed is not None:
                return failed
            if sense.ended is Exit.OK:
                time.sleep(1.0)  # let the last record become a message
                break
        return Exit.OK
    finally:
        for room in rooms:
            room.end()
        for fd in (readable, writable, nothing):
            os.close(fd)
        for number, handler in before.items():
            signal.signal(number, handler)


class _Given(NamedTuple):
    """What the site file says about the surroundings of the rooms; nothing if it may not be used."""

    inbox: Path | None
    light: Path | None


def _given(site_file: Path) -> _Given:
    try:
        site = load_trusted(site_file)
    except SiteError:
        return _Given(None, None)  # the rooms say why
    state = state_folder(site)
    return _Given(state / INBOX, None if site.indicator.kind == "none" else state / "indicator")


def _say(text: str) -> None:
    sys.stderr.write(f"run: {text}\n")
    sys.stderr.flush()
