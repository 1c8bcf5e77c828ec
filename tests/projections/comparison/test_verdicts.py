"""Each verdict at its edges: one step further, and it is another."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from projections.comparison.intervals import ScoreInterval
from projections.comparison.verdicts import ComparisonFacts, PairVerdict, decide

GOOD = ComparisonFacts(
    waiting=0,
    coverage=Fraction(1),
    floor=Fraction(4, 5),
    constant=None,
    items=20,
    units=20,
    interval=ScoreInterval(0.01, 0.3, Fraction(1, 20), "t"),
    p=0.05,
    alpha=Fraction(1, 20),
    effect=Fraction(1, 10),
)


def ruled(**other: Any) -> PairVerdict:
    """The verdict when some facts are others."""
    return decide(msgspec.structs.replace(GOOD, **other))


def interval(low: float, high: float) -> ScoreInterval:
    """Of the difference."""
    return ScoreInterval(low, high, Fraction(1, 20), "t")


def test_helps_and_hurts_need_interval_and_p() -> None:
    """At alpha it counts, above no more; with the interval on 0 it does not."""
    assert ruled().kind == "helps"
    assert ruled(p=0.0501).kind == "too few runs"
    assert ruled(interval=interval(0.0, 0.3)).kind == "too few runs"
    assert ruled(interval=interval(-0.3, -0.01)).kind == "hurts"
    assert ruled(interval=interval(-0.3, -0.01), p=0.0501).kind == "too few runs"
    assert ruled(interval=interval(-0.3, 0.0)).kind == "too few runs"
    assert ruled(p=0.0123).reason == "the interval lies above 0, p 0.012"


def test_no_effect_is_shown_only_by_excluding_what_matters() -> None:
    """An interval that holds 0 and also the effect that matters has shown nothing."""
    assert ruled(interval=interval(-0.09, 0.09), p=1.0).kind == "no effect shown"
    assert ruled(interval=interval(-0.1, 0.09), p=1.0).kind == "too few runs"
    assert ruled(interval=interval(-0.09, 0.1), p=1.0).kind == "too few runs"
    assert ruled(interval=interval(-0.09, 0.1), p=1.0, effect=Fraction(3, 20)).kind == "no effect shown"
    assert ruled(interval=interval(0.01, 0.09), p=0.2).kind == "no effect shown"
    assert ruled(interval=interval(-0.2, 0.2), p=1.0).reason == "an effect of 10 % is neither shown nor excluded"


def test_an_interval_on_one_side_of_0_that_shows_nothing_says_which_p_is_in_the_way() -> None:
    """Holm's rule adjusts p and not the interval: the reason names it, wherever the interval does not hold 0."""
    above = ruled(interval=interval(0.099, 0.901), p=0.092, comparisons=4)
    assert above == PairVerdict(
        "too few runs",
        "the interval lies above 0, but p adjusted over 4 comparisons is 0.092, above 0.05; "
        "an effect of 10 % is neither shown nor excluded",
    )
    below = ruled(interval=interval(-0.09, -0.01), p=0.2, comparisons=2)
    assert below == PairVerdict(
        "no effect shown",
        "the interval lies below 0, but p adjusted over 2 comparisons is 0.2, above 0.05; "
        "the interval excludes effects of 10 % and more",
    )
    assert ruled(interval=interval(0.01, 0.3), p=0.06).reason.startswith("the interval lies above 0, but p is 0.06, ")
    for low, high in ((0.0, 0.3), (-0.3, 0.0)):
        assert ruled(interval=interval(low, high), p=0.06, comparisons=4).reason.startswith("an effect of 10 %")


def test_coverage_under_the_floor_decides_nothing() -> None:
    """At the floor it does; and what is not covered is said before anything else."""
    assert ruled(coverage=Fraction(4, 5)).kind == "helps"
    under = ruled(coverage=Fraction(799, 1000), constant=Fraction(0), units=2)
    assert under == PairVerdict("indecisive", "79.9 % of what was planned has a score; 80 % needed")


def test_a_plan_that_has_not_ended_decides_nothing() -> None:
    """One run that waits could be the one that fails."""
    assert ruled(waiting=1) == PairVerdict("indecisive", "1 planned runs have not ended")


def test_a_constant_score_is_no_information() -> None:
    """Whether of few items or of many; all solved as well as none."""
    assert ruled(constant=Fraction(0)) == PairVerdict("no information", "every run of both arms scores 0")
    assert ruled(constant=Fraction(1), units=3).kind == "no information"


@pytest.mark.parametrize(("units", "items", "kind"), [
    (10, 10, "helps"), (9, 9, "too few runs"), (9, 10, "too few families"), (10, 200, "helps"),
    (6, 200, "too few families"),
])  # fmt: skip
def test_fewer_than_ten_units_carry_no_inference(units: int, items: int, kind: str) -> None:
    """Items that share families are not made independent by being many."""
    assert ruled(units=units, items=items).kind == kind
