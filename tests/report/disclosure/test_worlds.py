"""Somebody who knows the whole program and tries every course of a few windows finds no hidden count."""

import pytest

from drukte.report.disclosure.crossings import CrossingGate
from drukte.report.disclosure.occupancy import Reckoned
from tests.report.disclosure.worlds import Place, corridor, hall, lower, passage, surely_known


@pytest.mark.parametrize("who", ["", "riders_"])
def test_nothing_is_found_in_one_window(who: str) -> None:
    found = surely_known(hall(), people=6, crossings=11, windows=1, who=who)
    assert found.hidden > 5
    assert not found.known


@pytest.mark.parametrize(("who", "policy"), [("", "operational"), ("riders_", "operational"), ("", "open")])
def test_nothing_is_found_in_two_windows(who: str, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lower(monkeypatch, smallest=3, room=3)
    found = surely_known(hall(policy), people=4, crossings=6, windows=2, who=who)
    assert found.hidden - len(found.undecided) > 10
    assert not found.known


def test_without_room_for_the_hidden_part_of_a_span_some_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lower(monkeypatch, smallest=3, room=3)
    monkeypatch.setattr(Reckoned, "leaves_room", lambda *args, **settings: True)
    monkeypatch.setattr(CrossingGate, "_one_way", lambda *args: False)
    assert surely_known(hall(), people=4, crossings=7, windows=2).known


LARGER = {
    "hall, two windows": (hall(), 8, 15, 2, "", None),
    "hall, two windows, riders": (hall(), 8, 15, 2, "riders_", None),
    "hall, three windows": (hall(), 5, 8, 3, "", 3),
    "hall, three windows, riders": (hall(), 4, 8, 3, "riders_", 3),
    "hall, two windows, for the public": (hall("open"), 9, 12, 2, "", None),
    "corridor, two windows": (corridor(), 3, 7, 2, "", 3),
    "passage, two windows": (passage(), 3, 5, 2, "", 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGER)
def test_nothing_is_found_in_larger_worlds(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place: Place
    place, people, crossings, windows, who, smallest = LARGER[name]
    if smallest:
        lower(monkeypatch, smallest, room=smallest)
    found = surely_known(place, people, crossings, windows, who)
    with capsys.disabled():
        under = f", under {smallest} hidden" if smallest else ""
        print(
            f"\n{name}{under}: {found.hidden} hidden counts, {len(found.known)} known, "
            f"{len(found.undecided)} undecided at the edge"
        )
    assert not found.known
