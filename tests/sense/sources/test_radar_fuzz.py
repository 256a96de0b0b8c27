"""Mutated streams: no crash, no hang, at most two packets lost after the damage, memory flat.

The short form runs with the other tests. The long form, 10^6 streams for each parser, is `make fuzz-radar`.
"""

import faulthandler
import os
import resource
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest

from drukte.sense.sources import radar_ld2450, radar_ti
from drukte.sense.sources.radar import PacketDecoder, RadarFrame
from drukte.sense.sources.radar_framing import CAPACITY, Framer, Grammar
from drukte_tools.simulate import ld2450_stream, ti_stream

Family = radar_ti.Family
FLOOD_EVERY = 1000
HANGS = 120.0
"""Seconds for a thousand streams after which the run counts as hung, and ends with where it hangs."""


def _points(rng: np.random.Generator, n: int) -> np.ndarray:
    low, high = [-4, 0.3, -2, -3, 5], [4, 9, 1, 3, 30]
    return rng.uniform(low, high, (n, 5)).astype(np.float32)


def _ti_corpus() -> list[bytes]:
    rng = np.random.default_rng(1)
    p = _points(rng, 6)
    compressed = ti_stream.compressed_points(p)
    people = ti_stream.targets([0, 7], rng.normal(0, 2, (2, 3)), rng.normal(0, 1, (2, 3)))
    index = bytes(rng.choice([0, 7, 253, 255], 6).astype(np.uint8))
    side = ti_stream.side_info(p)
    low_power = ti_stream.low_power_points(p, (0.001, 0.002, 0.5, 0.5))
    legacy = ti_stream.legacy_points(p, (0.5, 0.05, 0.001, 0.05))
    return [
        ti_stream.packet(Family.SDK, 1, [(1020, compressed), (1010, people), (1011, index)]),
        ti_stream.packet(Family.PEOPLE_COUNTING, 2, [(6, compressed), (7, people), (8, index)]),
        ti_stream.packet(Family.SDK, 3, [(1, ti_stream.cartesian_points(p)), (7, side)], padded=True),
        ti_stream.packet(Family.SDK, 4, [(301, low_power), (302, bytes(64))], padded=True),
        ti_stream.packet(Family.LEGACY, 5, [(6, legacy), (7, bytes(68)), (8, index)]),
        ti_stream.packet(Family.SDK, 6, [(1000, ti_stream.spherical_points(p)), (1040, bytes(136))]),
    ]


def _ld_corpus() -> list[bytes]:
    slots = [(1.0, 2.0, 0.1), (-0.5, 4.0, -0.4), (0.0, 1.0, 0.0)]
    return [ld2450_stream.report(slots[:n]) for n in range(4)]


PARSERS: dict[str, tuple[Grammar, Callable[[], PacketDecoder], list[bytes]]] = {
    "ti": (radar_ti.GRAMMAR, radar_ti.TiDecoder, _ti_corpus()),
    "ld2450": (radar_ld2450.GRAMMAR, radar_ld2450.Ld2450Decoder, _ld_corpus()),
}


def mutate(rng: np.random.Generator, corpus: list[bytes]) -> bytes:
    """One to three damages (bit flips, cut, splice, repeat, flood, noise) to one or two packets."""
    data = bytearray(b"".join(corpus[i] for i in rng.integers(len(corpus), size=rng.integers(1, 3))))
    for _ in range(rng.integers(1, 4)):
        kind, at = rng.integers(7), int(rng.integers(len(data) + 1))
        if kind == 0:
            for bit in rng.integers(len(data) * 8, size=rng.integers(1, 9)) if data else ():
                data[bit // 8] ^= 1 << (bit % 8)
        elif kind == 1:
            del data[at : at + int(rng.integers(1, 60))]
        elif kind == 2:
            other = corpus[rng.integers(len(corpus))]
            data[at:at] = other[: rng.integers(len(other))]
        elif kind == 3:
            data[at:at] = data[at : at + int(rng.integers(1, 40))] * int(rng.integers(1, 4))
        elif kind == 4:
            data[at:at] = corpus[0][: int(rng.integers(4, 9))] * int(rng.integers(1, 20))
        elif kind == 5:
            data[at:at] = rng.bytes(int(rng.integers(1, 100)))
        elif data:
            data[at : at + 4] = int(rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 40, 65536])).to_bytes(4, "little")
    return bytes(data)


def flood(rng: np.random.Generator, corpus: list[bytes]) -> bytes:
    """More than the buffer holds: beginnings of packets without end, one packet over and over, noise, or zeros."""
    whole = corpus[rng.integers(len(corpus))]
    unit = (whole[: int(rng.integers(4, 60))], whole, rng.bytes(997), bytes(100))[rng.integers(4)]
    return unit * (CAPACITY * 5 // 4 // len(unit))


def run(name: str, streams: int, seed: int) -> None:
    grammar, make, corpus = PARSERS[name]
    rng = np.random.default_rng(seed)
    framer, decoder, into = Framer(grammar), make(), RadarFrame()
    seen, at_quarter, slowest = 0, 0, 0.0
    started = time.monotonic()
    for k in range(streams):
        if k % 1000 == 0:
            faulthandler.dump_traceback_later(HANGS, exit=True)
        tail = [corpus[(k + i) % len(corpus)] for i in range(3)]
        damaged = mutate(rng, corpus)
        if k % FLOOD_EVERY == FLOOD_EVERY - 1:
            damaged += flood(rng, corpus)
        decoded: deque[bytes] = deque(maxlen=1)
        begun = time.perf_counter()
        for packet in framer.feed(damaged + b"".join(tail)):
            whole = bytes(packet)
            if decoder.decode(packet, into):
                seen += 1
                decoded.append(whole)
                assert np.isfinite(into.points[:, :4]).all()
                assert into.targets is None or np.isfinite(into.targets[:, 1:3]).all()
        slowest = max(slowest, time.perf_counter() - begun)
        # What follows the damage is found again within two packets, with the seed to repeat it.
        assert tail[-1] in decoded, f"stream {k} of seed {seed}: {damaged[:2000].hex()}"
        assert framer.pending <= CAPACITY
        if k == streams // 4:
            at_quarter = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    faulthandler.cancel_dump_traceback_later()
    assert seen >= streams
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - at_quarter
    assert grown_kb < 4096, f"memory grew by {grown_kb} kB"
    framing, packets = framer.counters, decoder.counters
    print(
        f"{name}: {streams} streams, {framing.bytes} bytes, {seen} frames, refused {packets.malformed}, "
        f"cut {framing.cut}, bytes skipped {framing.skipped}, slowest stream {1000 * slowest:.0f} ms, "
        f"{time.monotonic() - started:.0f} s, memory +{grown_kb} kB"
    )


@pytest.mark.parametrize("name", list(PARSERS))
def test_mutated_streams(name: str) -> None:
    run(name, 2000, seed=20)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PARSERS))
def test_mutated_streams_long(name: str) -> None:
    run(name, int(os.environ.get("DRUKTE_FUZZ_STREAMS", "1000000")), seed=21)
