"""Packets of TI modules: recordings decode without a lost byte and encode back to the same bytes."""

import struct
from pathlib import Path

import numpy as np
import pytest

from drukte.sense.sources.radar import Echo, RadarFrame, Target
from drukte.sense.sources.radar_framing import Framer
from drukte.sense.sources.radar_ti import GRAMMAR, Family, Header, TiDecoder, read_header, walk
from drukte.sense.sources.radar_ti_parts import COMPRESSED_UNITS, LOW_POWER_UNITS, SIDE_INFO, TARGET_3D
from drukte_tools.simulate import ti_stream

POINTS = np.array([[0.5, 3.0, -0.4, 0.4, 20.0], [-2.0, 5.5, 0.3, -1.2, 14.0]], np.float32)


def frame() -> RadarFrame:
    return RadarFrame()


def decode(data: bytes, decoder: TiDecoder | None = None) -> tuple[bool, RadarFrame, TiDecoder]:
    decoder = decoder or TiDecoder()
    into = frame()
    return decoder.decode(memoryview(data), into), into, decoder


def encode_again(packet: memoryview, header: Header, decoded: RadarFrame) -> bytes:
    """Encode what was decoded; only what the decoder leaves out is taken from the packet."""
    found = walk(packet, header)
    assert found is not None
    parts: list[tuple[int, bytes]] = []
    for kind, start, end in found:
        payload = np.frombuffer(packet[start:end], np.uint8)
        key = (header.family, kind)
        if key in {(Family.SDK, 1020), (Family.PEOPLE_COUNTING, 6)}:
            units = payload[: COMPRESSED_UNITS.itemsize].view(COMPRESSED_UNITS)[0].item()
            data = ti_stream.compressed_points(decoded.points, units)
        elif key in {(Family.SDK, 1010), (Family.PEOPLE_COUNTING, 7)}:
            t = decoded.targets
            assert t is not None
            data = ti_stream.targets(
                t[:, Target.TID],
                t[:, Target.X : Target.Z + 1],
                t[:, Target.VX : Target.VZ + 1],
                t[:, Target.CONFIDENCE],
                rest=payload.view(TARGET_3D),
            )
        elif key == (Family.SDK, 1):
            data = ti_stream.cartesian_points(decoded.points)
        elif key == (Family.SDK, 7):
            data = ti_stream.side_info(decoded.points, noise=payload.view(SIDE_INFO)["noise"])
        else:
            data = payload.tobytes()
        parts.append((kind, data))
    words = struct.unpack_from("<8I" if header.family == Family.SDK else "<9I", packet, 8)
    timing = (words[4], words[5], words[7]) if header.family == Family.SDK else words[4:9]
    again = ti_stream.packet(
        header.family,
        header.frame_number,
        parts,
        version=header.version,
        platform=header.platform,
        timing=timing,
    )
    if len(again) < len(packet):  # the module fills its packets up with whatever its memory held
        missing = bytes(packet[len(again) :])
        again = again[:12] + struct.pack("<I", len(packet)) + again[16:] + missing
    return again


