"""The interval of a mean over independent units, and how much of its error each look may use; pure.

The method is a cluster-robust t interval with two pseudo-items, one at each end of the range. Without clusters and
with one run an item it is the adjusted Wald interval of Bonett and Price (2012) with t in place of z. The pseudo-items
keep it from closing around a few items that happen to agree. `docs/comparisons.md` has the formulas and their sources.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm, sqrt
from typing import Final, NamedTuple

import msgspec

from projections.scipy_functions import student_quantile, student_tail

LEAST_UNITS: Final = 10
"""Fewer independent units than these carry no interval."""
LOOK_SHARE: Final = Fraction(6, 5)
"""See `share_of_look`."""
DIGITS: Final = 12
"""Results that are not rational are rounded to so many digits before they are compared or digested."""


class ItemValue(NamedTuple):
    """One item's mean or difference."""

    unit: str
    value: Fraction


class ScoreInterval(msgspec.Struct, frozen=True):
    """Where a mean lies."""

    low: float
    high: float
    alpha: Fraction
    """How often such an interval may miss."""
    method: str


class MeanEstimate(msgspec.Struct, frozen=True):
    """A mean over units with its standard error."""

    mean: Fraction
    """Over items, each counted once."""
    centre: Fraction
    """The same with the two pseudo-items."""
    variance: Fraction
    """Of the centre."""
    plain_variance: Fraction
    """Of the mean, without pseudo-items; 0 where all units agree."""
    freedom: Fraction
    """Degrees of freedom of t: the effective number of units (Kish), less one."""
    units: int
    ends: tuple[int, int]
    """The least and the greatest value that an item can have."""

    def interval(self, alpha: Fraction) -> ScoreInterval:
        """Give the interval that misses with probability alpha, cut at the ends of the range.

        Raises:
            StatisticsAbsent: scipy is not installed.
        """
        return self._around(self.centre, self.variance, alpha, " with two pseudo-items")

    def plain(self, alpha: Fraction) -> ScoreInterval:
        """Give the t interval without pseudo-items, to be read beside the other and never to decide.

        Raises:
            StatisticsAbsent: scipy is not installed.
        """
        return self._around(self.mean, self.plain_variance, alpha, "")

    def _around(self, middle: Fraction, variance: Fraction, alpha: Fraction, how: str) -> ScoreInterval:
        reach = student_quantile(float(self.freedom), float(1 - alpha / 2)) * sqrt(variance)
        low, high = self.ends
        return ScoreInterval(
            max(float(low), rounded(float(middle) - reach)),
            min(float(high), rounded(float(middle) + reach)),
            alpha,
            f"t over {self.units} units{how}",
        )

    def p(self) -> float:
        """Give the two-sided p-value of a true mean of 0.

        Raises:
            StatisticsAbsent: scipy is not installed.
        """
        return rounded(2 * student_tail(float(self.freedom), -abs(float(self.centre)) / sqrt(self.variance)))


def estimate(values: Sequence[ItemValue], ends: tuple[int, int]) -> MeanEstimate | None:
    """Average items whose units are independent of each other, and say how sure the average is.

    Args:
        values: One for each item.
        ends: The least and the greatest value that an item can have.

    Returns:
        None if there are fewer than ten units: no inference over so few.
    """
    units: dict[str, list[Fraction]] = defaultdict(list)
    for unit, value in values:
        units[unit].append(value)
    if len(units) < LEAST_UNITS:
        return None
    count, low, high = len(values), *ends
    # In whole numbers of 1/scale, since a sum of a thousand fractions is slow.
    scale = lcm(*(value.denominator for _, value in values))
    sums = {unit: sum(value.numerator * (scale // value.denominator) for value in each) for unit, each in units.items()}
    total, padded = sum(sums.values()), count + 2
    centred = total + (low + high) * scale
    squares = sum((sums[unit] * padded - len(each) * centred) ** 2 for unit, each in units.items())
    plain = sum((sums[unit] * count - len(each) * total) ** 2 for unit, each in units.items())
    squares += sum((end * scale * padded - centred) ** 2 for end in ends)
    effective = Fraction(count**2, sum(len(each) ** 2 for each in units.values()))
    return MeanEstimate(
        mean=Fraction(total, count * scale),
        centre=Fraction(centred, padded * scale),
        variance=Fraction(len(units) * squares, (len(units) - 1) * scale**2 * padded**4),
        plain_variance=Fraction(len(units) * plain, (len(units) - 1) * scale**2 * count**4),
        freedom=effective - 1,
        units=len(units),
        ends=ends,
    )


class SequentialInterval(NamedTuple):
    """What all looks so far say together."""

    interval: ScoreInterval
    p: float
    """Two-sided, of a true mean of 0."""


def share_of_look(look: int) -> Fraction:
    """Give the part of the error that one look may use, so that all looks together miss as seldom as one may.

    Look k has 6/(5 k (k + 1)): three fifths for the first, then 1/5, 1/10, 3/50 and so on. Looks at repeats that are
    added one by one miss together like a Brownian motion that is watched at times 1, 2, 3 and so on, or less often
    where items differ from each other for good. That probability is computed (`benchmarks.comparison_study`, line
    *crossing*): at most alpha, for alpha from 0.0005 to 0.1, whatever decides that there is another look.

    Args:
        look: Which look it is; from 1.
    """
    return LOOK_SHARE / (look * (look + 1))


def sequential(looks: Mapping[int, MeanEstimate], alpha: Fraction) -> SequentialInterval:
    """Join all looks so far: what one of them excludes stays excluded, so a further look never widens an interval.

    Args:
        looks: The estimate at each look, by its number, the last one last; one or more.
        alpha: How often the joint interval may miss, at whichever look it is read.

    Returns:
        Where looks contradict each other, the interval of the last one.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    intervals = [found.interval(alpha * share_of_look(look)) for look, found in looks.items()]
    last = intervals[-1]
    low, high = max(each.low for each in intervals), min(each.high for each in intervals)
    joint = msgspec.structs.replace(last, low=low, high=high) if low <= high else last
    p = min(found.p() / float(share_of_look(look)) for look, found in looks.items())
    return SequentialInterval(joint, min(1.0, rounded(p)))


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values of one plan by Holm's step-down rule.

    With those under alpha taken as findings, one or more false ones occur with probability alpha at most.

    Returns:
        Adjusted p-values in the order given, each at most 1.
    """
    adjusted, most = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        most = max(most, min(1.0, rounded((len(ps) - rank) * ps[place])))
        adjusted[place] = most
    return tuple(adjusted)


def rounded(value: float) -> float:
    """Round a result that is not rational, so that it is the same on every machine."""
    return round(value, DIGITS)
