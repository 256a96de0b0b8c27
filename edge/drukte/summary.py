"""The door: the one record that can pass from the sealed room to the open one.

A record is 64 bytes (a write to a pipe is atomic, the reader never sees half of one) of small integers with closed
ranges. It holds no string, no position and no identifier: a `SUMMARY` holds the sums of one zone over one tick, a
`HEARTBEAT` between ticks says only what state the sensor is in.

Counts are averages over the frames of the tick, in tenths of a person, pair or group. What rounding takes from one
tick is carried into the next, so that sums over a day are exact.

How much could a sealed room gone bad smuggle out? Only what the ranges and the rules of `valid` leave free: at most
182.3 bits in a summary of a zone without lines, 29.78 more for each line, 2.81 in a heartbeat. Sequence number, clock,
zone, tick, version, seal bits and checksum are dictated, and the reader (report/door.py) refuses whatever differs.
With one zone and a record a minute, a picture of 10 kB would take 7.1 hours of nothing but lies, during which no true
number could leave; every further zone divides that time. A test counts the same figures (tests/test_summary.py).
"""

import struct
import zlib
from dataclasses import dataclass, fields
from typing import Final

SIZE: Final = 64
MAGIC: Final = 0x6472
VERSION: Final = 3

SUMMARY: Final = 1
HEARTBEAT: Final = 2
HEARTBEAT_EVERY: Final = 20
"""Seconds between heartbeats when no summary was due."""

RUNNING, COVERED, DARK, FROZEN, STARVED, VALIDATION, BLURRED = range(7)
STATES: Final = ("running", "covered", "dark", "frozen", "starved", "validation", "blurred")
CALIBRATIONS: Final = ("good", "suspect", "none")
MODES: Final = ("tracks", "detections")
SEAL: Final = ("filtered", "refused", "no_dump", "landlock", "locked", "no_swap", "wiped", "deadly")
"""Names of the bits of the field `seal`, lowest first; what each means is in sense/lock/seal.py."""

MAX_PEOPLE: Final = 150
"""More people than this in one zone are counted as this many."""

_LAYOUT: Final = struct.Struct("<HBBIIBBBBHBBHHHHBBBBHHBHHHBBBBBBBBBBBBBBBBBI")
_SHARED: Final = ((("state", 3), ("calibration", 2), ("mode", 1), ("saturated", 1)), (("held", 4), ("agreed", 4)))
"""Fields that share one byte, and their bits, lowest first."""

