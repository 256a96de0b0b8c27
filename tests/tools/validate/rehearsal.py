"""A whole validation on recorded video as if live: order, sample, two counts in a real browser, report, deletion.

    python -m tests.tools.validate.rehearsal --pictures 60 --out build/validation     # or: make validate-demo

Counters are scripts that click where the recording's truth says people stand, and err in 5 of 100.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from click.testing import CliRunner
from numpy.typing import NDArray
from tests.scenes import ROOT, SITES, drukte

from drukte.config import load_site
from drukte.order import instant_text
from drukte.sense.geometry.polygon import signed_distance
from drukte.summary import SIZE, VALIDATION, decode
from drukte_tools.validate.cli import validate
from drukte_tools.validate.judging.opened import open_samples
from drukte_tools.validate.truth.evaluate import Recording, measure
from drukte_tools.validate.truth.recorded import read_truth

FRAMES = 400
"""So many frames of the recording have truth."""
HUMAN = 0.05
APART = 13.0
"""Nearer than this to a mark a click would take it away, px of the screen."""
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip

Floats = NDArray[np.float64]


@dataclass
class Rehearsal:
    """The files of one validation."""

    place: Path
    data: Path

    @property
    def site(self) -> Path:
        return self.place / "site.yaml"

    @property
    def order(self) -> Path:
        return self.place / "order.json"

    @property
    def state(self) -> Path:
        return self.place / "device"

    @property
    def copy(self) -> Path:
        return self.place / "copy"

    @property
    def report(self) -> Path:
        return self.place / "report"

    @property
    def key(self) -> Path:
        return self.place / "counter.key"

    def run(self, *arguments: str | Path) -> str:
        """A command of `drukte validate`; its output."""
        done = CliRunner().invoke(validate, [str(a) for a in arguments])
        assert done.exit_code == 0, done.output
        return done.output

    def set_up(self) -> None:
        """The recording's part with truth, a site file, keys."""
        self.place.mkdir(parents=True, exist_ok=True)
        video = self.place / "street.avi"
        if not video.exists():
            source = cv2.VideoCapture(str(self.data / "vtest.avi"))
            writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 7, (768, 576))
            for _ in range(FRAMES):
                writer.write(source.read()[1])
            writer.release()
        self.site.write_text((SITES / "demo-street.yaml").read_text().replace("path: vtest.avi", f"path: {video}"))
        keys = {}
        for role, name in (
            ("technician", "technician.pem"),
            ("privacy_officer", "officer.pem"),
            ("recipient", "counter.key"),
        ):
            passphrase = () if role == "recipient" else ("--no-passphrase",)
            said = self.run("key", "--role", role, "--out", self.place / name, *passphrase)
            keys[role] = said.strip().splitlines()[-1]
        signers = {role: [keys[role]] for role in ("technician", "privacy_officer")}
        (self.place / "signers.yaml").write_text(json.dumps(signers))
        self.recipient = keys["recipient"]

    def ask(self, pictures: int, seconds: int, wait: int) -> None:
        """Write and sign an order that starts `wait` s from now."""
        start = datetime.now(UTC) + timedelta(seconds=wait)
        self.run(
            "order", "new", "--site", self.site, "--asked-by", "Rehearsal", "--purpose",
            "How well the device counts", "--pictures", str(pictures), "--start", instant_text(start), "--end",
            instant_text(start + timedelta(seconds=seconds)), "--keep-days", "1", "--block", "10", "--recipient",
            "Counters", self.recipient, "--out", self.order,
        )  # fmt: skip
        for role, key in (("technician", "technician.pem"), ("privacy_officer", "officer.pem")):
            self.run("order", "sign", self.order, "--role", role, "--key", self.place / key)

    def sample(self) -> Path:
        """Carry the order out on the device; its folder."""
        door, end = os.pipe()
        command = drukte("sample", "--site", self.site, "--order", self.order, "--signers",
                         self.place / "signers.yaml", "--state", self.state, "--door", str(end))  # fmt: skip
        child = subprocess.Popen(command, pass_fds=[end], stderr=subprocess.PIPE)
        os.close(end)
        with os.fdopen(door, "rb") as pipe:
            data = pipe.read()
        said = child.communicate(timeout=60)[1].decode()
        assert child.returncode == 0, said
        records = [decode(data[i : i + SIZE]) for i in range(0, len(data), SIZE)]
        assert records
        assert {record.state for record in records} == {VALIDATION}
        (folder,) = (p for p in self.state.iterdir() if p.is_dir())
        shutil.copytree(folder, self.copy)
        return folder

    def truth(self) -> dict[int, Floats]:
        """Where people stand in each kept picture, px, by its number."""
        truth = read_truth(self.data / "gt.txt")
        zone = np.array(load_site(self.site).zones[0].polygon, np.float64)
        source = cv2.VideoCapture(str(self.place / "street.avi"))
        small = np.stack([_small(source.read()[1]) for _ in range(FRAMES)])
        feet = {}
        for sample in open_samples(self.copy, self.key)[0]:
            picture = cv2.imdecode(np.frombuffer(sample.content, np.uint8), cv2.IMREAD_COLOR)
            frame = 1 + int(np.abs(small - _small(picture)).sum(axis=(1, 2)).argmin())
            people = truth.frames[frame]
            boxes = people.boxes[people.sure & (signed_distance(people.xy, zone) > 0)]
            spots = np.column_stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, 3]])
            feet[sample.header.index] = np.clip(spots, 1, np.array(sample.header.size) - 2.0)
        return feet


