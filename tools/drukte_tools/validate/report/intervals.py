"""95 % intervals for figures of pictures that were taken in blocks of time.

Pictures of the same ten minutes show much the same people, so they tell less than as many pictures of different
hours. All intervals therefore treat the block, not the picture, as the unit that was drawn by chance.

Means and ratios are of the form sum(w y) / sum(w x). Their standard error is the linearised one of cluster samples
(Cochran 1977, *Sampling Techniques*, ch. 6 and 9A). Their interval is the bootstrap-t over blocks, blocks being drawn
within their stratum (Efron and Tibshirani 1993, *An Introduction to the Bootstrap*, ch. 12), or Student's t at the end
where that one reaches further: crowding is so skewed that each alone covers the truth too seldom. The plain percentile
interval is not used: with 20 blocks it does so in four samples of five, see `coverage.py`, which measures all.
Shares use the interval of Wilson (1927) at the effective number of pictures (Kish 1965: n over the design effect).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

LEVEL = 0.95
REPLICATES = 1999
FEW_BLOCKS = 8
"""With fewer blocks the bootstrap has too little to draw from; Student's t with blocks - strata degrees of freedom
takes its place."""
_WIDEST = 8.0
"""Bound on a bootstrap quantile in standard errors; beyond it a replicate says only that it held too few blocks."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval; None where the pictures do not tell.

    Attributes:
        value: the estimate.
        low, high: ends of the interval.
        pictures, blocks: how many it rests on.
    """

    value: float | None
    low: float | None
    high: float | None
    pictures: int
    blocks: int

    def widened(self, low: float, high: float) -> "Estimate":
        """With the ends moved out, as by what the hand counters may have erred together."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=self.low - low, high=self.high + high)

    def not_below(self, least: float) -> "Estimate":
        """With a lower end that is at least this, as 0 for what cannot be negative."""
        return self if self.low is None else replace(self, low=max(least, self.low))

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "pictures": self.pictures,
            "blocks": self.blocks,
        }


@dataclass(frozen=True)
class Design:
    """How the pictures were drawn.

    Attributes:
        block: (n,) number of the block of each picture, 0 and up. A block lies in one stratum.
        stratum: (blocks,) number of the stratum of each block.
        weight: (n,) share of the whole time that each picture stands for; adds up to 1.
    """

    block: Ints
    stratum: Ints
    weight: Floats

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.stratum)

    @cached_property
    def groups(self) -> list[Ints]:
        """Blocks by stratum; strata of one block, whose spread nobody can tell, are put together."""
        groups = [np.flatnonzero(self.stratum == s) for s in np.unique(self.stratum)]
        single = [g for g in groups if len(g) == 1]
        rest = [g for g in groups if len(g) > 1]
        if len(single) == 1 and rest:
            rest[0] = np.concatenate([rest[0], single[0]])
        elif single:
            rest.append(np.concatenate(single))
        return rest

    @cached_property
    def draws(self) -> Floats:
        """(replicates, blocks) how often each block is in each replicate of the bootstrap. The same for the same
        design, so that the same pictures always give the same interval."""
        rng = np.random.default_rng(self.blocks)
        draws = np.zeros((REPLICATES, self.blocks))
        for group in self.groups:
            size = len(group)
            draws[:, group] = rng.multinomial(size, np.full(size, 1 / size), size=REPLICATES)
        return draws

    def only(self, which: NDArray[np.bool_]) -> "Design":
        """The design of some of the pictures."""
        kept, block = np.unique(self.block[which], return_inverse=True)
        weight = self.weight[which]
        total = weight.sum()
        return Design(block.astype(np.intp), self.stratum[kept], weight / total if total else weight)


def design(
    times: Sequence[float] | Floats,
    strata: Sequence[Hashable] | None = None,
    shares: Mapping[str, float] | None = None,
    block: float = 600.0,
) -> Design:
    """The design of pictures taken at `times`, s.

    Args:
        times: when each picture was taken.
        strata: the stratum each was drawn in; one stratum when left out.
        shares: share of the whole time that each stratum covers; needed to weigh strata of unequal sampling. Strata
            that gave no picture do not count.
        block: length of a block, s.
    """
    names = list(strata) if strata is not None else ["all"] * len(times)
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    stratum = np.array([order[name] for name in names], np.intp)
    slot = np.floor(np.asarray(times, np.float64) / block).astype(np.int64)
    pairs = np.stack([stratum, slot], axis=1) if len(names) else np.empty((0, 2), np.int64)
    kept, numbers = np.unique(pairs, axis=0, return_inverse=True)
    in_stratum = np.bincount(stratum, minlength=len(order))
    share = np.array([shares.get(str(n), 0.0) if shares else in_stratum[i] for n, i in order.items()], np.float64)
    share = share / share.sum() if share.sum() else share
    weight = share[stratum] / in_stratum[stratum]
    return Design(numbers.reshape(-1).astype(np.intp), kept[:, 0].astype(np.intp), weight)


