"""The open side of the door lets in what is exactly right, counts the rest, and goes on."""

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drukte.config import Site
from drukte.report.door import DoorReader, frame_limit
from drukte.summary import SIZE, Summary, encode
from tests.report.conftest import Pipe, Time, beat, make_site, record


def reader(pipe: Pipe, clock: Time, site: Site | None = None) -> DoorReader:
    made = DoorReader(pipe.read, site or make_site(), clock.now, clock.monotonic)
    made.read()  # the pipe is empty: what comes now is live
    return made


def live(pipe: Pipe, clock: Time, door: DoorReader, *records: Summary) -> list[Summary]:
    for one in records:
        pipe.put(encode(one))
    return door.read()


def test_a_day_of_records_comes_in(pipe: Pipe, clock: Time) -> None:
    door = reader(pipe, clock)
    seq = 0
    for _ in range(100):
        for _ in range(2):
            clock.pass_(20)
            assert len(live(pipe, clock, door, beat(seq, clock.wall))) == 1
            seq += 1
        clock.pass_(20)
        assert len(live(pipe, clock, door, record(seq, clock.wall, 0, 3), record(seq + 1, clock.wall, 1))) == 2
        seq += 2
    assert not door.rejected
    assert door.accepted == 400
    assert door.runs == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"zone": 2}, "zone"),
        ({"zone": 1, "in_a": 1}, "line"),
        ({"in_b": 1}, "line"),
        ({"tick": 30, "observed": 30}, "tick"),
        ({"frames": 332}, "frames"),
        ({"end": 1_800_000_061}, "span"),
        ({"end": 1_800_000_120}, "clock"),
        ({"end": 1_799_999_940}, "clock"),
        ({"end": 1_800_000_000}, "order"),
        ({"seq": 12}, "seq"),
        ({"seq": 10}, "seq"),
        ({"seal": 1}, "seal"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_next_is_read(
    pipe: Pipe, clock: Time, wrong: dict[str, int], reason: str
) -> None:
    door = reader(pipe, clock)
    assert live(pipe, clock, door, record(10, clock.wall, 0, 2, seal=7))
    clock.pass_(60)
    values = {"seq": 11, "end": int(clock.wall), "seal": 7} | wrong
    assert live(pipe, clock, door, record(values.pop("seq"), values.pop("end"), **values)) == []
    assert dict(door.rejected) == {reason: 1}
    clock.pass_(60)
    following = wrong.get("seq", 11) + 1
    assert live(pipe, clock, door, record(following, clock.wall, 0, 2, seal=7))


def test_the_same_moment_twice_is_refused(pipe: Pipe, clock: Time) -> None:
    door = reader(pipe, clock)
    assert live(pipe, clock, door, record(1, clock.wall), record(2, clock.wall)) == [record(1, clock.wall)]
    assert dict(door.rejected) == {"order": 1}


def test_more_records_than_time_allows_are_refused(pipe: Pipe, clock: Time) -> None:
    """A sealed room that writes faster than its ticks, with ends that creep through the allowed lateness."""
    site = make_site(tick=5, window=60)
    door = reader(pipe, clock, site)
    got = live(pipe, clock, door, *(record(i, clock.wall - 5 + 5 * i, tick=5) for i in range(2)))
    assert len(got) == 1
    assert dict(door.rejected) == {"rate": 1}
    beats = 0
    for i in range(60):
        clock.pass_(1)
        beats += len(live(pipe, clock, door, beat(2 + i, clock.wall, tick=5)))
    assert beats <= 4


def test_a_new_run_starts_at_zero_and_may_be_sealed_differently(pipe: Pipe, clock: Time) -> None:
    door = reader(pipe, clock)
    live(pipe, clock, door, record(5, clock.wall, seal=7))
    clock.pass_(60)
    assert live(pipe, clock, door, record(0, clock.wall, seal=3))
    assert (door.runs, door.seal) == (2, 3)
    clock.pass_(60)
    assert live(pipe, clock, door, record(1, clock.wall, seal=3))


def test_what_waited_while_nobody_read_is_let_in(pipe: Pipe, clock: Time) -> None:
    for minute in range(500):
        pipe.put(encode(record(7 + minute, clock.wall + 60 * minute)))
    clock.pass_(60 * 500)
    door = DoorReader(pipe.read, make_site(), clock.now, clock.monotonic)
    assert len(door.read()) == 500
    clock.pass_(30)
    assert live(pipe, clock, door, record(507, clock.wall + 30)) == []
    assert dict(door.rejected) == {"clock": 1}


def test_what_waited_must_be_in_order_and_not_ahead(pipe: Pipe, clock: Time) -> None:
    for seq, end in enumerate((0, 60, 60, 0, 120, 6000), 1):
        pipe.put(encode(record(seq, clock.wall + end)))
    clock.pass_(200)
    door = DoorReader(pipe.read, make_site(), clock.now, clock.monotonic)
    assert [r.seq for r in door.read()] == [1, 2, 5]
    assert dict(door.rejected) == {"order": 2, "clock": 1}


def test_a_stall_of_the_reader_costs_nothing(pipe: Pipe, clock: Time) -> None:
    door = reader(pipe, clock)
    for minute in range(1, 11):
        pipe.put(encode(record(minute, clock.wall + 60 * minute)))
    clock.pass_(600)
    assert len(door.read()) == 10


@pytest.mark.parametrize("step", [-7200, -3, 3, 7200, 86400 * 365])
def test_a_step_of_the_clock_costs_no_record(pipe: Pipe, clock: Time, step: int) -> None:
    door = reader(pipe, clock)
    tick = 60

    def minute(seq: int, end: float) -> int:
        return len(live(pipe, clock, door, record(seq, end)))

    assert minute(1, clock.wall) == 1
    clock.pass_(tick)
    pipe.put(encode(record(2, clock.wall)))  # written before the step, read after it
    clock.step(step)
    assert len(door.read()) == 1
    assert door.jumps == 1
    pause = tick - clock.wall % tick
    clock.pass_(pause if pause > 10 else pause + tick)  # a tick that the step made very short would be refused
    assert minute(3, clock.wall) == 1
    for seq in range(4, 10):
        clock.pass_(tick)
        assert minute(seq, clock.wall) == 1
    assert not door.rejected


def test_an_end_of_file_is_not_the_end(pipe: Pipe, clock: Time) -> None:
    door = reader(pipe, clock)
    os.close(pipe.write)
    assert door.read() == []
    assert door.closed


def test_frame_limit() -> None:
    assert frame_limit(make_site()) == 331
    assert frame_limit(make_site(tick=5)) == 29


@given(st.binary(min_size=1, max_size=150), st.integers(1, 6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_garbage_between_records_costs_no_record(garbage: bytes, good: int) -> None:
    clock = Time()
    read, write = os.pipe()
    try:
        os.set_blocking(read, False)
        door = DoorReader(read, make_site(), clock.now, clock.monotonic)
        door.read()
        seen = 0
        for seq in range(good):
            os.write(write, garbage + encode(record(seq, clock.wall)))
            seen += len(door.read())
            clock.pass_(60)
        # one that ends in half a mark waits for more bytes; everything else is found at once
        os.write(write, encode(record(good, clock.wall)))
        seen += len(door.read())
        assert seen == good + 1
    finally:
        os.close(read)
        os.close(write)


def test_mutated_records_never_get_in(pipe: Pipe, clock: Time) -> None:
    """Bit flips, cuts, splices and repeats of good records; the long form runs in tests/report/broker/test_fuzz.py."""
    rng = random.Random(1)
    door = reader(pipe, clock)
    for seq in range(300):
        good = encode(record(seq, clock.wall, 0, seq % 20))
        bad = bytearray(good)
        for _ in range(rng.randint(1, 5)):
            bad[rng.randrange(SIZE)] ^= 1 << rng.randrange(8)
        pipe.put(bytes(bad)[: rng.choice([SIZE, SIZE, rng.randrange(1, SIZE)])] if bytes(bad) != good else b"?")
        assert door.read() == []
        pipe.put(good)
        found = door.read()
        assert found in ([], [record(seq, clock.wall, 0, seq % 20)])
        clock.pass_(60)
    assert door.accepted >= 295
