"""The sampler, run as the program it is on a recorded street: what it keeps, what it leaves, what it refuses."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.scenes import SITES

from drukte.order import Order, Plan, Recipient, instant_text, public_text
from drukte.sample.container import unpack
from drukte.sample.expire import CLOCK
from drukte.sample.folder import INVENTORY
from drukte.summary import SIZE, VALIDATION, decode

TECHNICIAN, OFFICER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
IDENTITY = pyrage.x25519.Identity.generate()
MARK = b"drukte sample 1\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, test_data: Path, model_store: Path) -> Path:
    place = tmp_path_factory.mktemp("sampler")
    video = test_data / "camera" / "pets09-s2l1" / "vtest.avi"
    text = (SITES / "demo-street.yaml").read_text().replace("path: vtest.avi", f"path: {video}")
    (place / "site.yaml").write_text(text)
    signers = {
        "technician": [public_text(TECHNICIAN.public_key())],
        "privacy_officer": [public_text(OFFICER.public_key())],
    }
    (place / "signers.yaml").write_text(json.dumps(signers))
    return place


def order(seconds: float, pictures: int) -> Order:
    now = datetime.now(UTC) + timedelta(seconds=1)
    made = Order(
        organisation="demo",
        device="demo-street",
        zone="road",
        asked_by="Test",
        legal_ground="public_task",
        purpose="How well the device counts",
        pictures=pictures,
        start=instant_text(now),
        end=instant_text(now + timedelta(seconds=seconds)),
        delete_by=instant_text(now + timedelta(days=1)),
        plan=Plan(time_zone="Europe/Amsterdam", block=10),
        recipients=[Recipient(name="Counter", key=str(IDENTITY.to_public()))],
        seed=os.urandom(32).hex(),
    )
    return made.sign("technician", TECHNICIAN).sign("privacy_officer", OFFICER)


def start(bench: Path, made: Order, door: int, state: Path) -> "subprocess.Popen[bytes]":
    (bench / "order.json").write_bytes(made.dump())
    command = [sys.executable, "-m", "drukte", "sample", "--site", bench / "site.yaml", "--order", bench / "order.json"]
    command += ["--signers", bench / "signers.yaml", "--state", state, "--door", str(door)]
    return subprocess.Popen(command, pass_fds=[door], stderr=subprocess.PIPE)


def entropy(data: bytes) -> float:
    return -sum(n / len(data) * math.log2(n / len(data)) for n in Counter(data).values())


def written(place: Path, count: int) -> list[Path]:
    """Files that hold something, as soon as there are `count` of them."""
    give_up = time.monotonic() + 100
    while time.monotonic() < give_up:
        files = sorted(p for p in place.glob("*.age") if p.stat().st_size)
        if len(files) >= count:
            return files
        time.sleep(0.05)
    raise AssertionError(f"{place}: fewer than {count} pictures")


def test_keeps_what_was_ordered_and_only_recipients_can_read_it(bench: Path, tmp_path: Path) -> None:
    made = order(100, 48)
    door, end = os.pipe()
    child = start(bench, made, end, tmp_path)
    os.close(end)
    written(tmp_path / made.id, 3)
    child.send_signal(signal.SIGTERM)
    with os.fdopen(door, "rb") as pipe:
        data = pipe.read()
    said = child.communicate(timeout=60)[1].decode()
    assert child.returncode == 0, said
    place = tmp_path / made.id
    files = sorted(place.glob("*.age"))
    assert 3 <= len(files) < 48, said
    assert {p.name for p in place.iterdir()} - {p.name for p in files} <= {"order.json", INVENTORY, CLOCK}
    records = [decode(data[i : i + SIZE]) for i in range(0, len(data), SIZE)]
    assert {r.state for r in records} <= {VALIDATION}
    for path in files:
        raw = path.read_bytes()
        assert entropy(raw) > 7.99
        assert MARK not in raw
        assert b"\xff\xd8\xff" not in raw[:512]
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(raw, [pyrage.x25519.Identity.generate()])
        flipped = bytearray(raw)
        flipped[len(raw) // 2] ^= 1
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(bytes(flipped), [IDENTITY])
        header, jpeg = unpack(pyrage.decrypt(raw, [IDENTITY]))
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (576, 768, 3)
        assert header.order == made.id
        assert header.count == len(header.people)
        assert abs(header.taken - header.planned) < 2
        assert len(header.outline) > 3
        assert len(header.candidates) >= header.count - 2
    assert len({len(pyrage.decrypt(p.read_bytes(), [IDENTITY])) for p in files}) == 1, "sizes tell something"
    acts = [json.loads(line)["act"] for line in (tmp_path / "sample.jsonl").read_text().splitlines()]
    assert acts == ["validation_started", "validation_stopped"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d.replace(b'"pictures": 3', b'"pictures": 4'), "does not match"),
        (lambda d: d.replace(b'"pictures": 3', b'"pictures":  3'), "changed"),
        (lambda d: d.replace(b'"pictures": 3', b'"pictures": 501'), "more than the 500"),
        (lambda d: d[:-5], "not JSON"),
    ],
)
def test_a_spoilt_order_is_refused(bench: Path, tmp_path: Path, spoil: object, says: str) -> None:
    made = order(60, 3)
    spoilt = spoil(made.dump())  # type: ignore[operator]
    assert spoilt != made.dump()
    refused(bench, tmp_path, spoilt, says)


def test_one_signature_or_one_person_is_not_enough(bench: Path, tmp_path: Path) -> None:
    made = order(60, 3)
    refused(bench, tmp_path, made.model_copy(update={"signatures": made.signatures[:1]}).dump(), "needs both")
    stranger = made.model_copy(update={"signatures": []}).sign("technician", TECHNICIAN)
    refused(bench, tmp_path, stranger.sign("privacy_officer", Ed25519PrivateKey.generate()).dump(), "does not know")


def test_an_order_past_its_date_is_refused(bench: Path, tmp_path: Path) -> None:
    made = order(60, 3)
    old = {k: instant_text(datetime(2020, 1, d, tzinfo=UTC)) for k, d in (("start", 1), ("end", 2), ("delete_by", 3))}
    unsigned = made.model_copy(update={**old, "signatures": []})
    signed = unsigned.sign("technician", TECHNICIAN).sign("privacy_officer", OFFICER)
    refused(bench, tmp_path, signed.dump(), "past its date")


def refused(bench: Path, state: Path, data: bytes, says: str) -> None:
    (bench / "order.json").write_bytes(data)
    command = [sys.executable, "-m", "drukte", "sample", "--site", bench / "site.yaml", "--order", bench / "order.json"]
    done = subprocess.run(
        [*command, "--signers", bench / "signers.yaml", "--state", state], capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert not list(state.rglob("*.age"))
