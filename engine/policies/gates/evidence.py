"""The gate `evidence`: a fresh paired pass of both sides for each candidate, and an exact sign test.

Rows by which a revision was accepted are never its baseline. The level of the test is divided by the number of
candidates that are planned, so that a run in which nothing helps accepts anything in at most `alpha` of all cases. It
needs many items: `engine/policies/gates/power.py` says what it can see before anything is paid for.
"""

from fractions import Fraction
from math import comb, sqrt
from statistics import NormalDist
from typing import Annotated, Final, NamedTuple

import msgspec

from engine.policies.gates.base import (
    DIGITS,
    CandidateRows,
    GateBelief,
    GateKind,
    GatePlan,
    GateRuling,
    PowerBound,
    Row,
    exactly,
    mean,
    pairs_of,
    rounded,
    scored,
    whole_pass,
)

_NORMAL: Final = NormalDist()


class EvidenceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How sure it has to be."""

    alpha: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.05
    """How often a run in which nothing helps may accept anything."""
    candidates: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How many are planned, by which `alpha` is divided. 0: as many as the plan of the run has."""
    effect: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.1
    """An improvement of the mean that it is to see."""
    power: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    """The run is refused where such an improvement is accepted with a lower probability."""
    anyway: bool = False
    """Start in any case."""


class EvidenceState(msgspec.Struct, frozen=True):
    """Scores of the revision in force, without those that got it accepted."""

    total: Fraction
    rows: int
    first: Fraction
    """Mean of the pass that got it accepted; reported, shrunk by nothing, only while there is no other row."""


class EvidenceGate:
    """The gate."""

    name = "evidence"
    paired = True
    guarded = True

    def __init__(self, alpha: Fraction, candidates: int) -> None:
        """Prepare.

        Args:
            alpha: Level of all tests of a run together.
            candidates: How many tests are planned; 1 or more.
        """
        self._level: Final = alpha / candidates

    def start(self, row: Row) -> EvidenceState:
        """Begin with one pass."""
        return EvidenceState(sum(scored(row), Fraction(0)), len(scored(row)), mean(row))

    def rule(self, state: EvidenceState, rows: CandidateRows) -> GateRuling:
        """Accept if the exact one-sided sign test of items won against items lost is significant."""
        del state
        more = whole_pass(rows)
        if more is not None:
            return more
        pairs = pairs_of(rows.first, rows.baseline)
        won, lost = sum(new > old for new, old in pairs), sum(new < old for new, old in pairs)
        p = sign_test(won, won + lost)
        figures = {
            "won": float(won),
            "lost": float(lost),
            "p": float(round(p, DIGITS)),
            "level": float(round(self._level, DIGITS)),
        }
        reason = f"{won} items are won and {lost} lost"
        return GateRuling("accept" if p <= self._level else "reject", reason, figures=figures)

    def settle(self, state: EvidenceState, rows: CandidateRows, *, accepted: bool) -> EvidenceState:
        """Pool the baseline's rows; begin anew with an accepted revision, of which no row counts so far."""
        if accepted:
            return EvidenceState(Fraction(0), 0, mean(rows.first))
        scores = scored(rows.baseline)
        return EvidenceState(state.total + sum(scores, Fraction(0)), state.rows + len(scores), state.first)

    def belief(self, state: EvidenceState) -> GateBelief:
        """Give the mean of the rows that count."""
        return GateBelief(state.total / state.rows if state.rows else state.first, None, state.rows)


def sign_test(won: int, of: int) -> Fraction:
    """Give the probability of so many wins or more among the items that differ, if nothing helps; exact."""
    return Fraction(sum(comb(of, each) for each in range(won, of + 1)), 2**of)


class PairOdds(NamedTuple):
    """How an item fares in one run of each side."""

    won: float
    """Probability that only the candidate solves it."""
    lost: float
    """Probability that only the revision in force does."""


def items_wanted(odds: PairOdds, level: float, power: float = 0.8) -> float:
    """Give the number of items from which a candidate of these odds is accepted with this probability.

    By the normal approximation of McNemar's test (Connor 1987, *Biometrics* 43, 207-211); the exact test needs about a
    tenth more.

    Args:
        odds: Of each item.
        level: Of one test, so `alpha` over the number of candidates.
        power: The probability; between 0 and 1.
    """
    differ, effect = odds.won + odds.lost, odds.won - odds.lost
    sure, likely = _NORMAL.inv_cdf(1 - level), _NORMAL.inv_cdf(power)
    return rounded(((sure * sqrt(differ) + likely * sqrt(differ - effect**2)) / effect) ** 2)


def _evidence(rule: EvidenceRule, plan: GatePlan) -> EvidenceGate:
    return EvidenceGate(exactly(rule.alpha), rule.candidates or plan.candidates)


def _bound(rule: EvidenceRule) -> PowerBound | None:
    return None if rule.anyway else PowerBound(rule.effect, rule.power)


EVIDENCE = GateKind(name="evidence", settings=EvidenceRule, make=_evidence, by_counts=True, bound=_bound)
