"""Intervals over units, against formulas by hand and known tables."""

from fractions import Fraction
from math import sqrt

import pytest

from projections.comparison.intervals import ItemValue, estimate, holm, rounded, sequential, share_of_look
from projections.scipy_functions import scipy_stats, shifted_student_tail, student_quantile, student_tail

ALPHA = Fraction(1, 20)


def alone(values: list[int]) -> list[ItemValue]:
    """Items that are their own units."""
    return [ItemValue(str(place), Fraction(value)) for place, value in enumerate(values)]


def test_quantiles_are_those_of_the_tables() -> None:
    """Fisher and Yates, table III: 10 degrees of freedom, 5 % and 1 % two-sided; 2.2281 and 3.1693."""
    assert student_quantile(10, 0.975) == pytest.approx(2.2281, abs=5e-5)
    assert student_quantile(10, 0.995) == pytest.approx(3.1693, abs=5e-5)
    assert student_tail(10, 2.2281) == pytest.approx(0.975, abs=1e-5)
    assert shifted_student_tail(10, 0, 2.2281) == pytest.approx(0.975, abs=1e-5)


def test_one_run_an_item_is_the_adjusted_interval_of_bonett_and_price() -> None:
    """Of 30 items 8 won and 2 lost: centre (9 - 3)/32, variance by their formula 4, times n/(n - 1) as t asks."""
    found = estimate(alone([1] * 8 + [-1] * 2 + [0] * 20), (-1, 1))
    assert found is not None
    won, lost = Fraction(9, 32), Fraction(3, 32)
    assert found.mean == Fraction(6, 30)
    assert found.centre == won - lost
    assert found.variance == (won + lost - (won - lost) ** 2) / 32 * Fraction(30, 29)
    assert (found.freedom, found.units) == (Fraction(29), 30)
    interval = found.interval(ALPHA)
    reach = 2.045229642132703 * sqrt(found.variance)  # t, 29 degrees of freedom
    assert (interval.low, interval.high) == pytest.approx((0.1875 - reach, 0.1875 + reach), abs=1e-9)
    assert interval.method == "t over 30 units with two pseudo-items"


def test_it_is_the_example_of_statpsych() -> None:
    """R's statpsych by Bonett: ci.prop.ps of 12, 26, 4 and 6 gives 0.44 with a standard error of 0.09448809."""
    found = estimate(alone([1] * 26 + [-1] * 4 + [0] * 18), (-1, 1))
    assert found is not None
    assert float(found.centre) == pytest.approx(0.44)
    assert sqrt(found.variance * Fraction(47, 48)) == pytest.approx(0.09448809, abs=5e-9)


