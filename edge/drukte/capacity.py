"""How many bits of its own choice a sealed room gone bad could put through the door, counted exactly.

The number of different records that `summary.valid` and the reader's rules accept is counted; its base-2 logarithm is
the free information of a record. Timing (when a record is written, and whether at all) is not counted.
"""

import math
from itertools import accumulate

from drukte.summary import CALIBRATIONS, HEARTBEAT_EVERY, MAX_PEOPLE, MODES, RANGES, ROUNDING, STATES


def _choices(name: str) -> int:
    low, high = RANGES[name]
    return high - low + 1


def _people_and_groups() -> int:
    """Ways to fill the four levels, least, most, last and the three group classes so that they agree."""
    top = 10 * MAX_PEOPLE + ROUNDING
    members = [1] + [0] * (top + 10 + ROUNDING)
    for size, name in ((2, "groups_2"), (3, "groups_3_4"), (5, "groups_5_up")):
        most = RANGES[name][1]
        members = [sum(members[x - k * size] for k in range(min(most, x // size) + 1)) for x in range(len(members))]
    at_most = list(accumulate(members))
    level = RANGES["safe"][1]
    total = 0
    for people in range(top + 1):
        # four parts that add up to `people`, less those in which one part is above its range
        levels = math.comb(people + 3, 3) - (4 * math.comb(people - level + 2, 3) if people > level else 0)
        smallest_most = max(0, -(-(people - ROUNDING) // 10))
        orders = sum(
            most - least + 1
            for least in range(min(MAX_PEOPLE, (people + ROUNDING) // 10) + 1)
            for most in range(max(least, smallest_most), MAX_PEOPLE + 1)
        )
        total += levels * orders * at_most[people + 10 + ROUNDING]
    return total


def summary_bits(lines: int = 0, tick: int = 60, max_frames: int = RANGES["frames"][1]) -> float:
    """Free bits in one summary of a zone with `lines` counting lines.

    `max_frames` is the most frames that the reader accepts in a tick of `tick` seconds.
    """
    frames = sum(max_frames - observed + 1 for observed in range(1, min(tick, max_frames) + 1))
    pairs = (_choices("pairs_low") * _choices("pairs_high") - 1) * _choices("party") + 1
    independent = (
        *("confidence", "riders", "dwell_1", "dwell_5", "dwell_15", "dwell_over", "speed", "moved", "appeared"),
        *("vanished", "held", "agreed", "saturated"),
    )
    seen = _people_and_groups() * frames * pairs * math.prod(map(_choices, independent))
    seen *= math.prod(map(_choices, ("in_a", "out_a", "riders_in_a", "riders_out_a"))) ** lines
    return math.log2((seen + 1) * len(STATES) * len(CALIBRATIONS) * len(MODES))


def bits_per_hour(lines_per_zone: list[int], tick: int = 60, max_frames: int = RANGES["frames"][1]) -> float:
    """Free bits per hour of a site whose zones have this many lines each, heartbeats included."""
    summaries = sum(summary_bits(lines, tick, max_frames) for lines in lines_per_zone) * 3600 / tick
    heartbeats = math.log2(len(STATES)) * 3600 / tick * max(0, math.ceil(tick / HEARTBEAT_EVERY) - 1)
    return summaries + heartbeats


def hours_for_picture(lines_per_zone: list[int], tick: int = 60, kilobytes: float = 10.0) -> float:
    """Hours of nothing but lies that it would take to pass a picture of this size (1 kB = 1000 bytes)."""
    return kilobytes * 8000 / bits_per_hour(lines_per_zone, tick)