@pytest.mark.parametrize(
    ("name", "family", "packets", "points", "targets", "lost"),
    [
        ("ti_pc3d_e2e994264_3frames.bin", Family.PEOPLE_COUNTING, 3, 19, 0, 0),
        ("pc3d_1person_rebuilt_48hdr.bin", Family.PEOPLE_COUNTING, 122, 16774, 125, 0),
        ("pc3d_1person_rebuilt_40hdr.bin", Family.SDK, 122, 16774, 125, 0),
        ("iwr6843aop_sdk36_oob_3targets.bin", Family.SDK, 178, 1908, None, 25),
    ],
)
def test_recordings_decode_without_a_lost_byte_and_encode_back(
    test_data: Path, name: str, family: Family, packets: int, points: int, targets: int | None, lost: int
) -> None:
    data = (test_data / "radar" / name).read_bytes()
    framer, decoder, into = Framer(GRAMMAR), TiDecoder(), frame()
    again, n_points, n_targets = [], 0, 0
    for packet in framer.feed(data):
        header = read_header(packet)
        assert header is not None
        assert header.family is family
        assert decoder.decode(packet, into)
        n_points += len(into.points)
        if targets is None:
            assert into.targets is None
        else:
            assert into.targets is not None
            n_targets += len(into.targets)
        again.append(encode_again(packet, header, into))
    assert framer.counters.packets == decoder.counters.packets == packets
    assert (framer.counters.skipped, framer.counters.cut, framer.pending) == (0, 0, 0)
    assert framer.counters.bytes == len(data)
    assert (n_points, n_targets) == (points, targets or 0)
    c = decoder.counters
    assert (c.malformed, c.implausible, c.unknown_parts) == (0, 0, 0)
    # The logger of that recording left out 22 packets and wrote two in the wrong order.
    assert c.restarts == (1 if lost else 0)
    assert c.lost == lost
    assert b"".join(again) == data


def test_both_framings_of_one_recording_yield_the_same_frames(test_data: Path) -> None:
    frames = []
    for name in ("pc3d_1person_rebuilt_48hdr.bin", "pc3d_1person_rebuilt_40hdr.bin"):
        framer, decoder, into = Framer(GRAMMAR), TiDecoder(), frame()
        kept = []
        for packet in framer.feed((test_data / "radar" / name).read_bytes()):
            assert decoder.decode(packet, into)
            assert into.targets is not None
            kept.append((into.sequence, into.points.copy(), into.targets.copy()))
        frames.append(kept)
    for a, b in zip(*frames, strict=True):
        assert a[0] == b[0]
        np.testing.assert_array_equal(a[1], b[1])
        np.testing.assert_array_equal(a[2], b[2])


def test_targets_of_a_recording_stand_among_their_echoes(test_data: Path) -> None:
    """Targets and echoes share the sensor frame: the person is where the echoes are."""
    framer, decoder, into = Framer(GRAMMAR), TiDecoder(), frame()
    away = []
    for packet in framer.feed((test_data / "radar" / "pc3d_1person_rebuilt_40hdr.bin").read_bytes()):
        decoder.decode(packet, into)
        if into.targets is not None and len(into.targets) == 1:
            near = np.hypot(*(into.points[:, :2] - into.targets[0, Target.X : Target.Y + 1]).T) < 1.0
            away.append(np.median(into.points[near, :2], axis=0) - into.targets[0, Target.X : Target.Y + 1])
    assert np.abs(np.median(away, axis=0)).max() < 0.25


def test_the_module_that_was_recorded_sends_its_valid_checksum(test_data: Path) -> None:
    data = (test_data / "radar" / "ti_pc3d_e2e994264_3frames.bin").read_bytes()
    cleared = data[:46] + b"\0\0"
    assert ti_stream.checksum(cleared) == struct.unpack_from("<H", data, 46)[0]


def test_three_families_carry_the_same_echoes() -> None:
    compressed = ti_stream.compressed_points(POINTS)
    sdk = ti_stream.packet(Family.SDK, 7, [(1020, compressed)])
    counting = ti_stream.packet(Family.PEOPLE_COUNTING, 7, [(6, compressed)])
    flat = POINTS.copy()
    flat[:, Echo.Z] = 0.0
    legacy = ti_stream.packet(Family.LEGACY, 7, [(6, ti_stream.legacy_points(flat, (0.5, 0.05, 0.001, 0.05)))])
    for data, expected, tolerance in ((sdk, POINTS, 0.06), (counting, POINTS, 0.06), (legacy, flat, 0.06)):
        ok, into, _ = decode(data)
        assert ok
        assert into.sequence == 7
        np.testing.assert_allclose(into.points[:, :3], expected[:, :3], atol=tolerance)
        np.testing.assert_allclose(into.points[:, Echo.DOPPLER], expected[:, Echo.DOPPLER], atol=0.026)
        np.testing.assert_allclose(into.points[:, Echo.SNR], expected[:, Echo.SNR], atol=0.1)
        assert into.targets is not None
        assert len(into.targets) == 0


