"""The counting page in a real browser, on a desk and on a tablet; and what its server refuses."""

import json
import shutil
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drukte.sample.container import Header
from drukte_tools.validate.judging.counting import Counting, read_marks
from drukte_tools.validate.judging.opened import Opened, SampleError

SIZE = (640, 480)


def sample(index: int) -> Opened:
    header = Header(
        order="0" * 16, device="d", zone="z", index=index, planned=0, taken=0, stratum="all", kind="picture", size=SIZE,
        blurred=0, count=7, riders=0, levels={}, people=[], polygon=[], outline=[(10, 10), (600, 10), (600, 400)],
        closeness=(1.8, 1.5), ground=None, model="m",
    )  # fmt: skip
    return Opened(header, cv2.imencode(".jpg", np.full((480, 640, 3), 90, np.uint8))[1].tobytes())


@pytest.fixture
def server(tmp_path: Path) -> Any:
    counting = Counting([sample(0), sample(4)], "A", tmp_path / "a.json")
    thread = threading.Thread(target=counting.serve_forever)
    thread.start()
    yield counting
    counting.shutdown()
    thread.join()
    counting.server_close()


def status(address: str, data: bytes | None = None, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=5) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_nothing_without_the_secret_and_nothing_of_the_device(server: Counting) -> None:
    assert status(server.address) == 200
    assert status(server.address.replace(server.secret, "x" * 32) + "0") == 404
    assert status(server.address + "0", Host="evil.example") == 404
    assert status(server.address + "1") == 404
    assert status(server.address + "../../etc/passwd") == 404
    assert server.server_address[0] == "127.0.0.1"
    assert "count" not in server.task()["pictures"][0]
    for bad in (b"{}", b"[", b'{"index":9,"people":[],"unsure":0}', b'{"index":0,"people":[[-5,0]],"unsure":0}'):
        assert status(server.address + "marks", bad) == 400
    assert not server.out.exists()


def test_marks_of_another_order_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"order": "1" * 16, "counter": "A", "marks": {}}))
    with pytest.raises(SampleError, match="order"):
        Counting([sample(0)], "A", tmp_path / "a.json")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "[" * 9000, '{"order":"0","counter":"A","marks":[]}',
        '{"order":"0","counter":"A","marks":{"x":{}}}',
        '{"order":"0","counter":"A","marks":{"0":{"people":[[1]],"unsure":false}}}',
        '{"order":"0","counter":"A","marks":{"0":{"people":[[NaN,1]],"unsure":false}}}',
        '{"order":"0","counter":"A","marks":{"0":{"people":[[-5,1]],"unsure":false}}}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_count_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SampleError, match="is not a file of"):
        read_marks(tmp_path / "a.json", "0")


@pytest.mark.parametrize("touch", [False, True], ids=["desk", "tablet"])
def test_in_a_browser(server: Counting, touch: bool, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium here: apt install chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    arguments += ["--disable-background-networking", "--disable-component-update"]
    view = {"width": 820, "height": 1180} if touch else {"width": 1280, "height": 900}
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(viewport=view, has_touch=touch)
        faults: list[str] = []
        page.on("pageerror", lambda e: faults.append(str(e)))
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" and "favicon" not in m.text else None)
        page.goto(server.address)
        page.get_by_text("picture 1 of 2, 0 marked").wait_for()
        box = page.locator("#canvas").bounding_box()
        scale = box["width"] / SIZE[0]
        press = page.touchscreen.tap if touch else page.mouse.click
        for x, y in ((100, 120), (300, 200), (305, 320)):
            press(box["x"] + x * scale, box["y"] + y * scale)
        page.get_by_text("picture 1 of 2, 3 marked").wait_for()
        press(box["x"] + 300 * scale, box["y"] + 200 * scale)  # takes a mark away
        page.get_by_text("2 marked").wait_for()
        page.screenshot(path=tmp_path / "page.png")
        page.keyboard.press("ArrowRight")
        page.get_by_text("picture 2 of 2").wait_for()
        page.keyboard.press("u")
        page.get_by_text("saved").wait_for()
        page.keyboard.press("ArrowLeft")
        page.get_by_text("picture 1 of 2, 2 marked").wait_for()
        browser.close()
    assert [f for f in faults if "404" not in f] == []
    marks = read_marks(server.out, "0" * 16)["marks"]
    assert marks["4"]["unsure"] is True
    assert np.allclose(marks["0"]["people"], [(100, 120), (305, 320)], atol=1.5)
