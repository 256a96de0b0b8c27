"""Reports of the LD2450 and RD-03D."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.sources.radar import RadarFrame, Target
from drukte.sense.sources.radar_framing import Framer
from drukte.sense.sources.radar_ld2450 import GRAMMAR, Ld2450Decoder
from drukte_tools.simulate.ld2450_stream import report


def decode(data: bytes, decoder: Ld2450Decoder | None = None) -> np.ndarray:
    into = RadarFrame()
    assert (decoder or Ld2450Decoder()).decode(memoryview(data), into)
    assert into.targets is not None
    assert len(into.points) == 0
    return into.targets


def speed_of(targets: np.ndarray) -> np.ndarray:
    along = targets[:, Target.X : Target.Y + 1]
    return (targets[:, Target.VX : Target.VY + 1] * along).sum(axis=1) / np.linalg.norm(along, axis=1)


def test_the_vendors_example() -> None:
    """From the LD2450 protocol description: x -782 mm, y 1713 mm, -16 cm/s, gate 320 mm."""
    data = bytes.fromhex("AAFF0300 0E03B18610004001 0000000000000000 0000000000000000 55CC")
    targets = decode(data)
    np.testing.assert_allclose(targets[0, [Target.X, Target.Y]], [-0.782, 1.713], atol=1e-6)
    np.testing.assert_allclose(speed_of(targets), [-0.16], atol=1e-6)
    assert report([(-0.782, 1.713, -0.16)], gate_mm=320) == data


def test_a_recording_decodes_without_a_lost_byte_and_encodes_back(test_data: Path) -> None:
    data = (test_data / "radar" / "ld2450_mov_rebuilt.bin").read_bytes()
    lines = (test_data / "radar" / "ld2450_mov_radar_20240510_102925_88ms.jsonl").read_text().splitlines()
    framer, decoder, into = Framer(GRAMMAR), Ld2450Decoder(), RadarFrame()
    again, total = [], 0
    for packet, line in zip(framer.feed(data), lines, strict=True):
        assert decoder.decode(packet, into)
        targets = into.targets
        assert targets is not None
        truth = [(t["coord"][0], t["coord"][1], t["speed"]) for t in json.loads(line)["targets"]]
        np.testing.assert_allclose(
            targets[:, Target.X : Target.Y + 1] * 1e3, np.reshape(truth, (-1, 3))[:, :2], atol=1e-3
        )
        slots: list[tuple[float, float, float] | None] = [None] * 3
        for row, speed in zip(targets, speed_of(targets), strict=True):
            slots[int(row[Target.TID])] = (row[Target.X], row[Target.Y], speed)
        again.append(report(slots, zero=0x8000))
        total += len(targets)
    assert framer.counters.packets == decoder.counters.packets == 1602
    assert (framer.counters.skipped, framer.counters.cut, framer.pending) == (0, 0, 0)
    assert total == sum(len(json.loads(line)["targets"]) for line in lines)
    assert b"".join(again) == data


millimetres = st.integers(-8000, 8000)
slot = st.none() | st.tuples(millimetres, st.integers(1, 8000), st.integers(-500, 500))


@given(st.lists(slot, max_size=3))
def test_every_report_survives_the_way_out_and_back(slots: list[tuple[int, int, int] | None]) -> None:
    targets = decode(report([s and (s[0] / 1e3, s[1] / 1e3, s[2] / 1e2) for s in slots]))
    used = [(i, s) for i, s in enumerate(slots) if s is not None]
    assert list(targets[:, Target.TID]) == [i for i, _ in used]
    expected = np.array([s for _, s in used], float).reshape(-1, 3)
    np.testing.assert_allclose(targets[:, Target.X : Target.Y + 1] * 1e3, expected[:, :2], atol=1e-2)
    np.testing.assert_allclose(speed_of(targets) * 1e2, expected[:, 2], atol=1e-2)


def test_nobody_is_an_empty_list_and_not_an_unknown() -> None:
    assert len(decode(report([]))) == 0


def test_left_and_right_can_be_swapped() -> None:
    data = report([(1.0, 2.0, 0.0)])
    assert decode(data, Ld2450Decoder(flip_x=True))[0, Target.X] == pytest.approx(-1.0)


def test_a_report_without_its_tail_is_cut_and_the_next_one_found() -> None:
    good = report([(1.0, 2.0, 0.5)])
    framer = Framer(GRAMMAR)
    assert [bytes(p) for p in framer.feed(good[:11] + good + b"\0noise" + good)] == [good, good]
    assert framer.counters.cut == 1
    assert framer.counters.skipped == 11 + 6


def test_more_targets_than_slots_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 slots"):
        report([(0, 1, 0)] * 4)


def test_acknowledgements_between_reports_are_skipped() -> None:
    ack = bytes.fromhex("FDFCFBFA0400900100000403 0201")
    good = report([(0.2, 1.0, 0.0)])
    assert [bytes(p) for p in Framer(GRAMMAR).feed(ack + good)] == [good]
    assert struct.unpack("<H", good[4:6])[0] == 0x8000 | 200
