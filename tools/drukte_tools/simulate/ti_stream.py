"""Encode radar frames as the bytes that TI mmWave modules send: the exact inverse of `radar_ti`.

Positions are in the sensor frame of `drukte.sense.sources.radar`; SNR is in dB, Doppler in m/s.
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from drukte.sense.sources.radar import Echo
from drukte.sense.sources.radar_ti import MAGIC, Family
from drukte.sense.sources.radar_ti_parts import (
    COMPRESSED_POINT,
    COMPRESSED_UNITS,
    LEGACY_POINT,
    LEGACY_UNITS,
    LOW_POWER_POINT,
    LOW_POWER_UNITS,
    SIDE_INFO,
    TARGET_3D,
)

Float32 = npt.NDArray[np.float32]

# Steps of elevation and azimuth (rad), Doppler (m/s), range (m) and SNR (ratio) in the people-counting
# firmware.
UNITS_3D: Final = (0.01, 0.01, 0.00028, 0.00025, 0.04)
PLATFORM_6843: Final = 0xA6843
VERSION: Final = 0x03050004
PADDED_TO: Final = 32


def packet(
    family: Family,
    frame_number: int,
    parts: Sequence[tuple[int, bytes]],
    *,
    padded: bool = False,
    version: int = VERSION,
    platform: int = PLATFORM_6843,
    timing: Sequence[int] = (),
) -> bytes:
    """Put `parts` (type, payload) behind a header of `family`, with a valid checksum where there is one.

    Args:
        family: header family; decides also whether a part's length counts its own header.
        frame_number: running number of the frame.
        parts: type and payload of each part, in order.
        padded: fill up to a multiple of 32 bytes, as firmware built on the SDK does.
        version: `major << 24 | minor << 16 | bugfix << 8 | build` of the firmware.
        platform: device number, for example 0xA6843.
        timing: the header's fields that describe the module's own load, in the order of the header: three for
            the SDK family (CPU cycles, number of echoes, subframe), five for people counting, six for legacy.
    """
    own = 0 if family == Family.SDK else 8
    body = b"".join(struct.pack("<2I", kind, len(data) + own) + data for kind, data in parts)
    length = int(family) + len(body)
    if padded:
        length += -length % PADDED_TO
    body = body.ljust(length - int(family), b"\0")
    n = len(parts)
    if family == Family.SDK:
        cycles, objects, subframe = timing or (0, 0, 0)
        words = struct.pack("<8I", version, length, platform, frame_number, cycles, objects, n, subframe)
        return MAGIC + words + body
    if family == Family.PEOPLE_COUNTING:
        rest = timing or (0,) * 5
        words = struct.pack("<9I2H", version, length, platform, frame_number, *rest, n, 0)
    else:
        stamp, *rest = timing or (0,) * 6
        words = struct.pack("<10I2H", version, platform, stamp, length, frame_number, *rest, n, 0)
    header = MAGIC + words
    return header[:-2] + struct.pack("<H", checksum(header)) + body


def checksum(header: bytes) -> int:
    """One's-complement sum over a header whose checksum field is zero."""
    total: int = sum(struct.unpack(f"<{len(header) // 2}H", header))
    return ~((total >> 16) + (total & 0xFFFF)) & 0xFFFF


def compressed_points(points: Float32, units: Sequence[float] = UNITS_3D) -> bytes:
    """Encode echoes (n, 5) as type 1020, or type 6 of people counting; out-of-range values are clipped."""
    head = np.array(tuple(units), COMPRESSED_UNITS)
    distance, azimuth, elevation = _spherical(points)
    out = np.zeros(len(points), COMPRESSED_POINT)
    _quantise(out, "elevation", elevation / np.float64(head["elevation"]))
    _quantise(out, "azimuth", azimuth / np.float64(head["azimuth"]))
    _quantise(out, "doppler", points[:, Echo.DOPPLER] / np.float64(head["doppler"]))
    _quantise(out, "range", distance / np.float64(head["range"]))
    _quantise(out, "snr", _ratio(points[:, Echo.SNR]) / np.float64(head["snr"]))
    return head.tobytes() + out.tobytes()


def cartesian_points(points: Float32) -> bytes:
    """Encode echoes (n, 5) as type 1 of the SDK; SNR goes into `side_info`."""
    return np.ascontiguousarray(points[:, :4], "<f4").tobytes()


