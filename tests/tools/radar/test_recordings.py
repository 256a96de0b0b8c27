"""Recorded bytes of real modules decode without one that is left over."""

from pathlib import Path

import pytest

from drukte.sense.sources.radar_modules import MODULES
from drukte_tools.radar.recordings import totals

RECORDED = [
    ("ti_pc3d_e2e994264_3frames.bin", "iwr6843isk", 3),
    ("iwr6843aop_sdk36_oob_3targets.bin", "iwr6843aop", 178),
    ("pc3d_1person_rebuilt_48hdr.bin", "iwr6843isk", 122),
    ("pc3d_1person_rebuilt_40hdr.bin", "iwr6843isk", 122),
    ("ld2450_mov_rebuilt.bin", "ld2450", 1602),
]


@pytest.mark.parametrize(("name", "module", "packets"), RECORDED, ids=[r[0] for r in RECORDED])
def test_every_byte_belongs_to_a_packet(test_data: Path, name: str, module: str, packets: int) -> None:
    t = totals(test_data / "radar" / name, MODULES[module])
    assert t.packets == packets
    assert (t.outside, t.refused) == (0, 0)


def test_echoes_are_as_many_as_the_recordings_notes_say(test_data: Path) -> None:
    t = totals(test_data / "radar" / "pc3d_1person_rebuilt_48hdr.bin", MODULES["iwr6843isk"])
    assert (t.echoes, t.targets) == (16_774, 125)
