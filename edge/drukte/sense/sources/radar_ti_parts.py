"""Payload layouts of the parts of a TI packet: echoes, targets, and which echo belongs to which target.

Every reader takes the payload as bytes and fills the frame; False means that the length fits no known layout.
All numbers are little endian. Structured dtypes give the layouts of TI's own C structures.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drukte.sense.sources.radar import Echo, Float32, RadarFrame, Target

Payload = npt.NDArray[np.uint8]
Structured = npt.NDArray[np.void]

COMPRESSED_UNITS: Final = np.dtype(
    [("elevation", "<f4"), ("azimuth", "<f4"), ("doppler", "<f4"), ("range", "<f4"), ("snr", "<f4")]
)
COMPRESSED_POINT: Final = np.dtype(
    [("elevation", "i1"), ("azimuth", "i1"), ("doppler", "<i2"), ("range", "<u2"), ("snr", "<u2")]
)
LOW_POWER_UNITS: Final = np.dtype(
    [("xyz", "<f4"), ("doppler", "<f4"), ("snr", "<f4"), ("noise", "<f4"), ("major", "<u2"), ("minor", "<u2")]
)
LOW_POWER_POINT: Final = np.dtype([("xyz", "<i2", (3,)), ("doppler", "<i2"), ("snr", "u1"), ("noise", "u1")])
SIDE_INFO: Final = np.dtype([("snr", "<u2"), ("noise", "<u2")])
LEGACY_UNITS: Final = np.dtype([("azimuth", "<f4"), ("doppler", "<f4"), ("range", "<f4"), ("snr", "<f4")])
LEGACY_POINT: Final = np.dtype([("azimuth", "i1"), ("doppler", "i1"), ("range", "<u2"), ("snr", "<u2")])

_TARGET_3D: Final[list[Any]] = [
    ("tid", "<u4"),
    ("position", "<f4", (3,)),
    ("velocity", "<f4", (3,)),
    ("acceleration", "<f4", (3,)),
    ("covariance", "<f4", (16,)),
    ("gain", "<f4"),
]
TARGET_3D: Final = np.dtype([*_TARGET_3D, ("confidence", "<f4")])
TARGET_3D_OLD: Final = np.dtype(_TARGET_3D)
# Two-dimensional trackers differ only in what follows the velocity; the overhead demo is three-dimensional.
_TARGETS_LEGACY: Final = tuple(
    np.dtype([("tid", "<u4"), ("position", "<f4", (d,)), ("velocity", "<f4", (d,)), ("rest", "<f4", (rest,))])
    for d, rest in ((2, 12), (2, 13), (2, 14), (3, 3))
)
# Trackers number their targets from 0 to 249; anything else means that the layout was guessed wrong.
_MAX_TID: Final = 249
_ANGLE_LIMIT: Final = float(np.pi / 2 + 0.01)


def compressed_points(payload: Payload, into: RadarFrame) -> bool:
    """Spherical echoes as small integers with their units in front (type 1020; type 6 of people counting)."""
    rest = payload.size - COMPRESSED_UNITS.itemsize
    if rest < 0 or rest % COMPRESSED_POINT.itemsize:
        return False
    units = payload[: COMPRESSED_UNITS.itemsize].view(COMPRESSED_UNITS)[0]
    raw = payload[COMPRESSED_UNITS.itemsize :].view(COMPRESSED_POINT)
    if not _sane_units(units):
        return False
    points = into.take_points(len(raw))
    raw = raw[: len(points)]
    _spherical(
        raw["range"] * units["range"],
        raw["azimuth"] * units["azimuth"],
        raw["elevation"] * units["elevation"],
        points,
    )
    points[:, Echo.DOPPLER] = raw["doppler"] * units["doppler"]
    points[:, Echo.SNR] = _decibel(raw["snr"] * units["snr"])
    return True


def cartesian_points(payload: Payload, into: RadarFrame) -> bool:
    """Echoes as four floats x, y, z, Doppler (type 1 of the SDK); their SNR comes with `side_info`."""
    if payload.size % 16:
        return False
    raw = payload.view("<f4").reshape(-1, 4)
    points = into.take_points(len(raw))
    points[:, :4] = raw[: len(points)]
    points[:, Echo.SNR] = np.nan
    return True


def side_info(payload: Payload, into: RadarFrame) -> bool:
    """SNR and noise in 0.1 dB for each of the frame's echoes (type 7 of the SDK)."""
    if payload.size % SIDE_INFO.itemsize:
        return False
    raw = payload.view(SIDE_INFO)
    points = into.points
    n = min(len(raw), len(points))
    points[:n, Echo.SNR] = raw["snr"][:n] * np.float32(0.1)
    return True


def spherical_points(payload: Payload, into: RadarFrame) -> bool:
    """Echoes as four floats range, azimuth, elevation, Doppler (type 1000)."""
    if payload.size % 16:
        return False
    raw = _floats(payload, 4)
    points = into.take_points(len(raw))
    raw = raw[: len(points)]
    _spherical(raw[:, 0], raw[:, 1], raw[:, 2], points)
    points[:, Echo.DOPPLER] = raw[:, 3]
    points[:, Echo.SNR] = np.nan
    return True