RANGES: Final[dict[str, tuple[int, int]]] = {
    "kind": (SUMMARY, HEARTBEAT),
    "seq": (0, 2**32 - 1),  # records of this run, counted from 0
    "end": (0, 2**32 - 1),  # end of the tick, or time of the heartbeat: seconds since 1970, UTC
    "zone": (0, 15),  # number in the site file
    "tick": (5, 60),  # s
    "state": (0, len(STATES) - 1),
    "calibration": (0, len(CALIBRATIONS) - 1),
    "mode": (0, len(MODES) - 1),  # counted from tracks or from plain detections
    "seal": (0, 255),  # what the kernel enforces, see sense/lock/seal.py; the same in every record of a run
    "frames": (0, 3600),
    "observed": (0, 60),  # seconds of the tick in which at least one frame was reduced
    "confidence": (0, 10),  # mean score of the counted, tenths
    "safe": (0, 10 * MAX_PEOPLE),  # people per closeness level, tenths, averaged over frames
    "low_risk": (0, 10 * MAX_PEOPLE),
    "high_risk": (0, 10 * MAX_PEOPLE),
    "undetermined": (0, 10 * MAX_PEOPLE),
    "least": (0, MAX_PEOPLE),  # people in the frame with the fewest
    "most": (0, MAX_PEOPLE),
    "last": (0, MAX_PEOPLE),  # people at the end of the tick
    "riders": (0, 250),  # people on bicycles and the like, tenths; they are in no other count but the riders' own
    "pairs_low": (0, 1000),  # pairs per level, tenths
    "pairs_high": (0, 1000),
    "party": (0, 10),  # share of those pairs that walk together, tenths
    "groups_2": (0, 5 * MAX_PEOPLE),  # groups by size, tenths
    "groups_3_4": (0, 10 * MAX_PEOPLE // 3),
    "groups_5_up": (0, 2 * MAX_PEOPLE),
    "in_a": (0, 250),  # walkers who crossed the zone's first and second line
    "out_a": (0, 250),
    "in_b": (0, 250),
    "out_b": (0, 250),
    "riders_in_a": (0, 120),  # riders who did
    "riders_out_a": (0, 120),
    "riders_in_b": (0, 120),
    "riders_out_b": (0, 120),
    "dwell_1": (0, 20),  # stays that ended in this tick: under 1, 1 to 5, 5 to 15, over 15 minutes
    "dwell_5": (0, 20),
    "dwell_15": (0, 20),
    "dwell_over": (0, 20),
    "speed": (0, 40),  # mean walking speed, 0.1 m/s; 0 when nobody walked
    "moved": (0, 250),  # people who came or went over the zone's edge
    "appeared": (0, 10),  # who were first seen in the midst of it: nobody saw them come
    "vanished": (0, 10),  # who were last seen in the midst of it
    "held": (0, 10),  # share of people held without a fresh echo (radar), tenths
    "agreed": (0, 11),  # two sensors: 1 and the share, in tenths, that both saw of whom both could; 0: nobody to judge
    "saturated": (0, 1),  # the sensor had more targets than it can report (radar)
}
"""Field, lowest and highest value, in the order of the record; those of `_SHARED` are in the byte of the first."""


class DoorError(ValueError):
    """Bytes or values that are not exactly a valid record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One record. The fields, their units and ranges are those of `RANGES`."""

    kind: int = SUMMARY
    seq: int
    end: int
    zone: int = 0
    tick: int
    state: int
    calibration: int = 0
    mode: int = 0
    seal: int = 0
    frames: int = 0
    observed: int = 0
    confidence: int = 0
    safe: int = 0
    low_risk: int = 0
    high_risk: int = 0
    undetermined: int = 0
    least: int = 0
    most: int = 0
    last: int = 0
    riders: int = 0
    pairs_low: int = 0
    pairs_high: int = 0
    party: int = 0
    groups_2: int = 0
    groups_3_4: int = 0
    groups_5_up: int = 0
    in_a: int = 0
    out_a: int = 0
    in_b: int = 0
    out_b: int = 0
    riders_in_a: int = 0
    riders_out_a: int = 0
    riders_in_b: int = 0
    riders_out_b: int = 0
    dwell_1: int = 0
    dwell_5: int = 0
    dwell_15: int = 0
    dwell_over: int = 0
    speed: int = 0
    moved: int = 0
    appeared: int = 0
    vanished: int = 0
    held: int = 0
    agreed: int = 0
    saturated: int = 0

    @property
    def people(self) -> int:
        """People in the zone, averaged over the frames of the tick, tenths."""
        return self.safe + self.low_risk + self.high_risk + self.undetermined


NAMES: Final = tuple(f.name for f in fields(Summary))
COUNTS: Final = NAMES[NAMES.index("frames") :]
_LATER: Final = {name for group in _SHARED for name, _ in group[1:]}
_PARTS: Final = tuple(
    next((group for group in _SHARED if group[0][0] == name), ((name, 32),)) for name in NAMES if name not in _LATER
)
"""The fields in each of the layout's integers."""
ROUNDING: Final = 4
"""Tenths by which rounding and its carry may move a sum of the four levels."""


def encode(summary: Summary) -> bytes:
    """The 64 bytes of a record.

    Raises:
        DoorError: a value is outside its range or breaks a rule of `valid`.
    """
    valid(summary)
    values = []
    for part in _PARTS:
        value = 0
        for name, bits in reversed(part):
            value = value << bits | getattr(summary, name)
        values.append(value)
    body = _LAYOUT.pack(MAGIC, VERSION, *values, 0)[:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")


def decode(data: bytes) -> Summary:
    """The record in 64 bytes.

    Raises:
        DoorError: the bytes are not exactly what `encode` makes of a valid record.
    """
    if len(data) != SIZE:
        raise DoorError(f"size: {len(data)} bytes instead of {SIZE}")
    magic, version, *values, crc = _LAYOUT.unpack(data)
    if magic != MAGIC or version != VERSION:
        raise DoorError("magic: not a record of this version")
    if crc != zlib.crc32(data[:-4]):
        raise DoorError("checksum: does not match")
    named: dict[str, int] = {}
    for part, value in zip(_PARTS, values, strict=True):
        rest = value
        for name, bits in part:
            named[name] = rest & ((1 << bits) - 1)
            rest >>= bits
        if rest:
            raise DoorError("flags: a bit is set that means nothing")
    summary = Summary(**named)
    valid(summary)
    return summary


def valid(s: Summary) -> None:
    """Check what must hold within one record.

    Raises:
        DoorError: names the first rule that is broken.
    """
    for name, (low, high) in RANGES.items():
        if not low <= getattr(s, name) <= high:
            raise DoorError(f"range: {name} is {getattr(s, name)}, allowed are {low} to {high}")
    if s.kind == HEARTBEAT:
        if s.zone or s.calibration or s.mode or any(getattr(s, name) for name in COUNTS):
            raise DoorError("heartbeat: carries more than a state")
        return
    if s.observed > s.tick or s.observed > s.frames or (s.frames > 0) != (s.observed > 0):
        raise DoorError("observed: more seconds than frames or than the tick has, or none in spite of frames")
    if s.frames == 0 and any(getattr(s, name) for name in COUNTS):
        raise DoorError("counts: without a frame there is nothing to count")
    if not 10 * s.least - ROUNDING <= s.people <= 10 * s.most + ROUNDING or not s.least <= s.last <= s.most:
        raise DoorError("people: least, mean, last and most are not in order")
    if 2 * s.groups_2 + 3 * s.groups_3_4 + 5 * s.groups_5_up > s.people + 10 + ROUNDING:
        raise DoorError("groups: have more members than there are people")
    if s.party and not s.pairs_low + s.pairs_high:
        raise DoorError("party: a share of no pairs")
