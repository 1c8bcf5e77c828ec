"""The gate `level`: a candidate has to beat a filtered score of the revision in force, not a stored lucky one.

A strict gate keeps the row by which a revision was accepted as its baseline. That row was chosen for being high, so
later helpful edits are refused and the run believes too much. Here the score is filtered: what is accepted is shrunk
towards what was known before, and rows of rejected candidates, most of which change nothing, are pooled into it.
Constants are those of a simulation (`docs/gates.md`); `python -m benchmarks.gate_study` repeats it.
"""

from fractions import Fraction
from math import log
from typing import Annotated, Final

import msgspec

from engine.policies.gates.base import (
    DIGITS,
    CandidateRows,
    GateBelief,
    GateKind,
    GatePlan,
    GateRuling,
    Row,
    corrected,
    exactly,
    filled,
    mean,
    pairs_of,
    scored,
    whole_pass,
)


class LevelRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is asked of a candidate."""

    caution: Annotated[float, msgspec.Meta(ge=0)] = 1.25
    """Standard errors by which a candidate has to lead at 20 items or fewer; less with more items."""
    fall: Annotated[float, msgspec.Meta(ge=0)] = 0.22
    """How much less for each factor e of items."""
    least: Annotated[float, msgspec.Meta(ge=0)] = 0.75
    """What is asked at the least."""
    drift: Annotated[float, msgspec.Meta(ge=0)] = 0.05
    """Standard deviation of what an accepted edit changes."""
    drift_rejected: Annotated[float, msgspec.Meta(ge=0)] = 0.03
    """Standard deviation of what a rejected edit would have changed."""
    behind: Annotated[float, msgspec.Meta(ge=0)] = 0.9
    """Standard errors by which a pass may lie behind the last pass of the revision in force, item by item. After a jump
    the level lags, and would let pass what is plainly worse. Below 1, one item that is lost while none is won is too
    much."""


class LevelState(msgspec.Struct, frozen=True):
    """What is believed of the revision in force."""

    level: Fraction
    variance: Fraction
    changes: Fraction
    """Sum of squared differences between the scores of one item in two passes."""
    pairs: int
    """How many such differences there are, with as many of a prior in which half of all scores change."""
    last: Row
    """The last pass of this revision; where it lacks a score, that of the one before."""
    rows: int
    """On how many scores the level rests."""


def margin(rule: LevelRule, items: int) -> Fraction:
    """Give the standard errors by which a candidate has to lead, of so many items that have a score."""
    caution = exactly(rule.caution)
    asked = caution - exactly(rule.fall) * exactly(log(items / 20))
    return min(max(asked, exactly(rule.least)), caution)


def started(row: Row) -> LevelState:
    """Begin with one pass.

    Raises:
        ValueError: No item has a score.
    """
    level, items = mean(row), len(scored(row))
    changes, pairs = Fraction(items, 2), 2 * items
    return LevelState(level, _noise(changes, pairs, items), changes, pairs, row, items)


class Lead(msgspec.Struct, frozen=True):
    """A candidate's first pass beside the level."""

    mean: Fraction
    """Of the pass; corrected for the items that it lacks."""
    difference: Fraction
    variance: Fraction
    """Of the difference: of the pass and of the level together."""
    changes: Fraction
    pairs: int
    noise: Fraction
    """Variance of the pass alone."""
    items: int
    """That the pass has a score of."""
    won: Fraction
    """Sum of the differences to the last pass of the revision in force, item by item."""
    moved: Fraction
    """Sum of their squares: the variance of that sum, if each may as well have been lost as won."""

    def falls(self, errors: Fraction) -> bool:
        """Say whether it lies more than so many standard errors (0 or more) behind that pass."""
        return self.won < 0 and self.won**2 > errors**2 * self.moved

    def reaches(self, errors: Fraction) -> bool:
        """Say whether it leads by so many standard errors (0 or more); exact, without a root."""
        return self.difference >= 0 and self.difference**2 >= errors**2 * self.variance


def lead(state: LevelState, row: Row) -> Lead:
    """Set a pass beside the level.

    Raises:
        ValueError: No item has a score.
    """
    pairs = pairs_of(row, state.last)
    differences = [new - old for new, old in pairs if new is not old and new != old]
    moved = sum((each**2 for each in differences), Fraction(0))
    changes, of = state.changes + moved, state.pairs + len(pairs)
    items, score = len(scored(row)), corrected(row, state.last)
    noise = _noise(changes, of, items)
    won = sum(differences, Fraction(0))
    return Lead(score, score - state.level, noise + state.variance, changes, of, noise, items, won, moved)


def filtered(rule: LevelRule, state: LevelState, row: Row, *, accepted: bool) -> LevelState:
    """Take a pass of a decided candidate in."""
    found = lead(state, row)
    if accepted:
        prior = state.variance + exactly(rule.drift) ** 2
        weight = prior / (prior + found.noise)
    else:
        prior = state.variance
        weight = prior / (prior + found.noise + exactly(rule.drift_rejected) ** 2)
    return LevelState(
        round(state.level + weight * found.difference, DIGITS),
        round(prior * (1 - weight), DIGITS),
        found.changes,
        found.pairs,
        filled(row, state.last) if accepted else state.last,
        state.rows + found.items,
    )


def _noise(changes: Fraction, pairs: int, items: int) -> Fraction:
    """Two scores of one item differ by twice its variance, squared; a pass averages over the items."""
    return changes / pairs / 2 / items


class LevelGate:
    """The gate."""

    name = "level"
    paired = False
    guarded = True

    def __init__(self, rule: LevelRule | None = None) -> None:
        """Prepare. None: the rule of the simulation."""
        self._rule: Final = rule or LevelRule()

    def start(self, row: Row) -> LevelState:
        """Begin with one pass."""
        return started(row)

    def rule(self, state: LevelState, rows: CandidateRows) -> GateRuling:
        """Accept what leads by enough standard errors."""
        more = whole_pass(rows)
        if more is not None:
            return more
        found = lead(state, rows.first)
        asked = margin(self._rule, found.items)
        leads, falls = found.reaches(asked), found.falls(exactly(self._rule.behind))
        accepted = leads and not falls
        figures = {
            "mean": float(round(found.mean, DIGITS)),
            "level": float(state.level),
            "errors_asked": float(asked),
            "variance": float(round(found.variance, DIGITS)),
        }
        words = "leads" if leads else "does not lead"
        reason = f"its pass {words} the level by {float(asked):.2f} standard errors"
        if leads and falls:
            reason += f", and lies more than {self._rule.behind:g} behind the last pass of the revision in force"
        return GateRuling("accept" if accepted else "reject", reason, figures=figures)

    def settle(self, state: LevelState, rows: CandidateRows, *, accepted: bool) -> LevelState:
        """Filter its pass in."""
        return filtered(self._rule, state, rows.first, accepted=accepted)

    def belief(self, state: LevelState) -> GateBelief:
        """Give the level."""
        return belief_of(state)


def belief_of(state: LevelState) -> GateBelief:
    """Give the level, its variance and the scores on which it rests."""
    return GateBelief(state.level, state.variance, state.rows)


def _level(rule: LevelRule, plan: GatePlan) -> LevelGate:
    del plan
    return LevelGate(rule)


LEVEL = GateKind(name="level", settings=LevelRule, make=_level, by_counts=True)
