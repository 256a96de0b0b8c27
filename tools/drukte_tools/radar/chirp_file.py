"""A configuration of an xWR6843 read and reckoned: range, speed, time, memory, and what contradicts itself.

Limits are those of the IWR6843 data sheet (SWRS219): 60 to 64 GHz, slope up to 250 MHz/us, up to 12.5 million complex
samples per second, 768 KiB of memory for the radar cube. The formulas are those of `drukte.sense.detect.fmcw.Chirp`.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drukte.sense.detect.fmcw import Chirp

BAND: Final = (60e9, 64e9)
MAX_SLOPE: Final = 250e12
MAX_RATE: Final = 12.5e6
MEMORY: Final = 768 * 1024
WALKER: Final = 2.0
"""m/s, of a brisk walk: a radar that cannot tell this speed takes people who come for people who go."""
BODY: Final = 0.25
"""m; with coarser range a person is one cell, and two behind each other are one."""
STEEP: Final = 60.0
"""Tilt in degrees from which a radar looks down rather than along the floor."""
CHEST: Final = 1.2
"""Height above the floor at which most of a body's echo comes from, m."""
ROOM: Final = 1.02
"""Rounding that is allowed between what the tracker is told and what the chirp gives."""
ARGUMENTS: Final[dict[str, int]] = {
    "sensorStop": 0, "flushCfg": 0, "dfeDataOutputMode": 1, "channelCfg": 3, "adcCfg": 2, "adcbufCfg": 5,
    "lowPower": 2, "profileCfg": 14, "chirpCfg": 8, "frameCfg": 7, "dynamicRACfarCfg": 14, "staticRACfarCfg": 14,
    "dynamicRangeAngleCfg": 5, "dynamic2DAngleCfg": 9, "staticRangeAngleCfg": 4, "antGeometry0": 12,
    "antGeometry1": 12, "antPhaseRot": 12, "fovCfg": 3, "compRangeBiasAndRxChanPhase": 25, "staticBoundaryBox": 6,
    "boundaryBox": 6, "presenceBoundaryBox": 6, "sensorPosition": 3, "gatingParam": 5, "stateParam": 6,
    "allocationParam": 6, "maxAcceleration": 3, "trackingCfg": 7, "sensorStart": 0,
}  # fmt: skip
"""Commands and how many values each takes."""
NEEDED: Final = ("channelCfg", "profileCfg", "chirpCfg", "frameCfg", "boundaryBox", "sensorPosition", "trackingCfg")


class ConfigurationError(Exception):
    """A file that cannot be read as a configuration; the text says where and why."""


@dataclass(slots=True)
class Report:
    """What a configuration means.

    Attributes:
        chirp: waveform and antennas.
        busy: share of a frame's period in which the radar sends.
        memory: of the radar cube, bytes.
        height: of the sensor, m.
        reach: distance from the sensor to the farthest corner of the boundary box on the floor, m.
        problems: what cannot work; empty when the file can be sent.
    """

    chirp: Chirp
    busy: float
    memory: int
    height: float
    reach: float
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The figures for a person to read."""
        c = self.chirp
        return [
            f"band             {c.start / 1e9:.2f} to {(c.start + c.bandwidth) / 1e9:.2f} GHz while sampling",
            f"range            {c.max_range:.1f} m, in steps of {100 * c.range_step:.1f} cm; the box needs "
            f"{self.reach:.1f} m",
            f"speed            up to {c.max_speed:.2f} m/s, in steps of {c.speed_step:.3f} m/s",
            f"frames           every {1000 * c.period:.0f} ms, sending {self.busy:.0%} of the time",
            f"cube             {self.memory / 1024:.0f} of {MEMORY // 1024} KiB",
        ]


def read(path: Path) -> Report:
    """Read and reckon a file.

    Raises:
        ConfigurationError: it cannot be read, has a line that is no command, or lacks one that is needed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error})") from None
    commands = _commands(text, str(path))
    for name in NEEDED:
        if name not in commands:
            raise ConfigurationError(f"{path}: {name} is missing")
    return _reckon(commands)


