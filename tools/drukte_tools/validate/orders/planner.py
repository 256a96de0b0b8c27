"""How many pictures an interval of a wished width needs."""

import math
from typing import Final

from scipy import stats

Z: Final = float(stats.norm.ppf(0.975))


def design_effect(each: int, alike: float) -> float:
    """How many times more pictures are needed when `each` come from one block and correlate by `alike` (Kish 1965)."""
    return 1 + (each - 1) * alike


def pictures_for_ratio(half_width: float, spread: float, each: int = 1, alike: float = 0.0) -> int:
    """Pictures for a total ratio within +- half_width at 95 %.

    Args:
        half_width: as 0.05.
        spread: standard deviation of a picture's count error over the mean count; from a first sample's report.
        each: pictures per block.
        alike: correlation of errors within a block.
    """
    return math.ceil((Z * spread / half_width) ** 2 * design_effect(each, alike))


def wilson_half_width(share: float, n: float) -> float:
    """Half width of Wilson's 95 % interval of a share seen in n pictures."""
    return Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))


def pictures_for_share(half_width: float, share: float, each: int = 1, alike: float = 0.0) -> int:
    """Pictures for a share within +- half_width by Wilson's interval at 95 %."""
    n = 1
    while wilson_half_width(share, n) > half_width:
        n += 1
    return math.ceil(n * design_effect(each, alike))