def test_a_type_number_means_different_things_in_different_families() -> None:
    """Type 6 is echoes for people counting and load statistics for the SDK, type 7 targets and SNR."""
    compressed = ti_stream.compressed_points(POINTS)
    ok, into, _ = decode(ti_stream.packet(Family.SDK, 1, [(6, compressed)]))
    assert ok
    assert len(into.points) == 0
    assert into.targets is None


def test_low_power_echoes() -> None:
    payload = ti_stream.low_power_points(POINTS, (0.001, 0.002, 0.5, 0.5))
    assert len(payload) == LOW_POWER_UNITS.itemsize + 10 * len(POINTS)
    ok, into, _ = decode(ti_stream.packet(Family.SDK, 1, [(301, payload)], padded=True))
    assert ok
    np.testing.assert_allclose(into.points[:, :3], POINTS[:, :3], atol=6e-4)
    np.testing.assert_allclose(into.points[:, Echo.DOPPLER], POINTS[:, Echo.DOPPLER], atol=2e-3)
    np.testing.assert_allclose(into.points[:, Echo.SNR], POINTS[:, Echo.SNR], atol=0.3)
    assert into.targets is None


def test_spherical_echoes_with_side_information() -> None:
    parts = [(1000, ti_stream.spherical_points(POINTS)), (7, ti_stream.side_info(POINTS))]
    ok, into, _ = decode(ti_stream.packet(Family.SDK, 1, parts))
    assert ok
    np.testing.assert_allclose(into.points, POINTS, atol=0.06)


@pytest.mark.parametrize("width", [4, 5])
def test_legacy_echoes_as_floats(width: int) -> None:
    rows = np.array([[3.0, 0.3, 0.1, 0.5, 40.0], [5.0, -0.4, 0.0, -1.0, 90.0]], "<f4")
    sent = rows if width == 5 else rows[:, [0, 1, 3, 4]]
    ok, into, _ = decode(ti_stream.packet(Family.LEGACY, 1, [(6, sent.tobytes())]))
    assert ok
    np.testing.assert_allclose(np.hypot(into.points[:, 0], into.points[:, 1])[1], 5.0, atol=1e-5)
    np.testing.assert_allclose(into.points[:, Echo.SNR], 10 * np.log10(rows[:, 4]), atol=1e-4)


@pytest.mark.parametrize(
    ("family", "kind", "layout", "dimensions"),
    [
        (Family.PEOPLE_COUNTING, 7, "<I27f", 3),
        (Family.PEOPLE_COUNTING, 7, "<I26f", 3),
        (Family.SDK, 1010, "<I26f", 3),
        (Family.LEGACY, 7, "<I16f", 2),
        (Family.LEGACY, 7, "<I17f", 2),
        (Family.LEGACY, 7, "<I18f", 2),
        (Family.LEGACY, 7, "<I9f", 3),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 10, 28])
def test_target_layouts_are_told_apart(family: Family, kind: int, layout: str, dimensions: int, n: int) -> None:
    floats = struct.calcsize(layout) // 4 - 1
    rows = [struct.pack(layout, tid, *np.arange(1, floats + 1) / 10.0 + tid) for tid in range(n)]
    ok, into, _ = decode(ti_stream.packet(family, 1, [(kind, b"".join(rows))]))
    assert ok
    assert into.targets is not None
    np.testing.assert_array_equal(into.targets[:, Target.TID], np.arange(n))
    np.testing.assert_allclose(into.targets[:, Target.X], 0.1 + np.arange(n), rtol=1e-6)
    velocity = (dimensions + 1) / 10.0 + np.arange(n)
    np.testing.assert_allclose(into.targets[:, Target.VX], velocity, rtol=1e-6)
    assert np.isnan(into.targets[:, Target.Z]).all() == (dimensions == 2)
    assert np.isnan(into.targets[:, Target.CONFIDENCE]).all() == (layout != "<I27f")


