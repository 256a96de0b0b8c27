"""How each disclosure policy treats one number."""

from dataclasses import dataclass, replace
from typing import Final

from drukte.config.report import Disclosure
from drukte.report.formats.native import Protection

SMALLEST: Final = 5
"""Fewest people, crossings, pairs or groups that are shown. A floor in code."""
STEP: Final = 5
"""Crossings, and people where zones overlap, are rounded to multiples of this. A floor in code."""
SHARE_STEPS: Final = (0.1, 0.2, 0.25)
"""Shares are rounded to multiples of one of these."""
SHARES_FROM: Final = 10
"""Fewest people of whom shares are shown: of fewer, even the silence about a share would tell how they stand."""
_PERSONS_PER_CLASS: Final = 2.5
"""A rounded share must stand for this many people, so that it cannot be turned back into a number of persons."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one policy treats numbers."""

    protection: Protection
    zero_is_shown: bool

    @property
    def exact(self) -> bool:
        """Whether nothing is hidden."""
        return self.protection.policy == "none"

    def count(self, value: float) -> float:
        """A count as it may be shown; halves go to the even multiple, so that sums are not biased."""
        step = self.protection.rounded_to
        if step == 0:
            return round(value, 1)
        shown = step * round(value / step)
        return float(SMALLEST if 0 < shown < SMALLEST and value >= SMALLEST - 0.5 else shown)

    def range_of(self, shown: float | None) -> tuple[float, float]:
        """Fewest and most that a count can be of which this is shown; None: it is hidden as a small one."""
        if shown is None:
            return (1.0 if self.zero_is_shown else 0.0), SMALLEST - 1.0
        half = self.protection.rounded_to // 2
        return (max(shown - half, float(SMALLEST)), shown + half) if half and shown else (shown, shown)

    def share(self, value: float | None) -> float | None:
        """A share as it may be shown."""
        step = self.protection.shares_rounded_to
        return None if value is None else round(step * _half_up(value / step), 4)

    def hidden(self, *values: float) -> bool:
        """Whether numbers that belong together have a small one among them."""
        return not self.exact and any(
            value < SMALLEST - 0.5 and (value > 0 or not self.zero_is_shown) for value in values
        )

    def coarser(self) -> "Rule":
        """The rule for zones that share ground: counts in steps, so that differences tell little."""
        return self if self.exact else replace(self, protection=self._with(rounded_to=STEP))

    def for_shares_of(self, people: float) -> "Rule":
        """The rule for shares of so many people as are shown: the fewer, the coarser."""
        if self.exact:
            return self
        fits = [step for step in SHARE_STEPS if step * people >= _PERSONS_PER_CLASS]
        return replace(self, protection=self._with(shares_rounded_to=min(fits, default=SHARE_STEPS[-1])))

    def _with(self, **changes: float) -> Protection:
        return self.protection.model_copy(update=changes)


def _half_up(value: float) -> int:
    return int(value + 0.5)


def rule_for(disclosure: Disclosure) -> Rule:
    """The rule of a site's policy."""
    hiding = {"hidden_under": SMALLEST, "crossings_rounded_to": STEP, "shares_rounded_to": 0.1, "noise": None}
    match disclosure.policy:
        case "none":
            exact = Protection(
                policy="none", hidden_under=0, rounded_to=0, crossings_rounded_to=1, shares_rounded_to=0.01, noise=None
            )
            return Rule(exact, zero_is_shown=True)
        case "operational":
            return Rule(Protection(policy="operational", rounded_to=1, **hiding), zero_is_shown=True)
        case "open":
            return Rule(Protection(policy="open", rounded_to=STEP, **hiding), zero_is_shown=False)
        case "noise":
            scale = round(1 / disclosure.epsilon, 4)
            noisy = hiding | {"hidden_under": 0, "crossings_rounded_to": 1, "noise": scale}
            return Rule(Protection(policy="noise", rounded_to=1, **noisy), zero_is_shown=False)
