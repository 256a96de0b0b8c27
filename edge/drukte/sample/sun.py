"""Height of the sun, to tell day from twilight and night."""

import math
from datetime import datetime
from typing import Final

TWILIGHT: Final = -6.0
"""End of civil twilight, degrees."""


def elevation(when: datetime, latitude: float, longitude: float) -> float:
    """Height of the sun's centre above the horizon, degrees, without refraction; right within half a degree.

    After the "General Solar Position Calculations" of NOAA's Global Monitoring Division (Fourier series of Spencer
    1971). `when` must know its time zone; latitude and longitude are WGS 84 degrees, east positive.
    """
    utc = when.utctimetuple()
    hours = utc.tm_hour + utc.tm_min / 60 + utc.tm_sec / 3600
    year = 2 * math.pi / 365 * (utc.tm_yday - 1 + (hours - 12) / 24)
    equation = 229.18 * (
        0.000075
        + 0.001868 * math.cos(year)
        - 0.032077 * math.sin(year)
        - 0.014615 * math.cos(2 * year)
        - 0.040849 * math.sin(2 * year)
    )
    declination = (
        0.006918
        - 0.399912 * math.cos(year)
        + 0.070257 * math.sin(year)
        - 0.006758 * math.cos(2 * year)
        + 0.000907 * math.sin(2 * year)
        - 0.002697 * math.cos(3 * year)
        + 0.00148 * math.sin(3 * year)
    )
    angle = math.radians((hours * 60 + equation + 4 * longitude) / 4 - 180)
    phi = math.radians(latitude)
    sine = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def light(when: datetime, latitude: float, longitude: float) -> str:
    """`day`, `twilight` or `night`."""
    height = elevation(when, latitude, longitude)
    return "day" if height > 0 else "twilight" if height > TWILIGHT else "night"
