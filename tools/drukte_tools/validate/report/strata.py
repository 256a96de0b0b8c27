"""Kinds of moments for which figures are given apart: number of people, hour of the day, light."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from drukte.order import Plan
from drukte.sample.sun import light

PEOPLE: Final = ((0, "0"), (4, "1-4"), (14, "5-14"), (49, "15-49"), (10**9, "50 and more"))
"""Largest number of each class, and its name: the classes that orders plan by."""
ENOUGH: Final = 8
"""Hours are given one by one when each holds this many pictures on average, else three or six together."""


def by_people(true: NDArray[np.float64]) -> list[str]:
    """Class of the hand count of each picture."""
    return [next(name for most, name in PEOPLE if n <= most) for n in true]


def by_hour(taken: list[float], time_zone: str) -> list[str]:
    """Local hours in which each picture was taken, as `08-09`."""
    zone = ZoneInfo(time_zone)
    hours = [datetime.fromtimestamp(t, UTC).astimezone(zone).hour for t in taken]
    step = next((s for s in (1, 3) if len(hours) >= ENOUGH * len({h // s for h in hours})), 6)
    return [f"{h // step * step:02d}-{h // step * step + step:02d}" for h in hours]


def by_light(taken: list[float], plan: Plan) -> list[str] | None:
    """Day, twilight or night of each picture; None when the order does not say where on Earth the place is."""
    if plan.latitude is None or plan.longitude is None:
        return None
    return [light(datetime.fromtimestamp(t, UTC), plan.latitude, plan.longitude) for t in taken]