def low_power_points(payload: Payload, into: RadarFrame) -> bool:
    """Cartesian echoes as small integers with their units in front (type 301 of the IWRL6432)."""
    rest = payload.size - LOW_POWER_UNITS.itemsize
    if rest < 0 or rest % LOW_POWER_POINT.itemsize:
        return False
    units = payload[: LOW_POWER_UNITS.itemsize].view(LOW_POWER_UNITS)[0]
    if not _sane_units(units):
        return False
    raw = payload[LOW_POWER_UNITS.itemsize :].view(LOW_POWER_POINT)
    points = into.take_points(len(raw))
    raw = raw[: len(points)]
    points[:, :3] = raw["xyz"] * units["xyz"]
    points[:, Echo.DOPPLER] = raw["doppler"] * units["doppler"]
    points[:, Echo.SNR] = raw["snr"] * units["snr"]
    return True


def legacy_points(payload: Payload, into: RadarFrame) -> bool:
    """Echoes of the 52-byte family: units and 6-byte points, four floats, or five floats with an elevation.

    The header does not say which, so the first layout whose length and values make sense is taken.
    """
    rest = payload.size - LEGACY_UNITS.itemsize
    if rest >= 0 and rest % LEGACY_POINT.itemsize == 0:
        units = payload[: LEGACY_UNITS.itemsize].view(LEGACY_UNITS)[0]
        # Units are fractions; in the layout of four floats the last one is an SNR, which is above 1.
        if _sane_units(units):
            small = payload[LEGACY_UNITS.itemsize :].view(LEGACY_POINT)
            points = into.take_points(len(small))
            small = small[: len(points)]
            # The azimuth of this layout is in degrees.
            azimuth = np.deg2rad(small["azimuth"] * units["azimuth"])
            _spherical(small["range"] * units["range"], azimuth, np.zeros(len(small), np.float32), points)
            points[:, Echo.DOPPLER] = small["doppler"] * units["doppler"]
            points[:, Echo.SNR] = _decibel(small["snr"] * units["snr"])
            return True
    for width in (4, 5):
        if payload.size % (4 * width):
            continue
        raw = _floats(payload, width)
        if not (np.abs(raw[:, 1 : width - 2]) <= _ANGLE_LIMIT).all() or not (raw[:, [0, -1]] >= 0).all():
            continue
        points = into.take_points(len(raw))
        raw = raw[: len(points)]
        elevation = raw[:, 2] if width == 5 else np.zeros(len(raw), np.float32)
        _spherical(raw[:, 0], raw[:, 1], elevation, points)
        points[:, Echo.DOPPLER] = raw[:, width - 2]
        points[:, Echo.SNR] = _decibel(raw[:, width - 1])
        return True
    return False


def targets_3d(payload: Payload, into: RadarFrame) -> bool:
    """Targets with position, velocity, acceleration, covariance and, since late firmware, a confidence."""
    for layout in (TARGET_3D, TARGET_3D_OLD):
        if payload.size % layout.itemsize == 0:
            raw = payload.view(layout)
            if (raw["tid"] <= _MAX_TID).all():
                _take_targets(raw, into)
                return True
    return False


def targets_legacy(payload: Payload, into: RadarFrame) -> bool:
    """Targets of the 52-byte family: two-dimensional trackers and the overhead demo, told apart by length."""
    for layout in _TARGETS_LEGACY:
        if payload.size % layout.itemsize == 0:
            raw = payload.view(layout)
            if (raw["tid"] <= _MAX_TID).all():
                _take_targets(raw, into)
                return True
    return False


def count_echoes(index: Payload, into: RadarFrame) -> None:
    """Count the echoes given to each target; a target with none is only being held.

    The index of the people-counting firmware belongs to the frame before, so for a target that has just
    appeared the count is 0 for one frame.
    """
    targets = into.targets
    if targets is None or not len(targets):
        return
    counts = np.bincount(index, minlength=256)
    targets[:, Target.ECHOES] = counts[targets[:, Target.TID].astype(np.intp)]


def _take_targets(raw: Structured, into: RadarFrame) -> None:
    rows = into.take_targets(len(raw))
    raw = raw[: len(rows)]
    d = raw.dtype["position"].shape[0]
    rows[:] = np.nan
    rows[:, Target.TID] = raw["tid"]
    rows[:, Target.X : Target.X + d] = raw["position"]
    rows[:, Target.VX : Target.VX + d] = raw["velocity"]
    if "confidence" in (raw.dtype.names or ()):
        rows[:, Target.CONFIDENCE] = raw["confidence"]


def _sane_units(units: np.void) -> bool:
    """Units are positive fractions; a flipped bit in one would scale a whole frame."""
    scales = [units[name] for name in units.dtype.names or () if units.dtype[name].kind == "f"]
    return all(0.0 <= scale < 2.0 for scale in scales)


def _floats(payload: Payload, width: int) -> Float32:
    """Rows of `width` floats; what is out of any range becomes a row that `drop_implausible` removes."""
    raw: Float32 = payload.view("<f4").reshape(-1, width)
    return np.where(np.abs(raw) < 1e6, raw, np.float32(1e6))


def _spherical(distance: Float32, azimuth: Float32, elevation: Float32, points: Float32) -> None:
    flat = distance * np.cos(elevation)
    points[:, Echo.X] = flat * np.sin(azimuth)
    points[:, Echo.Y] = flat * np.cos(azimuth)
    points[:, Echo.Z] = distance * np.sin(elevation)


def _decibel(ratio: Float32) -> Float32:
    """Power ratio to dB; 0 becomes minus infinity, which compares as the weakest."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10.0 * np.log10(ratio), np.float32)
