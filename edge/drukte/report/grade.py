"""How far the numbers of a window can be trusted, in one word.

| at least, or at most          | good | fair |
|-------------------------------|------|------|
| part of the time seen         | 0.9  | 0.5  |
| confidence                    | 0.5  | 0.4  |
| residual                      | 0.05 | 0.15 |
| unexplained                   | 0.1  | 0.3  |
| agreement of two sensors      | 0.5  | 0.25 |
| saturated                     | 0.1  | 0.5  |
| frames for each second seen   |      | 0.5  |
| counted from                  | tracks |    |

`none` is said when nothing was seen, `poor` of all else. A sensor that is not running at the end of the window
(blurred, covered, dark, frozen, without frames), and a calibration that is suspect or missing, make a grade poor
whatever else holds. Unexplained is the part of all comings and goings that happened in the midst of the zone, the
residual what those that appeared there and those that vanished leave (see `Tally`); both are asked of windows in
which at least 20 people came or went, confidence of windows with people. Agreement is the share that both of two
sensors saw of the people whom both could see; saturated the part of the time in which a count is "at least". Where
there is nothing to ask, nothing speaks against the grade: an empty square that was watched all the time is good.

The limits are judgements: an error of 0.05 is more than people notice from day to day, one of 0.15 changes a decision.
"""

from typing import Final, Literal

from drukte.report.window import Tally

Grade = Literal["good", "fair", "poor", "none"]

SEEN: Final = (0.9, 0.5)
CONFIDENT: Final = (0.5, 0.4)
UNEXPLAINED: Final = (0.1, 0.3)
RESIDUAL: Final = (0.05, 0.15)
AGREED: Final = (0.5, 0.25)
SATURATED: Final = (0.1, 0.5)
"""Limits for good and for fair."""
FRAMES: Final = 0.5
"""Frames for each second seen, for fair."""
WORKS: Final = ("running", "validation")


def grade(t: Tally) -> Grade:
    """The grade of a window, see above."""
    if not t.observed:
        return "none"
    if t.state not in WORKS or t.calibration_name != "good":
        return "poor"
    good, fair = (_reaches(t, i) for i in (0, 1))
    if good and t.mode == "tracks":
        return "good"
    return "fair" if fair and t.frames >= FRAMES * t.observed else "poor"


def _reaches(t: Tally, i: int) -> bool:
    confidence, residual, unexplained, agreed = t.mean_confidence, t.residual, t.unexplained, t.share_agreed
    return (
        t.share_observed >= SEEN[i]
        and (confidence is None or confidence >= CONFIDENT[i])
        and (residual is None or abs(residual) <= RESIDUAL[i])
        and (unexplained is None or unexplained <= UNEXPLAINED[i])
        and (agreed is None or agreed >= AGREED[i])
        and t.share_saturated <= SATURATED[i]
    )
