"""Whether a score tells anything: one that is always the same decides nothing and is worth no more runs; pure."""

from collections.abc import Sequence
from fractions import Fraction

from projections.comparison.rows import ComparisonRow, Measure, score_of

LEAST_ITEMS = 10
"""Items that are looked at before a score is called constant."""


def dead_signal(rows: Sequence[ComparisonRow], measure: Measure = "hard", least: int = LEAST_ITEMS) -> Fraction | None:
    """Give the score that all runs have so far, if enough items have it under every arm that ran.

    Whoever pays for runs stops then: the arms cannot be told apart by this score, or the scorer is broken. Ten items
    that all score the same still leave up to 26 % of items another score (95 %, exact), so it is no proof.

    Args:
        rows: All that ended so far.
        measure: Which score is looked at.
        least: Items with a score that each arm needs; 1 or more.

    Returns:
        None while scores differ, or too few items have one.
    """
    seen: dict[str, set[str]] = {row.arm: set() for row in rows}
    values = set()
    for row in rows:
        score = score_of(row, measure)
        if score is not None:
            seen[row.arm].add(row.item)
            values.add(score)
    enough = bool(seen) and all(len(items) >= least for items in seen.values())
    return values.pop() if enough and len(values) == 1 else None
