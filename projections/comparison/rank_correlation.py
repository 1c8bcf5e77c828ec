"""How well one figure orders tasks as another does: Spearman's rank correlation, a task counting once; pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import atanh, sqrt, tanh
from statistics import NormalDist, correlation
from typing import NamedTuple

import msgspec

from projections.comparison.intervals import LEAST_UNITS, ScoreInterval, rounded
from projections.comparison.rows import mean_of


class TaskPair(NamedTuple):
    """Two figures of one task, such as a skill's PDI and its measured effect."""

    task: str
    first: Fraction
    second: Fraction


class RankCorrelation(msgspec.Struct, frozen=True):
    """Spearman's correlation over tasks."""

    tasks: int
    rho: float | None
    """In [-1, 1]. None: fewer than three tasks, or a figure that is the same for all of them."""
    interval: ScoreInterval | None
    """None: fewer than ten tasks, or no correlation."""


def rank_correlation(pairs: Iterable[TaskPair], alpha: Fraction = Fraction(1, 20)) -> RankCorrelation:
    """Correlate ranks of tasks.

    Several pairs of one task are averaged first, since they are not independent. The interval is that of Fisher's z
    with the standard error of Bonett and Wright (2000).

    Args:
        pairs: In any order.
        alpha: How often the interval may miss.
    """
    first, second = defaultdict[str, list[Fraction]](list), defaultdict[str, list[Fraction]](list)
    for pair in pairs:
        first[pair.task].append(pair.first)
        second[pair.task].append(pair.second)
    ranks = [_ranks([mean_of(own) for own in each.values()]) for each in (first, second)]
    tasks = len(first)
    if tasks < 3 or any(len(set(each)) == 1 for each in ranks):
        return RankCorrelation(tasks, None, None)
    rho = rounded(correlation(*ranks))
    return RankCorrelation(tasks, rho, _interval(rho, tasks, alpha) if tasks >= LEAST_UNITS else None)


def _interval(rho: float, tasks: int, alpha: Fraction) -> ScoreInterval:
    # Fisher's z of 1 is infinite: the nearest order, two neighbours swapped, stands in for it.
    near = 1 - 12 / (tasks**3 - tasks)
    within = min(near, max(-near, rho))
    reach = NormalDist().inv_cdf(float(1 - alpha / 2)) * sqrt((1 + within**2 / 2) / (tasks - 3))
    return ScoreInterval(
        min(rho, rounded(tanh(atanh(within) - reach))),
        max(rho, rounded(tanh(atanh(within) + reach))),
        alpha,
        f"Bonett and Wright over {tasks} tasks",
    )


def _ranks(values: Sequence[Fraction]) -> list[float]:
    """Rank from 1; equal values share the mean of their ranks."""
    order = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(order)))}
    last = {value: place for place, value in enumerate(order)}
    return [(first[value] + last[value]) / 2 + 1 for value in values]
