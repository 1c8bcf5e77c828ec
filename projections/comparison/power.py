"""What a plan can see before it is paid for: the power of an effect, and the smallest effect with enough of it; pure.

The power is that of the interval which decides, by a noncentral t (`docs/comparisons.md`). Without measured noise it
assumes rates as on most benchmarks, where the greater part of items always or never succeeds: Beta(1/2, 1/2).
"""

from fractions import Fraction
from math import sqrt
from typing import Final

import msgspec

from projections.comparison.intervals import LEAST_UNITS, rounded, share_of_look
from projections.scipy_functions import shifted_student_tail, student_quantile

WANTED: Final = 0.8
"""The probability with which an effect counts as visible."""
_HALVINGS: Final = 40


class RunNoise(msgspec.Struct, frozen=True):
    """How much single runs of one item differ."""

    agent: Fraction = Fraction(1, 8)
    """Variance between runs of one item, the verifier's left out; 1/8 is that of coins of rates Beta(1/2, 1/2)."""
    flake: Fraction = Fraction(0)
    """Variance between verifications of one final state."""
    verifications: int = 1
    """How many verifications each score is the mean of; 1 or more."""


class PowerPlan(msgspec.Struct, frozen=True):
    """What the power of one comparison rests on."""

    items: int
    units: int
    """Independent units, of equal size. As many as items if each is its own."""
    repeats: int
    """Of each item under either arm; 1 or more."""
    noise: RunNoise = RunNoise()
    between: Fraction = Fraction(0)
    """Standard deviation of the effect from unit to unit, beside that from item to item."""
    mean: Fraction = Fraction(1, 2)
    """The baseline's expected score; in [0, 1[."""
    arms: int = 1
    """Arms that Holm's rule covers. The power is that of the one that is tested first, at alpha / arms."""
    alpha: Fraction = Fraction(1, 20)
    look: int = 1
    """Which look it is. Repeats that are added later make the second, so this says what they would be worth."""


def power_of(effect: float, plan: PowerPlan) -> float:
    """Give the probability that a true effect ends as *helps* at this look.

    The effect is taken to turn single items from their rate to 1, the case with the greater variance.

    Args:
        effect: Gain of the mean; in ]0, 1 - mean].
        plan: What is run.

    Returns:
        0 if there are fewer than ten units.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    if plan.units < LEAST_UNITS:
        return 0.0
    freedom, padded = plan.units - 1, plan.items + 2
    alpha = float(plan.alpha * share_of_look(plan.look) / plan.arms)
    true = _variance(effect, plan)
    pseudo = (2 * plan.units / freedom + 2 * effect**2) / padded**2
    bound = student_quantile(freedom, 1 - alpha / 2) * sqrt((true + pseudo) / true)
    return rounded(1 - shifted_student_tail(freedom, plan.items * effect / padded / sqrt(true), bound))


def smallest_visible(plan: PowerPlan, wanted: float = WANTED) -> float | None:
    """Give the smallest effect that is seen with the wanted probability, to 12 digits.

    Args:
        plan: What is run.
        wanted: In ]0, 1[.

    Returns:
        None if even a skill that turned every item would not be seen.

    Raises:
        StatisticsAbsent: scipy is not installed.
    """
    least, most = 0.0, float(1 - plan.mean)
    if power_of(most, plan) < wanted:
        return None
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        least, most = (least, middle) if power_of(middle, plan) >= wanted else (middle, most)
    return rounded(most)


def _variance(effect: float, plan: PowerPlan) -> float:
    """Give the variance of the centre.

    A part ``turned = effect / (1 - mean)`` of the items has no agent noise after, and gains 1 - rate each, of which the
    mean square is 1 - mean - agent for coins, by E[rate^2] = mean - agent.
    """
    room, agent = float(1 - plan.mean), float(plan.noise.agent)
    flake = float(plan.noise.flake) / plan.noise.verifications
    turned = effect / room
    runs = (agent * (2 - turned) + 2 * flake) / plan.repeats
    items = max(0.0, turned * max(0.0, room - agent) - effect**2)
    unit = float(plan.between) ** 2 * plan.items / plan.units
    return max(plan.items * (runs + items + unit), 1e-12) / (plan.items + 2) ** 2
