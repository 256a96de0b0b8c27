"""Mutated commands and door records by the hundred thousand: no crash, no wrong count, memory flat.

The short form is part of the suite; `make fuzz` runs the long one.
"""

import json
import logging
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drukte.command import Command, Settings, until_text
from drukte.report.broker.commands import Commands
from drukte.report.broker.news import Received
from drukte.report.door import DoorReader
from drukte.report.store.outbox import Outbox
from drukte.signing import public_text
from drukte.summary import SIZE, encode
from tests.report.conftest import Pipe, Time, beat, make_site, record, site_text
from tests.settings.people import COMMANDER, sheet_for

FLAT = 4 * 2**20
"""Most bytes by which the process may grow after the first tenth."""


def resident() -> int:
    """Memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def mutated(rng: random.Random, good: bytes, others: list[bytes]) -> bytes:
    """Good bytes with bits flipped, bytes changed, cut, doubled, or with a part of something else in them."""
    bad = bytearray(good)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(bad)) if bad else 0
        match rng.randrange(6):
            case 0 if bad:
                bad[at] ^= 1 << rng.randrange(8)
            case 1 if bad:
                bad[at] = rng.choice(b'\x00\xff"\\{}[],:0-9eE')
            case 2:
                del bad[at : at + rng.randrange(1, 20)]
            case 3:
                bad[at:at] = bad[at : at + rng.randrange(1, 60)]
            case 4:
                other = rng.choice(others)
                cut = rng.randrange(len(other))
                bad[at : at + rng.randrange(30)] = other[cut : cut + rng.randrange(30)]
            case _:
                bad[at:at] = rng.choice(
                    (b"[" * 200, b"1" * 400, b"\xf0\x9f\x98\x80", b'"a":', b"NaN", b"1e999", b"null")
                )
    return bytes(bad)


def reshaped(rng: random.Random, good: bytes) -> bytes:
    """A command that is still JSON, with one value changed."""
    tree: dict[str, Any] = json.loads(good)
    value = rng.choice(("", 0, -1, 2**70, 1.5, None, True, [], {}, "x" * 50, "ed25519:" + "A" * 43 + "=", "status"))
    key = rng.choice([*tree, "more"])
    if key == "settings" and tree["settings"] and rng.random() < 0.7:
        tree["settings"]["sheet"][rng.choice([*tree["settings"]["sheet"]])] = value
    else:
        tree[key] = value
    return json.dumps(tree).encode()


def many(short: int, long: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rounds", [short, pytest.param(long, marks=pytest.mark.slow)])


def judged(rounds: int, one: Callable[[int], None]) -> None:
    """Run, and look at the memory."""
    begun, before = time.monotonic(), 0
    for number in range(rounds):
        if number == rounds // 10:
            before = resident()
        one(number)
    grown = resident() - before
    print(f"{rounds} in {time.monotonic() - begun:.0f} s, memory grew by {grown / 2**20:.2f} MiB")
    assert grown < FLAT


@many(3_000, 100_000)
def test_mutated_commands(rounds: int, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(site_text())
    now = time.time()
    facts: dict[str, Any] = {"organisation": "testville", "device": "dev-1", "until": until_text(now + 3600)}
    settings = Settings(site=site_text(), sheet=sheet_for(file, 1))
    good = [
        Command(act="status", serial=1, **facts).sign(COMMANDER).dump(),
        Command(act="rotate_log", serial=2, **facts).sign(COMMANDER).dump(),
        Command(act="settings", serial=3, settings=settings, **facts).sign(COMMANDER).dump(),
    ]
    obeyed: list[int] = []
    commands = Commands(
        make_site(),
        Outbox(None, ["primary"]),
        [public_text(COMMANDER.public_key())],
        lambda: now,
        dict.fromkeys(("status", "rotate_log", "settings"), lambda command: obeyed.append(command.serial)),  # type: ignore[arg-type]
    )
    for message in good:
        commands.take(Received("cmd", message))
    assert obeyed == [1, 2, 3]
    rng = random.Random(rounds)

    def one(_number: int) -> None:
        message = rng.choice(good)
        bad = reshaped(rng, message) if rng.random() < 0.3 else mutated(rng, message, good)
        commands.take(Received("cmd", bad))

    logging.getLogger("drukte.report.broker.commands").setLevel(logging.ERROR)
    try:
        judged(rounds, one)
    finally:
        logging.getLogger("drukte.report.broker.commands").setLevel(logging.NOTSET)
    counts = commands.counts
    print(counts.ignored)
    assert obeyed == [1, 2, 3]
    assert (counts.obeyed, sum(counts.ignored.values())) == (3, rounds)
    assert {"not_a_command", "signature", "replayed", "unknown_key", "unsigned"} <= set(counts.ignored)


@many(20_000, 1_000_000)
def test_mutated_records(rounds: int, pipe: Pipe, clock: Time) -> None:
    door = DoorReader(pipe.read, make_site(), clock.now, clock.monotonic)
    door.read()
    rng = random.Random(rounds)
    seq = sent = people = told = wrong = 0

    def one(_number: int) -> None:
        nonlocal seq, sent, people, told, wrong
        good = record(seq, clock.wall, 0, rng.randrange(40))
        others = [encode(beat(seq, clock.wall)), encode(record(seq + 1, clock.wall + 60, 1, 3)), bytes(SIZE)]
        whole = encode(good)
        found = []
        for _ in range(10):
            bad = whole
            while any(right in bad for right in (whole, *others[:2])):  # doubled, or unchanged: it holds what is right
                bad = mutated(rng, whole, others)
            pipe.put(bad)
            found += door.read()
        pipe.put(bytes(SIZE))  # whatever was half begun is over
        found += door.read()
        pipe.put(whole)
        found += door.read()
        wrong += found != [good]  # a cut one that was mended by chance is the right one; then that is read
        sent, people = sent + 1, people + good.most
        told += sum(one.most for one in found)
        seq += 1
        clock.pass_(60)

    judged(rounds // 10, one)
    print(f"{sent} right records, {door.accepted} let in; people {people}, told {told}; refused {dict(door.rejected)}")
    assert wrong == 0
    assert door.accepted == sent
    assert told == people
