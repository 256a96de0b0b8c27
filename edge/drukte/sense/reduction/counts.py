"""What one frame says about one zone: numbers only, no positions."""

from dataclasses import dataclass


@dataclass(slots=True)
class ZoneCounts:
    """One frame reduced to one zone.

    Attributes:
        people: walkers in the zone.
        riders: people on bicycles and the like.
        safe, low_risk, high_risk, undetermined: expected number of walkers per closeness level; adds up to `people`.
        pairs_low, pairs_high, pairs_party: expected number of pairs per level, and of both that walk together.
        groups: number of groups of 2, of 3 or 4, of 5 and more.
        crossings: walkers in and out over the first line, in and out over the second.
        rider_crossings: the same for riders.
        stays: stays that ended with this frame: under 1, 1 to 5, 5 to 15, over 15 minutes.
        speed_sum, speed_people: sum of walking speeds (m/s) and the number of people it is of.
        score_sum: sum of the detector's scores of the people in the zone.
        moves: people who came or went over the zone's edge, who appeared in the midst of it, who vanished there.
        held: people who are counted without fresh evidence in this frame.
        saturated: whether the sensor had more targets than it can report.
        judged: people where both of two sensors could see.
        agreed: those of them whom both saw.
    """

    people: int = 0
    riders: int = 0
    safe: float = 0.0
    low_risk: float = 0.0
    high_risk: float = 0.0
    undetermined: float = 0.0
    pairs_low: float = 0.0
    pairs_high: float = 0.0
    pairs_party: float = 0.0
    groups: tuple[int, int, int] = (0, 0, 0)
    crossings: tuple[int, int, int, int] = (0, 0, 0, 0)
    rider_crossings: tuple[int, int, int, int] = (0, 0, 0, 0)
    stays: tuple[int, int, int, int] = (0, 0, 0, 0)
    speed_sum: float = 0.0
    speed_people: int = 0
    score_sum: float = 0.0
    moves: tuple[int, int, int] = (0, 0, 0)
    held: int = 0
    saturated: bool = False
    judged: int = 0
    agreed: int = 0
