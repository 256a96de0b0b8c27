"""The page over a history of simulated weeks: what it says, to whom, and in a real browser."""

import base64
import http.client
import json
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.report.conftest import make_site
from tests.report.test_interpret import SITE, seen, street, weeks

from drukte.page.facts import Reader
from drukte.page.server import NotAllowedError, check, make
from drukte.page.view import View
from drukte.page.words import LANGUAGES, WORDS
from drukte.report.history import History

NOW = int(datetime(2026, 12, 14, 14, 7, tzinfo=UTC).timestamp())  # a Monday, seven past three at the place
CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    history = History(folder / "history.sqlite")
    rng = np.random.default_rng(0)
    history.keep(o for o in weeks(6, street, rng) if datetime.fromisoformat(o.to).timestamp() <= NOW)
    history.keep(seen(NOW - NOW % 900 - 900 * k, float(60 + 12 * (k < 5)), zone="square") for k in range(1, 30))
    history.keep([seen(NOW - NOW % 900 - 900, None, status="under_5", zone="corner")])
    history.close()
    status = {"sensing": True, "state": "running", "seal": 7, "waiting": 2, "lost": 0, "merged": 0, "accepted": 99}
    primary = {"condition": "connected", "waiting": 2, "publish_median": 1.5}
    status |= {"rejected": {"crc": 1}, "brokers": {"primary": primary}}
    (folder / "health.json").write_text(json.dumps(status))
    return folder


@pytest.fixture
def reader(folder):
    import os

    os.utime(folder / "health.json", (NOW, NOW))
    return Reader(SITE, folder / "history.sqlite", folder / "health.json")


@pytest.fixture
def serve(reader):
    servers = []

    def start(**more):
        server = make(reader, View(SITE), "127.0.0.1", 0, now=lambda: NOW, **more)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def get(port, path="/", **headers):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", path, headers=headers)
    answer = link.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_the_page_says_how_busy_it_is_and_hides_few(serve):
    status, text, headers = get(serve())
    assert status == 200
    assert "72<span> people" in text
    assert WORDS["en"]["more"] in text
    assert "fewer than 5<span> people" in text
    assert "Counting now" in text and "<dd>yes</dd>" in text
    assert "primary: connected, 2 windows waiting" in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not re.search(r"https?://", text)


def test_both_languages_have_all_words_and_the_browser_chooses(serve):
    assert set(WORDS["en"]) == set(WORDS["nl"])
    port = serve()
    assert 'lang="nl"' in get(port, **{"Accept-Language": "nl-NL,nl;q=0.9"})[1][:40]
    for language in LANGUAGES:
        assert f'<html lang="{language}">' in get(port, f"/?lang={language}")[1]
    assert "<script>" not in get(port, "/?lang=%3Cscript%3E")[1]


def test_metrics_tell_health_and_no_number_of_people(serve):
    status, text, _ = get(serve(), "/metrics")
    assert status == 200
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(told["drukte_up"]) == float(told["drukte_sensing"]) == 1
    assert float(told["drukte_waiting"]) == 2
    assert float(told['drukte_broker_connected{broker="primary"}']) == 1
    assert float(told['drukte_window_age_seconds{zone="square"}']) == 7 * 60
    assert 0 < float(told["drukte_observed_ratio"]) <= 1
    assert float(told['drukte_publish_seconds{broker="primary",quantile="0.5"}']) == 1.5
    assert not any("people" in name for name in told)


def test_a_process_that_has_gone_is_told(reader, folder):
    late = NOW + 3600
    facts = reader.facts(late)
    assert facts.status is None
    assert WORDS["en"]["unknown"] in View(SITE).page(facts, "en")


def test_without_history_the_page_says_so(tmp_path):
    facts = Reader(SITE, tmp_path / "none.sqlite", tmp_path / "none.json").facts(NOW)
    assert View(SITE).page(facts, "nl").count(WORDS["nl"]["none_yet"]) == len(SITE.zones)


def test_only_what_is_there_is_served_and_only_under_its_own_name(serve):
    port = serve()
    for path in ("/../site.yaml", "/words.py", "/history.sqlite", "/page.css/.."):
        assert get(port, path)[0] == 404
    assert get(port, "/page.js")[0] == 200
    assert get(port, Host="evil.example")[0] == 421


def test_a_network_needs_a_password(serve):
    check("127.0.0.1", None)
    check("::1", None)
    for host in ("0.0.0.0", "192.0.2.7", "::"):
        with pytest.raises(NotAllowedError, match="--password-file"):
            check(host, None)
    port = serve(password="correct horse")
    assert get(port)[0] == 401
    for wrong in ("Basic !!", "Bearer x", "Basic " + base64.b64encode(b"me:wrong").decode()):
        assert get(port, Authorization=wrong)[0] == 401
    good = "Basic " + base64.b64encode(b"me:correct horse").decode()
    assert get(port, Authorization=good)[0] == 200
    assert get(port, "/metrics", Authorization=good)[0] == 200


def test_names_from_the_site_file_cannot_become_markup(tmp_path):
    site = make_site().model_copy(update={"place": make_site().place.model_copy(update={"name": "<b>Square</b>"})})
    facts = Reader(site, tmp_path / "none.sqlite", tmp_path / "none.json").facts(time.time())
    assert "<b>Square" not in View(site).page(facts, "en")


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium: apt install chromium")
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_is_cut_off_and_nothing_complains(serve, width):
    from playwright.sync_api import sync_playwright

    port = serve()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 844})
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/?lang=nl")
        assert page.locator("svg").count() == 2
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_text(WORDS["nl"]["table"]).first.click()
        assert page.get_by_role("row").count() > 10
        page.get_by_role("link", name="English").click()
        assert page.get_by_role("heading", name=WORDS["en"]["title"]).is_visible()
        browser.close()
    assert [text for text in said if "favicon" not in text] == []
