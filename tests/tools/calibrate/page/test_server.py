"""The page's server: loopback, token, and what it answers."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from drukte.config import load_site
from drukte_tools.calibrate.page.editing import Editor
from drukte_tools.calibrate.page.server import PageServer
from drukte_tools.calibrate.result import Asked
from drukte_tools.calibrate.sitefile import SiteFile

DEMO = Path(__file__).resolve().parents[4] / "firmware_config/sites/demo-street.yaml"


@pytest.fixture
def page(tmp_path: Path):
    site = tmp_path / "site.yaml"
    site.write_text(DEMO.read_text())
    server = PageServer(Editor(SiteFile(site), (768, 576), Asked()), np.ones(64, np.uint8), port=0, minutes=1)
    server.start()
    yield server, site
    server.close()


def ask(url: str, body: object = None, **headers: str) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


ZONE = {"name": "square", "polygon": [{"pixel": [x, y]} for x, y in ((500, 300), (600, 300), (600, 400), (500, 400))]}


def test_without_the_token_there_is_nothing(page) -> None:
    server, _ = page
    assert server._server.server_address[0] == "127.0.0.1"
    for path in ("/", "/plate", f"/{server.token[:-1]}/plate", "/x/state"):
        assert ask(f"http://127.0.0.1:{server.port}{path}")[0] == 404
    assert ask(server.url + "plate", Host="evil.example:80")[0] == 403
    assert ask(server.url + "plate") == (200, b"\1" * 64)


def test_a_zone_drawn_in_pixels_is_saved_in_metres_and_comes_back(page) -> None:
    server, path = page
    status, reply = ask(server.url + "check", {"points": [], "zones": [ZONE]})
    assert status == 200 and json.loads(reply)["zones"][0]["area"] > 4
    saved = json.loads(ask(server.url + "save", {"points": [], "zones": [ZONE]})[1])
    assert saved["saved"], saved
    zones = load_site(path).zones
    assert [z.name for z in zones] == ["square"]
    assert json.loads(ask(server.url + "state")[1])["zones"][0]["name"] == "square"


def test_overlap_and_small_zones_are_said(page) -> None:
    server, path = page
    before = path.read_bytes()
    small = {"name": "dot", "polygon": [{"metres": m} for m in ([-5, -5], [-5, -6], [-6, -6])]}
    body = {"points": [], "zones": [ZONE, {**ZONE, "name": "other"}, small]}
    codes = [w["code"] for w in json.loads(ask(server.url + "check", body)[1])["warnings"]]
    assert "overlap" in codes and "small" in codes
    assert not json.loads(ask(server.url + "save", body)[1])["saved"]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "body", [[], {"points": 3}, {"points": [1]}, {"zones": [[]]}, {"zones": [{"polygon": [{"pixel": ["a", 1]}]}]}]
)
def test_nonsense_is_refused(page, body: object) -> None:
    assert ask(page[0].url + "check", body)[0] == 400


def test_closed_means_wiped(page) -> None:
    server, _ = page
    picture = server._picture
    ask(server.url + "close", {})
    assert server.done.is_set()
    server.close()
    assert not picture.any()
