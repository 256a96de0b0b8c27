"""Does a 95 % interval hold the true figure 95 times in a hundred? Simulated devices, hand counters and samples.

    make coverage        # or: python -m drukte_tools.validate.coverage --repetitions 1000

A simulated place has many blocks of ten minutes. Crowding differs between blocks and, less, within them; the device
misses people in proportion, sees people who are not there, and errs more in some blocks (rain, low sun). Its figures
over all blocks together are the truth that an interval from a few pictures must hold.
"""

from collections.abc import Callable
from dataclasses import dataclass

import click
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from drukte_tools.validate.judging.agreement import Agreement
from drukte_tools.validate.report.figures import count_figures
from drukte_tools.validate.report.intervals import Design, design

Floats = NDArray[np.float64]
Interval = Callable[[Floats, Floats, Design], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Place:
    """A simulated place and device.

    Attributes:
        people: mean number of people.
        between: standard deviation of the logarithm of crowding between blocks; within a block it is a third of it.
        miss: share of people that the device misses on average; each block has its own around it.
        ghosts: people per picture whom it sees and who are not there.
        each: pictures per block that a sample takes.
        pictures: pictures of a sample.
    """

    name: str
    people: float
    between: float
    miss: float
    ghosts: float
    each: int
    pictures: int


PLACES = (
    Place("quiet square, 60 pictures apart", 3, 0.6, 0.08, 0.1, 1, 60),
    Place("busy street, 150 pictures apart", 12, 0.5, 0.12, 0.3, 1, 150),
    Place("market, 200 pictures in 20 blocks", 25, 0.7, 0.15, 0.5, 10, 200),
    Place("busy street, 60 pictures in 12 blocks", 12, 0.5, 0.12, 0.3, 5, 60),
    Place("nearly perfect device, 60 pictures apart", 5, 0.5, 0.02, 0.02, 1, 60),
)
BLOCKS = 4000
PER_BLOCK = 12


@dataclass(frozen=True, slots=True)
class World:
    """Everything that happened: (blocks, per block) true and found people."""

    true: Floats
    found: Floats

    def figures(self) -> dict[str, float]:
        """The figures that a sample estimates."""
        error = self.found - self.true
        return {
            "mae": float(np.abs(error).mean()),
            "bias": float(error.mean()),
            "ratio": float(self.found.sum() / self.true.sum()),
        }


def world(place: Place, seed: int) -> World:
    """A long time at a place."""
    rng = np.random.default_rng(seed)
    shape = (BLOCKS, PER_BLOCK)
    crowding = rng.normal(0, place.between, (BLOCKS, 1)) + rng.normal(0, place.between / 3, shape)
    true = rng.poisson(place.people * np.exp(crowding - 0.5 * place.between**2))
    strength = 12.0
    seen = 1 - rng.beta(strength * place.miss, strength * (1 - place.miss), (BLOCKS, 1))
    ghosts = place.ghosts * rng.gamma(2.0, 0.5, (BLOCKS, 1))
    found = rng.binomial(true, np.broadcast_to(seen, shape)) + rng.poisson(np.broadcast_to(ghosts, shape))
    return World(true.astype(np.float64), found.astype(np.float64))


def sample(
    everything: World, place: Place, rng: np.random.Generator, human: float = 0.05
) -> tuple[Floats, Floats, Floats, float]:
    """Found, hand-counted and time (s) of each picture of a sample, and the hand count's allowance.

    Two counters each miss a person with probability `human`, and mark one who is not there in as many pictures. Marks
    of only one of them are looked at again, and judged wrongly with the same probability.
    """
    blocks = rng.choice(BLOCKS, place.pictures // place.each, replace=False)
    rows = np.repeat(blocks, place.each)
    columns = np.concatenate([rng.choice(PER_BLOCK, place.each, replace=False) for _ in blocks])
    true, found = everything.true[rows, columns], everything.found[rows, columns]
    people = true.astype(np.int64)
    by_both = rng.binomial(people, (1 - human) ** 2)
    by_one = rng.binomial(people - by_both, 2 * human * (1 - human) / (1 - (1 - human) ** 2) if human else 0)
    nobody = rng.binomial(2, human, len(people))
    counted = by_both + rng.binomial(by_one, 1 - human) + rng.binomial(nobody, human)
    agreed = Agreement(len(true), 0, 0, int(by_both.sum()), int(by_one.sum() + nobody.sum()), 0, (0, 0))
    return found, counted.astype(np.float64), rows * 600.0 + columns * 40.0, agreed.allowance


def percentile(y: Floats, x: Floats, plan: Design) -> tuple[float, float]:
    """The plain percentile bootstrap over blocks, for comparison."""
    rng = np.random.default_rng(plan.blocks)
    sums_y, sums_x = (np.bincount(plan.block, plan.weight * v, minlength=plan.blocks) for v in (y, x))
    draws = rng.multinomial(plan.blocks, np.full(plan.blocks, 1 / plan.blocks), size=1999)
    low, high = np.quantile(draws @ sums_y / (draws @ sums_x), [0.025, 0.975])
    return float(low), float(high)


def naive(y: Floats, x: Floats, plan: Design) -> tuple[float, float]:  # noqa: ARG001
    """Student's t as if every picture were independent, for comparison."""
    value = y.sum() / x.sum()
    error = np.sqrt(((y - value * x) ** 2).sum() / (len(y) - 1) / len(y)) / x.mean()
    reach = stats.t.ppf(0.975, len(y) - 1) * error
    return float(value - reach), float(value + reach)


def coverage(
    place: Place, repetitions: int, interval: Interval | None = None, seed: int = 1, human: float = 0.05
) -> dict[str, float]:
    """Share of repetitions whose interval holds the true MAE, bias and total ratio.

    Args:
        place: where and how much is sampled.
        repetitions: samples.
        interval: another kind of interval than that of reports (`figures.count_figures`), for comparison.
        seed: of the place and its samples.
        human: error rate of a counter.
    """
    everything = world(place, seed)
    truth = everything.figures()
    rng = np.random.default_rng([seed, 77])
    held = dict.fromkeys(truth, 0)
    for _ in range(repetitions):
        found, counted, times, allowance = sample(everything, place, rng, human)
        ends = _reported(found, counted, design(times), allowance) if interval is None else {}
        if interval is not None:
            error, ones, plan = found - counted, np.ones_like(found), design(times)
            ends = {
                "mae": interval(np.abs(error), ones, plan),
                "bias": interval(error, ones, plan),
                "ratio": interval(found, counted, plan),
            }
        for name, (low, high) in ends.items():
            held[name] += low <= truth[name] <= high
    return {name: count / repetitions for name, count in held.items()}


def _reported(found: Floats, counted: Floats, plan: Design, allowance: float) -> dict[str, tuple[float, float]]:
    """The intervals that a report gives."""
    told = count_figures(found, counted, plan, allowance)
    names = {"mae": "count_mae", "bias": "count_bias", "ratio": "total_ratio"}
    return {name: (told[long]["low"], told[long]["high"]) for name, long in names.items()}


@click.command()
@click.option("--repetitions", type=click.IntRange(20), default=1000, show_default=True)
@click.option(
    "--human", type=click.FloatRange(0, 0.3), default=0.05, show_default=True, help="Error rate of a counter."
)
@click.option("--compare", is_flag=True, help="Also the percentile bootstrap, and pictures taken as independent.")
def main(repetitions: int, human: float, compare: bool) -> None:
    """How often the 95 % interval holds the truth."""
    kinds: dict[str, Interval | None] = {"report": None}
    if compare:
        kinds |= {"percentile": percentile, "independent": naive}
    for place in PLACES:
        for name, interval in kinds.items():
            got = coverage(place, repetitions, interval, human=human)
            shown = "  ".join(f"{k} {100 * v:5.1f} %" for k, v in got.items())
            click.echo(f"{place.name:<45}{name:<12}{shown}")


if __name__ == "__main__":
    main()
