"""Deletion on time: with clocks that jump, after power cuts, on a full disk."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drukte.order import Order, Plan, Recipient, instant_text
from drukte.sample import expire
from drukte.sample.acts import read_acts
from drukte.sample.expire import Now, finish, tidy
from drukte.sample.folder import ORDER, RECEIPT, FolderError, prepare

T0 = datetime(2026, 11, 1, 8, tzinfo=UTC)
DAY = 86_400.0
KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def order() -> Order:
    return Order(
        organisation="city",
        device="square-1",
        zone="square",
        asked_by="Council",
        legal_ground="public_task",
        purpose="Accuracy",
        pictures=3,
        start=instant_text(T0),
        end=instant_text(T0 + timedelta(days=1)),
        delete_by=instant_text(T0 + timedelta(days=8)),
        plan=Plan(time_zone="Europe/Amsterdam"),
        recipients=[Recipient(name="Counter", key=KEY)],
        seed="00" * 32,
    )


def filled(state: Path) -> Path:
    made = order()
    for slot in prepare(state, made, [0, 1, 2], 4096)[:2]:
        slot.path.write_bytes(os.urandom(500))
        os.utime(slot.path, (T0.timestamp(), T0.timestamp()))
    return state / made.id


def at(days: float, up: float = 60.0, boot: str = "a") -> Now:
    return Now(T0.timestamp() + days * DAY, up, boot)


def pictures(place: Path) -> int:
    return sum(p.stat().st_size > 0 for p in place.glob("*.age"))


def test_stays_until_its_day_and_goes_then(tmp_path: Path) -> None:
    place = filled(tmp_path)
    assert finish(tmp_path, place, at(1)) == 2
    assert tidy(tmp_path, at(7.99, 7 * DAY)) == []
    assert pictures(place) == 2
    assert "2 files deleted" in tidy(tmp_path, at(8, 7.1 * DAY))[0]
    receipt = json.loads((place / RECEIPT).read_text())
    assert (len(receipt["files"]), receipt["left"], pictures(place)) == (2, 0, 0)
    assert [a["act"] for a in read_acts(tmp_path)] == ["validation_stopped", "validation_deleted"]
    assert tidy(tmp_path, at(9)) == []


def test_a_clock_set_back_keeps_nothing_longer(tmp_path: Path) -> None:
    place = filled(tmp_path)
    tidy(tmp_path, at(2, 100.0))
    tidy(tmp_path, at(-3000, 100.0 + 5.9 * DAY))  # 1970, and 5.9 days later
    assert pictures(place) == 2
    tidy(tmp_path, at(-3000, 100.0 + 6.1 * DAY))
    assert pictures(place) == 0


def test_a_clock_that_jumps_ahead_deletes_early(tmp_path: Path) -> None:
    place = filled(tmp_path)
    tidy(tmp_path, at(400))
    assert pictures(place) == 0


def test_power_cuts_with_a_clock_that_starts_anew_each_time(tmp_path: Path) -> None:
    """No battery behind the clock: it says the same day after every start."""
    place = filled(tmp_path)
    for boot in range(9):
        tidy(tmp_path, at(0.5, 1.0, f"boot {boot}"))
        tidy(tmp_path, at(0.5, DAY, f"boot {boot}"))
        if boot == 6:
            assert pictures(place) == 2
    assert pictures(place) == 0


def test_a_power_cut_between_two_deletions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = filled(tmp_path)
    finish(tmp_path, place, at(1))
    real, calls = Path.unlink, []

    def cut(self: Path, missing_ok: bool = False) -> None:
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", cut)
    with pytest.raises(KeyboardInterrupt):
        tidy(tmp_path, at(9))
    monkeypatch.undo()
    tidy(tmp_path, at(9))
    assert pictures(place) == 0
    assert len(json.loads((place / RECEIPT).read_text())["files"]) == 2


def test_an_order_that_cannot_be_read_deletes(tmp_path: Path) -> None:
    place = filled(tmp_path)
    (place / ORDER).write_bytes(b"{}")
    tidy(tmp_path, at(0.1))
    assert pictures(place) == 0


@pytest.mark.parametrize("clock", [b"", b"{", b"[]", b"\xff" * 300])
def test_a_broken_watch_is_made_anew(tmp_path: Path, clock: bytes) -> None:
    place = filled(tmp_path)
    (place / expire.CLOCK).write_bytes(clock)
    tidy(tmp_path, at(1))
    assert pictures(place) == 2
    tidy(tmp_path, at(8))
    assert pictures(place) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk(tmp_path: Path) -> None:
    state = tmp_path / "disk"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", state], check=False)
    if mounted.returncode:
        pytest.skip("this container does not mount")
    try:
        place = filled(state)
        tidy(state, at(2, 100.0))
        with pytest.raises(OSError, match="No space"):
            (state / "filler").write_bytes(bytes(200_000))
        with pytest.raises(FolderError, match="no room"):
            prepare(state, order().model_copy(update={"seed": "11" * 32}), range(3), 100_000)
        tidy(state, at(-3000, 100.0 + 5.9 * DAY))
        assert pictures(place) == 2
        tidy(state, at(-3000, 100.0 + 6.1 * DAY))
        assert pictures(place) == 0
    finally:
        subprocess.run(["umount", state], check=True)
