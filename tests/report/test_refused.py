"""A site file that may not be used is told at the broker, and nothing of what stands in it."""

import json
import time
from pathlib import Path

import pytest

from drukte.config import SiteError, parse_site
from drukte.report.refused import LAST, address, keep, reason
from drukte.report.start import main
from tests.report.conftest import Mosquitto, Pipe, listening, site_text
from tests.settings.people import trust


def error_of(text: str) -> SiteError:
    with pytest.raises(SiteError) as caught:
        parse_site(text)
    return caught.value


def test_the_reason_names_keys_and_rules_but_not_what_stands_there() -> None:
    text = site_text(mqtt="{port: hunter2, host: 7}").replace("tick: 60", "tick: 61")
    told = reason(error_of(text))
    assert "tick" in told
    assert "mqtt.port" in told
    assert "hunter2" not in told
    assert len(reason(error_of(text.replace("polygon", "p" * 900)))) <= 400


def test_where_to_say_it(tmp_path: Path) -> None:
    file, state = tmp_path / "site.yaml", tmp_path / "state"
    state.mkdir()
    assert address(file, state) is None
    file.write_text(site_text(mqtt="{host: here}").replace("purpose:", "porpoise:"))
    where = address(file, state)
    assert where is not None
    assert (where.mqtt.host, where.valid_until) == ("here", None)
    for broken in ("[", "a: b", site_text(mqtt="{port: none}"), "- 1"):
        file.write_text(broken)
        assert address(file, state) is None
    file.write_text(site_text(mqtt="{host: last}"))
    keep(file, state)
    assert (state / LAST).stat().st_mode & 0o777 == 0o600
    file.write_text("[")
    where = address(file, state)
    assert where is not None
    assert where.mqtt.host == "last"


def test_where_signatures_are_demanded_an_unsigned_file_does_not_say_where_messages_go(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(site_text(mqtt="{host: evil}"))
    trust(tmp_path)
    assert address(file, tmp_path) is None


def test_it_says_so_and_goes_on_when_the_file_is_mended(
    tmp_path: Path, broker: Mosquitto, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal
    import threading

    monkeypatch.setattr("drukte.report.refused.LOOK_EVERY", 0.2)
    file = tmp_path / "site.yaml"
    good = site_text(mqtt=f"{{port: {broker.port}}}")
    file.write_text(good.replace("controller", "kontroller"))
    states: list[tuple[str, bool]] = []

    def watch() -> None:
        with listening(broker.port, "drukte/#") as seen:
            for wanted in ("refused", "absent"):
                until = time.monotonic() + 20
                while time.monotonic() < until:
                    told = [json.loads(text) for text in seen.of("/status")]
                    if told and told[-1]["state"] == wanted:
                        states.append((wanted, told[-1]["online"]))
                        break
                    time.sleep(0.05)
                file.write_text(good)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=watch)
    thread.start()
    code = main(file, pipe.read, tmp_path / "state")
    thread.join()
    assert code == 0
    assert states == [("refused", True), ("absent", True)]
    assert '"act":"refused"' in (tmp_path / "state" / "ledger.jsonl").read_text()
