"""The settings dialogue of the LD2450, with reports arriving in between."""

import struct

import pytest

from drukte.sense.sources import radar_ld2450_setup as setup
from drukte.sense.sources.radar_port import RadarError, open_port
from drukte_tools.simulate.ld2450_stream import report

from .pseudo import Pseudo


class Module:
    """Answers commands and keeps its settings, like the module."""

    def __init__(self, *, single: bool, address: bytes, knows_mode: bool = True) -> None:
        self.single, self.address, self.knows_mode = single, address, knows_mode
        self.enabled, self.words, self.waiting = False, [], b""

    def __call__(self, data: bytes) -> bytes:
        self.waiting += data
        out = b""
        while setup.TAIL in self.waiting:
            one, self.waiting = self.waiting.split(setup.TAIL, 1)
            _length, word = struct.unpack_from("<2H", one, 4)
            self.words.append(word)
            out += report([(1, 2, 0)]) + self.reply(word) + report([])[:17]
        return out

    def reply(self, word: int) -> bytes:
        value = b""
        if word == setup.ENABLE:
            self.enabled, value = True, b"\x01\x00\x40\x00"
        elif not self.enabled or (word == setup.TRACKING and not self.knows_mode):
            return setup.command(word | 0x0100, b"\x01\x00")
        elif word == setup.FIRMWARE:
            value = struct.pack("<2HI", 0, 0x0102, 0x22062416)
        elif word == setup.TRACKING:
            value = struct.pack("<H", 1 if self.single else 2)
        elif word == setup.MULTI:
            self.single = False
        elif word == setup.ADDRESS:
            value = self.address
        elif word == setup.BLUETOOTH:
            self.address = setup.NO_ADDRESS
        return setup.command(word | 0x0100, b"\0\0" + value)


def run(module: Module) -> setup.Setup:
    with Pseudo(module) as pseudo, open_port(pseudo.path, 256000) as port:
        return setup.Ld2450Setup(port, "pty", sleep=lambda _s: None).run()


def test_commands_are_those_of_the_protocol_description() -> None:
    assert setup.command(setup.ENABLE, b"\x01\x00").hex().upper() == "FDFCFBFA0400FF00010004030201"
    assert setup.command(setup.MULTI).hex().upper() == "FDFCFBFA0200900004030201"


def test_a_new_module_is_set_to_several_targets_and_loses_bluetooth() -> None:
    module = Module(single=True, address=bytes.fromhex("8F27 2E B8 0F 65".replace(" ", "")))
    done = run(module)
    assert done == setup.Setup("V1.02.22062416", was_single=True, bluetooth_was_on=True)
    assert not module.single
    assert module.words[-1] == setup.RESTART_MODULE


def test_a_module_that_is_set_up_is_left_as_it_is() -> None:
    module = Module(single=False, address=setup.NO_ADDRESS)
    assert run(module) == setup.Setup("V1.02.22062416", was_single=False, bluetooth_was_on=False)
    assert setup.MULTI not in module.words
    assert setup.BLUETOOTH not in module.words
    assert module.words[-1] == setup.END


def test_a_module_that_does_not_know_the_question_is_told_all_the_same() -> None:
    module = Module(single=True, address=setup.NO_ADDRESS, knows_mode=False)
    run(module)
    assert not module.single


def test_no_answer_names_the_wires() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            self.now += 0.1
            return self.now

    with Pseudo() as pseudo, open_port(pseudo.path, 256000) as port, pytest.raises(RadarError, match="TX and RX"):
        setup.Ld2450Setup(port, "pty", clock=Clock(), sleep=lambda _s: None).run()
