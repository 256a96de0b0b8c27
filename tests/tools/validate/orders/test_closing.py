"""The end of a sample: everything goes, and every picture can be followed from the order to the receipts."""

import json
import os
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner, Result
from tests.sample.test_expire import KEY, at, order

from drukte.order import Order, Recipient
from drukte.sample.acts import read_acts
from drukte.sample.expire import finish
from drukte.sample.folder import INVENTORY, ORDER, RECEIPT, prepare
from drukte_tools.validate.cli import validate


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(validate, [str(a) for a in arguments])


@pytest.fixture
def identity() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def made(identity: pyrage.x25519.Identity) -> Order:
    keys = [Recipient(name="Counter", key=str(identity.to_public())), Recipient(name="Officer", key=KEY)]
    old = {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z", "delete_by": "2020-02-01T00:00:00Z"}
    return order().model_copy(update={"recipients": keys, **old, "delete_by": "2020-03-01T00:00:00Z"})


@pytest.fixture
def device(tmp_path: Path, made: Order) -> Path:
    state = tmp_path / "state"
    for slot in prepare(state, made, [0, 1, 2], 4096)[:2]:
        slot.path.write_bytes(os.urandom(300))
    finish(state, state / made.id, at(1))
    return state / made.id


def copied(device: Path, to: Path) -> Path:
    to.mkdir()
    for path in device.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def close(folder: Path, *more: str | Path) -> Result:
    return run("close", folder, "--by", "Officer", *more)


def test_from_the_order_to_the_receipts(
    device: Path, tmp_path: Path, made: Order, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: made.ends.timestamp() + 60)
    copy = copied(device, tmp_path / "copy")
    key = tmp_path / "counter.key"
    key.write_text(f"{identity}\n")
    done = close(copy, "--destroy-key", key)
    assert done.exit_code == 0, done.output
    assert "key of Counter destroyed" in done.output
    assert "keys of: Officer" in done.output
    assert not key.exists()
    done = close(device, "--device", "--receipt", copy / RECEIPT)
    assert done.exit_code == 0, done.output
    assert not list(tmp_path.rglob("*.age"))
    last = list(read_acts(device.parent))[-1]
    assert (last["act"], last["files"], last["left"]) == ("validation_deleted", 2, 0)
    files = ["--order", device / ORDER, "--inventory", device / INVENTORY]
    done = run("proof", *files, device / RECEIPT, copy / RECEIPT)
    assert done.exit_code == 0, done.output
    assert done.output.count("holds") == 4
    assert run("proof", *files, copy / RECEIPT).exit_code == 1, "without the device's own receipt nothing is proven"


@pytest.mark.parametrize("what", ["digest", "lost", "left", "order", "late"])
def test_a_proof_that_does_not_hold(device: Path, made: Order, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: made.ends.timestamp() + 60)
    assert close(device, "--device").exit_code == 0
    receipt = json.loads((device / RECEIPT).read_text())
    match what:
        case "digest":
            receipt["files"]["0000.age"] = "0" * 64
        case "lost":
            del receipt["files"]["0001.age"]
        case "left":
            receipt["left"] = 1
        case "order":
            receipt["order"] = "0" * 16
        case "late":
            receipt["deleted_at"] = made.deletes.timestamp() + 60
    (device / RECEIPT).write_text(json.dumps(receipt))
    done = run("proof", "--order", device / ORDER, "--inventory", device / INVENTORY, device / RECEIPT)
    assert done.exit_code == 1
    assert "FAILS" in done.output or "order 0000000000000000" in done.output


def test_an_exchanged_picture_is_told(device: Path) -> None:
    (device / "0000.age").write_bytes(b"another")
    done = close(device)
    assert "NOT as the inventory said: 0000.age" in done.output
    assert json.loads((device / RECEIPT).read_text())["differs_from_inventory"] == ["0000.age"]


def test_what_is_refused(device: Path, tmp_path: Path, made: Order) -> None:
    stranger = tmp_path / "stranger.key"
    stranger.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    assert "it is kept" in close(device, "--destroy-key", stranger).output
    assert stranger.exists()
    assert "closed before" in close(device).output
    running = made.model_copy(update={"end": "2099-01-01T00:00:00Z"})
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / ORDER).write_bytes(
        running.model_copy(update={"start": "2098-12-31T00:00:00Z", "delete_by": "2099-01-02T00:00:00Z"}).dump()
    )
    (tmp_path / "running" / "0000.age").write_bytes(b"x")
    assert "runs until" in close(tmp_path / "running").output
    assert (tmp_path / "running" / "0000.age").exists()
    assert close(tmp_path / "running", "--early").exit_code == 0
    (tmp_path / "none").mkdir()
    assert "cannot be read" in close(tmp_path / "none").output
