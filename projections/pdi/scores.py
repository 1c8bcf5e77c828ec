"""Standard scores of a growing list of values, in numpy's order of additions; pure.

SPARK's recorded decisions rest on that order: at the second step every score is a sign, PDI may lie on the threshold,
and the last bit decides (SPARK, W2). With the same order the same bit comes out, so even those decisions agree.
"""

from collections.abc import Sequence
from math import sqrt

import msgspec


class Score(msgspec.Struct, frozen=True):
    """A value's place among the values so far, itself included."""

    mean: float
    std: float
    """Population standard deviation, 0 or above."""
    z: float
    """(value - mean) / std; 0 if std is exactly 0. With n values it is at most sqrt(n - 1) from 0."""
    of: int
    """How many values of this trial are behind it. 0: not scored. Below 3, z is a sign and no more, unless mean and
    spread are stated."""


NO_SCORE = Score(0.0, 0.0, 0.0, 0)
"""Of the first step, whose values stand for themselves."""


def score(values: Sequence[float]) -> Score:
    """Score the last of one or more values against all of them."""
    return score_of(values[-1], values)


def score_of(value: float, values: Sequence[float]) -> Score:
    """Score one of the values against all of them."""
    count = len(values)
    mean = numpy_sum(values) / count
    deviations = [each - mean for each in values]
    std = sqrt(numpy_sum([each * each for each in deviations]) / count)
    return Score(mean, std, 0.0 if std == 0.0 else (value - mean) / std, count)


def score_against(value: float, mean: float, std: float) -> Score:
    """Score a value against a mean and a standard deviation, above 0, that are stated. ``of`` is 1: its own part."""
    return Score(mean, std, (value - mean) / std, 1)


def numpy_sum(values: Sequence[float]) -> float:
    """Add as numpy does for up to 128 values.

    Up to seven from left to right; from eight on, eight running sums that are then paired, and the rest one by one.
    """
    if len(values) < 8:
        return _in_turn(0.0, values)
    sums = list(values[:8])
    whole = len(values) - len(values) % 8
    for start in range(8, whole, 8):
        sums = [kept + values[start + place] for place, kept in enumerate(sums)]
    paired = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    return _in_turn(paired, values[whole:])


def _in_turn(total: float, values: Sequence[float]) -> float:
    """Add one by one; `sum` compensates for rounding from Python 3.12 on, and numpy does not."""
    for value in values:
        total += value
    return total
