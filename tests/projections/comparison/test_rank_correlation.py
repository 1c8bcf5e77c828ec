"""Rank correlation by task, against scipy."""

from fractions import Fraction
from math import atanh, sqrt, tanh

import pytest

from projections.comparison.rank_correlation import TaskPair, rank_correlation
from projections.scipy_functions import scipy_stats

FIRST = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
SECOND = [2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5]


def pairs(first: list[int], second: list[int]) -> list[TaskPair]:
    """Each of a task of its own."""
    return [
        TaskPair(str(at), Fraction(one), Fraction(two)) for at, (one, two) in enumerate(zip(first, second, strict=True))
    ]


def test_it_is_spearmans_with_ties() -> None:
    """As scipy has it; the interval by the formula of Bonett and Wright."""
    found = rank_correlation(pairs(FIRST, SECOND))
    rho = float(scipy_stats().spearmanr(FIRST, SECOND).statistic)
    assert found.rho == pytest.approx(rho, abs=1e-12)
    assert found.interval is not None
    reach = 1.959963984540054 * sqrt((1 + rho**2 / 2) / 9)
    assert found.interval.low == pytest.approx(tanh(atanh(rho) - reach), abs=1e-9)
    assert found.interval.high == pytest.approx(tanh(atanh(rho) + reach), abs=1e-9)


def test_it_is_the_example_of_statpsych() -> None:
    """R's statpsych by Bonett: ci.spear of these gives 0.8699639, from 0.5840951 to 0.9638297."""
    first = [21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19]
    found = rank_correlation(pairs(first, [67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51]))
    assert found.rho == pytest.approx(0.8699639, abs=5e-8)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((0.5840951, 0.9638297), abs=5e-8)


def test_under_ten_tasks_there_is_no_interval() -> None:
    """Nor anything for two, which are always in some order."""
    assert rank_correlation(pairs(FIRST[:9], SECOND[:9])).interval is None
    assert rank_correlation(pairs(FIRST[:10], SECOND[:10])).interval is not None
    assert rank_correlation(pairs([1, 2, 3], [1, 3, 2])).rho == 0.5
    assert rank_correlation(pairs([1, 2], [1, 2])).rho is None


def test_a_figure_that_is_always_the_same_orders_nothing() -> None:
    """Its correlation is not 0: it is unknown."""
    assert rank_correlation(pairs([1] * 12, SECOND)).rho is None
    assert rank_correlation(pairs(FIRST, [1] * 12)).rho is None


def test_a_perfect_order_is_not_certain() -> None:
    """Twelve tasks in the same order: the interval reaches to 1 and not only there."""
    found = rank_correlation(pairs(list(range(12)), list(range(12))))
    assert found.rho == 1.0
    assert found.interval is not None
    assert found.interval.high == 1.0
    assert 0.9 < found.interval.low < 0.99
    turned = rank_correlation(pairs(list(range(12)), list(range(12, 0, -1))))
    assert turned.interval is not None
    assert (turned.interval.low, turned.interval.high) == (-1.0, -found.interval.low)


def test_a_task_counts_once() -> None:
    """Ten attempts of one task are one value, their mean."""
    once = [*pairs(FIRST, SECOND)[1:], TaskPair("0", Fraction(3), Fraction(2))]
    often = [*pairs(FIRST, SECOND)[1:], *(TaskPair("0", Fraction(3 + by), Fraction(2 - by)) for by in (-1, 0, 1))]
    assert rank_correlation(often) == rank_correlation(once)
    assert rank_correlation(often).tasks == 12
