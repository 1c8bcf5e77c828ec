"""How alike two parts of a memo, or what was run and a part, are taken to be; pure.

Each measure of `projections.pdi.similarity` by the name that settings give it.
"""

from collections import Counter
from typing import Literal, assert_never

from projections.pdi.similarity import coverage, failed_rows, jaccard, js_similarity, tokens

Likeness = Literal["token_overlap", "js_divergence"]


def covered(commands: str, facts: str, likeness: Likeness, *, alpha: float) -> float:
    """How much of the facts occurs in the commands."""
    match likeness:
        case "token_overlap":
            return coverage(set(tokens(commands)), set(tokens(facts)))
        case "js_divergence":
            return js_similarity(Counter(tokens(commands)), Counter(tokens(facts)), alpha=alpha)
        case _:
            assert_never(likeness)


def alike(before: str, now: str, likeness: Likeness, *, alpha: float) -> float:
    """How much of a section stayed."""
    match likeness:
        case "token_overlap":
            return jaccard(set(tokens(before)), set(tokens(now)))
        case "js_divergence":
            return js_similarity(Counter(tokens(before)), Counter(tokens(now)), alpha=alpha)
        case _:
            assert_never(likeness)


def failed_alike(before: str, now: str, likeness: Likeness, *, alpha: float) -> float:
    """How many failed tests stayed, message included; 0 if neither summary has any."""
    rows_before, rows_now = failed_rows(before), failed_rows(now)
    if not rows_before and not rows_now:
        return 0.0
    match likeness:
        case "token_overlap":
            return jaccard(rows_before, rows_now)
        case "js_divergence":
            return alike(" ".join(sorted(rows_before)), " ".join(sorted(rows_now)), likeness, alpha=alpha)
        case _:
            assert_never(likeness)


def both_failed(before: str, now: str) -> bool:
    """Say whether there are failed tests on both sides, so that a likeness of 0 is a finding and no absence."""
    return bool(failed_rows(before)) and bool(failed_rows(now))
