"""Intervals and ranks, against figures from the literature and by hand."""

import subprocess
import sys

import pytest

from views.pdi.statistics import of_share, over_groups, ranks


@pytest.mark.slow
def test_the_interval_of_a_share_is_wilsons() -> None:
    """Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662, and 15 of 148 gives 0.0624 to 0.1605."""
    assert of_share(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert of_share(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_none_of_some_is_not_known_to_be_never() -> None:
    """Of four steps none triggered: up to half of all such steps may."""
    low, high = of_share(0, 4)
    assert low == 0.0
    assert 0.4 < high < 0.6


def test_groups_are_drawn_whole() -> None:
    """If all groups say the same there is no doubt; if they differ, the interval spans them."""
    assert over_groups(5, lambda _: 0.3, 0) == (0.3, 0.3)
    means = [0.0, 0.0, 1.0, 1.0]
    low, high = over_groups(4, lambda drawn: sum(means[each] for each in drawn) / len(drawn), 0)
    assert (low, high) == (0.0, 1.0)
    assert over_groups(1, lambda drawn: float(len(drawn)), 0) == (1.0, 1.0)


def test_ranks_tell_groups_apart_or_not() -> None:
    """By hand: of six pairs five and a half are won."""
    assert ranks([3.0, 4.0], [1.0, 2.0], 0).auc == 1.0
    assert ranks([1.0, 2.0], [3.0, 4.0], 0).interval == (0.0, 0.0)
    found = ranks([2.0, 4.0, 5.0], [1.0, 2.0], 0)
    assert found.auc == pytest.approx(5.5 / 6)
    assert found.interval.low <= found.auc <= found.interval.high
    assert 0.0 < found.p < 1.0


def test_one_value_leaves_everything_open() -> None:
    """A single success can be drawn again only as itself; that is no interval."""
    assert ranks([1.0, 2.0], [3.0], 0).interval == (0.0, 1.0)


def test_the_same_seed_gives_the_same_interval() -> None:
    """Published figures rest on it."""
    values = [0.1301, 0.5507, 0.9011, 0.3119, 0.7741, 0.2203, 0.6689]

    def mean(drawn: object) -> float:
        assert isinstance(drawn, list)
        return float(sum(values[each] for each in drawn) / len(drawn))

    assert over_groups(7, mean, 3) == over_groups(7, mean, 3)
    assert over_groups(7, mean, 3) != over_groups(7, mean, 4)


def test_without_scipy_it_says_what_to_install() -> None:
    """In a process of its own, where nothing called scipy can be loaded."""
    script = """
import sys
sys.modules["scipy"] = sys.modules["scipy.stats"] = None
from projections.scipy_functions import StatisticsAbsent
from views.pdi.statistics import of_share
try:
    of_share(1, 2)
except StatisticsAbsent as error:
    print(error.problem, "/", error.remedy)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "intervals need scipy, which is not installed / run `pip install scipy`\n"
