"""Exit statuses. The sealed room has no other voice once it is sealed, so each cause has a number of its own."""

from enum import IntEnum


class Exit(IntEnum):
    """Why a program ended."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    SITE = 10
    PURPOSE = 11
    MODEL = 12
    SOURCE = 13
    SEAL = 14
    NOT_ALIVE = 15
    DOOR = 16
    CALIBRATION = 17
    CLOSED = 18
    UNSIGNED = 19
    INDICATOR = 20


HOPELESS = frozenset({Exit.USAGE, Exit.SITE, Exit.PURPOSE, Exit.MODEL, Exit.SEAL, Exit.CALIBRATION, Exit.UNSIGNED})
"""Starting again does not help: a person has to change something."""

MEANING = {
    Exit.OK: "ended",
    Exit.INTERNAL: "failed in a way nobody foresaw; please report it with the version and the site file",
    Exit.USAGE: "was called with wrong arguments",
    Exit.SITE: "the site file is not right; run `drukte check FILE`",
    Exit.PURPOSE: "the purpose in the site file is missing or past its last day",
    Exit.MODEL: "the model is missing or not the one that the manifest names; run `drukte models pull`",
    Exit.SOURCE: "the camera or recording cannot be opened or has gone",
    Exit.SEAL: "the kernel does not enforce the seal; nothing was counted",
    Exit.NOT_ALIVE: "pictures stopped changing behind the seal",
    Exit.DOOR: "nobody reads the door any more",
    Exit.CLOSED: "closed its camera, as the schedule says; it waits for the next opening",
    Exit.UNSIGNED: "the site file is not signed as this device demands; run `drukte settings verify`",
    Exit.INDICATOR: "the indicator that has to be on while the camera is open does not light",
    Exit.CALIBRATION: "the calibration in the site file cannot be used",
}
