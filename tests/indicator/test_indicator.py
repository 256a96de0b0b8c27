"""The light is on before the camera opens and off when it is closed, however the sealed room ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scenes import drukte, moving_square, site_file

from drukte.config.indicator import FileIndicator, GpioIndicator, LedIndicator, NoIndicator
from drukte.exits import Exit
from drukte.indicator.hold import IndicatorError, hold
from drukte.indicator.lamps import FileLamp, LampError, LedLamp, NoLamp, lamp_for

HOLDER = (
    "import sys, time; from pathlib import Path; from drukte.indicator.hold import hold; hold(Path(sys.argv[1])); "
    "print(1, flush=True); time.sleep(60)"
)


def wait(ready: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.01)


class Light:
    """A keeper with a file for a lamp."""

    def __init__(self, folder: Path) -> None:
        self.place, self.lamp = folder / "run", folder / "lamp"
        self.site = site_file(folder, indicator={"kind": "file", "path": str(self.lamp)})
        self.environment = os.environ | {"DRUKTE_INDICATOR": str(self.place)}
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.child = subprocess.Popen(drukte("indicator", "--site", self.site), env=self.environment)
        wait(lambda: self.lamp.exists() and self.lamp.read_text() != "")

    def end(self, how: int = signal.SIGTERM) -> int:
        assert self.child
        self.child.send_signal(how)
        return self.child.wait(10)

    @property
    def on(self) -> bool:
        return self.lamp.read_text() == "1\n"

    def holder(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", HOLDER, self.place], stdout=subprocess.PIPE)
        assert child.stdout
        with child.stdout:
            assert child.stdout.readline() == b"1\n"
        return child


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Light]:
    made = Light(tmp_path)
    made.start()
    yield made
    if made.child and made.child.poll() is None:
        made.end(signal.SIGKILL)


def test_on_while_somebody_holds_it_and_off_when_they_are_killed(light: Light) -> None:
    assert not light.on
    first = light.holder()
    assert light.on, "on before the camera is opened"
    second = light.holder()
    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(0.3)
    assert light.on
    second.send_signal(signal.SIGKILL)
    wait(lambda: not light.on, 5)
    second.wait()
    assert light.end() == 0


def test_a_descriptor_that_is_closed_switches_it_off_while_the_process_goes_on(light: Light) -> None:
    fd = hold(light.place)
    assert light.on
    os.close(fd)
    wait(lambda: not light.on, 5)


def test_a_killed_keeper_leaves_the_light_as_it_was_and_the_next_one_takes_over(light: Light) -> None:
    holder = light.holder()
    light.end(signal.SIGKILL)
    assert light.on
    with pytest.raises(IndicatorError, match="does not come on"):
        hold(light.place, patience=0.2)
    light.start()
    wait(lambda: light.on, 5)
    holder.kill()
    wait(lambda: not light.on, 5)
    holder.wait()


def test_without_a_keeper_no_camera(tmp_path: Path) -> None:
    with pytest.raises(IndicatorError, match="Is the keeper running"):
        hold(tmp_path)


def test_only_one_keeper(light: Light) -> None:
    done = subprocess.run(
        drukte("indicator", "--site", light.site), env=light.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.INDICATOR
    assert "another keeper" in done.stderr


def test_the_sealed_room_has_it_on_while_its_recording_is_open(tmp_path: Path, model_store: Path) -> None:
    light = Light(tmp_path)
    video = moving_square(tmp_path / "square.avi", size=(768, 576))
    site = site_file(
        tmp_path,
        source__path=str(video),
        source__rate=10,
        source__loop=True,
        tick=5,
        indicator={"kind": "file", "path": str(light.lamp)},
    )
    command = drukte("sense", "--site", site, "--door", "1")
    done = subprocess.run(command, env=light.environment, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.INDICATOR
    assert "indicator" in done.stderr
    light.start()
    readable, writable = os.pipe()
    try:
        child = subprocess.Popen(command, env=light.environment, stdout=writable)
        os.close(writable)
        assert os.read(readable, 64), "it counts"
        assert light.on
        child.kill()
        child.wait()
        wait(lambda: not light.on, 5)
    finally:
        os.close(readable)
        light.end()


def test_a_light_of_the_kernel(tmp_path: Path) -> None:
    place = tmp_path / "ACT"
    place.mkdir()
    (place / "max_brightness").write_text("255\n")
    (place / "trigger").write_text("none [mmc0]\n")
    lamp = LedLamp("ACT", leds=tmp_path)
    assert (place / "trigger").read_text() == "none\n"
    lamp.switch(True)
    assert (place / "brightness").read_text() == "255\n"
    lamp.switch(False)
    assert (place / "brightness").read_text() == "0\n"
    with pytest.raises(LampError, match="This machine has: ACT"):
        LedLamp("led9", leds=tmp_path)


def test_a_light_on_a_pin() -> None:
    gpiozero: Any = pytest.importorskip("gpiozero")
    mock: Any = pytest.importorskip("gpiozero.pins.mock")
    before = gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory = factory = mock.MockFactory()
    try:
        for active_high in (True, False):
            lamp = lamp_for(GpioIndicator(kind="gpio", pin=17, active_high=active_high))
            pin = factory.pin(17)
            assert pin.state is not active_high
            lamp.switch(True)
            assert pin.state is active_high
            lamp.switch(False)
            assert pin.state is not active_high
            with pytest.raises(LampError, match="pin 17"):
                lamp_for(GpioIndicator(kind="gpio", pin=17))
            lamp.close()
    finally:
        factory.close()
        gpiozero.Device.pin_factory = before


def test_other_lights(tmp_path: Path) -> None:
    assert isinstance(lamp_for(NoIndicator()), NoLamp)
    lamp = lamp_for(FileIndicator(kind="file", path=str(tmp_path / "nowhere" / "lamp")))
    assert isinstance(lamp, FileLamp)
    with pytest.raises(LampError, match="nowhere"):
        lamp.switch(True)
    with pytest.raises(LampError, match="light no-such-light"):
        lamp_for(LedIndicator(kind="led", name="no-such-light"))