def _small(picture: Any) -> NDArray[np.int16]:
    return cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (96, 72), interpolation=cv2.INTER_AREA).astype(
        np.int16
    )


@contextmanager
def page(browser: Any, *arguments: str | Path) -> Iterator[Any]:
    """The page of a command that serves one."""
    child = subprocess.Popen(
        drukte(*arguments), stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert child.stdout is not None
        address = next(m[1] for line in child.stdout if (m := re.match(r"open (\S+)", line)))
        tab = browser.new_page(viewport={"width": 1600, "height": 1300}, locale="en-GB")
        tab.goto(address)
        tab.get_by_text("picture ").first.wait_for()
        yield tab
        tab.close()
    finally:
        child.send_signal(2)
        child.communicate(timeout=90)


def count(r: Rehearsal, browser: Any, name: str, feet: dict[int, Floats], seed: int, human: float = HUMAN) -> Path:
    """One person's count, with a person's errors, click by click."""
    rng = np.random.default_rng(seed)
    out = r.place / f"{name.lower()}.json"
    with page(browser, "validate", "count", r.copy, "--key", r.key, "--name", name, "--out", out) as tab:
        total = tab.evaluate("task.pictures.length")
        for number in range(total):
            tab.get_by_text(f"picture {number + 1} of {total},").wait_for()
            seen = feet[tab.evaluate("picture().index")]
            seen = seen[rng.random(len(seen)) >= human] + rng.normal(0, 1.5, (1, 2))
            if rng.random() < human:
                seen = np.concatenate([seen, rng.uniform((100, 150), (600, 500), (1, 2))])
            box, zoom = tab.locator("#canvas").bounding_box(), tab.evaluate("zoom")
            marked: list[tuple[float, float]] = []
            for x, y in seen * zoom:
                while any(np.hypot(x - a, y - b) < APART for a, b in marked):
                    x += 2.0
                tab.mouse.click(box["x"] + x, box["y"] + y)
                marked.append((x, y))
            tab.get_by_text(f", {len(seen)} marked").wait_for()
            if number == 2:
                tab.screenshot(path=r.place / "count.png")
            tab.keyboard.press("ArrowRight")
        tab.get_by_text(f"All {total} pictures are done").wait_for()
    return out


def settle(r: Rehearsal, browser: Any, files: list[Path], feet: dict[int, Floats], seed: int) -> Path | None:
    """The third look: each mark in dispute is judged rightly but for a person's errors."""
    rng = np.random.default_rng(seed)
    out = r.place / "settled.json"
    arguments = ["validate", "settle", r.copy, "--key", r.key, "--first", files[0], "--second", files[1]]
    try:
        with page(browser, *arguments, "--name", "Both", "--out", out) as tab:
            total = tab.evaluate("task.pictures.length")
            for number in range(total):
                tab.get_by_text(f"picture {number + 1} of {total},").wait_for()
                spots = feet[tab.evaluate("picture().index")]
                box, zoom = tab.locator("#canvas").bounding_box(), tab.evaluate("zoom")
                if number == 0:
                    tab.screenshot(path=r.place / "settle.png")
                for x, y in tab.evaluate("picture().open"):
                    real = len(spots) > 0 and np.hypot(*(spots - (x, y)).T).min() < 12
                    if real != (rng.random() < HUMAN):
                        tab.mouse.click(box["x"] + x * zoom, box["y"] + y * zoom)
                tab.keyboard.press("Enter")
            tab.get_by_text(f"All {total} pictures are done").wait_for()
    except StopIteration:  # no address: nothing is in dispute
        return None
    return out


def rehearse(r: Rehearsal, pictures: int, seconds: int, wait: int = 20, look: bool = False) -> dict[str, Any]:
    """The whole of it; the report's figures."""
    from playwright.sync_api import sync_playwright

    r.set_up()
    r.ask(pictures, seconds, wait)
    folder = r.sample()
    feet = r.truth()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        files = [count(r, browser, name, feet, seed) for seed, name in enumerate(("First", "Second"), start=1)]
        third = settle(r, browser, files, feet, 3)
        told = ["--settled", third] if third else []
        r.run("report", r.copy, "--key", r.key, "--first", files[0], "--second", files[1], *told,
              "--out", r.report)  # fmt: skip
        if look:
            photograph(browser, r.report)
        browser.close()
    result: dict[str, Any] = json.loads((r.report / "report.json").read_text())
    report = r.report / "report.json"
    r.run("close", r.copy, "--by", "Counters", "--report", report, "--destroy-key", r.key)
    r.run("close", folder, "--device", "--by", "Officer", "--receipt", r.copy / "receipt.json")
    said = r.run("proof", "--order", r.order, "--inventory", folder / "inventory.json",
                 folder / "receipt.json", r.copy / "receipt.json")  # fmt: skip
    assert "FAILS" not in said
    assert not list(r.place.rglob("*.age"))
    assert not r.key.exists()
    result["feet"] = {str(k): len(v) for k, v in feet.items()}
    return result


def photograph(browser: Any, folder: Path) -> None:
    """What the report and the statement look like on a screen and on paper."""
    for name in ("report", "statement"):
        for view, width in (("desk", 1200), ("phone", 400)):
            tab = browser.new_page(viewport={"width": width, "height": 900})
            tab.goto((folder / f"{name}.html").as_uri())
            tab.screenshot(path=folder / f"{name}-{view}.png", full_page=True)
            if view == "desk":
                tab.pdf(path=folder / f"{name}.pdf", format="A4", prefer_css_page_size=True)
            tab.close()


def main() -> None:
    """Run it and print the interval beside the true error over the whole recording."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=0, help="span of the order; default: 2.5 for each picture")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "validation")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DRUKTE_TEST_DATA", ROOT.parent / "shared" / "data")
    )
    asked = parser.parse_args()
    street = Path(asked.data) / "camera" / "pets09-s2l1"
    if not street.is_dir():
        sys.exit(f"{street}: no such folder; set DRUKTE_TEST_DATA to the recorded inputs")
    shutil.rmtree(asked.out, ignore_errors=True)
    r = Rehearsal(asked.out, street)
    seconds = asked.seconds or max(20, int(2.5 * asked.pictures))
    print(f"sampling {asked.pictures} pictures in {seconds} s ...", flush=True)
    result = rehearse(r, asked.pictures, seconds, look=True)
    whole = measure(load_site(r.site), r.place, Recording(r.place / "street.avi", street / "gt.txt", 1, FRAMES))
    print(f"{'':<30}{'report':>8}   95 % interval      whole recording, true")
    for name in ("count_mae", "count_bias", "total_ratio", "share_within_1_or_20_percent"):
        e = result["overall"][name]
        print(f"{name:<30}{e['value']:8.3f}   {e['low']:6.3f} to {e['high']:6.3f}   {whole[name]:8.3f}")
    print(f"report, statement and pictures of both: {r.report}")


if __name__ == "__main__":
    main()
