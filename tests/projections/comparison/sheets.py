"""Rows for stories, written as strings: a character for each repeat of each item."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from projections.comparison.compare import ComparisonPlan, PlannedArm
from projections.comparison.rows import ComparisonRow, RowOutcome

OUTCOMES: Mapping[str, RowOutcome] = {"1": "solved", "0": "unsolved", "i": "infrastructure", "s": "stopped"}


def row(
    outcome: RowOutcome = "solved", *, arm: str = "none", item: str = "a", repeat: int = 1, **other: Any
) -> ComparisonRow:
    """One row, an item its own unit unless said otherwise."""
    given = {"unit": item, "soft": None, "cost": 10, "tokens": 100} | other
    return ComparisonRow(arm=arm, item=item, repeat=repeat, outcome=outcome, **given)


def sheet(arm: str, items: Sequence[str], units: Sequence[str] | None = None) -> list[ComparisonRow]:
    """Rows of one arm: item n is named by its place, and "10i" are its three repeats; a blank is a run not made."""
    return [
        row(OUTCOMES[outcome], arm=arm, item=f"i{place}", repeat=repeat, unit=units[place] if units else f"i{place}")
        for place, outcomes in enumerate(items)
        for repeat, outcome in enumerate(outcomes, 1)
        if outcome != " "
    ]


def plan(items: int, repeats: int = 1, arms: Sequence[str] = ("skill",), **other: Any) -> ComparisonPlan:
    """A plan over such rows, whose baseline is called none."""
    units: Sequence[str] = other.pop("units", None) or [f"i{place}" for place in range(items)]
    return ComparisonPlan(
        baseline=PlannedArm("none", repeats),
        arms=tuple(PlannedArm(arm, repeats) for arm in arms),
        units={f"i{place}": units[place] for place in range(items)},
        **other,
    )


HALF = Fraction(1, 2)
