"""Counts with calibrated noise, within a budget for each zone and day.

What is protected is one person's presence in one window, or one crossing: each changes a count by at most one. It is
not a person's whole day. The sampler is OpenDP's discrete Laplace mechanism, which is exact in whole numbers.
"""

from collections.abc import Callable
from typing import Any, Final

DAY: Final = 86_400


class NoiseError(Exception):
    """The library that makes the noise is missing."""


def sampler(epsilon: float) -> Callable[[int], int]:
    """A function that adds discrete Laplace noise of scale 1/epsilon to a count.

    Raises:
        NoiseError: OpenDP is not installed.
    """
    try:
        import opendp.prelude as dp
    except ImportError:
        raise NoiseError("policy noise needs the package 'opendp': pip install 'drukte[noise]'") from None
    dp.enable_features("contrib")
    mechanism: Any = dp.m.make_laplace(dp.atom_domain(T=int), dp.absolute_distance(T=int), scale=1 / epsilon)
    return lambda value: int(mechanism(value))


class Budget:
    """What each zone may still spend today.

    Args:
        epsilon: spent by one number.
        daily: most that one zone may spend in a day (UTC).
        sample: adds the noise.
    """

    def __init__(self, epsilon: float, daily: float, sample: Callable[[int], int]) -> None:
        self._epsilon = epsilon
        self._daily = daily
        self._sample = sample
        self._day = 0
        self._spent: dict[int, float] = {}

    @property
    def memory(self) -> dict[str, Any]:
        """What must be remembered over a restart, as JSON values."""
        return {"day": self._day, "spent": {str(zone): spent for zone, spent in self._spent.items()}}

    def recall(self, memory: dict[str, Any]) -> None:
        """Take up what was remembered."""
        self._day = int(memory["day"])
        self._spent = {int(zone): float(spent) for zone, spent in memory["spent"].items()}

    def begin(self, moment: int) -> tuple[int, dict[int, float]] | None:
        """A window of this moment (s since 1970) is about to be told; the day never goes back.

        Returns:
            The day that is over by this, as its start in s since 1970, and what each zone spent in it; None if none is.
        """
        over = None
        if moment // DAY > self._day:
            if self._spent:
                over = self._day * DAY, self._spent
            self._day = moment // DAY
            self._spent = {}
        return over

    def spent(self, zone: int) -> float:
        """What a zone has spent today."""
        return self._spent.get(zone, 0.0)

    def release(self, zone: int, value: float) -> float | None:
        """A number with noise, never below 0; None when the zone has spent its budget."""
        if self.spent(zone) + self._epsilon > self._daily + 1e-9:
            return None
        self._spent[zone] = self.spent(zone) + self._epsilon
        return float(max(0, self._sample(int(value + 0.5))))
