"""Which formats there are, which go together, and how other packages add theirs."""

import importlib.metadata
import json
import types
from collections.abc import Callable

import pytest

from drukte.report.broker.tell import Teller, client_id, device_of, formats_of
from drukte.report.formats import registry
from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation
from drukte.report.formats.registry import OWN, FormatError, available, choose, find
from drukte.report.store.outbox import Outbox
from tests.report.conftest import make_site
from tests.report.formats.conftest import Told


def rain(o: Observation, device: Device) -> list[Outgoing]:
    return [Outgoing(f"{device.name}/{o.zone}", str(o.people.mean))]


OTHERS = Format("others", "a third party's", rain)


def broken(o: Observation, device: Device) -> list[Outgoing]:
    raise KeyError(o.zone)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes packages with formats seem installed."""

    def install(**formats: object) -> None:
        module = types.ModuleType("someones_formats")
        entries = []
        for name, value in formats.items():
            setattr(module, name, value)
            entries.append(importlib.metadata.EntryPoint(name, f"someones_formats:{name}", registry.GROUP))
        monkeypatch.setitem(__import__("sys").modules, "someones_formats", module)
        monkeypatch.setattr(
            registry,
            "entry_points",
            lambda group, name=None: [e for e in entries if group == registry.GROUP and name in (None, e.name)],
        )

    return install


def test_a_format_of_another_package_is_found_by_its_entry_point(
    installed: Callable[..., None], told: list[Told]
) -> None:
    installed(others=OTHERS)
    assert find("others") is OTHERS
    assert "others" in available()
    site = make_site(mqtt="{formats: [native, others]}")
    teller = Teller("primary", formats_of(site)["primary"], device_of(site), Outbox(None, ["primary"]))
    native, other = teller.render(told[-1].observations[0])
    assert (other.topic, other.payload) == ("testville-dev-1/square", "7.0")
    assert json.loads(native.payload)["schema"] == "drukte/observation/1"


def test_a_format_that_fails_does_not_stop_the_others(
    installed: Callable[..., None], told: list[Told], caplog: pytest.LogCaptureFixture
) -> None:
    installed(broken=Format("broken", "", broken))
    site = make_site(mqtt="{formats: [broken, native]}")
    teller = Teller("primary", formats_of(site)["primary"], device_of(site), Outbox(None, ["primary"]))
    assert len(teller.render(told[-1].observations[0])) == 1
    assert "format broken failed (KeyError" in caplog.text


def test_what_is_no_format_is_said(installed: Callable[..., None]) -> None:
    installed(native=OTHERS, text="nothing")
    assert find("native") is OWN["native"]
    with pytest.raises(FormatError, match=r"text \(someones_formats:text\) is a str, not a Format"):
        find("text")


@pytest.mark.parametrize(
    ("mqtt", "words"),
    [
        ("{formats: [xml]}", r"mqtt\.formats: there is no format xml; there are: native, ngsi-ld"),
        ("{formats: [home-assistant]}", r"mqtt\.formats: home-assistant needs native beside it"),
        ("{formats: [native, homie]}", r"native and homie each need the connection's last will"),
        ("{formats: [native, passanten]}", r"open_window \(or window\) to 3600"),
        ("{mirrors: [{formats: [nonsense]}]}", r"mqtt\.mirrors\[0\]\.formats: there is no format nonsense"),
    ],
)
def test_what_does_not_go_together_names_its_key(mqtt: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        formats_of(make_site(mqtt=mqtt))


def test_native_is_the_default_and_every_own_format_can_be_chosen() -> None:
    site = make_site()
    assert [one.name for one in formats_of(site)["primary"]] == ["native"]
    site = make_site(window=900, disclosure="{policy: operational, open_window: 3600}")
    for name in OWN:
        together = ["native", name] if OWN[name].beside else [name]
        assert [one.name for one in choose(together, device_of(site), "x")] == together


def test_a_second_connection_to_the_same_broker_has_a_name_of_its_own() -> None:
    site = make_site(mqtt="{mirrors: [{formats: [homie]}, {host: elsewhere}]}")
    names = [client_id(site, name) for name in ("primary", "mirror-1", "mirror-2")]
    assert names == ["testville-dev-1", "testville-dev-1-mirror-1", "testville-dev-1"]


def test_a_broker_for_the_public_is_not_told_of_the_other_product() -> None:
    public = "{mirrors: [{host: elsewhere, gets: open, formats: [native, home-assistant]}]}"
    site = make_site(window=900, disclosure="{policy: operational, open_window: 3600}", mqtt=public)
    teller = Teller("mirror-1", formats_of(site)["mirror-1"], device_of(site, "mirror-1"), Outbox(None, ["mirror-1"]))
    bodies = [json.loads(message.payload) for message in teller.greet()]
    assert [b["state_topic"].rsplit("/", 1)[1] for b in bodies] == ["open", "open"]
    assert [len(device_of(site, name).products) for name in ("primary", "mirror-1")] == [2, 1]


def test_what_is_switched_off_is_taken_away_from_the_broker() -> None:
    outbox = Outbox(None, ["primary"])

    def teller(formats: str) -> Teller:
        site = make_site(mqtt=f"{{formats: [{formats}]}}")
        return Teller("primary", formats_of(site)["primary"], device_of(site), outbox)

    first = teller("native, home-assistant")
    topics = [message.topic for message in first.greet()]
    assert topics == [f"homeassistant/device/testville-dev-1-{zone}/config" for zone in ("square", "corner")]
    first.greeted()
    second = teller("native")
    assert [(m.topic, m.payload, m.retain) for m in second.greet()] == [(topic, "", True) for topic in topics]
    # Until it has been sent, it is said again.
    assert len(teller("native").greet()) == 2
    second.greeted()
    assert teller("native").greet() == []
    third = teller("homie")
    assert {m.topic.rsplit("/", 1)[1] for m in third.greet() if not m.payload} == {"status", "meta", "privacy", "day"}
