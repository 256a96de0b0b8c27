"""The page in a real browser: point, draw, save, come back. The street is drawn by code and nobody is in it."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.scenes import drukte
from tests.tools.calibrate.street import MARKS, SIZE, pixels, street

from drukte.config import load_site
from drukte.report.ledger import read
from drukte.sense.geometry.calibration import ground_from

expect.set_options(timeout=30_000)
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
DOCS = Path(__file__).parents[4] / "docs/images"
SITE = """\
# kept: the file's own words
drukte: 1
organisation: demo
device: corner # kept too
purpose:
  what_for: Try the page
  controller: Nobody
  legal_ground: consent
  contact: nobody
  valid_until: 2035-12-31
place: {name: Drawn street, time_zone: Europe/Amsterdam}
source: {kind: images, path: pictures, rate: max, loop: true}
mqtt: {host: localhost}
disclosure: {policy: none, reason: nobody is in it}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed: the page was NOT tested in a browser (apt-get install chromium)")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, headless=True, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, model_store: Path) -> Iterator[tuple[str, Path]]:
    """The command itself, on a drawn street; its address and the site file."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "pictures").mkdir()
    empty = street()
    for i in range(3):
        noisy = cv2.add(empty, np.random.default_rng(i).integers(0, 5, empty.shape, np.uint8))
        cv2.imwrite(str(folder / "pictures" / f"{i}.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 95])
    site = folder / "site.yaml"
    site.write_text(SITE)
    command = drukte(
        "calibrate", "page", "--site", site, "--port", "0", "--seconds", "6", "--ledger", folder / "l.jsonl"
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        shown = ""
        assert process.stdout is not None
        for line in process.stdout:
            shown += line
            if found := re.search(r"http://localhost:\d+/\S+", line):
                break
        else:
            pytest.fail(shown)
        assert "100% of the picture was seen empty" in shown
        yield found.group(), site
        process.send_signal(signal.SIGTERM)
        assert "the picture is wiped" in process.stdout.read()
    assert [e.act for e in read(folder / "l.jsonl")] == ["begin", "plate"]


@pytest.fixture
def page(browser, served) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 860}, locale="en-GB")
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(served[0])
    expect(tab.locator("#site")).not_to_be_empty()
    yield tab
    context.close()
    # Nothing but the page's own server, and no complaint of the browser.
    assert wrong == []
    assert all(url.startswith(served[0]) for url in asked)


def on_screen(page: Page, pixel: np.ndarray) -> tuple[float, float]:
    """Where a pixel of the picture is in the window."""
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    scale = min(box["width"] / SIZE[0], box["height"] / SIZE[1])
    left = box["x"] + (box["width"] - SIZE[0] * scale) / 2
    top = box["y"] + (box["height"] - SIZE[1] * scale) / 2
    return left + (pixel[0] + 0.5) * scale, top + (pixel[1] + 0.5) * scale


def click(page: Page, pixel: np.ndarray) -> None:
    page.mouse.click(*on_screen(page, pixel))


def ground_pixels(*metres: tuple[float, float]) -> np.ndarray:
    from tests.tools.calibrate.street import MOUNT

    from drukte_tools.calibrate.camera.fit import ground_of

    return ground_of(MOUNT).to_pixels(metres)[0]


def calibrate(page: Page) -> None:
    """Click the five marks and type where they are."""
    for i, (name, pixel) in enumerate(zip(MARKS, pixels(list(MARKS)), strict=True)):
        page.locator("#canvas").focus()
        page.keyboard.press("p")
        click(page, pixel)
        for axis, value in zip("xy", MARKS[name], strict=True):
            page.locator(f"#{axis}{i}").fill(str(value))
    page.wait_for_selector("#verdict.pass")


def test_point_draw_save_and_come_back(page: Page, served) -> None:
    _, site = served
    expect(page.locator("#verdict")).to_have_text("No calibration yet")
    calibrate(page)
    expect(page.locator("#off0")).to_contain_text(re.compile(r"0\.0\d m"))
    page.keyboard.press("Tab")
    page.locator("#canvas").focus()
    page.keyboard.press("z")
    corners = [(-3.0, 5.0), (3.5, 5.0), (3.5, 12.0), (-3.0, 12.0)]
    for pixel in ground_pixels(*corners):
        click(page, pixel)
    page.keyboard.press("Enter")
    expect(page.locator("#area0")).to_contain_text("told")
    assert float(page.locator("#area0").inner_text().split()[0]) == pytest.approx(45.5, abs=1.5)
    page.locator("#zone0").fill("square")
    page.locator("#zone0").press("Tab")
    page.locator("#canvas").focus()
    page.keyboard.press("l")
    for pixel in ground_pixels((-3.0, 8.0), (3.5, 8.0)):
        click(page, pixel)
    page.wait_for_selector(".zone .line")
    page.locator("#by").fill("T. Echnician")
    page.locator("#save").click()
    expect(page.locator("#said")).to_contain_text("Saved")
    text = site.read_text()
    assert text.startswith(SITE)
    found = load_site(site)
    ground = ground_from(found.ground, site.parent)
    xy, _, ok = ground.to_ground(pixels(list(MARKS)))
    assert ok.all()
    assert xy == pytest.approx(np.array(list(MARKS.values())), abs=0.1)
    assert [z.name for z in found.zones] == ["square"]
    assert np.array(found.zones[0].polygon) == pytest.approx(np.array(corners), abs=0.15)
    assert found.zones[0].lines[0].from_ == pytest.approx((-3.0, 8.0), abs=0.15)
    assert "T. Echnician" in (site.parent / "site.calibration.html").read_text()
    page.reload()
    page.wait_for_selector("#verdict.pass")
    assert page.locator("#zone0").input_value() == "square"
    assert page.locator("#points tbody tr").count() == len(MARKS)
    page.locator("#language").click()
    expect(page.locator("#verdict")).to_contain_text("GESLAAGD")
    assert page.evaluate("document.documentElement.lang") == "nl"


def test_with_the_keyboard_alone(page: Page) -> None:
    before = page.locator("#points tbody tr").count()
    page.locator("#canvas").focus()
    page.keyboard.press("p")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#points tbody tr").count() == before + 1
    assert page.evaluate("document.activeElement.id") == f"x{before}"
    page.locator("#canvas").focus()
    page.keyboard.press("Control+z")
    assert page.locator("#points tbody tr").count() == before


def test_distances_do_without_coordinates(page: Page) -> None:
    page.locator("[name=mode][value=distances]").check()
    for _ in range(page.locator("#points tbody tr").count()):
        page.locator("#points tbody tr button").first.click()
    names = list(MARKS)[:4]
    for pixel in pixels(names):
        page.locator("#canvas").focus()
        page.keyboard.press("p")
        click(page, pixel)
    page.locator("details summary").first.click()
    page.locator("#fov").fill("68")
    page.locator("#fov").press("Tab")
    for row, (i, j) in enumerate([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]):
        page.locator("#addDistance").click()
        picks = page.locator("#distances tbody tr").nth(row).locator("select")
        picks.nth(0).select_option(index=i)
        picks.nth(1).select_option(index=j)
        length = float(np.hypot(*np.subtract(MARKS[names[i]], MARKS[names[j]])))
        page.locator(f"#length{row}").fill(f"{length:.2f}".replace(".", ","))
    expect(page.locator("#verdict")).to_contain_text("PASS")
    expect(page.locator("#cameraAt")).to_have_text(re.compile(r"Camera: 4\.[56]\d m .* looking 2[345]°"))
    expect(page.locator("#lengthOff4")).to_have_text(re.compile(r"0\.0\d m"))


def test_zones_that_share_ground_or_are_small_are_said(page: Page) -> None:
    if page.locator("#verdict.pass").count() == 0:
        calibrate(page)
    first = page.locator(".zone").count()
    for shape in (
        [(-2, 6), (2, 6), (2, 10), (-2, 10)],
        [(0, 6), (3, 6), (3, 10), (0, 10)],
        [(-3, 7), (-2, 7), (-2, 8)],
    ):
        page.locator("#canvas").focus()
        page.keyboard.press("Escape")
        page.keyboard.press("z")
        for pixel in ground_pixels(*shape):
            click(page, pixel)
        page.locator("#canvas").press("Enter")
    assert page.locator(".zone").count() == first + 3
    expect(page.locator("#warnings")).to_contain_text("share")
    expect(page.locator("#warnings")).to_contain_text("too small")


def test_touch_places_a_point_and_two_fingers_enlarge(browser, served) -> None:
    context = browser.new_context(viewport={"width": 820, "height": 1180}, has_touch=True, locale="nl-NL")
    page = context.new_page()
    page.goto(served[0])
    expect(page.locator("#site")).not_to_be_empty()
    assert page.locator("[data-tool=point]").inner_text().strip().endswith("Punt")
    before = page.locator("#points tbody tr").count()
    page.locator("[data-tool=point]").tap()
    page.touchscreen.tap(*on_screen(page, np.array([640.0, 400.0])))
    assert page.locator("#points tbody tr").count() == before + 1
    assert page.locator("#pad").is_visible()
    context.close()


@pytest.mark.slow
def test_screenshot_for_the_documentation(page: Page) -> None:
    """Run by `make screenshot`; writes docs/images/calibrate-page.jpg."""
    calibrate(page)
    for i, (name, shape) in enumerate(
        {
            "terrace": [(-3, 5), (3.5, 5), (3.5, 9.6), (-3, 9.6)],
            "crossing": [(-3, 10.2), (4.5, 10.2), (4.5, 14.5), (-3, 14.5)],
        }.items()
    ):
        page.locator("#canvas").focus()
        page.keyboard.press("z")
        for pixel in ground_pixels(*shape):
            click(page, pixel)
        page.keyboard.press("Enter")
        page.locator(f"#zone{i}").fill(name)
        page.locator(f"#zone{i}").press("Tab")
    page.locator("#canvas").focus()
    page.keyboard.press("l")
    for pixel in ground_pixels((-3, 13), (4.5, 13)):
        click(page, pixel)
    page.keyboard.press("v")
    page.mouse.move(*on_screen(page, ground_pixels((0.6, 9.4))[0]))
    expect(page.locator("#where")).not_to_be_empty()
    page.locator("#language").focus()
    page.screenshot(path=DOCS / "calibrate-page.jpg", type="jpeg", quality=80)


def test_every_word_is_there_in_both_languages() -> None:
    words = (Path(__file__).parents[4] / "tools/drukte_tools/calibrate/page/words.js").read_text()
    english, dutch = re.search(r"const en = \{(.*?)\n\};\nconst nl = \{(.*?)\n\};", words, re.DOTALL).groups()  # type: ignore[union-attr]
    keys = re.compile(r'(?:^|[,{\n])\s*"?([A-Za-z][\w-]*)"?:\s*\n?\s*"')
    missing = set(keys.findall(english)) - set(keys.findall(dutch))
    assert missing == set()
    assert len(keys.findall(english)) > 60


def test_what_the_program_can_say_is_in_the_word_list() -> None:
    folder = Path(__file__).parents[4] / "tools/drukte_tools/calibrate"
    words = (folder / "page/words.js").read_text()
    dutch = words[words.index("const nl") :]
    codes = set()
    for file in ("said.py", "camera/fit.py", "tolerance.py", "page/zoning.py", "page/editing.py"):
        codes |= set(re.findall(r'(?:Said|_warning)\(\s*"([a-z-]+)"', (folder / file).read_text()))
    codes |= set(re.findall(r'", "([a-z-]+)"\),', (folder / "said.py").read_text()))
    codes |= set(re.findall(r'(?:return|else) \(?"([a-z-]+)",? ', (folder / "page/zoning.py").read_text()))
    for code in codes - {"problem"}:
        assert f'"{code}":' in dutch or re.search(rf"\b{code}:", dutch), code