def test_echoes_are_counted_per_target() -> None:
    rows = ti_stream.targets([3, 9], [[0, 2, 0], [1, 4, 0]], np.zeros((2, 3)))
    index = bytes([3, 3, 255, 254, 3])
    ok, into, _ = decode(ti_stream.packet(Family.SDK, 1, [(1010, rows), (1011, index)]))
    assert ok
    assert into.targets is not None
    np.testing.assert_array_equal(into.targets[:, Target.ECHOES], [3, 0])


def test_vital_signs_are_dropped_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = struct.pack("<2H33f", 1, 2, *[71.5] * 33)
    packet = ti_stream.packet(
        Family.SDK, 1, [(1020, ti_stream.compressed_points(POINTS)), (1040, secret), (1021, b"\1\0\0\0")]
    )
    ok, into, decoder = decode(packet)
    assert ok
    assert decoder.counters.vital_signs_dropped == 1
    assert len(into.points) == len(POINTS)
    held = into.points.tobytes() + (b"" if into.targets is None else into.targets.tobytes())
    assert struct.pack("<f", 71.5) not in held


def test_unknown_parts_are_stepped_over() -> None:
    parts = [(77777, b"x" * 13), (1020, ti_stream.compressed_points(POINTS))]
    ok, into, decoder = decode(ti_stream.packet(Family.SDK, 1, parts))
    assert ok
    assert len(into.points) == len(POINTS)
    assert decoder.counters.unknown_parts == 1


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        ti_stream.packet(Family.SDK, 1, [])[:-1],
        ti_stream.packet(Family.SDK, 1, [(1020, b"\0" * 21)]),
        ti_stream.packet(Family.SDK, 1, [(1020, b"\0" * 19)]),
        ti_stream.packet(Family.SDK, 1, [(1010, b"\0" * 100)]),
        ti_stream.packet(Family.SDK, 1, [(1, b"")] * 33),
        ti_stream.packet(Family.SDK, 1, [(1020, ti_stream.compressed_points(POINTS, (1, 1, 1, np.nan, 1)))]),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing_behind(packet: bytes) -> None:
    ok, into, decoder = decode(packet)
    assert not ok
    assert decoder.counters.malformed == 1
    assert len(into.points) == 0
    assert into.targets is None


def test_rows_that_no_radar_could_see_are_left_out() -> None:
    rows = np.array([[1, 2, 0, 0], [np.nan, 2, 0, 0], [1, 1e30, 0, 0], [1, 2, 0, np.inf]], "<f4")
    ok, into, decoder = decode(ti_stream.packet(Family.SDK, 1, [(1, rows.tobytes())]))
    assert ok
    np.testing.assert_array_equal(into.points[:, :3], [[1, 2, 0]])
    assert decoder.counters.implausible == 3


def test_lost_frames_and_restarts_are_counted() -> None:
    decoder = TiDecoder()
    for number in (5, 6, 9, 10, 1, 2):
        decode(ti_stream.packet(Family.SDK, number, []), decoder)
    assert decoder.counters.lost == 2
    assert decoder.counters.restarts == 1


def test_a_frame_is_wiped_and_used_again() -> None:
    into, decoder = frame(), TiDecoder()
    decoder.decode(memoryview(ti_stream.packet(Family.SDK, 1, [(1, ti_stream.cartesian_points(POINTS))])), into)
    view = into.points
    assert view.any()
    into.wipe()
    assert not view.any()
    assert len(into.points) == 0


def test_more_echoes_than_the_frame_holds_are_cut_off_and_reported() -> None:
    into = RadarFrame(max_points=1)
    assert TiDecoder().decode(
        memoryview(ti_stream.packet(Family.SDK, 1, [(1020, ti_stream.compressed_points(POINTS))])), into
    )
    assert len(into.points) == 1
    assert into.truncated