def ratio(y: Floats, x: Floats, plan: Design, *, positive: bool = False) -> Estimate:
    """sum(w y) / sum(w x) with its interval.

    Args:
        y, x: (n,) numerator and denominator of each picture.
        plan: how the pictures were drawn.
        positive: the figure cannot be negative: the bootstrap works on the scale of its square root, where small
            samples are less skewed, and the interval ends at 0.
    """
    n, blocks = len(y), plan.blocks
    sums_y = np.bincount(plan.block, plan.weight * y, minlength=blocks).astype(np.float64)
    sums_x = np.bincount(plan.block, plan.weight * x, minlength=blocks).astype(np.float64)
    whole = float(sums_x.sum())
    if n == 0 or whole == 0:
        return Estimate(None, None, None, n, blocks)
    value = float(sums_y.sum()) / whole
    free = blocks - len(plan.groups)
    if free < 1:
        return Estimate(value, None, None, n, blocks)
    ones = np.ones((1, blocks))
    error = float(_error(ones, np.array([value]), np.array([whole]), sums_y, sums_x, plan.groups)[0])
    if error <= 1e-12 * max(1.0, abs(value)):
        return _all_alike(value, x, n, blocks, positive)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, free)) * error
    low, high = value - reach, value + reach
    if blocks >= FEW_BLOCKS:
        less, more = _bootstrap_t(value, error, sums_y, sums_x, plan, _Root if positive else _Plain)
        low, high = min(low, less), max(high, more)
    return Estimate(value, max(0.0, low) if positive else low, high, n, blocks)


def _bootstrap_t(
    value: float, error: float, y: Floats, x: Floats, plan: Design, scale: "type[_Plain | _Root]"
) -> tuple[float, float]:
    wholes = plan.draws @ x
    good = wholes > 0
    draws, wholes = plan.draws[good], wholes[good]
    values = draws @ y / wholes
    errors = _error(draws, values, wholes, y, x, plan.groups)
    here = np.array(value)
    away = scale.to(values) - scale.to(here)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = away / (errors * scale.slope(values))
    t = np.clip(np.where(np.isnan(t), 0.0, t), -_WIDEST, _WIDEST)
    low, high = (float(q) for q in np.quantile(t, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    step = error * scale.slope(here)
    return float(scale.back(scale.to(here) - high * step)), float(scale.back(scale.to(here) - low * step))


def mean(y: Floats, plan: Design, *, positive: bool = False) -> Estimate:
    """Weighted mean with its interval; see `ratio`."""
    return ratio(y, np.ones_like(y), plan, positive=positive)


def share(yes: NDArray[np.bool_], plan: Design) -> Estimate:
    """Share of pictures of which something is true, with Wilson's interval at the effective number of pictures."""
    n = len(yes)
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    value = float((plan.weight * yes).sum())
    size = effective_size(yes.astype(np.float64), plan)
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    middle = (value + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(value * (1 - value) / size + z * z / (4 * size * size))
    low, high = max(0.0, middle - float(half)), min(1.0, middle + float(half))
    return Estimate(value, min(low, value), max(high, value), n, plan.blocks)


def effective_size(y: Floats, plan: Design) -> float:
    """Number of independent pictures that would tell as much: n over the design effect, at least the blocks and at
    most n.

    Weights count by Kish's formula; likeness within blocks by the variance of the mean.
    """
    n = len(y)
    by_weight = 1 / float((plan.weight**2).sum())
    value = float((plan.weight * y).sum())
    spread = float((plan.weight * (y - value) ** 2).sum())
    if spread == 0 or plan.blocks - len(plan.groups) < 1:
        return min(by_weight, float(plan.blocks))
    sums_y = np.bincount(plan.block, plan.weight * y, minlength=plan.blocks).astype(np.float64)
    sums_x = np.bincount(plan.block, plan.weight, minlength=plan.blocks).astype(np.float64)
    error = float(_error(np.ones((1, plan.blocks)), np.array([value]), np.ones(1), sums_y, sums_x, plan.groups)[0])
    if error == 0:
        return min(by_weight, float(n))
    return min(by_weight, float(n), max(spread / error**2, min(float(plan.blocks), by_weight)))


class _Plain:
    """The figure's own scale."""

    @staticmethod
    def to(v: Floats) -> Floats:
        return v

    @staticmethod
    def back(v: Floats) -> Floats:
        return v

    @staticmethod
    def slope(v: Floats) -> Floats:
        return np.ones_like(v)


class _Root:
    """The scale of the square root."""

    @staticmethod
    def to(v: Floats) -> Floats:
        return np.asarray(np.sqrt(np.maximum(v, 0)))

    @staticmethod
    def back(v: Floats) -> Floats:
        return np.asarray(np.maximum(v, 0) ** 2)

    @staticmethod
    def slope(v: Floats) -> Floats:
        return np.asarray(0.5 / np.sqrt(np.maximum(v, 1e-12)))


def _error(draws: Floats, values: Floats, wholes: Floats, y: Floats, x: Floats, groups: list[Ints]) -> Floats:
    """Linearised standard error of each replicate's ratio."""
    variance = np.zeros(len(draws))
    for g in groups:
        c, size = draws[:, g], len(g)
        yy, xy, xx = c @ (y[g] * y[g]), c @ (x[g] * y[g]), c @ (x[g] * x[g])
        squares = yy - 2 * values * xy + values**2 * xx
        sums = c @ y[g] - values * (c @ x[g])
        variance += size / max(size - 1, 1) * (squares - sums**2 / size)
    return np.asarray(np.sqrt(np.maximum(variance, 0)) / wholes)


def _all_alike(value: float, x: Floats, n: int, blocks: int, positive: bool) -> Estimate:
    """No spread at all, as when every count was right: what chance could have hidden.

    One more block could have been off by one: the exact binomial bound on the share of such blocks (Clopper and
    Pearson 1934), times one person a picture.
    """
    hidden = 1 - (1 - LEVEL) ** (1 / blocks)
    reach = hidden / max(float(np.abs(x).mean()), 1e-12)
    return Estimate(value, max(0.0, value - reach) if positive else value - reach, value + reach, n, blocks)
