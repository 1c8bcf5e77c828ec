"""What a comparison may claim; pure, one rule after the other, the first that holds decides."""

from fractions import Fraction
from typing import Literal

import msgspec

from projections.comparison.intervals import LEAST_UNITS, ScoreInterval

VerdictKind = Literal[
    "helps", "hurts", "no effect shown", "too few runs", "too few families", "no information", "indecisive"
]


class ComparisonFacts(msgspec.Struct, frozen=True):
    """All that a verdict rests on."""

    waiting: int
    """Planned cells of either arm of which there is no row yet."""
    coverage: Fraction
    """The least of three: scored cells of planned ones in either arm, and items scored in both of planned items."""
    floor: Fraction
    constant: Fraction | None
    """The score that all runs of both arms have. None: they have several, or there is no score."""
    items: int
    """Items with a score in both arms."""
    units: int
    """Independent units among them."""
    interval: ScoreInterval | None
    """Of the paired difference."""
    p: float | None
    """Adjusted for looks and for the arms of the plan."""
    alpha: Fraction
    effect: Fraction
    """The smallest difference that matters; in ]0, 1]."""
    comparisons: int = 1
    """Comparisons of the plan over which p is adjusted."""
    dead: bool = False
    """Whether the runs that are missing were not begun since all scores were the same."""


class PairVerdict(msgspec.Struct, frozen=True):
    """A claim and its reason."""

    kind: VerdictKind
    reason: str


def decide(facts: ComparisonFacts) -> PairVerdict:
    """Give the verdict over one arm beside its baseline."""
    return _unfit(facts) or _shown(facts)


def _unfit(facts: ComparisonFacts) -> PairVerdict | None:
    """Say why the scores decide nothing, if they do not."""
    if facts.waiting:
        return PairVerdict("indecisive", f"{facts.waiting} planned runs have not ended")
    if (facts.constant is None or not facts.dead) and facts.coverage < facts.floor:
        return PairVerdict(
            "indecisive",
            f"{percent(facts.coverage)} of what was planned has a score; {percent(facts.floor)} needed",
        )
    if facts.constant is not None:
        ended = "; no further one was begun" if facts.dead else ""
        return PairVerdict("no information", f"every run of both arms scores {facts.constant}{ended}")
    if facts.units >= LEAST_UNITS:
        return None
    if facts.items > facts.units:
        return PairVerdict(
            "too few families", f"{facts.items} items in {facts.units} families; {LEAST_UNITS} families needed"
        )
    return PairVerdict("too few runs", f"{facts.items} items with a score in both arms; {LEAST_UNITS} needed")


def _shown(facts: ComparisonFacts) -> PairVerdict:
    """Read the interval. It and p are there whenever there are units enough."""
    assert facts.interval is not None
    assert facts.p is not None
    low, high, effect = facts.interval.low, facts.interval.high, float(facts.effect)
    if facts.p <= float(facts.alpha) and low > 0:
        return PairVerdict("helps", f"the interval lies above 0, p {facts.p:.2g}")
    if facts.p <= float(facts.alpha) and high < 0:
        return PairVerdict("hurts", f"the interval lies below 0, p {facts.p:.2g}")
    apart = _apart(facts, facts.interval, facts.p)
    if -effect < low and high < effect:
        reason = f"{apart}the interval excludes effects of {percent(facts.effect)} and more"
        return PairVerdict("no effect shown", reason)
    return PairVerdict("too few runs", f"{apart}an effect of {percent(facts.effect)} is neither shown nor excluded")


def _apart(facts: ComparisonFacts, interval: ScoreInterval, p: float) -> str:
    """Say why an interval on one side of 0 shows nothing. Empty: it holds 0."""
    if interval.low <= 0 <= interval.high:
        return ""
    side = "above" if interval.low > 0 else "below"
    over = f" adjusted over {facts.comparisons} comparisons" if facts.comparisons > 1 else ""
    return f"the interval lies {side} 0, but p{over} is {p:.2g}, above {float(facts.alpha):.4g}; "


def percent(share: Fraction) -> str:
    """Write a share as a percentage."""
    return f"{float(100 * share):.4g} %"
