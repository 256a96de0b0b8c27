"""What each radar module can and cannot do, as far as a site's files and messages tell it too."""

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one kind of radar module.

    Attributes:
        period: seconds between two frames as delivered.
        capacity: people at which a count becomes "at least this many".
        azimuth_resolution: two people at the same range and speed merge when closer than this angle, rad.
        azimuth_error: of a single person's direction, rad, two who were taken for one included.
        max_range: metres to which people are seen.
        half_view: half the horizontal field of view, rad.
    """

    period: float
    capacity: int
    azimuth_resolution: float
    azimuth_error: float
    max_range: float
    half_view: float


# Capacity: the LD2450's report has three slots; TI states 5 to 7 people for its people-counting firmware.
# Azimuth resolution: 2/N rad for a row of N half-wavelength elements at boresight (8 on the ISK: 15 degrees as TI
# states; 4 on the AOP and ODS: 29 degrees; 6 on the IWRL6432: 19 degrees); a 24 GHz module with one transmitter and
# two receivers compares phases and cannot part two people in one range gate at all, which the half view stands for.
LIMITS: Final[dict[str, Limits]] = {
    "iwr6843isk": Limits(0.055, 7, math.radians(15.0), math.radians(2.5), 14.0, math.radians(60.0)),
    "iwr6843aop": Limits(0.055, 7, math.radians(29.0), math.radians(5.0), 9.0, math.radians(60.0)),
    "iwrl6432": Limits(0.1, 3, math.radians(19.0), math.radians(3.0), 7.5, math.radians(70.0)),
    "ld2450": Limits(0.088, 3, math.radians(60.0), math.radians(8.0), 6.0, math.radians(60.0)),
    "rd03d": Limits(0.1, 3, math.radians(60.0), math.radians(8.0), 6.0, math.radians(60.0)),
}
