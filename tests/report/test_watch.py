"""The live table says what there is, also on a terminal that can only print lines."""

import io

import pytest
from rich.console import Console

from drukte.config.report import Broker
from drukte.report.broker.desk import local_broker
from drukte.report.formats.native import dump
from drukte.report.watch import Board, main, watch
from tests.report.conftest import Mosquitto, listening
from tests.report.store.test_outbox import observations


def sample() -> list[tuple[str, bytes]]:
    return [(f"drukte/v1/testville/dev-1/{o.zone}/obs", dump(o).encode()) for o in observations(2, 8)]


def test_a_dumb_terminal_gets_a_line_for_every_message() -> None:
    out = io.StringIO()
    watch(Broker(), "#", console=Console(file=out, force_terminal=False, width=200), source=iter(sample()))
    lines = out.getvalue().splitlines()
    assert len(lines) == 8
    assert "people <5 (most <5)" in lines[0]
    assert "people 9 (most 9)" in lines[-1]


def test_a_terminal_gets_a_table() -> None:
    out = io.StringIO()
    watch(Broker(), "#", console=Console(file=out, force_terminal=True, width=160), source=iter(sample()))
    assert "crossings" in out.getvalue()
    assert "dev-1" in out.getvalue()


def test_what_cannot_be_read_is_counted() -> None:
    board = Board()
    board.take("a/b/c/z/obs", b"{}")
    board.take("a/b/c/status", b"\xff")
    assert board.unreadable == 2


def test_it_subscribes_to_a_real_broker(broker: Mosquitto) -> None:
    import paho.mqtt.publish as publish

    where, payload = sample()[-1]
    publish.single(where, payload, qos=1, retain=True, hostname="127.0.0.1", port=broker.port)
    out = io.StringIO()
    watch(
        Broker(host="127.0.0.1", port=broker.port),
        "drukte/v1/#",
        console=Console(file=out, force_terminal=False, width=200),
        enough=lambda board: True,
    )
    assert "people 9" in out.getvalue()


def test_no_broker_is_an_error_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(Broker(host="127.0.0.1", port=1), "#") == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.parametrize("installed", [True, False])
def test_a_broker_for_the_desk(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from drukte.report.broker import desk as module

    if not installed:
        monkeypatch.setattr(module, "mosquitto", lambda: None)
    with local_broker() as running:
        assert running.version == ("5" if installed else "3.1.1")
        import paho.mqtt.publish as publish

        where, payload = sample()[-1]
        publish.single(where, payload, qos=1, retain=True, hostname=running.host, port=running.port)
        out = io.StringIO()
        watch(
            Broker(host=running.host, port=running.port, version=running.version),
            "drukte/v1/#",
            console=Console(file=out, force_terminal=False, width=200),
            enough=lambda board: True,
        )
        assert "people 9" in out.getvalue()
    with pytest.raises(OSError), listening(running.port):
        pass
