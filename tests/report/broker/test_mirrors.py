"""Two brokers: each gets everything once, in its own time, whatever happens to the other."""

import json
import time
from collections.abc import Callable

from tests.report.conftest import Listener, Mosquitto, listening
from tests.report.test_process import Room, new_room, statuses  # noqa: F401 - a fixture


def windows(seen: Listener) -> list[tuple[str, int]]:
    return [(m["boot"], m["seq"]) for text in seen.of("/obs") if (m := json.loads(text))]


def both_have_the_same(one: Listener, other: Listener, least: int) -> bool:
    a, b = windows(one), windows(other)
    return len(set(a)) >= least and set(a) == set(b)


def test_a_mirror_that_was_away_catches_up_and_the_primary_does_not_wait(
    new_broker: Callable[..., Mosquitto],
    new_room: Callable[..., Room],  # noqa: F811
) -> None:
    primary, mirror = new_broker(), new_broker()
    room = new_room(f"{{port: {primary.port}, mirrors: [{{host: localhost, port: {mirror.port}}}]}}")
    with listening(primary.port, "drukte/#") as at_primary:
        with listening(mirror.port, "drukte/#") as at_mirror:
            room.start()
            for seen in (at_primary, at_mirror):
                seen.wait(lambda s: bool(s.of("/meta") and s.of("/privacy") and statuses(s)))
            room.tick(3)
            at_mirror.wait(lambda s: both_have_the_same(s, at_primary, 2))
            before = set(windows(at_mirror))
        mirror.stop(kill=True)
        room.tick(4)
        room.tick(5)
        at_primary.wait(lambda s: len(set(windows(s))) >= len(before) + 4)
        at_primary.wait(lambda s: statuses(s)[-1]["brokers"]["mirror-1"]["condition"] in ("lost", "unreachable"))
        at_primary.wait(lambda s: statuses(s)[-1]["brokers"]["mirror-1"]["waiting"] >= 4, 70)
        assert statuses(at_primary)[-1]["brokers"]["primary"]["condition"] == "connected"
        mirror.start()
        with listening(mirror.port, "drukte/#") as at_mirror:
            at_mirror.wait(lambda s: set(windows(s)) | before >= set(windows(at_primary)))
            assert [seq for _, seq in windows(at_mirror)] == sorted(seq for _, seq in windows(at_mirror))
            assert bool(at_mirror.of("/meta"))

            primary.stop(kill=True)
            room.tick(9)
            at_mirror.wait(lambda s: any('"mean":9' in text for text in s.of("square/obs")))
            primary.start()
    with listening(primary.port, "drukte/#") as at_primary:
        at_primary.wait(lambda s: any('"mean":9' in text for text in s.of("square/obs")))
        assert room.stop() == 0
        at_primary.wait(lambda s: statuses(s)[-1]["reason"] == "stopped")


def test_a_broker_for_the_public_gets_no_operational_window(
    new_broker: Callable[..., Mosquitto],
    new_room: Callable[..., Room],  # noqa: F811
) -> None:
    primary, public = new_broker(), new_broker()
    room = new_room(
        f"{{port: {primary.port}, mirrors: [{{host: localhost, port: {public.port}, gets: open}}]}}",
    )
    with listening(primary.port, "drukte/#") as at_primary, listening(public.port, "drukte/#") as at_public:
        room.start()
        at_public.wait(lambda s: bool(s.of("/meta")))
        room.tick(3)
        at_primary.wait(lambda s: len(s.of("/obs")) >= 2)
        time.sleep(1)
        assert at_public.of("/obs") == []
        assert (
            statuses(at_public)[-1]["brokers"]["mirror-1"].items() >= {"condition": "connected", "waiting": 0}.items()
        )