def spherical_points(points: Float32) -> bytes:
    """Encode echoes (n, 5) as type 1000; SNR goes into `side_info`."""
    return np.column_stack([*_spherical(points), points[:, Echo.DOPPLER]]).astype("<f4").tobytes()


def side_info(points: Float32, noise: npt.NDArray[np.uint16] | None = None) -> bytes:
    """Encode the echoes' SNR, and noise in 0.1 dB where given, as type 7 of the SDK."""
    out = np.zeros(len(points), SIDE_INFO)
    _quantise(out, "snr", points[:, Echo.SNR] * 10.0)
    if noise is not None:
        out["noise"] = noise
    return out.tobytes()


def low_power_points(points: Float32, units: Sequence[float], n_minor: int = 0) -> bytes:
    """Encode echoes (n, 5) as type 301 of the IWRL6432; `units` are those of xyz, Doppler, SNR and noise."""
    head = np.array((*units, len(points) - n_minor, n_minor), LOW_POWER_UNITS)
    out = np.zeros(len(points), LOW_POWER_POINT)
    out["xyz"] = _clipped(points[:, :3] / np.float64(head["xyz"]), "<i2")
    _quantise(out, "doppler", points[:, Echo.DOPPLER] / np.float64(head["doppler"]))
    _quantise(out, "snr", points[:, Echo.SNR] / np.float64(head["snr"]))
    return head.tobytes() + out.tobytes()


def legacy_points(points: Float32, units: Sequence[float]) -> bytes:
    """Encode echoes (n, 5) as type 6 of the legacy family; `units`: azimuth (deg), Doppler, range, SNR."""
    head = np.array(tuple(units), LEGACY_UNITS)
    out = np.zeros(len(points), LEGACY_POINT)
    azimuth = np.rad2deg(np.arctan2(points[:, Echo.X], points[:, Echo.Y]))
    _quantise(out, "azimuth", azimuth / np.float64(head["azimuth"]))
    _quantise(out, "doppler", points[:, Echo.DOPPLER] / np.float64(head["doppler"]))
    _quantise(out, "range", np.hypot(points[:, Echo.X], points[:, Echo.Y]) / np.float64(head["range"]))
    _quantise(out, "snr", _ratio(points[:, Echo.SNR]) / np.float64(head["snr"]))
    return head.tobytes() + out.tobytes()


def targets(
    ids: npt.ArrayLike,
    positions: npt.ArrayLike,
    velocities: npt.ArrayLike,
    confidence: npt.ArrayLike = 1.0,
    rest: npt.NDArray[np.void] | None = None,
) -> bytes:
    """Encode m targets as types 7, 308 and 1010.

    Args:
        ids: (m,) track numbers, 0 to 249.
        positions: (m, 3) metres.
        velocities: (m, 3) metres per second.
        confidence: (m,) 0 to 1.
        rest: (m,) records of `TARGET_3D` to take acceleration, covariance and gain from; zeros without.
    """
    ids = np.atleast_1d(np.asarray(ids, np.uint32))
    out = np.zeros(len(ids), TARGET_3D)
    if rest is not None:
        out[:] = rest
    out["tid"] = ids
    out["position"], out["velocity"] = positions, velocities
    out["confidence"] = confidence
    return out.tobytes()


def _spherical(points: Float32) -> tuple[npt.NDArray[np.float64], ...]:
    x, y, z = points[:, :3].astype(np.float64).T
    flat = np.hypot(x, y)
    return np.hypot(flat, z), np.arctan2(x, y), np.arctan2(z, flat)


def _ratio(decibel: Float32) -> npt.NDArray[np.float64]:
    return np.power(10.0, decibel.astype(np.float64) / 10.0)


def _clipped(values: npt.NDArray[np.floating], dtype: npt.DTypeLike) -> npt.NDArray[np.floating]:
    limits = np.iinfo(dtype)
    whole: npt.NDArray[np.floating] = np.rint(np.nan_to_num(values))
    return whole.clip(limits.min, limits.max)


def _quantise(out: npt.NDArray[np.void], field: str, values: npt.NDArray[np.floating]) -> None:
    out[field] = _clipped(values, out.dtype[field])