def _commands(text: str, path: str) -> dict[str, list[list[float]]]:
    commands: dict[str, list[list[float]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, *rest = line.split("%")[0].split() or [""]
        if not name:
            continue
        if name not in ARGUMENTS:
            raise ConfigurationError(f"{path}, line {number}: {name[:40]} is no command of people-tracking firmware")
        if len(rest) != ARGUMENTS[name]:
            raise ConfigurationError(
                f"{path}, line {number}: {name} takes {ARGUMENTS[name]} values, {len(rest)} are there"
            )
        try:
            values = [float(value) for value in rest]
        except ValueError:
            raise ConfigurationError(f"{path}, line {number}: {name} takes numbers") from None
        if not all(math.isfinite(value) for value in values):
            raise ConfigurationError(f"{path}, line {number}: {name} takes finite numbers")
        commands.setdefault(name, []).append(values)
    return commands


def _reckon(commands: dict[str, list[list[float]]]) -> Report:
    _, start, idle, adc_start, ramp_end, _, _, slope, _, samples, rate, _, _, _ = commands["profileCfg"][0]
    first, last, loops, _, period, _, _ = commands["frameCfg"][0]
    receivers = int(commands["channelCfg"][0][0]).bit_count()
    masks = [int(c[7]) for c in commands["chirpCfg"] if first <= c[0] <= last]
    problems: list[str] = []
    if min(samples, rate, slope, loops, period, ramp_end) <= 0 or min(idle, adc_start) < 0:
        raise ConfigurationError("profileCfg, frameCfg: samples, rate, slope, ramp, loops and period must be above 0")
    if not masks or any(mask.bit_count() != 1 for mask in masks) or len(set(masks)) != len(masks):
        problems.append("chirpCfg: each chirp of a frame must have one transmitter of its own (masks 1, 2, 4)")
    if int(commands["channelCfg"][0][1]) & sum(set(masks)) != sum(set(masks)):
        problems.append("channelCfg: a transmitter that a chirp uses is switched off")
    transmitters = max(1, len(masks))
    chirp = Chirp(
        start=start * 1e9 + slope * 1e12 * adc_start * 1e-6,
        slope=slope * 1e12,
        sample_rate=rate * 1e3,
        samples=int(samples),
        loops=int(loops),
        chirp_time=(idle + ramp_end) * 1e-6,
        turn=tuple(range(transmitters)),
        right=(0,) * transmitters,
        up=(0,) * transmitters,
        period=period * 1e-3,
    )
    left, right, near, far, _, _ = commands["boundaryBox"][0]
    height = commands["sensorPosition"][0][0]
    # To the chest of somebody at the far end; looking straight down, at the corners.
    tilt = commands["sensorPosition"][0][2]
    corners = [(x, y) for x in (left, right) for y in (near, far)] if tilt > STEEP else [(0.0, far)]
    reach = max(math.hypot(x, y, height - CHEST) for x, y in corners)
    report = Report(
        chirp,
        busy=loops * chirp.block_time / chirp.period,
        memory=int(samples * loops * transmitters * receivers * 4),
        height=height,
        reach=reach,
        problems=problems,
    )
    _check_chirp(report, start * 1e9, ramp_end * 1e-6, adc_start * 1e-6)
    _check_tracker(report, commands)
    return report


def _check_chirp(report: Report, start: float, ramp: float, adc_start: float) -> None:
    c, problems = report.chirp, report.problems
    end = start + c.slope * ramp
    if start < BAND[0] or end > BAND[1]:
        problems.append(
            f"profileCfg: the ramp runs from {start / 1e9:.2f} to {end / 1e9:.2f} GHz, allowed are 60 to 64. Lower the "
            "start, the slope or the end of the ramp"
        )
    if c.slope > MAX_SLOPE:
        problems.append(f"profileCfg: slope {c.slope / 1e12:.0f} MHz/us, at most {MAX_SLOPE / 1e12:.0f}")
    if c.sample_rate > MAX_RATE:
        problems.append(f"profileCfg: {c.sample_rate / 1e3:.0f} samples per ms, at most {MAX_RATE / 1e3:.0f}")
    sampled = adc_start + c.samples / c.sample_rate
    if sampled > ramp:
        problems.append(
            f"profileCfg: sampling ends after {sampled * 1e6:.1f} us, the ramp after {ramp * 1e6:.1f}. Take fewer "
            "samples, a higher rate or a longer ramp"
        )
    if report.busy > 1:
        problems.append(
            f"frameCfg: a frame's chirps take {report.busy:.0%} of its period. Take fewer loops or more time"
        )
    if report.memory > MEMORY:
        problems.append(
            f"frameCfg, profileCfg: the radar cube takes {report.memory // 1024} KiB, {MEMORY // 1024} are there. Take "
            "fewer samples or loops"
        )
    if c.range_step > BODY:
        problems.append(f"profileCfg: range in steps of {c.range_step:.2f} m cannot part people; {BODY} m at most")
    if c.max_speed < WALKER:
        problems.append(
            f"profileCfg: speeds above {c.max_speed:.1f} m/s are taken for others, people walk up to {WALKER}. Shorten "
            "idle time and ramp"
        )
    if c.max_range < report.reach:
        problems.append(
            f"boundaryBox: reaches {report.reach:.1f} m from the sensor, the chirp {c.max_range:.1f} m. Make the box "
            "smaller, the slope less or the sample rate higher"
        )


def _check_tracker(report: Report, commands: dict[str, list[list[float]]]) -> None:
    c, problems = report.chirp, report.problems
    box = commands["boundaryBox"][0]
    for name in ("boundaryBox", "staticBoundaryBox", "presenceBoundaryBox"):
        for values in commands.get(name, []):
            if any(values[k] >= values[k + 1] for k in (0, 2, 4)):
                problems.append(f"{name}: each first value must be below the second (left right near far low high)")
            if any(values[k] < box[k] or values[k + 1] > box[k + 1] for k in (0, 2, 4)):
                problems.append(f"{name}: reaches beyond boundaryBox; nobody is looked for there")
    _, _, _, _, speed, step, period = commands["trackingCfg"][0]
    for told, name, true in (
        (speed / 10, "highest speed (0.1 m/s)", c.max_speed),
        (step / 1000, "speed step (mm/s)", c.speed_step),
        (period / 1000, "period (ms)", c.period),
    ):
        if not true / ROOM**2 <= told <= true * ROOM**2:
            problems.append(f"trackingCfg: {name} says {told:g}, the chirp gives {true:.3f} in m and s")
    if not 0.5 <= report.height <= 10:
        problems.append(f"sensorPosition: height {report.height:g} m, expected are 0.5 to 10")
