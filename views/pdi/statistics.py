"""Intervals and ranks of the figures of PDI, from scipy."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from projections.scipy_functions import scipy_stats

CONFIDENCE = 0.95
RESAMPLES = 2_000


class Interval(NamedTuple):
    """Where a figure lies with 95 % confidence."""

    low: float
    high: float


class Ranks(NamedTuple):
    """How well a figure tells two groups apart."""

    auc: float
    """The chance that one of the first group has the higher figure, ties counted half; 0.5 is none at all."""
    interval: Interval
    """Percentile bootstrap within each group. Of a handful of values it is too narrow."""
    p: float
    """Of the Mann-Whitney U test, two-sided."""


def of_share(part: int, whole: int) -> Interval:
    """Give the interval of a share, by Wilson's score.

    Args:
        part: How many did.
        whole: Of how many; 1 or more.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    low, high = scipy_stats().binomtest(part, whole).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(low), float(high))


def over_groups(groups: int, figure: Callable[[Sequence[int]], float], seed: int) -> Interval:
    """Give the interval of a figure by drawing whole groups again, for steps of one task are not independent.

    Args:
        groups: How many there are; with one there is no interval, and both ends are its figure.
        figure: Computes the figure from places of groups, some drawn often and some not at all.
        seed: What is drawn from.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    if groups < 2:
        return Interval(figure([0]), figure([0]))
    return _bootstrap((range(groups),), lambda drawn: figure(drawn.tolist()), seed, vectorized=False)


def ranks(higher: Sequence[float], lower: Sequence[float], seed: int) -> Ranks:
    """Say how well figures tell two groups apart, neither of them empty.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    test, pairs = scipy_stats().mannwhitneyu, len(higher) * len(lower)

    def auc(first: Any, second: Any, axis: int) -> Any:
        return test(first, second, method="asymptotic", axis=axis).statistic / pairs

    several = min(len(higher), len(lower)) > 1
    interval = _bootstrap((higher, lower), auc, seed, vectorized=True) if several else Interval(0.0, 1.0)
    found = test(higher, lower)
    return Ranks(float(found.statistic) / pairs, interval, float(found.pvalue))


def _bootstrap(
    data: tuple[Sequence[float], ...], figure: Callable[..., Any], seed: int, *, vectorized: bool
) -> Interval:
    found = scipy_stats().bootstrap(
        data,
        figure,
        n_resamples=RESAMPLES,
        vectorized=vectorized,
        paired=False,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=seed,
    )
    return Interval(float(found.confidence_interval.low), float(found.confidence_interval.high))
