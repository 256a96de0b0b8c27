"""Framing: any cut, any noise, bounded memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte.sense.sources import radar_ld2450, radar_ti
from drukte.sense.sources.radar_framing import CAPACITY, Framer
from drukte_tools.simulate import ld2450_stream, ti_stream

TI = [
    ti_stream.packet(radar_ti.Family.SDK, 1, [(2, bytes(100)), (1020, bytes(20))], padded=True),
    ti_stream.packet(radar_ti.Family.PEOPLE_COUNTING, 2, [(6, bytes(36))]),
    ti_stream.packet(radar_ti.Family.LEGACY, 3, [(6, bytes(22))]),
    ti_stream.packet(radar_ti.Family.SDK, 4, []),
]
LD = [ld2450_stream.report([(0.1 * k, 2.0, 0.1)]) for k in range(4)]
KINDS = [(radar_ti.GRAMMAR, TI), (radar_ld2450.GRAMMAR, LD)]


@pytest.mark.parametrize(("grammar", "packets"), KINDS, ids=["ti", "ld2450"])
@given(data=st.data())
def test_packets_come_out_whole_however_the_bytes_arrive(grammar, packets, data) -> None:
    stream = b"".join(packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=30)))
    framer, found = Framer(grammar), []
    for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += [bytes(p) for p in framer.feed(stream[a:b])]
    assert found == packets
    assert framer.counters.skipped == framer.pending == 0


@pytest.mark.parametrize(("grammar", "packets"), KINDS, ids=["ti", "ld2450"])
def test_one_byte_at_a_time(grammar, packets) -> None:
    framer = Framer(grammar)
    assert [bytes(p) for byte in b"".join(packets) for p in framer.feed(bytes([byte]))] == packets


@pytest.mark.parametrize(("grammar", "packets"), KINDS, ids=["ti", "ld2450"])
@given(noise=st.binary(max_size=200), cut=st.integers(1, 29))
def test_noise_and_a_cut_packet_cost_nothing_else(grammar, packets, noise, cut) -> None:
    framer = Framer(grammar)
    found = [bytes(p) for p in framer.feed(noise + packets[0][:cut] + b"".join(packets))]
    assert found == packets
    assert framer.counters.skipped == len(noise) + cut


def test_a_length_that_lies_is_found_out_at_the_next_magic() -> None:
    lying = bytearray(TI[0])
    lying[13] = 0xF0  # about 61 kB
    framer = Framer(radar_ti.GRAMMAR)
    assert [bytes(p) for p in framer.feed(bytes(lying) + TI[1] + TI[2])] == [TI[1], TI[2]]
    assert framer.counters.cut == 1


@pytest.mark.parametrize(("grammar", "packets"), KINDS, ids=["ti", "ld2450"])
@pytest.mark.parametrize("flood", [bytes(8), b"\xaa\xff\x03\x00" * 2, radar_ti.MAGIC, radar_ti.MAGIC[:4] * 2])
def test_a_flood_stays_in_bounds_and_ends(grammar, packets, flood) -> None:
    framer = Framer(grammar)
    for _ in range(40):
        for _packet in framer.feed(flood * 1000):
            pass
        assert framer.pending <= CAPACITY
    found = [bytes(p) for p in framer.feed(b"".join(packets))]
    assert found[-2:] == packets[-2:]


def test_consumed_bytes_are_overwritten() -> None:
    framer = Framer(radar_ld2450.GRAMMAR)
    views = []
    for packet in framer.feed(LD[0] + LD[1]):
        assert bytes(packet) in LD
        views.append(packet)
    assert all(not any(view) for view in views)


def test_reading_into_the_buffer_saves_the_copy() -> None:
    framer, found = Framer(radar_ld2450.GRAMMAR, capacity=64), []
    stream = np.frombuffer(b"".join(LD * 25), np.uint8)
    while len(stream):
        room = framer.room()
        assert len(room) > 0
        n = min(len(room), 17, len(stream))
        room[:n] = stream[:n].tobytes()
        stream = stream[n:]
        found += [bytes(p) for p in framer.received(n)]
    assert found == LD * 25


def test_a_reader_that_never_asks_for_its_packets_loses_them_and_nothing_else() -> None:
    framer = Framer(radar_ld2450.GRAMMAR, capacity=64)
    for _ in range(10):
        room = framer.room()
        room[:] = bytes(len(room))
        framer.received(len(room))
    assert [bytes(p) for p in framer.feed(LD[0])] == [LD[0]]
