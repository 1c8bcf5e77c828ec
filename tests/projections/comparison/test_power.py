"""What a plan can see. That the power is what it says is shown by ``benchmarks.comparison_study``."""

from fractions import Fraction

import msgspec
import pytest

from projections.comparison.power import PowerPlan, RunNoise, power_of, smallest_visible

PLAN = PowerPlan(items=200, units=200, repeats=1)


def visible(**other: object) -> float:
    """The smallest effect under a changed plan."""
    found = smallest_visible(msgspec.structs.replace(PLAN, **other))
    assert found is not None
    return found


def test_the_smallest_effect_is_where_power_reaches_four_fifths() -> None:
    """And a little under it, it does not."""
    least = visible()
    assert power_of(least, PLAN) == pytest.approx(0.8, abs=1e-6)
    assert power_of(least - 0.01, PLAN) < 0.8


def test_it_is_near_the_normal_formula() -> None:
    """By the normal formula 183 items show 10 points to a one-sided test at 5 %; ours is two-sided at 3 %."""
    assert 0.10 < visible(items=183, units=183) < 0.125


def test_more_of_anything_but_noise_shows_smaller_effects() -> None:
    """Each part of the plan counts."""
    usual = visible()
    assert visible(items=400, units=400) < usual
    assert visible(repeats=3) < usual
    assert visible(noise=RunNoise(agent=Fraction(1, 16))) < usual
    flaky = visible(noise=RunNoise(flake=Fraction(1, 20)))
    assert usual < visible(noise=RunNoise(flake=Fraction(1, 20), verifications=4)) < flaky
    assert visible(units=12) > usual
    assert visible(units=12, between=Fraction(3, 20)) > visible(units=12)
    assert visible(arms=3) > usual
    assert visible(alpha=Fraction(1, 10)) < usual
    assert visible(look=2) > usual


def test_what_cannot_be_seen_is_said() -> None:
    """Nine units see nothing at all; and no effect exceeds what the baseline leaves."""
    assert power_of(0.4, msgspec.structs.replace(PLAN, items=9, units=9)) == 0.0
    assert smallest_visible(msgspec.structs.replace(PLAN, units=9)) is None
    assert power_of(0.4, msgspec.structs.replace(PLAN, items=10, units=10)) > 0.0
    assert smallest_visible(msgspec.structs.replace(PLAN, items=12, units=12, mean=Fraction(95, 100))) is None
