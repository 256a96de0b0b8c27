"""All formats by name: this project's own and those that installed packages add."""

from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from typing import Final

from drukte.report.formats import amsterdam, home_assistant, homie, ngsi_ld, sensorthings
from drukte.report.formats.base import Device, Format, Outgoing
from drukte.report.formats.native import Observation, dump

GROUP: Final = "drukte.formats"
"""Entry points of this group are `Format`s of other packages."""


class FormatError(Exception):
    """A format in the site file cannot be used; says which and why."""


def _native(o: Observation, device: Device) -> list[Outgoing]:
    return [Outgoing(device.topic(f"{o.zone}/{device.product(o)}"), dump(o), schema="drukte/observation/1")]


def _native_topics(device: Device) -> list[str]:
    days = [f"{zone.name}/day" for zone in device.meta.zones]
    return [device.topic(end) for end in ("status", "meta", "privacy", *days)]


NATIVE: Final = Format(
    "native", "the project's own messages, and the only ones with everything", _native, retains=_native_topics
)
OWN: Final = {
    one.name: one
    for one in (
        NATIVE,
        ngsi_ld.FORMAT,
        *sensorthings.FORMATS,
        home_assistant.FORMAT,
        homie.FORMAT,
        amsterdam.TELCAMERAS,
        amsterdam.PASSANTEN,
    )
}


def available() -> dict[str, str]:
    """Names of all formats, and what they are; those of other packages are not loaded for this."""
    others = {entry.name: f"by {entry.value}" for entry in entry_points(group=GROUP) if entry.name not in OWN}
    return {name: one.about for name, one in OWN.items()} | others


def find(name: str) -> Format:
    """The format of a name; this project's own cannot be replaced.

    Raises:
        FormatError: there is none, or a package's cannot be loaded.
    """
    if name in OWN:
        return OWN[name]
    for entry in entry_points(group=GROUP, name=name):
        try:
            found = entry.load()
        except Exception as error:  # what another package does is not foreseen
            raise FormatError(f"format {name} ({entry.value}) cannot be loaded: {error}") from error
        if not isinstance(found, Format):
            raise FormatError(f"format {name} ({entry.value}) is a {type(found).__name__}, not a Format")
        return found
    raise FormatError(f"there is no format {name}; there are: {', '.join(available())}")


def choose(names: Iterable[str], device: Device, key: str) -> Sequence[Format]:
    """The formats for one broker.

    Args:
        names: as in the site file.
        device: what a format may know of the device.
        key: where the names stand in the site file.

    Raises:
        FormatError: they are not there, do not go together or do not fit the site; names the key.
    """
    names = list(names)
    try:
        chosen = [find(name) for name in names]
    except FormatError as error:
        raise FormatError(f"{key}: {error}") from error.__cause__
    for one in chosen:
        if reason := one.lacks(device):
            raise FormatError(f"{key}: {one.name}: {reason}")
        if one.beside and one.beside not in names:
            raise FormatError(f"{key}: {one.name} needs {one.beside} beside it for the same broker; add it")
    wills = [one.name for one in chosen if one.will or one is NATIVE]
    if len(wills) > 1:
        raise FormatError(
            f"{key}: {' and '.join(wills)} each need the connection's last will, and it has one: list the broker a "
            f"second time under mqtt.mirrors, with formats: [{wills[-1]}]"
        )
    return chosen
