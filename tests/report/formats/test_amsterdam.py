"""Amsterdam's messages, against a double of the city's receiving program, written from its fields and their types."""

from datetime import datetime
from typing import Any

from drukte.report.formats import amsterdam
from tests.report.formats.conftest import Told


def receive(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What the city's program reads out of a message, with the types of its tables."""
    found = []
    for message in body["data"]:
        for name in ("sensor", "sensor_type", "sensor_state", "owner", "supplier", "version", "message_type"):
            assert isinstance(message[name], str) and 0 < len(message[name]) <= 255
        assert len(message["version"]) <= 50
        assert all(isinstance(p, str) and len(p) <= 255 for p in message["purpose"])
        assert isinstance(round(message["latitude"], 13), float) and isinstance(round(message["longitude"], 13), float)
        assert 0 < message["interval"] <= 32_767
        assert isinstance(message["message"], int)
        assert datetime.fromisoformat(message["timestamp_start"]) < datetime.fromisoformat(message["timestamp_message"])
        assert message["message_type"] == "count", "single persons are never told"
        for count in message["aggregate"]:
            assert count["type"] in ("zone", "line")
            for name in ("azimuth", "count_in", "count_out", "count"):
                value = count.get(name)
                assert value is None or (isinstance(value, int) and 0 <= value <= 32_767)
            assert count.get("area") is None or isinstance(count["area"], float)
            found.append(count)
    return found


def test_the_city_takes_every_message_of_a_day(told: list[Told]) -> None:
    for day in told:
        for o in day.observations:
            zone, *lines = receive(amsterdam.telcameras(o, day.device))
            assert zone["id"] == o.zone
            assert zone["count"] == (None if o.people.mean is None else round(o.people.mean))
            if o.crossings:
                assert [line["id"] for line in lines] == [line.line for line in o.crossings.lines]
                assert all((line["count_in"] is None) == (o.crossings.status != "shown") for line in lines)


def test_rows_are_whole_hours_of_those_who_crossed(told: list[Told]) -> None:
    rows = 0
    for day, o in [(each, o) for each in told[:3] for o in each.observations]:
        messages = amsterdam.PASSANTEN.observation(o, day.device)
        if day.device.product(o) != "open" or not o.crossings or o.crossings.status != "shown":
            assert not messages or o.crossings
            continue
        row = amsterdam.passanten(o, day.device)
        assert row is not None
        assert list(row) == ["id", "sensor", "naam_locatie", "periode", "datum_uur", "aantal_passanten"]
        assert row["periode"] == "uur"
        assert datetime.fromisoformat(row["datum_uur"]) == datetime.fromisoformat(o.from_)
        assert row["datum_uur"].endswith(("+01:00", "+02:00"))
        assert row["aantal_passanten"] == sum((v.in_ or 0) + (v.out or 0) for v in o.crossings.lines)
        assert len(messages) == 1
        rows += 1
    assert rows > 30


def test_what_a_site_lacks_is_said(told: list[Told]) -> None:
    meta = told[0].device.meta
    without = meta.model_copy(update={"latitude": None})
    assert "place.latitude" in (amsterdam.TELCAMERAS.lacks(type(told[0].device)(without, "x")) or "")
    assert amsterdam.TELCAMERAS.lacks(told[0].device) is None
    assert amsterdam.PASSANTEN.lacks(told[0].device) is None
    assert "open_window" in (amsterdam.PASSANTEN.lacks(told[-1].device) or "")
