"""Settings go through a ring of real open rooms, and stop at the first that is not well with them."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.report.conftest import (
    Mosquitto,
    beat,
    listening,
    site_text,
)
from tests.report.test_process import Room
from tests.settings.people import COMMANDER, sheet_for, sign_and_put, trust

from drukte.config import settings_hash
from drukte.settings.put import INBOX, empty_inbox
from drukte.settings.sheet import sheet_of
from drukte_tools.fleet.bus import FleetError
from drukte_tools.fleet.cli import fleet
from drukte_tools.fleet.push import read_ring

COVERED = 1


class Pole(Room):
    """An open room with a door, and what systemd does: settings that wait are put in place, then a restart."""

    def __init__(self, folder: Path, name: str, port: int, state_after: int = 0) -> None:
        folder.mkdir()
        super().__init__(folder, f"{{port: {port}}}")
        self.site.write_text(self.site.read_text().replace("dev-1", name))
        trust(folder)
        sign_and_put(self.site)
        self.state_after = state_after
        self.over = threading.Event()
        self.start()
        self.put(beat, time.time(), seal=7)
        self.unit = threading.Thread(target=self.settings_unit)
        self.unit.start()

    def settings_unit(self) -> None:
        while not self.over.wait(0.05):
            if (self.state / INBOX).exists() and empty_inbox(self.state / INBOX, self.site, print):
                self.stop()
                self.start()
                self.put(beat, time.time(), seal=7, state=self.state_after)

    def end(self) -> None:
        import os
        import signal

        self.over.set()
        self.unit.join()
        self.stop(signal.SIGKILL)
        os.close(self.read)
        os.close(self.write)


@pytest.fixture
def new_pole(tmp_path: Path, broker: Mosquitto) -> Iterator[Callable[..., Pole]]:
    made: list[Pole] = []

    def make(name: str, **more: int) -> Pole:
        made.append(Pole(tmp_path / name, name, broker.port, **more))
        return made[-1]

    yield make
    for pole in made:
        pole.end()


class Desk:
    """The folder of intended settings, and the key that signs commands."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder / "sites"
        self.folder.mkdir()
        self.port = port
        self.ring = folder / "ring.txt"
        self.key = folder / "fleet.pem"
        self.key.write_bytes(COMMANDER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def intend(self, *poles: Pole | str, serial: int = 2) -> None:
        names = []
        for pole in poles:
            name = pole if isinstance(pole, str) else pole.site.parent.name
            old = site_text().replace("dev-1", name) if isinstance(pole, str) else pole.site.read_text()
            file = self.folder / f"{name}.yaml"
            file.write_text(old + "closeness: {low_risk: 2.5}\n")
            sheet_of(file).write_bytes(sheet_for(file, serial).dump())
            names.append(f"testville/{name}\n")
        self.ring.write_text("".join(names))

    def push(self, *more: str) -> Result:
        arguments = ["push", str(self.folder), "--ring", str(self.ring), "--port", str(self.port), "--quiet", "1"]
        return CliRunner().invoke(fleet, [*arguments, "--key", str(self.key), *more])


@pytest.fixture
def desk(tmp_path: Path, broker: Mosquitto) -> Desk:
    return Desk(tmp_path, broker.port)


def counting(port: int, *names: str) -> None:
    with listening(port, "drukte/#") as seen:
        seen.wait(
            lambda s: (
                all(any('"sensing":true' in text for text in s.of(f"{name}/status")) for name in names)
                and all(any('"sealed":true' in text for text in s.of(f"{name}/privacy")) for name in names)
            )
        )


def test_a_ring_stops_at_the_first_that_is_not_well(
    broker: Mosquitto, new_pole: Callable[..., Pole], desk: Desk
) -> None:
    good, bad, third = new_pole("pole-1"), new_pole("pole-2", state_after=COVERED), new_pole("pole-3")
    counting(broker.port, "pole-1", "pole-2", "pole-3")
    before = third.site.read_bytes()
    desk.intend(good, bad, third)
    assert "has other settings than intended" in desk.push("--dry-run").output
    done = desk.push("--patience", "5")
    assert done.exit_code == 1, done.output
    assert "testville/pole-1: well with the new settings" in done.output
    assert (
        "STOPPED at testville/pole-2: it has the new settings, and after 5 s it does not count: covered" in done.output
    )
    assert "1 have the new settings; 1 were not reached:\n  testville/pole-3" in done.output
    assert settings_hash(good.site) == settings_hash(desk.folder / "pole-1.yaml")
    assert third.site.read_bytes() == before

    bad.state_after = 0
    bad.put(beat, time.time(), seal=7)
    counting(broker.port, "pole-2")
    done = desk.push("--patience", "5")
    assert done.exit_code == 0, done.output
    assert "testville/pole-1: has them already" in done.output
    assert "3 devices have the new settings" in done.output
    assert settings_hash(third.site) == settings_hash(desk.folder / "pole-3.yaml")


def test_what_a_device_refuses_is_said_at_once(broker: Mosquitto, new_pole: Callable[..., Pole], desk: Desk) -> None:
    pole = new_pole("pole-1")
    counting(broker.port, "pole-1")
    sign_and_put(pole.site, serial=9)
    desk.intend(pole, serial=3)
    done = desk.push("--patience", "60")
    assert done.exit_code == 1
    assert "STOPPED at testville/pole-1: it ignored the command: settings_refused (its log says why" in done.output


def test_nothing_is_sent_unless_the_whole_ring_is_ready(broker: Mosquitto, desk: Desk) -> None:
    desk.intend("pole-1", "pole-2")
    done = desk.push()
    assert done.exit_code == 1
    assert "STOPPED at testville/pole-1: it was never heard of" in done.output
    file = desk.folder / "pole-2.yaml"
    file.write_text(file.read_text() + "# later\n")
    assert "pole-2.yaml: was changed after it was signed. Sign it: drukte settings sign" in desk.push().output
    sheet_of(file).unlink()
    assert "pole-2.yaml: is not signed" in desk.push().output
    file.unlink()
    assert "testville/pole-2: stands in the ring, and no site file is for it" in desk.push().output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b\nB/c\n", "line 2: 'B/c' is no device"),
        ("a/b # x\n\na/b\n", "line 3: a/b stands twice"),
        ("# none\n", "names no device"),
    ],
)
def test_a_wrong_ring_is_said_by_line(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "ring").write_text(text)
    with pytest.raises(FleetError, match=expected):
        read_ring(tmp_path / "ring")
