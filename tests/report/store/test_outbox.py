"""Nothing that was stored is lost, whatever happens to the process or the file."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from drukte.report.disclosure.disclose import Discloser
from drukte.report.formats.native import Observation
from drukte.report.messages import observation
from drukte.report.store.outbox import _ROW, KEEP, Outbox
from drukte.report.windows.window import Closed, Tally
from tests.report.conftest import Time, make_site, record


def observations(first: int, count: int) -> list[Observation]:
    """Real observations, as the process makes them."""
    site = make_site()
    discloser = Discloser(site)
    made = []
    for seq in range(first, first + count):
        tally = Tally.of(record(seq, 1_800_000_000 + 60 * seq, people=seq % 40, speed=8, in_a=seq % 9))
        closed = Closed(0, tally, tally)
        made.append(observation(site, "00000000", seq, closed, discloser.disclose([closed])[0]))
    return made


def test_first_in_first_out_and_gone_when_all_brokers_have_it(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", ["a", "b"]) as box:
        made = observations(0, 5)
        box.store(made, {"square": 300}, 0)
        assert [w.observation for w in box.batch("a", -1, 10)] == made
        assert [w.seq for w in box.batch("a", 2, 10)] == [3, 4]
        box.confirm("a", [0, 1, 2])
        assert len(box) == 5
        box.confirm("b", [0, 1])
        assert len(box) == 3
        assert [w.seq for w in box.batch("b", -1, 10)] == [2, 3, 4]


def test_a_new_process_goes_on_where_the_old_one_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    program = (
        "import os, sys, signal\nfrom pathlib import Path\nfrom drukte.report.store.outbox import Outbox\n"
        "from tests.report.conftest import record\nfrom tests.report.store.test_outbox import observations\n"
        f"box = Outbox(Path({str(path)!r}), ['a'])\nbox.remember([record(1, 600)])\n"
        "box.store(observations(0, 3), {'square': 540}, 0)\nbox.confirm('a', [0])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    with Outbox(path, ["a"]) as box:
        assert [w.seq for w in box.batch("a", -1, 10)] == [1, 2]
        assert box.next_seq == 3
        assert box.positions(["square", "corner"]) == [540, None]
        assert box.ticks() == [record(1, 600)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, ["a"]) as box:
        box.store(observations(0, 200), {}, 0)
    data = bytearray(path.read_bytes())
    data[4096:9000] = os.urandom(9000 - 4096)
    path.write_bytes(bytes(data))
    with Outbox(path, ["a"]) as box:
        assert box.moved_aside is not None
        assert box.moved_aside.exists()
        assert len(box) == 0
        box.store(observations(0, 1), {}, 0)
    path.write_bytes(b"this is not a database" * 500)
    with Outbox(path, ["a"]) as box:
        assert len(box) == 0


def test_too_many_are_put_together_to_hours_and_nothing_is_lost(clock: Time) -> None:
    box = Outbox(None, ["a"], clock.now, limit=100 * _ROW)
    box.store(observations(0, 100), {}, 0)
    assert (len(box), box.merged, box.lost) == (100, 0, 0)
    box.store(observations(100, 20), {}, 0)
    assert len(box) <= 100
    assert box.lost == 0
    kept = [w.observation for w in box.batch("a", -1, 200)]
    assert any(o.merged for o in kept)
    assert sum(o.merged.windows if o.merged else 1 for o in kept) == 120
    assert [o.seq for o in kept] == sorted(o.seq for o in kept)
    assert kept[-1].merged is None


def test_a_merge_that_the_disk_did_not_take_begins_anew(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    box, made = Outbox(None, ["a"], clock.now, limit=300 * _ROW), observations(0, 302)
    box.store(made[:300], {})
    with monkeypatch.context() as patch:
        patch.setattr("drukte.report.store.outbox.give_up", full)
        with pytest.raises(sqlite3.OperationalError):
            box.store(made[300:301], {})
    assert len(box) == len(box.batch("a", -1, 400)) == 301
    box.store(made[301:], {})
    kept = [w.observation for w in box.batch("a", -1, 400)]
    assert sum(o.merged.windows if o.merged else 1 for o in kept) == 302
    assert kept[1].merged, "the first window is alone in its hour"
    assert len(box) == box.waiting("a") == len(kept) < 300
    assert box.lost == 0


def test_what_is_on_the_line_is_not_merged(clock: Time) -> None:
    box = Outbox(None, ["a"], clock.now, limit=100 * _ROW)
    box.store(observations(0, 110), {}, 0, under_way=set(range(10)))
    kept = [w.observation for w in box.batch("a", -1, 200)]
    assert [o.seq for o in kept if o.merged is None][:10] == list(range(10))


def test_one_broker_that_takes_all_does_not_keep_what_waits_for_another_from_being_merged(clock: Time) -> None:
    box = Outbox(None, ["a", "b"], clock.now, limit=200 * _ROW)
    for first in range(0, 1000, 20):
        box.store(observations(first, 20), {}, 0, under_way={first - 1})
        box.confirm("a", range(first, first + 20))
    assert (len(box), box.waiting("a"), box.waiting("b")) == (len(box), 0, len(box))
    assert len(box) <= 200
    kept = [w.observation for w in box.batch("b", -1, 200)]
    assert sum(o.merged.windows if o.merged else 1 for o in kept) == 1000
    assert box.lost == 0


def test_what_waits_is_counted_as_it_is(tmp_path: Path, clock: Time) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, ["a", "b"], clock.now, limit=100 * _ROW) as box:
        box.store(observations(0, 90), {}, 0)
        box.confirm("a", [*range(80), *range(40)])
        box.confirm("b", range(20, 100))
        with pytest.raises(ValueError, match="stored as"):
            box.store(observations(7, 2), {}, 0)
        box.store(observations(90, 95), {}, 0)
        counted = (len(box), box.waiting("a"), box.waiting("b"))
    with Outbox(path, ["a", "b"], clock.now) as box:
        assert (len(box), box.waiting("a"), box.waiting("b")) == counted


def test_what_only_one_broker_has_is_not_told_to_it_again(clock: Time) -> None:
    box = Outbox(None, ["a", "b"], clock.now, limit=100 * _ROW)
    box.store(observations(0, 100), {}, 0)
    box.confirm("a", range(10))
    box.store(observations(100, 10), {}, 0)
    assert [w for w in box.batch("a", -1, 200) if w.observation.from_ < observations(10, 1)[0].from_] == []


def test_too_old_is_given_up_and_when_all_is_merged_the_oldest_hour(clock: Time) -> None:
    box = Outbox(None, ["a"], clock.now, limit=100 * _ROW)
    box.store(observations(0, 6200), {}, 0)
    assert len(box) <= 100
    assert box.lost > 0
    clock.pass_(KEEP + 1)
    box.store(observations(6200, 1), {}, 0)
    assert [w.seq for w in box.batch("a", -1, 10)] == [6200]


def test_a_row_takes_no_more_than_is_reckoned_with(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    with Outbox(path, ["primary", "mirror-1"]) as box:
        box.store(observations(0, 3000), {}, 0)
    assert path.stat().st_size / 3000 < _ROW


def test_a_failed_store_changes_nothing(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", ["a"]) as box:
        good = observations(0, 2)
        with pytest.raises(ValueError, match="stored as"):
            box.store([good[0], good[0]], {"square": 60}, 0)
        assert (len(box), box.next_seq, box.positions(["square"])) == (0, 0, [None])
        box.store(good, {"square": 60}, 0)