def test_the_plain_interval_is_the_one_of_textbooks() -> None:
    """As scipy's paired t test has it, of items that are their own units; families of one size by their means."""
    values = [1] * 8 + [-1] * 2 + [0] * 20
    found = estimate(alone(values), (-1, 1))
    assert found is not None
    theirs = scipy_stats().ttest_1samp(values, 0).confidence_interval(0.95)
    plain = found.plain(ALPHA)
    assert (plain.low, plain.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert plain.method == "t over 30 units"
    twice = estimate([ItemValue(str(at), Fraction(value)) for at, value in enumerate(values) for _ in "ab"], (-1, 1))
    assert twice is not None
    assert twice.plain(ALPHA) == plain


def test_items_of_a_family_count_together() -> None:
    """By hand: ten families of 2, in each both items say the same. As many items of their own are surer by sqrt(2)."""
    values = [1, 1, 1, 0, 0, 0, 0, -1, 0, 0]
    families = estimate([ItemValue(str(at), Fraction(value)) for at, value in enumerate(values) for _ in "ab"], (-1, 1))
    assert families is not None
    centre = Fraction(4, 22)
    squares = sum(((2 * (value - centre)) ** 2 for value in values), Fraction(0))
    assert families.centre == centre
    assert families.variance == Fraction(10, 9) * (squares + (1 - centre) ** 2 + (1 + centre) ** 2) / 22**2
    assert families.freedom == 9
    items = estimate(alone([value for value in values for _ in "ab"]), (-1, 1))
    assert items is not None
    assert 1.3 < sqrt(families.variance / items.variance) < 1.42


def test_unequal_families_are_fewer_than_they_are() -> None:
    """Kish: 4 items in one family and 9 alone are 13^2 / 25 = 6.76 families of one size."""
    sizes = [4] + [1] * 9
    values = [ItemValue(str(unit), Fraction(0)) for unit, size in enumerate(sizes) for _ in range(size)]
    found = estimate(values, (-1, 1))
    assert found is not None
    assert found.freedom == Fraction(169, 25) - 1


def test_one_family_that_holds_nearly_all_tells_nothing() -> None:
    """Ten units in name: the interval is the whole range, not an error and not a number that is none."""
    values = [ItemValue("big", Fraction(1))] * 5000 + [ItemValue(str(unit), Fraction(1)) for unit in range(9)]
    found = estimate(values, (-1, 1))
    assert found is not None
    interval = found.interval(ALPHA)
    assert (interval.low, interval.high) == (-1.0, 1.0)


def test_fractions_are_added_exactly() -> None:
    """Items whose repeats broke have other denominators: thirds beside halves, scaled by hand to sixths."""
    thirds = [ItemValue(str(at), Fraction(1, 3 if at % 2 else 2)) for at in range(10)]
    found = estimate(thirds, (-1, 1))
    assert found is not None
    centre = Fraction(25, 72)  # (5/2 + 5/3) / 12
    assert (found.mean, found.centre) == (Fraction(5, 12), centre)
    squares = sum(((value - centre) ** 2 for _, value in thirds), (1 - centre) ** 2 + (1 + centre) ** 2)
    assert found.variance == Fraction(10, 9) * squares / 144
    assert found.plain_variance == Fraction(1, 12) ** 2 / 9


def test_what_is_not_rational_has_twelve_digits() -> None:
    """So that the last ones, which machines and versions of scipy differ in, decide and digest nothing."""
    assert rounded(1 / 3) == 0.333333333333
    found = estimate(alone([1] * 3 + [0] * 9), (-1, 1))
    assert found is not None
    assert found.p() == round(found.p(), 12)
    assert found.interval(ALPHA).low == round(found.interval(ALPHA).low, 12)


def test_under_ten_units_there_is_no_interval() -> None:
    """Nine are too few, ten are enough, and a hundred items do not make up for it."""
    assert estimate(alone([1, -1] * 4 + [1]), (-1, 1)) is None
    assert estimate(alone([1, -1] * 5), (-1, 1)) is not None
    assert estimate([ItemValue(str(at % 9), Fraction(1)) for at in range(100)], (-1, 1)) is None


def test_items_that_agree_do_not_make_it_certain() -> None:
    """Twelve items without a difference: Tango's score interval says 24 points, a plain t none at all."""
    found = estimate(alone([0] * 12), (-1, 1))
    assert found is not None
    interval = found.interval(ALPHA)
    assert -interval.low == interval.high
    assert 0.2 < interval.high < 0.3


def test_it_is_cut_at_the_ends_of_the_range() -> None:
    """A rate above 1 is none; twelve of twelve leave about 20 points below."""
    found = estimate(alone([1] * 12), (0, 1))
    assert found is not None
    interval = found.interval(ALPHA)
    assert interval.high == 1.0
    assert 0.7 < interval.low < 0.85


def test_p_and_interval_say_the_same() -> None:
    """An interval at alpha = p ends at 0."""
    found = estimate(alone([1] * 8 + [-1] * 2 + [0] * 20), (-1, 1))
    assert found is not None
    assert found.interval(Fraction(found.p())).low == pytest.approx(0, abs=1e-9)
    turned = estimate(alone([-1] * 8 + [1] * 2 + [0] * 20), (-1, 1))
    assert turned is not None
    assert turned.p() == found.p()
    level = estimate(alone([1] * 5 + [-1] * 5), (-1, 1))
    assert level is not None
    assert level.p() == 1.0


def test_all_looks_share_one_error() -> None:
    """The shares are 6/(5 k (k + 1)). That they suffice is computed: see the test of the study."""
    shares = [share_of_look(look) for look in (1, 2, 3, 4)]
    assert shares == [Fraction(3, 5), Fraction(1, 5), Fraction(1, 10), Fraction(3, 50)]


def test_looks_are_joined() -> None:
    """Each end is the tighter one, p the smaller one; where they contradict each other, the last interval stands."""
    wide, narrow = estimate(alone([1] * 8 + [0] * 4), (-1, 1)), estimate(alone([1] * 5 + [0] * 200), (-1, 1))
    level = estimate(alone([0] * 12), (-1, 1))
    assert wide is not None
    assert narrow is not None
    assert level is not None
    first, second = wide.interval(ALPHA * Fraction(3, 5)), level.interval(ALPHA * Fraction(1, 5))
    joint = sequential({1: wide, 2: level}, ALPHA)
    assert (joint.interval.low, joint.interval.high) == (first.low, second.high)
    assert joint.interval.alpha == ALPHA * Fraction(1, 5)
    assert joint.p == pytest.approx(wide.p() / 0.6)
    turned = sequential({1: level, 2: wide}, ALPHA)
    assert turned.p == pytest.approx(min(1.0, wide.p() * 5))
    against = sequential({1: wide, 2: narrow}, ALPHA)
    assert against.interval == narrow.interval(ALPHA * Fraction(1, 5))
    assert sequential({1: level}, ALPHA).p == 1.0


def test_holm_is_holms() -> None:
    """Holm (1979): each p times the tests that are left, never under the one before; order and ties do not matter."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.02, 0.02]) == pytest.approx([0.04, 0.04])
    assert holm([0.9, 0.7]) == (1.0, 1.0)
    assert holm([0.05]) == (0.05,)
    assert holm([]) == ()
