"""Formats at a real broker, told by the real process."""

from collections.abc import Callable

from tests.report.conftest import EXACT, Mosquitto, listening, site_text
from tests.report.test_process import TICK, Room, new_room

__all__ = ["new_room"]
CONFIG = "homeassistant/device/testville-dev-1-square/config"


def test_formats_are_chosen_per_broker_and_taken_away_when_switched_off(
    broker: Mosquitto, new_broker: Callable[..., Mosquitto], new_room: Callable[..., Room]
) -> None:
    other = new_broker()
    mirror = f"mirrors: [{{port: {other.port}, formats: [homie, ngsi-ld, sensorthings-1.1]}}]"
    room = new_room(f"{{port: {broker.port}, formats: [native, home-assistant], {mirror}}}")
    with listening(broker.port) as city, listening(other.port) as home:
        room.start()
        city.wait(lambda s: bool(s.of(CONFIG)))
        home.wait(lambda s: s.of("homie/5/testville-dev-1/$state")[-1:] == ["ready"])
        room.tick(3)
        city.wait(lambda s: bool(s.of("square/obs")))
        home.wait(lambda s: "3" in s.of("testville-dev-1-square/obs/people"))
        home.wait(lambda s: any('"result":3.0' in text for text in s.of("square-people')/Observations")))
        home.wait(lambda s: any('"peopleCount":{"type":"Property","value":3,' in text for text in s.of("obs/ngsi-ld")))
        assert room.stop() == 0
        home.wait(lambda s: s.of("homie/5/testville-dev-1/$state")[-1] == "disconnected")
        assert not any(m.topic.startswith("drukte/") and m.topic.endswith("/status") for m in home.messages)
        linked = next(m for m in home.messages if m.topic.endswith("ngsi-ld"))
        assert linked.properties.ContentType == "application/ld+json"  # type: ignore[union-attr]
    room.site.write_text(
        site_text(TICK, TICK, mqtt=f"{{port: {broker.port}, {mirror.replace('homie, ', '')}}}", disclosure=EXACT)
    )
    room.start()
    with listening(broker.port, "homeassistant/#") as city, listening(other.port, "homie/#") as home:
        # A retained message may still be there at first; what is taken away comes as an empty one.
        home.wait(lambda s: not s.messages or not s.messages[-1].payload)
        city.wait(lambda s: not s.messages or not s.messages[-1].payload)
    assert room.stop() == 0
    with listening(broker.port) as city, listening(other.port) as home:
        city.wait(lambda s: bool(s.of("dev-1/meta")))
        assert not city.of(CONFIG)
        assert not [m.topic for m in home.messages if m.topic.startswith("homie/")]


def test_a_format_that_does_not_exist_is_said_at_once(
    broker: Mosquitto, new_room: Callable[..., Room], capfd: object
) -> None:
    room = new_room(f"{{port: {broker.port}, formats: [xml]}}").start()
    assert room.child
    assert room.child.wait(20) == 10
    room.child = None
    err = capfd.readouterr().err  # type: ignore[attr-defined]
    assert "site.yaml: mqtt.formats: there is no format xml; there are: native" in err
    assert "Traceback" not in err
