"""How people are followed from frame to frame. The defaults suit a square, a street and a hall."""

from drukte.config.base import Section, quantity

MAX_MEMORY = 10.0
"""Longest time an unseen person is kept, s. A cap in code: a longer memory would be a memory of persons."""


class Tracking(Section):
    """Settings of the tracker, the zones and the lines, in seconds and metres."""

    memory: float = quantity(
        3.5,
        "s",
        "How long a person who is out of sight (behind a tree, behind others) stays the same person; hidden behind "
        "others they count on, elsewhere only if they are seen again within a second",
        ge=0.5,
        le=MAX_MEMORY,
    )
    zone_margin: float = quantity(
        0.15,
        "m",
        "How far over a zone's edge somebody must be before a stay begins or ends (presence is judged by the "
        "edge itself)",
        ge=0,
        le=1,
    )
    line_margin: float = quantity(
        0.3, "m", "How far over a counting line somebody must be before the crossing counts", ge=0.1, le=2
    )
    furniture: float = quantity(
        300.0,
        "s",
        "After how long something that the detector takes for a person and that does not move by a pixel is a sign or "
        "a statue and no longer counts; three times as long where the light never changes",
        ge=60,
        le=7200,
    )
