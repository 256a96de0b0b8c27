"""The door: nothing but exactly valid records passes, and they are as narrow as its page says."""

import itertools
import math
import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drukte import capacity, summary
from drukte.summary import HEARTBEAT, RANGES, SIZE, STARVED, DoorError, Summary, decode, encode, valid


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    """Valid summaries, built the way a tick makes them."""
    tick = draw(st.sampled_from([5, 10, 60]))
    counts = draw(st.lists(st.integers(0, summary.MAX_PEOPLE), min_size=1, max_size=30))
    total = round(10 * sum(counts) / len(counts))
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=3, max_size=3)))
    parts = [b - a for a, b in itertools.pairwise([0, *cuts, total])]
    trios = draw(st.integers(0, total // 3))
    pairs = draw(st.integers(0, 1000))
    return Summary(
        seq=draw(st.integers(0, 2**32 - 1)),
        end=draw(st.integers(0, 2**32 - 1)),
        zone=draw(st.integers(0, 15)),
        tick=tick,
        state=draw(st.integers(0, 6)),
        frames=len(counts),
        observed=min(tick, len(counts)),
        safe=parts[0],
        low_risk=parts[1],
        high_risk=parts[2],
        undetermined=parts[3],
        least=min(counts),
        most=max(counts),
        last=counts[-1],
        groups_3_4=trios,
        groups_2=draw(st.integers(0, min(RANGES["groups_2"][1], (total - 3 * trios) // 2))),
        pairs_high=pairs,
        party=draw(st.integers(0, 10)) if pairs else 0,
        in_a=draw(st.integers(0, 250)),
        riders_out_b=draw(st.integers(0, 120)),
        moved=draw(st.integers(0, 250)),
        appeared=draw(st.integers(0, 10)),
        held=draw(st.integers(0, 10)),
        agreed=draw(st.integers(0, 11)),
        saturated=draw(st.integers(0, 1)),
        dwell_over=draw(st.integers(0, 20)),
    )


@given(summaries())
def test_a_record_survives_the_door(s: Summary) -> None:
    data = encode(s)
    assert len(data) == SIZE == 64
    assert decode(data) == s


@given(summaries(), st.integers(0, SIZE * 8 - 1))
def test_any_flipped_bit_is_refused(s: Summary, bit: int) -> None:
    data = bytearray(encode(s))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DoorError):
        decode(bytes(data))


@given(st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(DoorError):
        decode(data)


@given(summaries(), st.sampled_from(sorted(RANGES)), st.booleans())
def test_no_field_leaves_its_range(s: Summary, name: str, above: bool) -> None:
    low, high = RANGES[name]
    values = {f.name: getattr(s, f.name) for f in fields(s)} | {name: high + 1 if above else low - 1}
    with pytest.raises(DoorError, match=name):
        encode(Summary(**values))


def test_the_bit_that_means_nothing_carries_nothing() -> None:
    body = bytearray(encode(Summary(seq=0, end=60, tick=60, state=0)))
    body[14] |= 0x80
    body[60:] = summary.zlib.crc32(bytes(body[:60])).to_bytes(4, "little")
    with pytest.raises(DoorError, match="flags"):
        decode(bytes(body))


@pytest.mark.parametrize(
    ("name", "value"),
    [("state", 6), ("calibration", 2), ("mode", 1), ("saturated", 1), ("held", 10), ("agreed", 11)],
)
def test_fields_that_share_a_byte_do_not_mix(name: str, value: int) -> None:
    sound = {"seq": 1, "end": 60, "tick": 60, "state": 0, "frames": 1, "observed": 1}
    got = decode(encode(Summary(**(sound | {name: value}))))
    shared = ("state", "calibration", "mode", "saturated", "held", "agreed")
    assert {n: getattr(got, n) for n in shared if getattr(got, n)} == {name: value}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"least": 3, "most": 2, "last": 2}, "people"),
        ({"least": 6, "most": 9, "last": 7}, "people"),
        ({"last": 9}, "people"),
        ({"groups_5_up": 20}, "groups"),
        ({"party": 3}, "party"),
        ({"observed": 61}, "range"),
        ({"observed": 0}, "observed"),
        ({"frames": 20}, "observed"),
        ({"frames": 0, "observed": 0}, "counts"),
        ({"kind": HEARTBEAT}, "heartbeat"),
    ],
)
def test_values_that_contradict_each_other_are_refused(changes: dict[str, int], rule: str) -> None:
    sound = {"seq": 1, "end": 60, "tick": 60, "state": 0, "frames": 300, "observed": 60}
    sound |= {"safe": 50, "least": 4, "most": 6, "last": 5}
    valid(Summary(**sound))
    with pytest.raises(DoorError, match=rule):
        valid(Summary(**(sound | changes)))


def test_a_heartbeat_carries_a_state_and_nothing_else() -> None:
    beat = Summary(kind=HEARTBEAT, seq=7, end=1, tick=60, state=STARVED)
    assert decode(encode(beat)) == beat


def test_the_page_states_the_free_bits_of_a_record() -> None:
    page = summary.__doc__ or ""
    stated = [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\.\d+", page)]
    lone, line, beat, hours = stated
    assert capacity.summary_bits(0) == pytest.approx(lone, abs=0.05)
    assert capacity.summary_bits(1) - capacity.summary_bits(0) == pytest.approx(line, abs=0.005)
    assert math.log2(len(summary.STATES)) == pytest.approx(beat, abs=0.005)
    assert capacity.hours_for_picture([0]) == pytest.approx(hours, abs=0.05)


def test_the_free_bits_are_counted_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a record shrunk to a few values, the count equals that of trying every record."""
    small = dict.fromkeys(RANGES, (0, 0)) | {"kind": (1, 1), "seq": (5, 5), "tick": (5, 5)}
    small |= {"state": (0, 4), "calibration": (0, 2), "mode": (0, 1), "frames": (0, 1), "observed": (0, 1)}
    small |= dict.fromkeys(("safe", "low_risk", "high_risk", "undetermined"), (0, 10))
    small |= dict.fromkeys(("least", "most", "last", "groups_3_4", "pairs_low"), (0, 1))
    for module in (summary, capacity):
        monkeypatch.setattr(module, "RANGES", small)
        monkeypatch.setattr(module, "MAX_PEOPLE", 1)
    others = ("frames", "observed", "least", "most", "last", "groups_3_4", "pairs_low")
    accepted = 0
    for levels in itertools.product(range(11), repeat=4):
        if sum(levels) > 10 + summary.ROUNDING:
            continue
        people = dict(zip(("safe", "low_risk", "high_risk", "undetermined"), levels, strict=True))
        for bits in itertools.product((0, 1), repeat=len(others)):
            try:
                valid(Summary(seq=5, end=0, tick=5, state=0, **people, **dict(zip(others, bits, strict=True))))
            except DoorError:
                continue
            accepted += 1
    counted = capacity.summary_bits(0, tick=5, max_frames=1)
    assert counted == pytest.approx(math.log2(accepted * len(summary.STATES) * 3 * 2))
